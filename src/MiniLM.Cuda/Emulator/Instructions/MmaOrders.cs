namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>mma with other orders and roundings, element by element: what a kernel computes must be right in all of them.</summary>
internal static unsafe class MmaOrders
{
    internal static void Exact(Warp w, Instruction* i) => Run(w, i, &ExactElement);

    internal static void Reverse(Warp w, Instruction* i) => Run(w, i, &ReverseElement);

    internal static void Truncate4(Warp w, Instruction* i) => Run(w, i, &Truncate4Element);

    internal static void Truncate8(Warp w, Instruction* i) => Run(w, i, &Truncate8Element);

    internal static void Truncate16(Warp w, Instruction* i) => Run(w, i, &Truncate16Element);

    private static void Run(Warp w, Instruction* i, delegate*<float*, float*, int, float, float> element)
    {
        Mma.RequireWarp(w);
        (nint a, nint b) = MmaFused.Fragments(w, i);
        int depth = i->Elements * 4;
        float* column = stackalloc float[16];
        float* results = stackalloc float[4 * Warp.Lanes];
        for (int n = 0; n < 8; n++)
        {
            int place = n / 2 + (n & 1) * 4;
            for (int k = 0; k < depth; k++) { column[k] = ((float*)b)[8 * k + place]; }
            for (int row = 0; row < 16; row++)
            {
                int c = row / 8 * 2 + (n & 1), lane = (row & 7) * 4 + n / 2;
                float value = element((float*)a + 16 * row, column, depth, ((float*)w.Register(i->Slots[12 + c]))[lane]);
                results[c * Warp.Lanes + lane] = float.IsNaN(value) ? BitConverter.UInt32BitsToSingle(Single.NaN) : value;
            }
        }
        for (int c = 0; c < 4; c++) { new Span<float>(results + c * Warp.Lanes, Warp.Lanes).CopyTo(new Span<float>(w.Register(i->Slots[c]), Warp.Lanes)); }
    }

    private static float ExactElement(float* a, float* b, int depth, float c)
    {
        double sum = 0;
        for (int k = 0; k < depth; k++) { sum += (double)a[k] * b[k]; }
        return (float)(sum + c);
    }

    private static float ReverseElement(float* a, float* b, int depth, float c)
    {
        for (int k = depth - 1; k >= 0; k--) { c = MathF.FusedMultiplyAdd(a[k], b[k], c); }
        return c;
    }

    private static float Truncate4Element(float* a, float* b, int depth, float c) => Truncate(a, b, depth, c, 4, 23);

    private static float Truncate8Element(float* a, float* b, int depth, float c) => Truncate(a, b, depth, c, 8, 24);

    private static float Truncate16Element(float* a, float* b, int depth, float c) => Truncate(a, b, depth, c, 16, 25);

    /// <summary>Terms of a group are cut to a number of fractional bits below the largest exponent, added without
    /// error, and cut to fp32 (Khattak; Xie).</summary>
    private static float Truncate(float* a, float* b, int depth, float c, int group, int bits)
    {
        for (int from = 0; from < depth; from += group)
        {
            int count = Math.Min(group, depth - from), largest = c == 0 ? int.MinValue : Exponent(c);
            bool isFinite = float.IsFinite(c);
            for (int k = from; k < from + count; k++)
            {
                isFinite &= float.IsFinite(a[k]) && float.IsFinite(b[k]);
                // The exponent of a product is the sum of its factors', before it is normalised.
                if (a[k] != 0 && b[k] != 0) { largest = Math.Max(largest, HalfExponent(a[k]) + HalfExponent(b[k])); }
            }
            if (!isFinite)
            {
                for (int k = from; k < from + count; k++) { c += a[k] * b[k]; }
                continue;
            }
            if (largest == int.MinValue) { continue; }
            double unit = Math.ScaleB(1, largest - bits), sum = Math.Truncate(c / unit);
            for (int k = from; k < from + count; k++) { sum += Math.Truncate((double)a[k] * b[k] / unit); }
            c = TowardZero(sum * unit);
        }
        return c;
    }

    private static int Exponent(float value) => Math.Max(Math.ILogB(value), -126);

    private static int HalfExponent(float value) => Math.Max(Math.ILogB(value), -14);

    private static float TowardZero(double value)
    {
        float nearest = (float)value;
        if (Math.Abs((double)nearest) <= Math.Abs(value)) { return nearest; }
        return nearest > 0 ? MathF.BitDecrement(nearest) : MathF.BitIncrement(nearest);
    }
}
