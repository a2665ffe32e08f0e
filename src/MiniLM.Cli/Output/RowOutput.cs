using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>Where result rows go: standard output, or a file that appears only when it is complete.</summary>
internal abstract class RowOutput : IDisposable
{
    /// <summary>Rows done, those of an earlier run included.</summary>
    internal long Rows { get; set; }

    /// <summary>Texts or pairs read.</summary>
    internal long Inputs { get; set; }

    /// <summary>How many of them were cut.</summary>
    internal long Truncated { get; set; }

    /// <summary>Documents with the score of the one before them.</summary>
    internal long Ties { get; set; }

    /// <summary>Takes rows as text.</summary>
    internal abstract Utf8Writer Text { get; }

    /// <summary>Takes rows as bytes.</summary>
    internal abstract void WriteBytes(ReadOnlySpan<byte> bytes);

    /// <summary>Hands everything to the system; from here a killed run can go on.</summary>
    internal abstract void Checkpoint();

    /// <summary>All rows are there.</summary>
    /// <param name="header">Put over the first bytes; empty: nothing.</param>
    internal abstract void Finish(ReadOnlySpan<byte> header);

    public abstract void Dispose();
}

/// <summary>Rows to standard output.</summary>
internal sealed class StandardRows(Stream stream) : RowOutput
{
    internal override Utf8Writer Text { get; } = new(stream);

    internal override void WriteBytes(ReadOnlySpan<byte> bytes) => stream.Write(bytes);

    internal override void Checkpoint() => Text.Flush();

    internal override void Finish(ReadOnlySpan<byte> header) => Text.Flush();

    public override void Dispose() => Text.Dispose();
}
