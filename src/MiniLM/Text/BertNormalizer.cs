namespace MiniLM.Text;

/// <summary>
/// Hugging Face's BertNormalizer: clean_text, Chinese characters, strip accents, lower case, in this order and in one pass. No character looks at
/// its neighbours except in canonical ordering, and there a run of combining characters ends at every ASCII character; so a text may be
/// normalized in pieces that are cut before ASCII or Chinese characters.
/// </summary>
internal sealed record BertNormalizer(bool CleanText, bool HandleChineseChars, bool StripAccents, bool Lowercase)
{
    private const int CancellationStride = 1 << 16;

    /// <summary>The null normalizer: every switch off.</summary>
    internal static BertNormalizer None { get; } = new(false, false, false, false);

    /// <summary>Appends <paramref name="text"/> to <paramref name="output"/>; origins are relative to <paramref name="origin"/> + index in the text.</summary>
    internal void Normalize<TTracking>(ReadOnlySpan<char> text, int origin, NormalizedText output, CancellationToken cancellation = default)
        where TTracking : struct, IOriginTracking
    {
        CombiningRun run = new(output.Length);
        for (int index = 0, stop = 0; index < text.Length;)
        {
            if (index >= stop)
            {
                cancellation.ThrowIfCancellationRequested();
                stop = index + CancellationStride;
            }
            char unit = text[index];
            if (unit < 0x80)
            {
                run.End<TTracking>(output);
                AppendAscii<TTracking>((byte)unit, origin + index, output);
                run = new CombiningRun(output.Length);
                index++;
                continue;
            }
            int codePoint = Utf8.ReadUtf16(text, index, out int length);
            AppendCodePoint<TTracking>(codePoint, origin + index, origin + index + length, output, ref run);
            index += length;
        }
        run.End<TTracking>(output);
    }

    private void AppendAscii<TTracking>(byte value, int start, NormalizedText output)
        where TTracking : struct, IOriginTracking
    {
        if (CleanText && (value < 0x20 || value == 0x7F))
        {
            // Tab, LF and CR become spaces; VT and FF are dropped like every other control character.
            if (value is not ((byte)'\t' or (byte)'\n' or (byte)'\r')) { return; }
            value = (byte)' ';
        }
        if (Lowercase && (uint)(value - 'A') < 26) { value |= 0x20; }
        output.AppendAscii<TTracking>(value, start);
    }

    private void AppendCodePoint<TTracking>(int codePoint, int start, int end, NormalizedText output, ref CombiningRun run)
        where TTracking : struct, IOriginTracking
    {
        CodePointFlags flags = UnicodeTables.Flags(codePoint);
        if (CleanText)
        {
            if ((flags & CodePointFlags.CleanRemoved) != 0) { return; }
            if ((flags & CodePointFlags.CleanToSpace) != 0)
            {
                run.End<TTracking>(output);
                output.Append<TTracking>(' ', start, end);
                run = new CombiningRun(output.Length);
                return;
            }
        }
        bool spaced = HandleChineseChars && (flags & CodePointFlags.CjkSpaced) != 0;
        if (spaced)
        {
            run.End<TTracking>(output);
            output.Append<TTracking>(' ', start, end);
            run = new CombiningRun(output.Length);
        }
        if ((flags & CodePointFlags.Mapped) == 0 && (!StripAccents || (flags & CodePointFlags.StripRemoved) == 0))
        {
            run.End<TTracking>(output);
            output.Append<TTracking>(codePoint, start, end);
            run = new CombiningRun(output.Length);
        }
        else if (StripAccents)
        {
            AppendStripped<TTracking>(codePoint, flags, start, end, output, ref run);
        }
        else
        {
            AppendLowered<TTracking>(codePoint, start, end, output);
            run = new CombiningRun(output.Length);
        }
        if (spaced)
        {
            run.End<TTracking>(output);
            output.Append<TTracking>(' ', start, end);
            run = new CombiningRun(output.Length);
        }
    }

    private void AppendStripped<TTracking>(int codePoint, CodePointFlags flags, int start, int end, NormalizedText output, ref CombiningRun run)
        where TTracking : struct, IOriginTracking
    {
        if ((flags & CodePointFlags.StripRemoved) != 0)
        {
            if (UnicodeTables.IsRemovedStarter(codePoint))
            {
                run.End<TTracking>(output);
                run = new CombiningRun(output.Length);
            }
            return;
        }
        if (codePoint is >= UnicodeTables.HangulFirst and <= UnicodeTables.HangulLast)
        {
            run.End<TTracking>(output);
            int index = codePoint - UnicodeTables.HangulFirst;
            output.Append<TTracking>(0x1100 + (index / 588), start, end);
            output.Append<TTracking>(0x1161 + (index % 588 / 28), start, end);
            if (index % 28 != 0) { output.Append<TTracking>(0x11A7 + (index % 28), start, end); }
            run = new CombiningRun(output.Length);
            return;
        }
        ReadOnlySpan<ushort> stripped = UnicodeTables.Stripped(codePoint);
        if (stripped.IsEmpty)
        {
            AppendOrdered<TTracking>(codePoint, start, end, output, ref run);
            return;
        }
        for (int index = 0; index < stripped.Length; index++)
        {
            int part = stripped[index];
            if (char.IsHighSurrogate((char)part)) { part = char.ConvertToUtf32((char)part, (char)stripped[++index]); }
            AppendOrdered<TTracking>(part, start, end, output, ref run);
        }
    }

    private void AppendOrdered<TTracking>(int codePoint, int start, int end, NormalizedText output, ref CombiningRun run)
        where TTracking : struct, IOriginTracking
    {
        byte combiningClass = UnicodeTables.KeptCombiningClass(codePoint);
        if (combiningClass == 0)
        {
            run.End<TTracking>(output);
            AppendLowered<TTracking>(codePoint, start, end, output);
            run = new CombiningRun(output.Length);
            return;
        }
        run.Add(combiningClass);
        output.HasKeptMarks = true;
        output.Append<TTracking>(codePoint, start, end);
    }

    private void AppendLowered<TTracking>(int codePoint, int start, int end, NormalizedText output)
        where TTracking : struct, IOriginTracking
    {
        ReadOnlySpan<ushort> lowered = Lowercase ? UnicodeTables.Lowered(codePoint) : default;
        if (lowered.IsEmpty)
        {
            output.Append<TTracking>(codePoint, start, end);
            return;
        }
        for (int index = 0; index < lowered.Length; index++)
        {
            int part = lowered[index];
            if (char.IsHighSurrogate((char)part)) { part = char.ConvertToUtf32((char)part, (char)lowered[++index]); }
            output.Append<TTracking>(part, start, end);
        }
    }

    /// <summary>Combining characters since the last starter, and whether their classes came out of order.</summary>
    private struct CombiningRun(int start)
    {
        private readonly int _start = start;
        private byte _lastClass;
        private bool _unordered;

        internal void Add(byte combiningClass)
        {
            _unordered |= combiningClass < _lastClass;
            _lastClass = combiningClass;
        }

        internal readonly void End<TTracking>(NormalizedText output)
            where TTracking : struct, IOriginTracking
        {
            if (_unordered) { output.SortByCombiningClass<TTracking>(_start); }
        }
    }
}
