using MiniLM.Compute;
using MiniLM.Weights;

namespace MiniLM.Cpu.Tests;

/// <summary>Operands of products one by one, and the kernels of every tier and precision that read them.</summary>
internal static unsafe class Operands
{
    /// <summary>Every tier by every precision of 16 bits; "rounded" is what a processor without AVX512-BF16 computes.</summary>
    internal static TheoryData<string, Precision, bool> Of16Bits()
    {
        TheoryData<string, Precision, bool> cases = [];
        foreach (string tier in Tiers.Tested.Select(CpuTiers.Name))
        {
            foreach (Precision precision in new[] { Precision.BFloat16, Precision.Float16 }) { cases.Add(tier, precision, true); }
            if (Products(tier, Precision.BFloat16, false).Group == 2) { cases.Add(tier, Precision.BFloat16, false); }
        }
        return cases;
    }

    /// <summary>Those, and every tier in float32.</summary>
    internal static TheoryData<string, Precision, bool> All()
    {
        TheoryData<string, Precision, bool> cases = Of16Bits();
        foreach (CpuTier tier in Tiers.Tested) { cases.Add(CpuTiers.Name(tier), Precision.Float32, false); }
        return cases;
    }

    internal static ProductKernels Products(string tier, Precision precision, bool rounded) =>
        rounded ? new RoundedProducts(ProductKernels.For(Tiers.Named(tier)), precision) : ProductKernels.For(Tiers.Named(tier), precision);

    /// <summary>With rows of 256 bits in the tiers that have them.</summary>
    internal static CpuKernels Kernels(string tier, Precision precision, bool rounded)
    {
        ProductKernels products = Products(tier, precision, rounded);
        return Tiers.Named(tier) switch
        {
            CpuTier.Scalar => new LanesKernels<Lanes1>(products),
            CpuTier.Vector128 => new LanesKernels<Lanes128>(products),
            _ => new LanesKernels<Lanes256>(products),
        };
    }

    internal static float Rounded(float value, Precision precision) => precision switch
    {
        Precision.Float32 => value,
        Precision.Float16 => (float)(Half)value,
        _ => BitConverter.UInt32BitsToSingle((uint)FloatConversion.ToBFloat16(value) << 16),
    };

    /// <summary>What rounding an operand errs by, of its size.</summary>
    internal static double Unit(Precision precision) => precision switch
    {
        Precision.Float32 => 0,
        Precision.Float16 => Math.ScaleB(1, -11),
        _ => Math.ScaleB(1, -8), // half a unit is 2^-9
    };

    /// <summary>Floats that so many operands take.</summary>
    internal static int Floats(ProductKernels products, long count) => (int)((count + products.Group - 1) / products.Group);

    /// <summary>Operand <paramref name="index"/> of a row.</summary>
    internal static float Read(ProductKernels products, void* row, long index) =>
        products.Size == 4 ? ((float*)row)[index] : BitConverter.UInt32BitsToSingle((uint)((ushort*)row)[index] << 16);

    internal static void Write(ProductKernels products, void* row, long index, float value)
    {
        if (products.Size == 4) { ((float*)row)[index] = value; }
        else { ((ushort*)row)[index] = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16); }
    }

    /// <summary>A random number that is an operand.</summary>
    internal static float Draw(Random random, Precision precision) => Rounded(random.NextSingle() - .5f, precision);
}
