using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MiniLM.Cuda.Emulator;

/// <summary>Shifts by an amount per lane; amounts of 32 and more give 0, or the sign. AVX2 has them, and the portable form is for other machines.</summary>
internal static class VariableShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> Left(Vector256<uint> a, Vector256<uint> amount)
    {
        if (Avx2.IsSupported) { return Avx2.ShiftLeftLogicalVariable(a, amount); }
        Vector256<uint> result = default;
        for (int i = 0; i < 8; i++) { result = result.WithElement(i, amount[i] > 31 ? 0 : a[i] << (int)amount[i]); }
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> Right(Vector256<uint> a, Vector256<uint> amount)
    {
        if (Avx2.IsSupported) { return Avx2.ShiftRightLogicalVariable(a, amount); }
        Vector256<uint> result = default;
        for (int i = 0; i < 8; i++) { result = result.WithElement(i, amount[i] > 31 ? 0 : a[i] >> (int)amount[i]); }
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> RightSigned(Vector256<uint> a, Vector256<uint> amount)
    {
        if (Avx2.IsSupported) { return Avx2.ShiftRightArithmeticVariable(a.AsInt32(), amount).AsUInt32(); }
        Vector256<uint> result = default;
        for (int i = 0; i < 8; i++) { result = result.WithElement(i, (uint)((int)a[i] >> (int)Math.Min(amount[i], 31u))); }
        return result;
    }
}
