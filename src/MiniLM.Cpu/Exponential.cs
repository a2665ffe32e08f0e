using System.Runtime.CompilerServices;

namespace MiniLM.Cpu;

/// <summary>2^x to 1.4 * 2^-24 relative for x in [-126, 126]; smaller x gives (next to) 0, a NaN stays one.</summary>
internal readonly struct Exponential<TLanes> where TLanes : struct, ILanes<TLanes>
{
    private readonly TLanes _round = TLanes.Create(12582912f); // 1.5 * 2^23: adding it leaves the rounded integer in the low bits
    private readonly TLanes _least = TLanes.Create(-126);
    private readonly TLanes _c0 = TLanes.Create(Polynomial.Exp2[0]), _c1 = TLanes.Create(Polynomial.Exp2[1]), _c2 = TLanes.Create(Polynomial.Exp2[2]),
        _c3 = TLanes.Create(Polynomial.Exp2[3]), _c4 = TLanes.Create(Polynomial.Exp2[4]), _c5 = TLanes.Create(Polynomial.Exp2[5]),
        _c6 = TLanes.Create(Polynomial.Exp2[6]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Exponential() { }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal TLanes Power2(TLanes x)
    {
        x = TLanes.Max(_least, x); // in this order a NaN stays one
        TLanes n = x + _round;
        TLanes f = x - (n - _round);
        TLanes p = TLanes.MultiplyAdd(_c6, f, _c5);
        p = TLanes.MultiplyAdd(p, f, _c4);
        p = TLanes.MultiplyAdd(p, f, _c3);
        p = TLanes.MultiplyAdd(p, f, _c2);
        p = TLanes.MultiplyAdd(p, f, _c1);
        p = TLanes.MultiplyAdd(p, f, _c0);
        return TLanes.Scale(p, n);
    }
}
