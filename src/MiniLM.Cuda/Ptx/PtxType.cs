namespace MiniLM.Cuda.Ptx;

/// <summary>Fundamental and packed types of the PTX ISA.</summary>
internal enum PtxType
{
    None, Pred,
    B8, B16, B32, B64, B128,
    U8, U16, U32, U64,
    S8, S16, S32, S64,
    F16, BF16, F32, F64,
    F16x2, BF16x2, TF32,
}

internal static class PtxTypes
{
    private static readonly Dictionary<string, PtxType> ByName = new(StringComparer.Ordinal)
    {
        ["pred"] = PtxType.Pred,
        ["b8"] = PtxType.B8,
        ["b16"] = PtxType.B16,
        ["b32"] = PtxType.B32,
        ["b64"] = PtxType.B64,
        ["b128"] = PtxType.B128,
        ["u8"] = PtxType.U8,
        ["u16"] = PtxType.U16,
        ["u32"] = PtxType.U32,
        ["u64"] = PtxType.U64,
        ["s8"] = PtxType.S8,
        ["s16"] = PtxType.S16,
        ["s32"] = PtxType.S32,
        ["s64"] = PtxType.S64,
        ["f16"] = PtxType.F16,
        ["bf16"] = PtxType.BF16,
        ["f32"] = PtxType.F32,
        ["f64"] = PtxType.F64,
        ["f16x2"] = PtxType.F16x2,
        ["bf16x2"] = PtxType.BF16x2,
        ["tf32"] = PtxType.TF32,
    };

    /// <summary>The type of a name without its dot; None if it is no type.</summary>
    internal static PtxType Parse(string name) => ByName.GetValueOrDefault(name);

    /// <summary>Size in bytes; 0 for predicates, which have none.</summary>
    internal static int Bytes(this PtxType type) => type switch
    {
        PtxType.B8 or PtxType.U8 or PtxType.S8 => 1,
        PtxType.B16 or PtxType.U16 or PtxType.S16 or PtxType.F16 or PtxType.BF16 => 2,
        PtxType.B32 or PtxType.U32 or PtxType.S32 or PtxType.F32 or PtxType.F16x2 or PtxType.BF16x2 or PtxType.TF32 => 4,
        PtxType.B64 or PtxType.U64 or PtxType.S64 or PtxType.F64 => 8,
        PtxType.B128 => 16,
        _ => 0,
    };

    internal static bool IsSigned(this PtxType type) => type is PtxType.S8 or PtxType.S16 or PtxType.S32 or PtxType.S64;

    internal static bool IsFloat(this PtxType type) =>
        type is PtxType.F16 or PtxType.BF16 or PtxType.F32 or PtxType.F64 or PtxType.F16x2 or PtxType.BF16x2 or PtxType.TF32;

    internal static bool IsInteger(this PtxType type) => type is >= PtxType.U8 and <= PtxType.S64;

    internal static bool IsBits(this PtxType type) => type is >= PtxType.B8 and <= PtxType.B128;

    internal static string Name(this PtxType type) => type.ToString().ToLowerInvariant();
}
