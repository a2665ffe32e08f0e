using System.Numerics;

namespace MiniLM.Compute.Reference;

/// <summary>y += rows of a table, by id.</summary>
/// <remarks>ids: [rows]; table: [ids, hidden]; y: [rows, hidden].</remarks>
internal static class Embedding
{
    internal static void Forward<T>(ReadOnlySpan<int> ids, ReadOnlySpan<T> table, int hidden, Span<T> y) where T : IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < y.Length; i++) { y[i] += table[ids[i / hidden] * hidden + i % hidden]; }
    }

    /// <summary>Row by row, dTable[id] += dy, but for the padding's id, which never learns.</summary>
    internal static void Backward<T>(ReadOnlySpan<int> ids, int? padding, ReadOnlySpan<T> dy, int hidden, Span<T> dTable)
        where T : IBinaryFloatingPointIeee754<T>
    {
        for (int row = 0; row < ids.Length; row++)
        {
            if (ids[row] == padding) { continue; }
            for (int d = 0; d < hidden; d++) { dTable[ids[row] * hidden + d] += dy[row * hidden + d]; }
        }
    }
}
