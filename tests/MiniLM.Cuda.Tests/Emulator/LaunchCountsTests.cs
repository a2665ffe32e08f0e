using MiniLM.Cuda.Emulator;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>What is counted: instructions, operations, sectors and bank conflicts of known patterns, the same for any number of threads.</summary>
public sealed class LaunchCountsTests
{
    private static LaunchCounts Count(string body, uint shared = 0, int words = 0, uint threads = 32, uint blocks = 1)
    {
        _ = new SmallKernel(body) { SharedBytes = shared, OutputWords = words, Threads = threads, Blocks = blocks }.Run(out LaunchCounts? counts);
        return counts!;
    }

    [Theory]
    [InlineData(1, 4, 4), InlineData(2, 8, 4), InlineData(4, 16, 4), InlineData(8, 32, 4), InlineData(32, 32, 4), InlineData(0, 1, 1)]
    public void Sectors_GrowWithTheStride(int stride, int sectors, int ideal)
    {
        GlobalTraffic traffic = Count($"mad.wide.u32 %x1, %t, {4 * stride}, %out; ld.global.u32 %r1, [%x1];", words: 1024).Global["ld"];
        Assert.Equal(new GlobalTraffic(1, 128, sectors, ideal), traffic);
    }

    [Fact]
    public void Sectors_OfVectorsAndMisplacedRows()
    {
        Assert.Equal(new GlobalTraffic(1, 512, 16, 16),
            Count("mad.wide.u32 %x1, %t, 16, %out; ld.global.v4.u32 {%r1,%r2,%r3,%r4}, [%x1];", words: 128).Global["ld"]);
        Assert.Equal(new GlobalTraffic(1, 128, 5, 4), Count("st.global.u32 [%mine+4], %t;", words: 40).Global["st"]);
        Assert.Equal(new GlobalTraffic(1, 64, 2, 2), Count("setp.lt.u32 %p1, %t, 16; @%p1 st.global.u32 [%mine], %t;").Global["st"]);
        LaunchCounts counts = Count("st.global.u32 [%mine], %t; ld.global.u32 %r1, [%mine]; red.global.add.u32 [%mine], 1;", threads: 64, blocks: 3);
        Assert.Equal((2L * 3 * 256, 2L * 3 * 256), (counts.GlobalBytesRead, counts.GlobalBytesWritten));
    }

    [Fact]
    public void DistinctBytes_AreThoseOfSectorsTouchedByAnyBlockOnce()
    {
        const string Body = "ld.global.u32 %r1, [%in]; ld.global.u32 %r2, [%in+64]; st.global.u32 [%mine], %t; st.global.u32 [%mine], %t;";
        _ = new SmallKernel(Body) { Input = new uint[32], Threads = 64, Blocks = 3 }.Run(out LaunchCounts? several);
        Assert.Equal((2 * 32L, 3 * 256L), (several!.DistinctBytesRead, several.DistinctBytesWritten));
        LaunchCounts counts = Count("red.global.add.u32 [%out+100], 1;", words: 64);
        Assert.Equal((32L, 32L), (counts.DistinctBytesRead, counts.DistinctBytesWritten));
    }

    [Theory]
    [InlineData(1, 1), InlineData(2, 2), InlineData(3, 1), InlineData(4, 4), InlineData(8, 8), InlineData(16, 16), InlineData(32, 32),
        InlineData(33, 1), InlineData(0, 1)]
    public void Wavefronts_OfWordsAreTheConflictsOfTheWorstBank(int stride, int wavefronts)
    {
        LaunchCounts counts = Count(
            $"mov.u32 %r1, smem; mad.lo.u32 %r2, %t, {4 * stride}, %r1; st.shared.u32 [%r2], 1; bar.warp.sync -1; ld.shared.u32 %r3, [%r2];", 8192);
        Assert.Equal(new SharedTraffic(1, 128, wavefronts, 1), counts.Shared["st"]);
        Assert.Equal(new SharedTraffic(1, 128, wavefronts, 1), counts.Shared["ld"]);
    }

    [Theory]
    [InlineData(16, 16, 4), InlineData(16, 32, 8), InlineData(16, 128, 32), InlineData(16, 144, 4), InlineData(8, 8, 2), InlineData(8, 16, 4),
        InlineData(8, 128, 32), InlineData(16, 0, 4)]
    public void Wavefronts_OfVectorsGoInGroupsOf128Bytes(int bytes, int stride, int wavefronts)
    {
        string form = bytes == 16 ? "v4" : "v2", registers = bytes == 16 ? "{%r3,%r4,%r5,%r6}" : "{%r3,%r4}", values = bytes == 16 ? "{1,1,1,1}" : "{1,1}";
        LaunchCounts counts = Count(
            $"mov.u32 %r1, smem; mad.lo.u32 %r2, %t, {stride}, %r1; st.shared.{form}.u32 [%r2], {values}; bar.warp.sync -1; "
            + $"ld.shared.{form}.u32 {registers}, [%r2];", 8192);
        Assert.Equal(new SharedTraffic(1, 32 * bytes, wavefronts, 32 * bytes / 128), counts.Shared["ld"]);
        Assert.Equal(counts.Shared["ld"], counts.Shared["st"]);
    }

    [Fact]
    public void Swizzle_MakesLdmatrixFreeOfConflicts()
    {
        // 16 rows of 64 bytes, chunk c of row r at c ^ (r / 2 mod 4): the layout of the GEMM kernels, and the same without it.
        const string Fill = "mov.u32 %r1, smem; mad.lo.u32 %r2, %t, 16, %r1; mov.u32 %r9, 0; st.shared.v4.u32 [%r2], {%r9,%r9,%r9,%r9}; "
            + "st.shared.v4.u32 [%r2+512], {%r9,%r9,%r9,%r9}; bar.warp.sync -1; and.b32 %r3, %t, 15; shr.u32 %r4, %t, 4; ";
        const string Load =
            "shl.b32 %r6, %r4, 4; mad.lo.u32 %r6, %r3, 64, %r6; add.u32 %r6, %r6, %r1; ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r10,%r11,%r12,%r13}, [%r6];";
        Assert.Equal(new SharedTraffic(1, 512, 4, 4),
            Count(Fill + "shr.u32 %r5, %r3, 1; and.b32 %r5, %r5, 3; xor.b32 %r4, %r4, %r5; " + Load, 1024).Shared["ldmatrix"]);
        Assert.Equal(new SharedTraffic(1, 512, 16, 4), Count(Fill + Load, 1024).Shared["ldmatrix"]);
    }

    [Fact]
    public void CopyAsync_CountsBothSides()
    {
        LaunchCounts counts = new SmallKernel("mov.u32 %r1, smem; mad.lo.u32 %r2, %t, 16, %r1; mad.wide.u32 %x1, %t, 16, %in; setp.lt.u32 %p1, %t, 16; "
            + "selp.u32 %r3, 16, 0, %p1; cp.async.cg.shared.global [%r2], [%x1], 16, %r3; cp.async.wait_all;")
        {
            Input = new uint[128],
            SharedBytes = 512,
        }.Counts();
        Assert.Equal(new GlobalTraffic(1, 256, 8, 8), counts.Global["cp.async"]);
        Assert.Equal(new SharedTraffic(1, 512, 4, 4), counts.Shared["cp.async"]);
    }

    [Fact]
    public void Instructions_OperationsAndBarriersAreCounted()
    {
        LaunchCounts counts = Count("""
            mov.f32 %f1, 0f3F800000; fma.rn.f32 %f2, %f1, %f1, %f1; add.rn.f32 %f2, %f2, %f1; mul.f32 %f3, %f2, %f1;
            ex2.approx.ftz.f32 %f4, %f3; rcp.rn.f32 %f5, %f4; div.approx.f32 %f6, %f4, %f1; mov.b32 %r5, 0;
            mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f7,%f8,%f9,%f10}, {%r5,%r5,%r5,%r5}, {%r5,%r5}, {%f1,%f1,%f1,%f1};
            bar.sync 0; setp.lt.u32 %p1, %t, 8; @%p1 add.f32 %f11, %f1, %f1; @%p1 bra SKIP; SKIP: bar.warp.sync -1;
            """, threads: 64);
        Assert.Equal((2L, 4L, 2L, 1L), (counts.Mma, counts.Mufu, counts.Barriers, counts.DivergentBranches));
        Assert.Equal(2L * 4096 + 64 * (2 + 1 + 1 + 1) + 8, counts.Flops);
        Assert.Equal((2L, 4L, 2L), (counts.ByRoot["fma"], counts.ByRoot["add"], counts.ByRoot["mma"]));
        Assert.Equal(counts.WarpInstructions, counts.ByRoot.Values.Sum());
        Assert.Equal(counts.ThreadInstructions, counts.Lines.Sum(line => line.Counts.Threads));
        CountedLine guarded = counts.Lines.Single(line => line.Text.StartsWith("add.f32", StringComparison.Ordinal));
        Assert.Equal((SmallKernel.FirstLine + 3, 2L, 8L), (guarded.Line, guarded.Counts.Warps, guarded.Counts.Threads));
        Assert.Contains("2 mma, 4 MUFU", counts.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void CountsAndResults_DoNotDependOnCpuThreadsOrChecks()
    {
        var kernel = new SmallKernel("""
            mov.u32 %r1, smem; mul.lo.u32 %r2, %t, 20; and.b32 %r2, %r2, 1020; add.u32 %r2, %r2, %r1; and.b32 %r3, %n, 7; mov.u32 %r4, 0;
            LOOP: setp.ge.u32 %p1, %r4, %r3; @%p1 bra DONE; add.u32 %r4, %r4, 1; mad.lo.u32 %r5, %r4, %n, %t; bra LOOP;
            DONE: mad.lo.u32 %r5, %r4, %n, %t; setp.eq.u32 %p2, %t, 5; @%p2 st.shared.u32 [%r2], %r5; bar.sync 0; st.global.u32 [%mine], %r5;
            """) { Threads = 96, Blocks = 37, SharedBytes = 1024 };
        uint[] expected = kernel.Run(out LaunchCounts? counts);
        foreach (int threads in (int[])[1, 2, 3])
        {
            foreach (bool isChecked in (bool[])[false, true])
            {
                EmulatedGpuOptions options = new() { IsCounted = true, IsChecked = isChecked, Threads = threads };
                uint[] output = (kernel with { Options = options }).Run(out LaunchCounts? other);
                Assert.Equal(expected, output);
                Assert.Equal(counts!.ToString(), other!.ToString());
                Assert.Equal(counts.Lines, other.Lines);
            }
        }
    }
}
