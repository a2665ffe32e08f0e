using System.Runtime.InteropServices;
using MiniLM.Compute;

namespace MiniLM.Cpu.Training;

/// <summary>
/// Sums over a group's rows of what biases and LayerNorms of a layer get, a row of them a group; added to the gradients in the groups' order.
/// </summary>
internal sealed unsafe class GroupSums(RowWidths widths, int biasTable) : IDisposable
{
    private NativeBlock? _block;
    private int _groups;

    internal long Bytes => _block?.Bytes ?? 0;

    internal int Width => 5 * widths.Hidden + 3 * widths.Context + widths.Inner + biasTable + widths.Hidden;

    internal void Begin(int groups)
    {
        if (groups > _groups)
        {
            _block?.Dispose();
            _block = null;
            _block = new NativeBlock((long)groups * Width);
            _groups = groups;
        }
        new Span<float>(_block!.Floats, checked(groups * Width)).Clear();
    }

    internal float* OutputGamma(int group) => _block!.Floats + (long)group * Width;
    internal float* OutputBeta(int group) => OutputGamma(group) + widths.Hidden;
    internal float* AttentionGamma(int group) => OutputBeta(group) + widths.Hidden;
    internal float* AttentionBeta(int group) => AttentionGamma(group) + widths.Hidden;
    internal float* Down(int group) => AttentionBeta(group) + widths.Hidden;
    internal float* AttentionOutput(int group) => Down(group) + widths.Hidden;
    internal float* Up(int group) => AttentionOutput(group) + widths.Hidden;
    internal float* QueryKeyValue(int group) => Up(group) + widths.Inner;
    internal float* RelativeBias(int group) => QueryKeyValue(group) + 3 * widths.Context;

    /// <summary>to += the groups' sums.</summary>
    internal void AddTo(float* to, float* ofFirstGroup, int groups, int count)
    {
        for (int group = 0; group < groups; group++) { Add(ofFirstGroup + (long)group * Width, to, count); }
    }

    /// <summary>sums += each of some rows.</summary>
    internal static void AddRows(float* rows, nint stride, int count, int width, float* sums)
    {
        for (int row = 0; row < count; row++) { Add(rows + row * stride, sums, width); }
    }

    internal static void Add(float* from, float* to, int count)
    {
        Span<System.Numerics.Vector<float>> sums = MemoryMarshal.Cast<float, System.Numerics.Vector<float>>(new Span<float>(to, count));
        ReadOnlySpan<System.Numerics.Vector<float>> values = MemoryMarshal.Cast<float, System.Numerics.Vector<float>>(new ReadOnlySpan<float>(from, count));
        for (int i = 0; i < sums.Length; i++) { sums[i] += values[i]; }
        for (int i = sums.Length * System.Numerics.Vector<float>.Count; i < count; i++) { to[i] += from[i]; }
    }

    public void Dispose() => _block?.Dispose();
}
