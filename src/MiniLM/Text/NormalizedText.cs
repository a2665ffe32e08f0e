using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MiniLM.Text;

/// <summary>Whether a <see cref="NormalizedText"/> remembers where its bytes came from; a struct, so that each answer is compiled separately.</summary>
internal interface IOriginTracking
{
    static abstract bool Enabled { get; }
}

internal readonly struct TrackOrigins : IOriginTracking
{
    public static bool Enabled => true;
}

internal readonly struct IgnoreOrigins : IOriginTracking
{
    public static bool Enabled => false;
}

/// <summary>Normalized text as UTF-8; with tracking, each byte knows the original character (UTF-16 range) it came from. Reused from call to call.</summary>
internal sealed class NormalizedText
{
    /// <summary>Bytes that may be read behind the text: keys are loaded 16 bytes at a time.</summary>
    internal const int Slack = 16;

    private byte[] _bytes = new byte[1024 + Slack];
    private int[] _starts = [];
    private int[] _ends = [];
    private byte[] _sortBytes = [];
    private int[] _sortOrigins = [];

    internal int Length { get; private set; }

    internal byte[] Buffer => _bytes;

    internal ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    /// <summary>Whether a combining mark came that accents' stripping keeps.</summary>
    internal bool HasKeptMarks { get; set; }

    internal void Clear() => (Length, HasKeptMarks) = (0, false);

    internal void Truncate(int length) => Length = length;

    internal int Start(int index) => _starts[index];

    internal int End(int index) => _ends[index];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void AppendAscii<TTracking>(byte value, int originStart)
        where TTracking : struct, IOriginTracking
    {
        Reserve<TTracking>(1);
        if (TTracking.Enabled)
        {
            _starts[Length] = originStart;
            _ends[Length] = originStart + 1;
        }
        _bytes[Length++] = value;
    }

    internal void Append<TTracking>(int codePoint, int originStart, int originEnd)
        where TTracking : struct, IOriginTracking
    {
        Debug.Assert(codePoint is >= 0 and < 0x110000);
        Reserve<TTracking>(4);
        int length = Utf8.Write(codePoint, _bytes.AsSpan(Length));
        if (TTracking.Enabled)
        {
            _starts.AsSpan(Length, length).Fill(originStart);
            _ends.AsSpan(Length, length).Fill(originEnd);
        }
        Length += length;
    }

    /// <summary>Gives the text from <paramref name="start"/> on the places of the same one in <paramref name="aligned"/>; of another it takes none.</summary>
    internal void Realign(int start, AlignedText aligned)
    {
        int at = start;
        foreach (int point in aligned.Points)
        {
            if (at == Length || Utf8.Read(_bytes, at, out int length) != point) { return; }
            at += length;
        }
        if (at < Length) { return; }
        for (int i = 0, length; start < Length; start += length, i++)
        {
            Utf8.Read(_bytes, start, out length);
            _starts.AsSpan(start, length).Fill(aligned.Origins[i].Start);
            _ends.AsSpan(start, length).Fill(aligned.Origins[i].End);
        }
    }

    /// <summary>Canonical ordering of the combining characters from <paramref name="start"/> to the end: stable by class.</summary>
    internal void SortByCombiningClass<TTracking>(int start)
        where TTracking : struct, IOriginTracking
    {
        int count = Length - start;
        if (_sortBytes.Length < count) { _sortBytes = new byte[count * 2]; }
        if (TTracking.Enabled && _sortOrigins.Length < count * 2) { _sortOrigins = new int[count * 4]; }
        // At most 254 passes, one for each class that occurs: linear however long a hostile run is.
        int written = 0;
        for (int current = 1; current < 256 && written < count; current++)
        {
            for (int index = start; index < Length;)
            {
                int codePoint = Utf8.Read(_bytes, index, out int length);
                if (UnicodeTables.KeptCombiningClass(codePoint) == current)
                {
                    _bytes.AsSpan(index, length).CopyTo(_sortBytes.AsSpan(written));
                    if (TTracking.Enabled)
                    {
                        _starts.AsSpan(index, length).CopyTo(_sortOrigins.AsSpan(written));
                        _ends.AsSpan(index, length).CopyTo(_sortOrigins.AsSpan(count + written));
                    }
                    written += length;
                }
                index += length;
            }
        }
        _sortBytes.AsSpan(0, count).CopyTo(_bytes.AsSpan(start));
        if (TTracking.Enabled)
        {
            _sortOrigins.AsSpan(0, count).CopyTo(_starts.AsSpan(start));
            _sortOrigins.AsSpan(count, count).CopyTo(_ends.AsSpan(start));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Reserve<TTracking>(int count)
        where TTracking : struct, IOriginTracking
    {
        if (Length + count + Slack > _bytes.Length || (TTracking.Enabled && Length + count > _starts.Length)) { Grow(count, TTracking.Enabled); }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(int count, bool origins)
    {
        int capacity = Math.Max(_bytes.Length - Slack, Length + count);
        if (Length + count + Slack > _bytes.Length) { Array.Resize(ref _bytes, (capacity * 2) + Slack); }
        if (origins && _starts.Length < _bytes.Length)
        {
            Array.Resize(ref _starts, _bytes.Length);
            Array.Resize(ref _ends, _bytes.Length);
        }
    }
}
