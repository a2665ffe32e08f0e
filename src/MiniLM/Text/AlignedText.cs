using System.Text;

namespace MiniLM.Text;

/// <summary>Code points, each with the UTF-16 range of the original text that it stands for, as Hugging Face's NormalizedString keeps them.</summary>
internal sealed class AlignedText
{
    internal AlignedText() { }

    internal AlignedText(ReadOnlySpan<char> text, int origin)
    {
        for (int index = 0, length; index < text.Length; index += length)
        {
            Add(Utf8.ReadUtf16(text, index, out length), (origin + index, origin + index + length));
        }
    }

    internal List<int> Points { get; } = [];

    internal List<(int Start, int End)> Origins { get; } = [];

    internal void Add(int point, (int, int) origin)
    {
        Points.Add(point);
        Origins.Add(origin);
    }

    /// <summary>Other code points with the origins that these hand on.</summary>
    /// <param name="points">A change of 0 takes the next origin, one below it drops as many behind that, one above it shares the last that was taken: so marks
    /// that canonical ordering moves do not take their places along.</param>
    internal AlignedText With(IEnumerable<(int Point, int Change)> points)
    {
        AlignedText changed = new();
        int taken = 0;
        foreach ((int point, int change) in points)
        {
            changed.Add(point, change > 0 ? taken == 0 ? default : Origins[taken - 1] : Origins[taken]);
            if (change <= 0) { taken += 1 - change; }
        }
        return changed;
    }

    /// <summary>Of each char of <see cref="ToString"/>: its code point.</summary>
    internal List<int> Places()
    {
        List<int> places = new(Points.Count);
        for (int i = 0; i < Points.Count; i++) { places.AddRange(Enumerable.Repeat(i, Points[i] > char.MaxValue ? 2 : 1)); }
        return places;
    }

    public override string ToString()
    {
        StringBuilder text = new(Points.Count);
        foreach (int point in Points) { text.Append(new Rune(point).ToString()); }
        return text.ToString();
    }
}
