namespace MiniLM.Text;

/// <summary>One encoded text or pair in full detail; all lists have one entry per token.</summary>
public sealed class TokenEncoding
{
    internal TokenEncoding(int length)
    {
        Ids = new int[length];
        TypeIds = new int[length];
        Tokens = new string[length];
        Offsets = new (int Start, int End)[length];
        SpecialTokensMask = new byte[length];
        AttentionMask = new byte[length];
        SequenceIds = new int[length];
    }

    /// <summary>Whether tokens were cut off to keep the length.</summary>
    internal bool IsTruncated { get; init; }

    /// <summary>Token ids (input_ids).</summary>
    public int[] Ids { get; }

    /// <summary>Segment of each token (token_type_ids).</summary>
    public int[] TypeIds { get; }

    /// <summary>Text of each token: the vocabulary's, or for an added token the text it matched.</summary>
    public string[] Tokens { get; }

    /// <summary>Place in the original text in UTF-16 units (indices of a string), end exclusive; 0, 0 for special tokens of the post-processor and
    /// padding.</summary>
    public (int Start, int End)[] Offsets { get; }

    /// <summary>1 for special tokens of the post-processor and for padding.</summary>
    public byte[] SpecialTokensMask { get; }

    /// <summary>1 for tokens, 0 for padding.</summary>
    public byte[] AttentionMask { get; }

    /// <summary>0 = first text, 1 = second text, -1 = special token or padding.</summary>
    public int[] SequenceIds { get; }
}
