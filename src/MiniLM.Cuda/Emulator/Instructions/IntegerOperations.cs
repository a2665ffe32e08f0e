using System.Runtime.Intrinsics;

namespace MiniLM.Cuda.Emulator.Instructions;

// Hot operations on 8 lanes of 32 bits.

internal readonly struct Add32 : IBinary { public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => a + b; }

internal readonly struct Subtract32 : IBinary { public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => a - b; }

internal readonly struct Multiply32 : IBinary { public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => a * b; }

internal readonly struct MultiplyAdd32 : ITernary { public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c) => a * b + c; }

internal readonly struct And32 : IBinary { public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => a & b; }

internal readonly struct Or32 : IBinary { public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => a | b; }

internal readonly struct Xor32 : IBinary { public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => a ^ b; }

internal readonly struct Not32 : IUnary { public static Vector256<uint> Apply(Vector256<uint> a) => ~a; }

internal readonly struct Copy32 : IUnary { public static Vector256<uint> Apply(Vector256<uint> a) => a; }

internal readonly struct MinSigned32 : IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => Vector256.Min(a.AsInt32(), b.AsInt32()).AsUInt32();
}

internal readonly struct MaxSigned32 : IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => Vector256.Max(a.AsInt32(), b.AsInt32()).AsUInt32();
}

internal readonly struct MinUnsigned32 : IBinary { public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => Vector256.Min(a, b); }

internal readonly struct MaxUnsigned32 : IBinary { public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => Vector256.Max(a, b); }

/// <summary>Amounts of 32 and more shift everything out.</summary>
internal readonly struct ShiftLeft32 : IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => VariableShift.Left(a, b);
}

internal readonly struct ShiftRight32 : IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => VariableShift.Right(a, b);
}

internal readonly struct ShiftRightSigned32 : IBinary
{
    public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => VariableShift.RightSigned(a, b);
}

internal readonly struct Add64 : IWideBinary { public static Vector256<ulong> Apply(Vector256<ulong> a, Vector256<ulong> b) => a + b; }

internal readonly struct Subtract64 : IWideBinary { public static Vector256<ulong> Apply(Vector256<ulong> a, Vector256<ulong> b) => a - b; }

internal readonly struct Multiply64 : IWideBinary { public static Vector256<ulong> Apply(Vector256<ulong> a, Vector256<ulong> b) => a * b; }

internal readonly struct And64 : IWideBinary { public static Vector256<ulong> Apply(Vector256<ulong> a, Vector256<ulong> b) => a & b; }

internal readonly struct Or64 : IWideBinary { public static Vector256<ulong> Apply(Vector256<ulong> a, Vector256<ulong> b) => a | b; }

internal readonly struct Xor64 : IWideBinary { public static Vector256<ulong> Apply(Vector256<ulong> a, Vector256<ulong> b) => a ^ b; }

// The same for any width, lane by lane.

internal readonly struct AddAny : IInteger2 { public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement => a + b; }

internal readonly struct SubtractAny : IInteger2 { public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement => a - b; }

internal readonly struct MultiplyLow : IInteger2 { public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement => a * b; }

internal readonly struct MultiplyHigh : IInteger2
{
    public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement => Of<T>(a, b);

    internal static ulong Of<T>(ulong a, ulong b) where T : struct, IElement
    {
        if (T.Bits == 64) { return T.IsSigned ? (ulong)Math.BigMul((long)a, (long)b, out _) : Math.BigMul(a, b, out _); }
        return (ulong)((long)(a * b) >> T.Bits);
    }
}

internal readonly struct Divide : IInteger2
{
    /// <summary>By zero: all ones, which is what the hardware's code gives; the ISA leaves it open.</summary>
    public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement
    {
        if (b == 0) { return ulong.MaxValue; }
        if (!T.IsSigned) { return a / b; }
        return b == ulong.MaxValue ? 0 - a : (ulong)((long)a / (long)b);
    }
}

internal readonly struct Remainder : IInteger2
{
    public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement
    {
        if (b == 0) { return a; }
        if (!T.IsSigned) { return a % b; }
        return b == ulong.MaxValue ? 0 : (ulong)((long)a % (long)b);
    }
}

internal readonly struct MinAny : IInteger2
{
    public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement => (T.IsSigned ? (long)a < (long)b : a < b) ? a : b;
}

internal readonly struct MaxAny : IInteger2
{
    public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement => (T.IsSigned ? (long)a > (long)b : a > b) ? a : b;
}

internal readonly struct AndAny : IInteger2 { public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement => a & b; }

internal readonly struct OrAny : IInteger2 { public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement => a | b; }

internal readonly struct XorAny : IInteger2 { public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement => a ^ b; }

internal readonly struct ShiftLeftAny : IInteger2
{
    public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement => b >= (ulong)T.Bits ? 0 : a << (int)b;
}

internal readonly struct ShiftRightAny : IInteger2
{
    public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement
    {
        int amount = (int)Math.Min(b, (ulong)T.Bits);
        if (T.IsSigned) { return (ulong)((long)a >> Math.Min(amount, 63)); }
        return amount == 64 ? 0 : a >> amount;
    }
}

internal readonly struct Negate : IInteger1 { public static ulong Apply<T>(ulong a) where T : struct, IElement => 0 - a; }

internal readonly struct Absolute : IInteger1 { public static ulong Apply<T>(ulong a) where T : struct, IElement => (long)a < 0 ? 0 - a : a; }

internal readonly struct Complement : IInteger1 { public static ulong Apply<T>(ulong a) where T : struct, IElement => ~a; }

/// <summary>1 for 0, else 0.</summary>
internal readonly struct LogicalNot : IInteger1 { public static ulong Apply<T>(ulong a) where T : struct, IElement => a == 0 ? 1UL : 0; }

internal readonly struct MultiplyAddLow : IInteger3 { public static ulong Apply<T>(ulong a, ulong b, ulong c) where T : struct, IElement => a * b + c; }

internal readonly struct MultiplyAddHigh : IInteger3
{
    public static ulong Apply<T>(ulong a, ulong b, ulong c) where T : struct, IElement => MultiplyHigh.Of<T>(a, b) + c;
}

/// <summary>|a - b| + c.</summary>
internal readonly struct SumOfDifferences : IInteger3
{
    public static ulong Apply<T>(ulong a, ulong b, ulong c) where T : struct, IElement => ((T.IsSigned ? (long)a < (long)b : a < b) ? b - a : a - b) + c;
}
