namespace MiniLM.Weights;

/// <summary>A named tensor inside a mapped file: a view, valid as long as somebody is inside <see cref="Lifetime"/> or the file is open.</summary>
/// <remarks>Row-major. <see cref="Data"/> may start at any byte position: a header without padding leaves tensors unaligned.</remarks>
internal sealed unsafe class Tensor(string name, ElementType elementType, long[] shape, byte* data, long lengthBytes, string file, Lifetime? lifetime = null)
{
    internal string Name => name;
    internal ElementType ElementType => elementType;
    internal ReadOnlySpan<long> Shape => shape;
    internal byte* Data => data;
    internal long LengthBytes => lengthBytes;

    /// <summary>The file it lies in, for messages.</summary>
    internal string File => file;

    /// <summary>Of the mapped file; null for a tensor whose memory is its maker's own.</summary>
    internal Lifetime? Lifetime => lifetime;

    internal long Count
    {
        get
        {
            long count = 1;
            foreach (long size in shape) { count *= size; }
            return count;
        }
    }

    /// <summary>Widens <paramref name="count"/> values from element <paramref name="start"/> to float. F32, F16 and BF16 only, all exact.</summary>
    internal void Read(long start, int count, float* destination) => FloatConversion.Widen(elementType, data, start, count, destination);

    /// <summary>The whole tensor as floats, in a new array.</summary>
    internal float[] ToFloats()
    {
        float[] values = new float[checked((int)Count)];
        fixed (float* to = values) { Read(0, values.Length, to); }
        return values;
    }
}
