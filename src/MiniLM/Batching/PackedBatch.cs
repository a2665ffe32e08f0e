using MiniLM.Model;

namespace MiniLM.Batching;

/// <summary>Sequences one after the other, nothing padded: sequence s is rows [Offsets[s], Offsets[s+1]).</summary>
/// <remarks>
/// Spans of equal length where not null. <see cref="Positions"/> are position ids; <see cref="Columns"/> are places in the padded
/// original, whose distances choose MPNet's relative bias and whose order weights <c>weightedmean</c>. Both count from the sequence's
/// start unless a caller sets them (inputs with left padding or holes).
/// </remarks>
internal sealed class PackedBatch
{
    private const int MpnetPad = 1; // RoBERTa's rule with the pad id that MPNet fixes, whatever its config says

    internal int[] TokenIds = [];
    internal byte[] TypeIds = [];
    internal int[] Positions = [];
    internal int[] Columns = [];
    internal int[] Offsets = [0];

    /// <summary>Number of sequences; the arrays may be longer than what is used.</summary>
    internal int Sequences;

    internal int Rows => Offsets[Sequences];

    /// <summary>Rows at the start of each sequence that pooling leaves out: a prompt, when the pooling's <c>include_prompt</c> is false.</summary>
    internal int PromptRows;

    internal int Length(int sequence) => Offsets[sequence + 1] - Offsets[sequence];

    internal void Clear()
    {
        Sequences = 0;
        Offsets[0] = 0;
    }

    /// <summary>Appends one sequence; arrays grow by doubling and are kept, so a batch that is filled again allocates nothing.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="typeIds">Type ids, or empty for zeros.</param>
    /// <param name="architecture">Whose rule for position ids: BERT and DistilBERT count rows, MPNet counts rows that are not its pad token.</param>
    internal void Add(ReadOnlySpan<int> ids, ReadOnlySpan<byte> typeIds, Architecture architecture)
    {
        int from = Rows, to = from + ids.Length;
        if (Offsets.Length < Sequences + 2) { Array.Resize(ref Offsets, Math.Max(16, 2 * (Sequences + 2))); }
        if (TokenIds.Length < to)
        {
            int capacity = Math.Max(256, 2 * to);
            Array.Resize(ref TokenIds, capacity);
            Array.Resize(ref TypeIds, capacity);
            Array.Resize(ref Positions, capacity);
            Array.Resize(ref Columns, capacity);
        }
        ids.CopyTo(TokenIds.AsSpan(from));
        if (typeIds.IsEmpty) { TypeIds.AsSpan(from, ids.Length).Clear(); } else { typeIds.CopyTo(TypeIds.AsSpan(from)); }
        for (int i = 0, counted = 0; i < ids.Length; i++)
        {
            Columns[from + i] = i;
            Positions[from + i] = architecture != Architecture.Mpnet ? i : ids[i] == MpnetPad ? MpnetPad : ++counted + MpnetPad;
        }
        Offsets[++Sequences] = to;
    }
}
