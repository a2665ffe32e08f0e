using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>One value from 32 lanes, the same in all of them, always in this order.</summary>
internal static class WarpReduction
{
    internal static float Sum(float value)
    {
        for (int mask = 16; mask > 0; mask >>= 1) { value += ShuffleXor(value, mask); }
        return value;
    }

    internal static uint Sum(uint value)
    {
        for (int mask = 16; mask > 0; mask >>= 1) { value += ShuffleXor(value, mask); }
        return value;
    }

    internal static float Max(float value)
    {
        for (int mask = 16; mask > 0; mask >>= 1) { value = Instructions.Max(value, ShuffleXor(value, mask)); }
        return value;
    }
}
