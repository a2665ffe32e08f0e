using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM.Evaluation;

/// <summary>A query and a document as tokens.</summary>
/// <param name="Query">Tokens of the query, without special ones; null: it is not known.</param>
/// <param name="Document">Likewise.</param>
/// <param name="Limit">Most tokens that the model takes at once, special ones included: of either text, or of a cross-encoder's pair.</param>
/// <param name="Beyond">Tokens that are cut off; without a query those that are whatever it is.</param>
internal readonly record struct InputLength(int? Query, int Document, int Limit, int Beyond);

/// <summary>How much of a query and a document a model reads.</summary>
internal sealed class InputLimit
{
    private readonly WordPieceTokenizer _tokenizer;
    private readonly int _limit, _room;

    /// <param name="folder">Stays the caller's; only its tokenizer is used.</param>
    /// <exception cref="TokenizerException">Its tokenizer is not usable.</exception>
    internal InputLimit(ModelFolder folder)
    {
        _tokenizer = LoadedModel.OpenTokenizer(folder);
        IsPair = folder.Kind == ModelKind.CrossEncoder;
        _limit = LoadedModel.MaxLength(folder, _tokenizer, null, IsPair);
        _room = _limit - _tokenizer.SpecialTokenCount(IsPair);
    }

    /// <summary>Whether the model reads query and document together: then it has read only what a first stage found.</summary>
    internal bool IsPair { get; }

    /// <param name="query">Null: it is not known.</param>
    /// <param name="document">A text.</param>
    internal InputLength Measure(string? query, string document)
    {
        int? first = query is null ? null : _tokenizer.CountTokens(query);
        int second = _tokenizer.CountTokens(document), known = first ?? 0;
        return new InputLength(first, second, _limit, IsPair ? Over(known + second) : Over(known) + Over(second));
    }

    private int Over(int tokens) => Math.Max(0, tokens - _room);
}
