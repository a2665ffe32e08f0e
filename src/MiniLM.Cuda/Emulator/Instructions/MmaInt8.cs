namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>mma of 8-bit integers: register r of A has row g + 8 (r mod 2), columns 4q .. 4q + 3 (+ 16 for r of 2, 3); of B
/// rows 4q .. 4q + 3 (+ 16 r), column g.</summary>
internal static unsafe class MmaInt8
{
    internal static void Run(Warp w, Instruction* i)
    {
        Mma.RequireWarp(w);
        int aRegisters = i->ElementBytes, rows = i->Elements == 2 ? 8 : 16, depth = aRegisters == 4 ? 32 : 16;
        bool isASigned = (i->Auxiliary & 1) != 0, isBSigned = (i->Auxiliary & 2) != 0, isSaturating = (i->Auxiliary & 4) != 0;
        int* results = stackalloc int[4 * Warp.Lanes];
        for (int row = 0; row < rows; row++)
        {
            for (int n = 0; n < 8; n++)
            {
                int c = row / 8 * 2 + (n & 1), lane = (row & 7) * 4 + n / 2;
                long sum = ((int*)w.Register(i->Slots[12 + c]))[lane];
                for (int k = 0; k < depth; k++)
                {
                    byte x = ((byte*)w.Register(i->Slots[4 + row / 8 + k / 16 * 2]))[4 * ((row & 7) * 4 + k % 16 / 4) + k % 4];
                    byte y = ((byte*)w.Register(i->Slots[8 + k / 16]))[4 * (n * 4 + k % 16 / 4) + k % 4];
                    sum += (isASigned ? (sbyte)x : x) * (isBSigned ? (sbyte)y : y);
                }
                results[c * Warp.Lanes + lane] = isSaturating ? (int)Math.Clamp(sum, int.MinValue, int.MaxValue) : (int)sum;
            }
        }
        for (int c = 0; c < i->Elements; c++)
        {
            new Span<int>(results + c * Warp.Lanes, Warp.Lanes).CopyTo(new Span<int>(w.Register(i->Slots[c]), Warp.Lanes));
        }
    }
}
