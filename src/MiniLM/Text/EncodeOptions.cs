namespace MiniLM.Text;

/// <summary>Which of two texts is cut when both do not fit.</summary>
public enum Truncation
{
    /// <summary>Nothing is cut.</summary>
    None,

    /// <summary>The longer text, until both are equally long; then both (Hugging Face's <c>longest_first</c>).</summary>
    LongestFirst,

    /// <summary>The first text only.</summary>
    OnlyFirst,

    /// <summary>The second text only.</summary>
    OnlySecond,
}

/// <summary>The end of a sequence at which tokens are cut off or padding is added.</summary>
public enum SequenceSide
{
    /// <summary>The end.</summary>
    Right,

    /// <summary>The beginning.</summary>
    Left,
}

/// <summary>How far sequences are filled up.</summary>
public enum Padding
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>To the longest of the batch.</summary>
    Longest,

    /// <summary>To <see cref="EncodeOptions.PadToLength"/>, or <see cref="EncodeOptions.MaxLength"/> when that is null.</summary>
    Fixed,
}

/// <summary>What <see cref="WordPieceTokenizer.Encode(string, string?, EncodeOptions?)"/> does beyond splitting: truncation, padding, special tokens.</summary>
public sealed record EncodeOptions
{
    /// <summary>Most tokens of a sequence, special tokens included; null cuts nothing. Less than the special tokens alone cuts nothing either, as in
    /// Hugging Face's library.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Which text is cut; without effect unless <see cref="MaxLength"/> is set.</summary>
    public Truncation Truncation { get; init; } = Truncation.LongestFirst;

    /// <summary>Where tokens are cut off.</summary>
    public SequenceSide TruncationSide { get; init; }

    /// <summary>How far sequences are filled up.</summary>
    public Padding Padding { get; init; }

    /// <summary>The length for <see cref="Padding.Fixed"/>.</summary>
    public int? PadToLength { get; init; }

    /// <summary>The padded length is rounded up to a multiple of this; null or 0 = no rounding. May exceed <see cref="MaxLength"/>.</summary>
    public int? PadToMultipleOf { get; init; }

    /// <summary>Where padding is added.</summary>
    public SequenceSide PaddingSide { get; init; }

    /// <summary>Id of the padding; null = <see cref="WordPieceTokenizer.PadTokenId"/>.</summary>
    public int? PadId { get; init; }

    /// <summary>Type id of the padding.</summary>
    public int PadTypeId { get; init; }

    /// <summary>Text of the padding in <see cref="TokenEncoding.Tokens"/>; null = the text of the id.</summary>
    public string? PadToken { get; init; }

    /// <summary>Whether the post-processor adds its special tokens ([CLS], [SEP]).</summary>
    public bool AddSpecialTokens { get; init; } = true;
}
