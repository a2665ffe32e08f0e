using System.Globalization;
using MiniLM.Text.Repair;

namespace MiniLM.Text;

/// <summary>One of Hugging Face's normalizers.</summary>
internal abstract class NormalizerStep
{
    internal abstract AlignedText Apply(AlignedText text);
}

/// <summary>BertNormalizer among others.</summary>
internal sealed class BertStep(BertNormalizer normalizer) : NormalizerStep
{
    internal BertNormalizer Normalizer => normalizer;

    internal override AlignedText Apply(AlignedText text)
    {
        List<int> places = text.Places();
        NormalizedText normalized = new();
        normalizer.Normalize<TrackOrigins>(text.ToString(), 0, normalized);
        AlignedText result = new();
        for (int at = 0, length; at < normalized.Length; at += length)
        {
            int point = Utf8.Read(normalized.Bytes, at, out length);
            result.Add(point, (text.Origins[places[normalized.Start(at)]].Start, text.Origins[places[normalized.End(at) - 1]].End));
        }
        return result;
    }
}

/// <summary>Lowercase: each character by itself.</summary>
internal sealed class LowercaseStep : NormalizerStep
{
    private static readonly BertStep Lower = new(BertNormalizer.None with { Lowercase = true });

    internal override AlignedText Apply(AlignedText text) => Lower.Apply(text);
}

/// <summary>NFC, NFD, NFKC and NFKD.</summary>
internal sealed class UnicodeFormStep(bool isComposed, bool isCompatible) : NormalizerStep
{
    internal override AlignedText Apply(AlignedText text)
    {
        List<(int Point, int Change)> points = new(text.Points.Count);
        List<int> parts = [];
        foreach (int point in text.Points)
        {
            parts.Clear();
            if (isCompatible) { CompatibilityDecomposition.Decompose(point, parts); }
            else { CanonicalComposition.Decompose(point, parts); }
            for (int i = 0; i < parts.Count; i++) { points.Add((parts[i], Math.Min(i, 1))); }
        }
        CanonicalComposition.Order(points);
        if (isComposed) { CanonicalComposition.Compose(points); }
        return text.With(points);
    }
}

/// <summary>A step that leaves characters out.</summary>
internal abstract class FilterStep : NormalizerStep
{
    internal override AlignedText Apply(AlignedText text)
    {
        AlignedText kept = new();
        for (int i = 0; i < text.Points.Count; i++)
        {
            if (Keeps(text.Points[i])) { kept.Add(text.Points[i], text.Origins[i]); }
        }
        return kept;
    }

    private protected abstract bool Keeps(int point);
}

/// <summary>StripAccents: no marks of any kind. It takes nothing apart: NFD comes before it.</summary>
internal sealed class StripAccentsStep : FilterStep
{
    private protected override bool Keeps(int point) => CharUnicodeInfo.GetUnicodeCategory(point)
        is not (UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark);
}

/// <summary>What strip_accents of BertNormalizer leaves out behind NFD: nonspacing marks, those that the reference knows.</summary>
internal sealed class StripNonspacingStep : FilterStep
{
    private protected override bool Keeps(int point) => (UnicodeTables.Flags(point) & CodePointFlags.StripRemoved) == 0;
}

/// <summary>Replace: a string by another, whose characters all stand where the last of the first stood.</summary>
internal sealed class ReplaceStep(int[] pattern, int[] content) : NormalizerStep
{
    internal bool HasSpace => pattern.Contains(' ');

    internal override AlignedText Apply(AlignedText text)
    {
        AlignedText replaced = new();
        ReadOnlySpan<int> points = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(text.Points);
        for (int i = 0; i < points.Length;)
        {
            if (!points[i..].StartsWith(pattern))
            {
                replaced.Add(points[i], text.Origins[i]);
                i++;
                continue;
            }
            i += pattern.Length;
            foreach (int point in content) { replaced.Add(point, text.Origins[i - 1]); }
        }
        return replaced;
    }
}
