using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using MiniLM.Training;

namespace MiniLM.Cpu.Tests.Training;

public sealed unsafe class DropoutMaskTests
{
    private const ulong Seed = 0x123456789abcdef0;

    // kat_vectors of Random123, the authors' library: counter, key, words.
    [Theory]
    [InlineData(0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8)]
    [InlineData(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd)]
    [InlineData(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1)]
    public void Philox_HasItsPublishedAnswers(uint a, uint b, uint c, uint d, uint keyLow, uint keyHigh, uint wa, uint wb, uint wc, uint wd)
    {
        Assert.Equal((wa, wb, wc, wd), Philox.Words(a, b, c, d, keyLow, keyHigh));
        if (!Avx2.IsSupported) { return; }
        PhiloxBlocks.Words(a, b, c, d, keyLow, keyHigh,
            out Vector256<uint> blockA, out Vector256<uint> blockB, out Vector256<uint> blockC, out Vector256<uint> blockD);
        for (int i = 0; i < PhiloxBlocks.Count; i++)
        {
            Assert.Equal(Philox.Words(a + (uint)i, b, c, d, keyLow, keyHigh), (blockA[i], blockB[i], blockC[i], blockD[i]));
        }
    }

    // Blocks 16 to 31, computed apart from the code, in Python, by what its comment says.
    public static TheoryData<uint, int, int, float, int, int[]> Masks() => new()
    {
        { 3, 2, 5, .1f, 1000, [0xfd, 0xbb, 0xfd, 0xff, 0xff, 0xef, 0xf7, 0xff, 0xbf, 0xfb, 0xfa, 0xfd, 0xff, 0xf7, 0xff, 0xf7] },
        { 70000, 1, 2, .5f, 7, [0xa9, 0xeb, 0x39, 0xea, 0x36, 0xc3, 0xf4, 0x1c, 0xb3, 0xc6, 0xdd, 0x7f, 0x92, 0x5c, 0xae, 0x85] },
        { 0, 4, 0, .75f, 0, [0x4, 0x6, 0x47, 0x0, 0xe8, 0x1, 0xc0, 0x6, 0x10, 0x0, 0x7, 0x2, 0x0, 0x4, 0x4, 0xc9] },
    };

    [Theory, MemberData(nameof(Masks))]
    public void Masks_AreThoseOfTheDocumentedNumbers(uint step, int site, int layer, float probability, int row, int[] kept)
    {
        DropoutMask mask = new StepDropout(Seed, step, []).At((DropoutSite)site, layer, probability);
        Assert.Equal((1 / (1 - probability), false), (mask.Scale, mask.IsOff));
        for (int i = 0; i < kept.Length; i++)
        {
            Assert.Equal((uint)kept[i], mask.Keep(row, 16 + i));
            for (int bit = 0; bit < 8; bit++) { Assert.Equal((kept[i] >> bit & 1) * mask.Scale, mask.Factor(row, 8 * (16 + i) + bit)); }
        }
        if (!Avx2.IsSupported) { return; }
        for (int first = 0; first < kept.Length; first += PhiloxBlocks.Count)
        {
            Vector256<int> bits = mask.KeepBlocks(row, 16 + first);
            for (int i = 0; i < PhiloxBlocks.Count; i++) { Assert.Equal(kept[first + i], bits[i]); }
        }
    }

    // The numbers of columns 129 and 133 are 322 and 59,696 of 65,536.
    [Theory]
    [InlineData(129, 322, true), InlineData(129, 322.4, true), InlineData(129, 322.6, false), InlineData(129, 323, false)]
    [InlineData(133, 59696, true), InlineData(133, 59697, false)]
    public void AValueIsKept_WhereItsNumberIsTheThreshold(int column, double threshold, bool isKept)
    {
        DropoutMask mask = new(Seed, 3, (DropoutSite)2, 5, (float)(threshold / 65536));
        Assert.Equal(isKept, mask.Factor(1000, column) > 0);
        if (!Avx2.IsSupported) { return; }
        Assert.Equal(isKept, (mask.KeepBlocks(1000, 16)[0] >> column % 8 & 1) != 0);
    }

    [Fact]
    public void Probabilities_GoFrom0ToBelow1()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new DropoutMask(1, 0, DropoutSite.Embeddings, 0, -1e-3f));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DropoutMask(1, 0, DropoutSite.Embeddings, 0, 1));
        foreach (DropoutMask off in new[] { default, new DropoutMask(1, 0, DropoutSite.Embeddings, 0, 0) })
        {
            Assert.True(off.IsOff);
            Assert.Equal(1, off.Factor(3, 4));
        }
    }
}
