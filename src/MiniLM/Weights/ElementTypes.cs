namespace MiniLM.Weights;

/// <summary>Names and widths of the element types of the safetensors format.</summary>
internal static class ElementTypes
{
    // In the order of the enum.
    private static readonly string[] Names =
    [
        "BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
        "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64",
    ];

    /// <summary>The name in a safetensors header.</summary>
    internal static string FormatName(this ElementType type) => Names[(int)type];

    /// <summary>Bits of one value.</summary>
    internal static int Bits(this ElementType type) => type switch
    {
        ElementType.F4 => 4,
        ElementType.F6E2M3 or ElementType.F6E3M2 => 6,
        ElementType.I16 or ElementType.U16 or ElementType.F16 or ElementType.BF16 => 16,
        ElementType.I32 or ElementType.U32 or ElementType.F32 => 32,
        ElementType.C64 or ElementType.F64 or ElementType.I64 or ElementType.U64 => 64,
        _ => 8,
    };

    /// <summary>What weights may be stored as: values widen exactly to float, or (F64) are rounded to it.</summary>
    internal static bool IsWeight(this ElementType type) => type is ElementType.F32 or ElementType.F16 or ElementType.BF16 or ElementType.F64;

    internal static bool TryParse(ReadOnlySpan<char> name, out ElementType type)
    {
        for (int i = 0; i < Names.Length; i++)
        {
            if (name.SequenceEqual(Names[i]))
            {
                type = (ElementType)i;
                return true;
            }
        }
        type = default;
        return false;
    }
}
