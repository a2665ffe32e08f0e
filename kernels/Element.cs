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

/// <summary>fp16.</summary>
public readonly struct Float16 : IElement
{
    public static uint Bytes => 2;
    public static float Load(ulong address) => UnpackHalf(LoadHalf(address, 0)).X;
    public static Float4 Load4If(bool valid, ulong address, int offset)
    {
        Pair pair = LoadPairIf(valid, address, offset);
        Float2 low = UnpackHalf(pair.X), high = UnpackHalf(pair.Y);
        return new Float4 { X = low.X, Y = low.Y, Z = high.X, W = high.Y };
    }
    public static void Store(ulong address, float value) => StoreHalf(address, 0, PackHalf(value, 0));
    public static void Store4(ulong address, Float4 value) =>
        Instructions.Store(address, 0, new Pair { X = PackHalf(value.X, value.Y), Y = PackHalf(value.Z, value.W) });
}

/// <summary>bf16 (sm_80).</summary>
public readonly struct BFloat16 : IElement
{
    public static uint Bytes => 2;
    public static float Load(ulong address) => UnpackBFloat(LoadHalf(address, 0)).X;
    public static Float4 Load4If(bool valid, ulong address, int offset)
    {
        Pair pair = LoadPairIf(valid, address, offset);
        Float2 low = UnpackBFloat(pair.X), high = UnpackBFloat(pair.Y);
        return new Float4 { X = low.X, Y = low.Y, Z = high.X, W = high.Y };
    }
    public static void Store(ulong address, float value) => StoreHalf(address, 0, PackBFloat2(value, 0));
    public static void Store4(ulong address, Float4 value) =>
        Instructions.Store(address, 0, new Pair { X = PackBFloat2(value.X, value.Y), Y = PackBFloat2(value.Z, value.W) });
}
