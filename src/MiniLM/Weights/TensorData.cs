using System.Runtime.InteropServices;

namespace MiniLM.Weights;

/// <summary>Streams a tensor's values, converted (to nearest, ties to even) where the stored type differs.</summary>
internal static unsafe class TensorData
{
    private const int ChunkValues = 1 << 16;
    private const long ChunkBytes = 1 << 20;

    internal static void Write(Stream stream, StoredTensor tensor)
    {
        Tensor source = tensor.Source;
        if (source.ElementType == tensor.ElementType)
        {
            for (long at = 0; at < source.LengthBytes; at += ChunkBytes)
            {
                stream.Write(new ReadOnlySpan<byte>(source.Data + at, (int)Math.Min(ChunkBytes, source.LengthBytes - at)));
            }
            return;
        }
        if (!source.ElementType.IsWeight() || !tensor.ElementType.IsWeight() || tensor.ElementType == ElementType.F64)
        {
            throw new ModelFormatException($"{source.File}: tensor {Quoted.Text(tensor.Name)} of {source.ElementType.FormatName()} "
                + $"cannot be written as {tensor.ElementType.FormatName()}. Convert to F32, F16 or BF16 only.");
        }
        long count = source.Count;
        float[] values = new float[(int)Math.Min(ChunkValues, count)];
        ushort[] halves = new ushort[values.Length];
        for (long at = 0; at < count; at += values.Length)
        {
            Span<float> chunk = values.AsSpan(0, (int)Math.Min(values.Length, count - at));
            fixed (float* to = chunk) { source.Read(at, chunk.Length, to); }
            stream.Write(tensor.ElementType == ElementType.F32 ? MemoryMarshal.AsBytes(chunk) : Narrow(tensor, at, chunk, halves));
        }
    }

    private static ReadOnlySpan<byte> Narrow(StoredTensor tensor, long start, ReadOnlySpan<float> values, ushort[] halves)
    {
        bool half = tensor.ElementType == ElementType.F16;
        int infinity = half ? 0x7c00 : 0x7f80;
        for (int i = 0; i < values.Length; i++)
        {
            ushort bits = half ? BitConverter.HalfToUInt16Bits((Half)values[i]) : FloatConversion.ToBFloat16(values[i]);
            if ((bits & 0x7fff) == infinity && float.IsFinite(values[i]))
            {
                throw new ModelFormatException($"{tensor.Source.File}: tensor {Quoted.Text(tensor.Name)} holds {values[i]:R} at element {start + i}, "
                    + $"too large for {tensor.ElementType.FormatName()}. Convert to {(half ? "BF16 or F32" : "F32")} instead.");
            }
            halves[i] = bits;
        }
        return MemoryMarshal.AsBytes(halves.AsSpan(0, values.Length));
    }
}
