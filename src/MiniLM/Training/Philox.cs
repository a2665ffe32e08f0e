using System.Runtime.CompilerServices;

namespace MiniLM.Training;

/// <summary>
/// Philox4x32-10: four random words that are a function of a counter and a key (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
/// </summary>
internal static class Philox
{
    internal const int Rounds = 10;
    internal const uint FactorA = 0xD2511F53, FactorB = 0xCD9E8D57, GoldenRatio = 0x9E3779B9, RootOfThree = 0xBB67AE85;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (uint A, uint B, uint C, uint D) Words(uint a, uint b, uint c, uint d, uint keyLow, uint keyHigh)
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong first = (ulong)FactorA * a, second = (ulong)FactorB * c;
            (a, b, c, d) = ((uint)(second >> 32) ^ b ^ keyLow, (uint)second, (uint)(first >> 32) ^ d ^ keyHigh, (uint)first);
            (keyLow, keyHigh) = (keyLow + GoldenRatio, keyHigh + RootOfThree);
        }
        return (a, b, c, d);
    }
}
