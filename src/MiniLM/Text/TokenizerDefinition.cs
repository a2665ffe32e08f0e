namespace MiniLM.Text;

/// <summary>What a tokenizer's files say, read and checked, before anything is built from it.</summary>
internal sealed class TokenizerDefinition
{
    /// <summary>Above any vocabulary in use; keeps a damaged file from asking for gigabytes.</summary>
    internal const int MaxId = (1 << 22) - 1;

    /// <summary>WordPiece's own settings, where no file says others.</summary>
    internal const string UsualPrefix = "##";

    internal const int UsualMostChars = 100;

    /// <summary>The file, for messages.</summary>
    internal required string File { get; init; }

    internal required byte[] TokenBlock { get; set; }

    internal required List<(int Offset, int Length, int Id)> Tokens { get; init; }

    internal string UnknownToken { get; set; } = "[UNK]";

    internal string ContinuingPrefix { get; set; } = UsualPrefix;

    internal int MaxInputCharsPerWord { get; set; } = UsualMostChars;

    internal Normalizer Normalizer { get; set; } = Normalizer.None;

    internal PreTokenizer PreTokenizer { get; set; } = PreTokenizer.Bert;

    internal SequenceSide TruncationSide { get; set; }

    internal List<AddedToken> AddedTokens { get; } = [];

    /// <summary>Tokens that are special if the vocabulary has them (vocab.txt has no list of its own).</summary>
    internal List<string> SpecialTokens { get; } = [];

    internal PostProcessor? PostProcessor { get; set; }

    /// <summary>[CLS] and [SEP] of a post-processor whose ids are looked up in the vocabulary.</summary>
    internal (string Cls, string Sep)? BertTemplate { get; set; }

    internal EncodeOptions FileOptions { get; set; } = new() { Truncation = Truncation.None };

    internal string? PadToken { get; set; }

    internal int? ModelMaxLength { get; set; }

    internal bool CleanUpDecoded { get; set; } = true;
}
