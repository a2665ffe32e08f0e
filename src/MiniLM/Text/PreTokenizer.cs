namespace MiniLM.Text;

/// <summary>Where words end beside white space, which always separates and is dropped (Hugging Face's WhitespaceSplit by itself).</summary>
[Flags]
internal enum PreTokenizer
{
    WhitespaceSplit = 0,

    /// <summary>Each punctuation character is a word of its own: BertPreTokenizer.</summary>
    Bert = 1,

    /// <summary>Where \w begins or ends: Whitespace, which is \w+|[^\w\s]+.</summary>
    Whitespace = 2,
}
