global using BFloat16 = MiniLM.Kernels.Packed<MiniLM.Kernels.TensorBFloat16>;
global using Float16 = MiniLM.Kernels.Packed<MiniLM.Kernels.HalfPair>;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>How weights and activations lie in global memory; arithmetic is fp32 whatever the storage.</summary>
public interface IElement
{
    /// <summary>Bytes an element.</summary>
    static abstract uint Bytes { get; }

    /// <summary>One element.</summary>
    static abstract float Load(ulong address);

    /// <summary>Four consecutive elements, or zeros; aligned to their size.</summary>
    static abstract Float4 Load4If(bool valid, ulong address, int offset);

    /// <summary>One element, rounded to nearest even.</summary>
    static abstract void Store(ulong address, float value);

    /// <summary>Four consecutive elements; aligned to their size.</summary>
    static abstract void Store4(ulong address, Float4 value);
}

/// <summary>fp32.</summary>
public readonly struct Float32 : IElement
{
    public static uint Bytes => 4;
    public static float Load(ulong address) => LoadFloat(address, 0);
    public static Float4 Load4If(bool valid, ulong address, int offset) => LoadFloat4If(valid, address, offset);
    public static void Store(ulong address, float value) => Instructions.Store(address, 0, value);
    public static void Store4(ulong address, Float4 value) => Instructions.Store(address, 0, value);
}

/// <summary>Two elements of 16 bits in one register, the lower-numbered in its low half.</summary>
public interface IPair
{
    /// <summary>Two floats as a pair, rounded to nearest even.</summary>
    static abstract uint Pack(float low, float high);

    /// <summary>A pair as two floats.</summary>
    static abstract Float2 Unpack(uint pair);
}

/// <summary>fp16 with sm_60's instructions.</summary>
public readonly struct HalfPair : IPair
{
    public static uint Pack(float low, float high) => PackHalf(low, high);
    public static Float2 Unpack(uint pair) => UnpackHalf(pair);
}

/// <summary>16-bit storage.</summary>
public readonly struct Packed<TPair> : IElement where TPair : struct, IPair
{
    public static uint Bytes => 2;
    public static float Load(ulong address) => TPair.Unpack(LoadHalf(address, 0)).X;
    public static Float4 Load4If(bool valid, ulong address, int offset)
    {
        Pair pair = LoadPairIf(valid, address, offset);
        Float2 low = TPair.Unpack(pair.X), high = TPair.Unpack(pair.Y);
        return new Float4 { X = low.X, Y = low.Y, Z = high.X, W = high.Y };
    }
    public static void Store(ulong address, float value) => StoreHalf(address, 0, TPair.Pack(value, 0));
    public static void Store4(ulong address, Float4 value) =>
        Instructions.Store(address, 0, new Pair { X = TPair.Pack(value.X, value.Y), Y = TPair.Pack(value.Z, value.W) });
}
