using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM.Evaluation;

/// <summary>A query and a document as tokens.</summary>
/// <param name="Query">Tokens of the query, without special ones.</param>
/// <param name="Document">Likewise.</param>
/// <param name="Limit">Most tokens that the model takes at once, special ones included: of either text, or of a cross-encoder's pair.</param>
/// <param name="Beyond">Tokens that are cut off.</param>
internal readonly record struct InputLength(int Query, int Document, int Limit, int Beyond);

/// <summary>How much of a query and a document a model reads; of the folder only the tokenizer is used.</summary>
internal sealed class InputLimit
{
    private readonly WordPieceTokenizer _tokenizer;
    private readonly bool _isPair;
    private readonly int _limit, _room;

    /// <param name="folder">Stays the caller's.</param>
    /// <exception cref="TokenizerException">Its tokenizer is not usable.</exception>
    internal InputLimit(ModelFolder folder)
    {
        _tokenizer = LoadedModel.OpenTokenizer(folder);
        _isPair = folder.Kind == ModelKind.CrossEncoder;
        _limit = LoadedModel.MaxLength(folder, _tokenizer, null, _isPair);
        _room = _limit - _tokenizer.SpecialTokenCount(_isPair);
    }

    internal InputLength Measure(string query, string document)
    {
        (int first, int second) = (_tokenizer.CountTokens(query), _tokenizer.CountTokens(document));
        int beyond = _isPair ? Over(first + second) : Over(first) + Over(second);
        return new InputLength(first, second, _limit, beyond);
    }

    private int Over(int tokens) => Math.Max(0, tokens - _room);
}
