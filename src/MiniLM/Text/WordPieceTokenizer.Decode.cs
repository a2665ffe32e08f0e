using System.Text;

namespace MiniLM.Text;

/// <content>Ids back to text.</content>
public sealed partial class WordPieceTokenizer
{
    // Hugging Face's clean-up of the spaces before English punctuation and contractions, in its order.
    private static readonly (string From, string To)[] CleanUps =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"),
        (" 've", "'ve"), (" 're", "'re"),
    ];

    /// <summary>Text of ids as Hugging Face's WordPiece decoder writes it: words joined by spaces, continuing pieces without their prefix.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="skipSpecialTokens">Leaves special tokens out.</param>
    /// <exception cref="TokenizerException">No token has one of the ids.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        StringBuilder text = new();
        bool isFirst = true;
        foreach (int id in ids)
        {
            if (skipSpecialTokens && IsSpecial(id)) { continue; }
            string token = IdToToken(id);
            if (!isFirst)
            {
                token = _prefix.Length > 0 && token.StartsWith(_prefix, StringComparison.Ordinal) ? token[_prefix.Length..] : " " + token;
            }
            isFirst = false;
            if (_cleanUpDecoded)
            {
                foreach ((string from, string to) in CleanUps) { token = token.Replace(from, to, StringComparison.Ordinal); }
            }
            text.Append(token);
        }
        return text.ToString();
    }
}
