namespace MiniLM.Text;

/// <summary>A place in the post-processor's template: a sequence (0 or 1), or (-1) special tokens.</summary>
internal readonly record struct TemplatePiece(int Sequence, int TypeId, int[] Ids, string[] Tokens)
{
    internal static TemplatePiece Of(int sequence, int typeId) => new(sequence, typeId, [], []);

    internal static TemplatePiece Special(int typeId, int id, string token) => new(-1, typeId, [id], [token]);
}

/// <summary>Every supported post-processor as a pair of templates, in which each sequence occurs exactly once.</summary>
internal sealed class PostProcessor
{
    internal PostProcessor(TemplatePiece[] single, TemplatePiece[] pair, bool trimOffsets = false, bool addPrefixSpace = false)
    {
        Single = single;
        Pair = pair;
        TrimOffsets = trimOffsets;
        AddPrefixSpace = addPrefixSpace;
        SingleSpecialCount = single.Sum(piece => piece.Ids.Length);
        PairSpecialCount = pair.Sum(piece => piece.Ids.Length);
    }

    /// <summary>The null post-processor: the sequences one behind the other.</summary>
    internal static PostProcessor None { get; } = new([TemplatePiece.Of(0, 0)], [TemplatePiece.Of(0, 0), TemplatePiece.Of(1, 1)]);

    internal TemplatePiece[] Single { get; }

    internal TemplatePiece[] Pair { get; }

    internal int SingleSpecialCount { get; }

    internal int PairSpecialCount { get; }

    /// <summary>RobertaProcessing: white space at the edges of a token does not count in its offsets.</summary>
    internal bool TrimOffsets { get; }

    internal bool AddPrefixSpace { get; }

    /// <summary>BertProcessing, and the template of BertTokenizer.</summary>
    internal static PostProcessor Bert((string Token, int Id) cls, (string Token, int Id) sep)
    {
        TemplatePiece end = TemplatePiece.Special(0, sep.Id, sep.Token);
        TemplatePiece[] single = [TemplatePiece.Special(0, cls.Id, cls.Token), TemplatePiece.Of(0, 0), end];
        return new PostProcessor(single, [.. single, TemplatePiece.Of(1, 1), TemplatePiece.Special(1, sep.Id, sep.Token)]);
    }

    /// <summary>RobertaProcessing: two separators between the texts, all type ids 0.</summary>
    internal static PostProcessor Roberta((string Token, int Id) cls, (string Token, int Id) sep, bool trimOffsets, bool addPrefixSpace)
    {
        TemplatePiece end = TemplatePiece.Special(0, sep.Id, sep.Token);
        TemplatePiece[] single = [TemplatePiece.Special(0, cls.Id, cls.Token), TemplatePiece.Of(0, 0), end];
        return new PostProcessor(single, [.. single, end, TemplatePiece.Of(1, 0), end], trimOffsets, addPrefixSpace);
    }
}
