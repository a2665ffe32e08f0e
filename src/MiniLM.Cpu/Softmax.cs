using System.Diagnostics;

namespace MiniLM.Cpu;

/// <summary>Softmax of one row of scores without the division. Formula: <see cref="Compute.Reference.Softmax"/>.</summary>
/// <remarks>A fifth to a quarter of fp32 attention's time: 15-20 cycles for 16 exponentials on Zen 4.</remarks>
internal static unsafe class Softmax
{
    /// <summary>In place 2^(factor (s - max)), and 1 / sum of them; columns from length to padded end as (next to) 0.</summary>
    /// <param name="scores">[padded]; what lies between length and padded is overwritten.</param>
    /// <param name="bias">[length], added to the scores first, in units of 1 / factor; or null.</param>
    /// <param name="length">At least 1.</param>
    /// <param name="padded">length, rounded up to a multiple of 32.</param>
    /// <param name="factor">log2(e) / sqrt(headSize), positive.</param>
    internal static float Forward<TLanes>(float* scores, float* bias, int length, int padded, float factor) where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(scores != null && factor > 0);
        Debug.Assert(length > 0 && padded >= length && padded % Gemm.Columns == 0); // whole steps of two vectors, none of them padding alone
        int lanes = TLanes.Count;
        if (bias != null)
        {
            for (int i = 0; i < length; i++) { scores[i] += bias[i]; }
        }
        for (int i = length; i < padded; i++) { scores[i] = float.NegativeInfinity; }
        TLanes m0 = TLanes.Load(scores), m1 = TLanes.Load(scores + lanes);
        for (int i = 2 * lanes; i < padded; i += 2 * lanes)
        {
            m0 = TLanes.Max(m0, TLanes.Load(scores + i));
            m1 = TLanes.Max(m1, TLanes.Load(scores + i + lanes));
        }
        float max = TLanes.Max(m0, m1).Greatest();

        var exponential = new Exponential<TLanes>();
        // factor * (s - max), not factor * s - factor * max: equal scores must give exactly 1, and large ones must not cancel.
        TLanes scale = TLanes.Create(factor), center = TLanes.Create(max), sum0 = TLanes.Create(0), sum1 = sum0;
        for (int i = 0; i < padded; i += 2 * lanes)
        {
            TLanes p = exponential.Power2((TLanes.Load(scores + i) - center) * scale),
                q = exponential.Power2((TLanes.Load(scores + i + lanes) - center) * scale);
            sum0 += p;
            sum1 += q;
            p.Store(scores + i);
            q.Store(scores + i + lanes);
        }
        // Each padding column adds 2^-126: nothing next to the row's maximum, which adds 1.
        return 1 / (sum0 + sum1).Sum();
    }

    /// <summary>
    /// p times inverse, and ds = factor p (dp - sum of p dp), both in place over one row; columns from length to padded end as 0 where p is 0 there.
    /// </summary>
    /// <param name="p">[padded], as <see cref="Forward"/> left it.</param>
    /// <param name="inverse">As it returned.</param>
    /// <param name="dp">[padded].</param>
    /// <param name="padded">A multiple of 32.</param>
    /// <param name="factor">What the scores were multiplied by.</param>
    internal static void Backward<TLanes>(float* p, float inverse, float* dp, int padded, float factor) where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(p != null && dp != null && padded > 0 && padded % Gemm.Columns == 0);
        int lanes = TLanes.Count;
        TLanes s0 = TLanes.Create(0), s1 = s0, share = TLanes.Create(inverse);
        for (int i = 0; i < padded; i += 2 * lanes)
        {
            TLanes p0 = TLanes.Load(p + i) * share, p1 = TLanes.Load(p + i + lanes) * share;
            s0 = TLanes.MultiplyAdd(p0, TLanes.Load(dp + i), s0);
            s1 = TLanes.MultiplyAdd(p1, TLanes.Load(dp + i + lanes), s1);
            p0.Store(p + i);
            p1.Store(p + i + lanes);
        }
        TLanes sum = TLanes.Create((s0 + s1).Sum()), scale = TLanes.Create(factor);
        for (int i = 0; i < padded; i += lanes) { (TLanes.Load(p + i) * scale * (TLanes.Load(dp + i) - sum)).Store(dp + i); }
    }
}
