namespace MiniLM.Data;

/// <summary>The bytes of one JSON value after the other.</summary>
internal abstract class JsonSource : IDisposable
{
    /// <summary>Line on which the value last read begins, from 1.</summary>
    internal long Line { get; private protected set; }

    /// <summary>Where it begins in the stream.</summary>
    internal long Start { get; private protected set; }

    /// <summary>Bytes up to the next value: a value's own lie between two of them.</summary>
    internal abstract long Position { get; }

    /// <summary>See <see cref="DataFile.ShareRead"/>.</summary>
    internal abstract double? ShareRead { get; }

    /// <summary>Whether <see cref="Seek"/> can go back.</summary>
    internal abstract bool CanSeek { get; }

    /// <summary>Whether values are the elements of an array, which may be plain strings.</summary>
    internal virtual bool IsArray => false;

    /// <summary>Goes to a value that was read before; <see cref="Line"/> is then of no line.</summary>
    /// <param name="start">Its <see cref="Start"/>.</param>
    internal abstract void Seek(long start);

    /// <summary>The next value, without white space at its ends, valid until the next call.</summary>
    internal abstract bool Next(out ReadOnlySpan<byte> value);

    /// <summary>What was found to be no whole value, with the lines behind it that make it one.</summary>
    /// <returns>False: none do.</returns>
    internal virtual bool Complete(ref ReadOnlySpan<byte> value) => false;

    /// <summary>The error of the value last read.</summary>
    internal abstract DataFormatException Wrong(string what);

    public abstract void Dispose();
}
