using System.Runtime.InteropServices;
using MiniLM.Cuda.Driver;
using MiniLM.Weights;

namespace MiniLM.Cuda.Tests;

/// <summary>Numbers as a kernel of a storage has them, each array in an allocation of its own: what lies a byte outside is a fault.</summary>
internal sealed class StoredValues(Gpu gpu, string kernel)
{
    private readonly string _storage = kernel.EndsWith("F32", StringComparison.Ordinal) ? "F32"
        : kernel.EndsWith("BF16", StringComparison.Ordinal) ? "BF16" : "F16";

    internal int Bytes => _storage == "F32" ? 4 : 2;

    /// <summary>Relative error of one rounding to the storage.</summary>
    internal double Rounding => _storage switch { "F32" => 1.0 / (1 << 24), "F16" => 1.0 / (1 << 11), _ => 1.0 / (1 << 8) };

    /// <summary>The number of the storage nearest to one; of bf16 by way of fp32, as kernels round.</summary>
    internal double Round(double value) => _storage switch
    {
        "F32" => (float)value,
        "F16" => (double)(Half)value,
        _ => BitConverter.Int32BitsToSingle(FloatConversion.ToBFloat16((float)value) << 16),
    };

    internal float[] Round(float[] values) => Array.ConvertAll(values, value => (float)Round(value));

    /// <summary>Multiples of 1/64 of the greatest: the same in every storage.</summary>
    internal static float[] Random(Random random, int count, float greatest = 1) =>
        [.. Enumerable.Range(0, count).Select(_ => random.Next(-64, 65) / 64f * greatest)];

    internal ulong Upload(float[] values) => Upload(_storage switch
    {
        "F32" => MemoryMarshal.AsBytes(values.AsSpan()),
        "F16" => MemoryMarshal.AsBytes(Array.ConvertAll(values, value => (Half)value).AsSpan()),
        _ => MemoryMarshal.AsBytes(Array.ConvertAll(values, FloatConversion.ToBFloat16).AsSpan()),
    });

    /// <summary>Offsets, ids, or an fp32 vector: as they are.</summary>
    internal ulong UploadPlain<T>(T[] values) where T : unmanaged => Upload(MemoryMarshal.AsBytes(values.AsSpan()));

    internal ulong Allocate(int count) => gpu.Allocate((long)count * Bytes);

    /// <summary>Room for fp32, whatever the storage.</summary>
    internal ulong AllocatePlain(int count) => gpu.Allocate(4L * count);

    internal double[] Download(ulong at, int count)
    {
        byte[] stored = new byte[count * Bytes];
        gpu.Download(at, stored);
        return [.. Enumerable.Range(0, count).Select(i => _storage switch
        {
            "F32" => BitConverter.ToSingle(stored, 4 * i),
            "F16" => (double)BitConverter.ToHalf(stored, 2 * i),
            _ => BitConverter.Int32BitsToSingle(BitConverter.ToUInt16(stored, 2 * i) << 16),
        })];
    }

    /// <summary>fp32, whatever the storage.</summary>
    internal float[] DownloadPlain(ulong at, int count)
    {
        float[] values = new float[count];
        gpu.Download(at, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>That a stored number is the rounding of one within the operation's own error of the expected one: of many numbers some lie
    /// near a border, so that much less than a rounding shows. NaN for NaN.</summary>
    internal void AssertStored(double expected, double error, double actual, string what) =>
        AssertWithin(Round(expected - error), Round(expected + error), actual, what);

    /// <summary>The same of fp32, whatever the storage.</summary>
    internal static void AssertNear(double expected, double error, float actual, string what) =>
        AssertWithin((float)(expected - error), (float)(expected + error), actual, what);

    internal static void AssertWithin(double least, double greatest, double actual, string what)
    {
        if ((actual >= least && actual <= greatest) || (double.IsNaN(least) && double.IsNaN(actual))) { return; }
        Assert.Fail($"{what}: expected {least:R} to {greatest:R}, got {actual:R}"); // written for a wrong one only: there are millions
    }

    private ulong Upload(ReadOnlySpan<byte> bytes)
    {
        ulong at = gpu.Allocate(bytes.Length);
        gpu.Upload(at, bytes);
        return at;
    }
}
