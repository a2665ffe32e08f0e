namespace MiniLM.Weights;

/// <summary>How one value of a tensor is stored, by the names of the safetensors format.</summary>
public enum ElementType
{
#pragma warning disable CS1591 // the names are the format's own
    Bool, F4, F6E2M3, F6E3M2, U8, I8, F8E5M2, F8E4M3, F8E8M0, F8E4M3Fnuz, F8E5M2Fnuz, I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64,
#pragma warning restore CS1591
}
