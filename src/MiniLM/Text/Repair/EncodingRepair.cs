namespace MiniLM.Text.Repair;

/// <summary>ftfy's <c>fix_encoding</c>: text that looks as if it had been read by a wrong encoding is read anew.</summary>
internal static class EncodingRepair
{
    /// <summary>Repairs until nothing is left to do: text may have been misread more than once.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="steps">Gets what was done, in ftfy's words.</param>
    internal static string Fix(string text, List<(string Action, string Parameter)>? steps = null)
    {
        while (true)
        {
            string repaired = FixOnce(text, steps);
            if (repaired == text) { return text; }
            text = repaired;
        }
    }

    private static string FixOnce(string text, List<(string Action, string Parameter)>? steps)
    {
        if (!Mojibake.IsBad(text)) { return text; }
        foreach (SingleByteEncoding encoding in SingleByteEncoding.All)
        {
            if (encoding.Encode(text) is { } bytes && Decode(bytes, encoding, steps) is { } decoded) { return decoded; }
        }
        string repaired = MojibakeSequences.Decode(text);
        if (repaired != text)
        {
            steps?.Add(("apply", "decode_inconsistent_utf8"));
            return repaired;
        }
        repaired = CharacterFixes.FixC1Controls(text);
        if (CharacterFixes.HasC1Controls(text)) { steps?.AddRange(C1Steps(text, repaired)); }
        return repaired;
    }

    // Null: not UTF-8.
    private static string? Decode(byte[] bytes, SingleByteEncoding encoding, List<(string Action, string Parameter)>? steps)
    {
        List<(string Action, string Parameter)> taken = [("encode", encoding.Name)];
        // In macroman a space follows dashes too often.
        if (encoding.Name != "macroman") { Transcode("restore_byte_a0", LostBytes.RestoreNoBreakSpaces); }
        if (encoding.IsSloppy) { Transcode("replace_lossy_sequences", LostBytes.ReplaceLossySequences); }
        bool varies = Utf8Variants.MayVary(bytes);
        string? decoded = varies ? Utf8Variants.DecodeVariants(bytes) : Utf8Variants.Decode(bytes);
        if (decoded is not null) { steps?.AddRange([.. taken, ("decode", varies ? "utf-8-variants" : "utf-8")]); }
        return decoded;

        void Transcode(string name, Func<byte[], byte[]> function)
        {
            byte[] transcoded = function(bytes);
            if (!transcoded.AsSpan().SequenceEqual(bytes)) { taken.Add(("transcode", name)); }
            bytes = transcoded;
        }
    }

    // Latin-1 whose controls all are characters of windows-1252 was that; else its controls are replaced one by one, which gives the same.
    private static (string, string)[] C1Steps(string text, string repaired) =>
        !text.AsSpan().ContainsAnyExceptInRange('\0', '\u00ff') && !CharacterFixes.HasC1Controls(repaired)
            ? [("encode", "latin-1"), ("decode", "windows-1252")] : [("transcode", "fix_c1_controls")];
}
