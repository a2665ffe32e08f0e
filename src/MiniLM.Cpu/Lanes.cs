using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MiniLM.Cpu;

/// <summary>A vector of floats of one width, so that a row kernel is written once for every tier below machine code.</summary>
internal unsafe interface ILanes<TSelf> where TSelf : struct, ILanes<TSelf>
{
    static abstract int Count { get; }
    static abstract TSelf Load(float* at);
    static abstract TSelf Create(float value);
    static abstract TSelf operator +(TSelf a, TSelf b);
    static abstract TSelf operator -(TSelf a, TSelf b);
    static abstract TSelf operator *(TSelf a, TSelf b);
    static abstract TSelf operator /(TSelf a, TSelf b);

    /// <summary>a * b + c, rounded once.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>this += a * b, rounded once. In place the compiler keeps a sum in its register; what <see cref="MultiplyAdd"/> returns it may move.</summary>
    void AddProduct(TSelf a, TSelf b);

    /// <summary>The greater one; <paramref name="b"/> when either is NaN, as vmaxps.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>The smaller one; <paramref name="b"/> when either is NaN, as vminps.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>The magnitude of one with the sign of the other.</summary>
    static abstract TSelf CopySign(TSelf magnitude, TSelf sign);

    /// <summary>x * 2^n, where the low bits of <paramref name="n"/> hold the integer (n + 1.5 * 2^23).</summary>
    static abstract TSelf Scale(TSelf x, TSelf n);

    void Store(float* at);

    /// <summary>Sum over the lanes, always in the same order.</summary>
    float Sum();

    /// <summary>The greatest lane; NaN if any lane is.</summary>
    float Greatest();
}

/// <summary>Eight lanes: AVX2 and FMA.</summary>
internal unsafe struct Lanes256(Vector256<float> value) : ILanes<Lanes256>
{
    private Vector256<float> _value = value;

    public static int Count => 8;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes256 Load(float* at) => new(Vector256.Load(at));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes256 Create(float value) => new(Vector256.Create(value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes256 operator +(Lanes256 a, Lanes256 b) => new(a._value + b._value);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes256 operator -(Lanes256 a, Lanes256 b) => new(a._value - b._value);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes256 operator *(Lanes256 a, Lanes256 b) => new(a._value * b._value);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes256 operator /(Lanes256 a, Lanes256 b) => new(a._value / b._value);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 MultiplyAdd(Lanes256 a, Lanes256 b, Lanes256 c) => new(Vector256.FusedMultiplyAdd(a._value, b._value, c._value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(Lanes256 a, Lanes256 b) => _value = Vector256.FusedMultiplyAdd(a._value, b._value, _value);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Max(Lanes256 a, Lanes256 b) =>
        new(Avx.IsSupported ? Avx.Max(a._value, b._value) : Vector256.ConditionalSelect(Vector256.GreaterThan(a._value, b._value), a._value, b._value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Min(Lanes256 a, Lanes256 b) =>
        new(Avx.IsSupported ? Avx.Min(a._value, b._value) : Vector256.ConditionalSelect(Vector256.LessThan(a._value, b._value), a._value, b._value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 CopySign(Lanes256 magnitude, Lanes256 sign) => new(Vector256.CopySign(magnitude._value, sign._value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Scale(Lanes256 x, Lanes256 n) => new((x._value.AsInt32() + Vector256.ShiftLeft(n._value.AsInt32(), 23)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public readonly void Store(float* at) => _value.Store(at);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public readonly float Sum() => Vector256.Sum(_value);
    public readonly float Greatest() => MathF.Max(Reduce(_value.GetLower()), Reduce(_value.GetUpper()));

    private static float Reduce(Vector128<float> v) => MathF.Max(MathF.Max(v[0], v[1]), MathF.Max(v[2], v[3]));
}

/// <summary>Four lanes: any processor with vectors.</summary>
internal unsafe struct Lanes128(Vector128<float> value) : ILanes<Lanes128>
{
    private Vector128<float> _value = value;

    public static int Count => 4;
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes128 Load(float* at) => new(Vector128.Load(at));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes128 Create(float value) => new(Vector128.Create(value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes128 operator +(Lanes128 a, Lanes128 b) => new(a._value + b._value);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes128 operator -(Lanes128 a, Lanes128 b) => new(a._value - b._value);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes128 operator *(Lanes128 a, Lanes128 b) => new(a._value * b._value);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static Lanes128 operator /(Lanes128 a, Lanes128 b) => new(a._value / b._value);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 MultiplyAdd(Lanes128 a, Lanes128 b, Lanes128 c) => new(Vector128.FusedMultiplyAdd(a._value, b._value, c._value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(Lanes128 a, Lanes128 b) => _value = Vector128.FusedMultiplyAdd(a._value, b._value, _value);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Max(Lanes128 a, Lanes128 b) =>
        new(Sse.IsSupported ? Sse.Max(a._value, b._value) : Vector128.ConditionalSelect(Vector128.GreaterThan(a._value, b._value), a._value, b._value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Min(Lanes128 a, Lanes128 b) =>
        new(Sse.IsSupported ? Sse.Min(a._value, b._value) : Vector128.ConditionalSelect(Vector128.LessThan(a._value, b._value), a._value, b._value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 CopySign(Lanes128 magnitude, Lanes128 sign) => new(Vector128.CopySign(magnitude._value, sign._value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Scale(Lanes128 x, Lanes128 n) => new((x._value.AsInt32() + Vector128.ShiftLeft(n._value.AsInt32(), 23)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public readonly void Store(float* at) => _value.Store(at);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public readonly float Sum() => Vector128.Sum(_value);
    public readonly float Greatest() => MathF.Max(MathF.Max(_value[0], _value[1]), MathF.Max(_value[2], _value[3]));
}

/// <summary>One lane: the scalar tier.</summary>
internal unsafe struct Lanes1(float value) : ILanes<Lanes1>
{
    private float _value = value;

    public static int Count => 1;
    public static Lanes1 Load(float* at) => new(*at);
    public static Lanes1 Create(float value) => new(value);
    public static Lanes1 operator +(Lanes1 a, Lanes1 b) => new(a._value + b._value);
    public static Lanes1 operator -(Lanes1 a, Lanes1 b) => new(a._value - b._value);
    public static Lanes1 operator *(Lanes1 a, Lanes1 b) => new(a._value * b._value);
    public static Lanes1 operator /(Lanes1 a, Lanes1 b) => new(a._value / b._value);
    public static Lanes1 MultiplyAdd(Lanes1 a, Lanes1 b, Lanes1 c) => new(MathF.FusedMultiplyAdd(a._value, b._value, c._value));
    public void AddProduct(Lanes1 a, Lanes1 b) => _value = MathF.FusedMultiplyAdd(a._value, b._value, _value);
    public static Lanes1 Max(Lanes1 a, Lanes1 b) => a._value > b._value ? a : b;
    public static Lanes1 Min(Lanes1 a, Lanes1 b) => a._value < b._value ? a : b;
    public static Lanes1 CopySign(Lanes1 magnitude, Lanes1 sign) => new(MathF.CopySign(magnitude._value, sign._value));
    public static Lanes1 Scale(Lanes1 x, Lanes1 n) =>
        new(BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(x._value) + (BitConverter.SingleToInt32Bits(n._value) << 23)));
    public readonly void Store(float* at) => *at = _value;
    public readonly float Sum() => _value;
    public readonly float Greatest() => _value;
}
