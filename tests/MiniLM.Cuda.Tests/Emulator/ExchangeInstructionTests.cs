namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>shfl, vote, redux, activemask, barriers with reductions, atomics.</summary>
public sealed class ExchangeInstructionTests
{
    /// <summary>The ISA's pseudocode of shfl, lane by lane.</summary>
    private static (int From, bool IsInRange) Source(string mode, int lane, int b, int c)
    {
        int bval = b & 31, cval = c & 31, mask = c >> 8 & 31;
        int most = lane & mask | cval & ~mask, least = lane & mask;
        int j = mode switch { "up" => lane - bval, "down" => lane + bval, "bfly" => lane ^ bval, _ => least | bval & ~mask };
        bool isInRange = mode == "up" ? j >= most : j <= most;
        return (isInRange ? j : lane, isInRange);
    }

    [Theory]
    [InlineData("up"), InlineData("down"), InlineData("bfly"), InlineData("idx")]
    public void Shfl_FollowsThePseudocode(string mode)
    {
        foreach (int width in (int[])[32, 16, 8, 4, 2])
        {
            int c = (32 - width) << 8 | (mode == "up" ? 0 : 31);
            for (int b = 0; b < 32; b += b < 4 ? 1 : 5)
            {
                uint[] output = new SmallKernel($"mul.lo.u32 %r1, %t, 7; shfl.sync.{mode}.b32 %r2|%p1, %r1, {b}, {c}, -1; selp.u32 %r3, 1000, 0, %p1; "
                    + "add.u32 %r2, %r2, %r3; st.global.u32 [%mine], %r2;").Run();
                for (int lane = 0; lane < 32; lane++)
                {
                    (int from, bool isInRange) = Source(mode, lane, b, c);
                    Assert.Equal((uint)(7 * from + (isInRange ? 1000 : 0)), output[lane]);
                }
            }
        }
    }

    // What nearly all kernels have goes a way of its own: a constant distance, the whole warp, no predicate.
    [Fact]
    public void Shfl_ButterflyWithoutAPredicate_FollowsItToo()
    {
        for (int b = 0; b < 64; b++)
        {
            string body = $"mul.lo.u32 %r1, %t, 7; shfl.sync.bfly.b32 %r1, %r1, {b}, 31, -1; st.global.u32 [%mine], %r1;";
            uint[] output = new SmallKernel(body) { Threads = 64 }.Run();
            Assert.Equal(Enumerable.Range(0, 64).Select(t => (uint)(7 * (t ^ b & 31))), output);
        }
    }

    // A block of 36 threads has 4 in its last warp: these have each other, and a lane that is not there is named.
    [Fact]
    public void Shfl_ButterflyOfAWarpThatIsNotFull_StaysInIt()
    {
        var kernel = new SmallKernel("shfl.sync.bfly.b32 %r1, %t, 3, 31, -1; st.global.u32 [%mine], %r1;") { Threads = 36 };
        Assert.Equal(Enumerable.Range(0, 36).Select(t => (uint)(t ^ 3)), kernel.Run());
        Assert.Contains("reads lane 4, which is not here", (kernel with { Body = kernel.Body.Replace("%t, 3", "%t, 4") }).Fault().Message);
    }

    [Fact]
    public void Shfl_MayReadADifferentLaneEach()
    {
        const string Body = "sub.u32 %r1, 31, %t; shfl.sync.idx.b32 %r2, %t, %r1, 31, 0xffffffff; st.global.u32 [%mine], %r2;";
        uint[] output = new SmallKernel(Body) { Threads = 64 }.Run();
        // The second warp's index is negative: five bits of it count.
        Assert.Equal(Enumerable.Range(0, 64).Select(t => (uint)(t < 32 ? 31 - t : 32 + (31 - t & 31))), output);
    }

    [Fact]
    public void Vote_AsksAllLanes()
    {
        uint[] output = new SmallKernel("""
            setp.lt.u32 %p1, %t, 5; setp.ge.u32 %p2, %t, 0; vote.sync.all.pred %p3, %p1, -1; vote.sync.any.pred %p4, %p1, -1;
            vote.sync.uni.pred %p5, %p2, -1; vote.sync.uni.pred %p6, %p1, -1; vote.sync.ballot.b32 %r1, !%p1, -1; activemask.b32 %r3;
            selp.u32 %r2, 1, 0, %p3; @%p4 add.u32 %r2, %r2, 2; @%p5 add.u32 %r2, %r2, 4;
            @%p6 add.u32 %r2, %r2, 8; xor.b32 %r1, %r1, %r3; add.u32 %r2, %r2, %r1; st.global.u32 [%mine], %r2;
            """).Run();
        Assert.All(output, value => Assert.Equal(6u + 31u, value));
    }

    [Theory]
    [InlineData("add.u32"), InlineData("min.s32"), InlineData("max.u32"), InlineData("and.b32"), InlineData("or.b32"), InlineData("xor.b32")]
    public void Redux_CombinesAllLanes(string operation)
    {
        uint[] input = [.. Enumerable.Range(0, 32).Select(i => (uint)(i * 2654435761u) | 0x10)];
        string body = $"mad.wide.u32 %x1, %t, 4, %in; ld.global.u32 %r1, [%x1]; redux.sync.{operation} %r2, %r1, -1; st.global.u32 [%mine], %r2;";
        uint[] output = new SmallKernel(body) { Input = input }.Run();
        uint expected = operation[..3] switch
        {
            "add" => input.Aggregate((a, b) => a + b),
            "min" => (uint)input.Min(i => (int)i),
            "max" => input.Max(),
            "and" => input.Aggregate((a, b) => a & b),
            "xor" => input.Aggregate((a, b) => a ^ b),
            _ => input.Aggregate((a, b) => a | b),
        };
        Assert.All(output, value => Assert.Equal(expected, value));
    }

    [Fact]
    public void BarRed_CountsAndCombinesOverTheBlock()
    {
        uint[] output = new SmallKernel("""
            and.b32 %r1, %t, 3; setp.eq.u32 %p1, %r1, 1; setp.lt.u32 %p2, %t, 200; bar.red.popc.u32 %r2, 0, %p1;
            bar.red.and.pred %p3, 0, %p2; bar.red.or.pred %p4, 0, !%p2; bar.red.or.pred %p5, 0, %p1;
            selp.u32 %r3, 1000, 0, %p3; add.u32 %r2, %r2, %r3; selp.u32 %r3, 2000, 0, %p4; add.u32 %r2, %r2, %r3;
            selp.u32 %r3, 4000, 0, %p5; add.u32 %r2, %r2, %r3; st.global.u32 [%mine], %r2;
            """) { Threads = 96 }.Run();
        Assert.All(output, value => Assert.Equal(24u + 1000 + 4000, value));
    }

    [Fact]
    public void NamedBarriers_JoinTheWarpsThatUseThem()
    {
        uint[] output = new SmallKernel("""
            shr.u32 %r1, %t, 6; add.u32 %r2, %r1, 1; mov.u32 %r3, smem; xor.b32 %r4, %t, 32; mad.lo.u32 %r5, %t, 4, %r3; mad.lo.u32 %r6, %r4, 4, %r3;
            st.shared.u32 [%r5], %t; bar.sync %r2, 64; ld.shared.u32 %r7, [%r6]; st.global.u32 [%mine], %r7; barrier.sync.aligned 0;
            """) { Threads = 128, SharedBytes = 512 }.Run();
        Assert.Equal(Enumerable.Range(0, 128).Select(t => (uint)(t ^ 32)), output);
    }

    [Fact]
    public void SharedMemory_CarriesValuesAcrossABarrier()
    {
        uint[] output = new SmallKernel("""
            mov.u32 %r1, smem; mad.lo.u32 %r2, %t, 4, %r1; mul.lo.u32 %r3, %t, 5; st.shared.u32 [%r2], %r3; bar.sync 0;
            sub.u32 %r4, 127, %t; mad.lo.u32 %r4, %r4, 4, %r1; ld.shared.u32 %r5, [%r4]; st.global.u32 [%mine], %r5;
            """) { Threads = 128, Blocks = 5, SharedBytes = 512 }.Run();
        Assert.Equal(Enumerable.Range(0, 640).Select(i => (uint)(127 - i % 128) * 5), output);
    }

    [Theory]
    [InlineData("add.u32", 500u, 500u + 2 * 496), InlineData("min.s32", 0xfffffff0u, 0xfffffff0u), InlineData("max.u32", 17u, 31u),
        InlineData("and.b32", 0xffu, 0u), InlineData("or.b32", 0x100u, 0x11fu), InlineData("xor.b32", 0x100u, 0x100u)]
    public void Atomics_ApplyEveryLane(string operation, uint start, uint expected)
    {
        // Once as atom and once as red.
        foreach (string space in (string[])["global", "shared"])
        {
            string address = space == "global" ? "%out" : "%r9";
            uint[] output = new SmallKernel($"""
                mov.u32 %r9, smem; setp.eq.u32 %p1, %t, 0; @%p1 st.{space}.u32 [{address}], {(int)start}; bar.warp.sync -1;
                atom.{space}.{operation} %r1, [{address}], %t; red.{space}.{operation} [{address}], %t; bar.warp.sync -1;
                @%p1 ld.{space}.u32 %r2, [{address}]; @%p1 st.global.u32 [%out+4], %r2;
                """) { OutputWords = 4, SharedBytes = 16 }.Run();
            Assert.Equal(expected, output[1]);
        }
    }

    [Fact]
    public void AtomicsReturnTheOldValue()
    {
        uint[] output = new SmallKernel("atom.global.add.u32 %r1, [%out+128], 3; st.global.u32 [%mine], %r1; atom.global.inc.u32 %r2, [%out+132], 4; "
            + "atom.global.exch.b32 %r3, [%out+136], %t; atom.global.cas.b32 %r4, [%out+140], %t, 99; atom.global.dec.u32 %r5, [%out+144], 7; "
            + "cvt.rn.f32.u32 %f1, %t; red.global.add.f32 [%out+148], %f1; atom.add.u32 %r6, [%out+152], 1;")
        { OutputWords = 40 }.Run();
        Assert.Equal(Enumerable.Range(0, 32).Select(t => 3u * (uint)t), output[..32]);
        Assert.Equal(96u, output[32]);
        Assert.Equal(32u % 5, output[33]);
        Assert.Equal(31u, output[34]);
        Assert.Equal(99u, output[35]);
        Assert.Equal(0u, output[36]);
        Assert.Equal(496f, BitConverter.UInt32BitsToSingle(output[37]));
        Assert.Equal(32u, output[38]);
    }

    [Fact]
    public void GlobalAtomics_OfManyBlocksAreDeterministic()
    {
        var kernel = new SmallKernel("cvt.rn.f32.u32 %f1, %n; mul.f32 %f1, %f1, 0f3DCCCCCD; red.global.add.f32 [%out], %f1;")
        {
            Threads = 64,
            Blocks = 40,
            OutputWords = 1,
        };
        uint[] one = (kernel with { Options = kernel.Options with { Threads = 1 } }).Run();
        for (int i = 0; i < 3; i++) { Assert.Equal(one, (kernel with { Options = kernel.Options with { Threads = 4 } }).Run()); }
        Assert.NotEqual(0u, one[0]);
    }

    [Fact]
    public void Fences_DoNothing() => Assert.Equal(0u, new SmallKernel("membar.cta; membar.gl; membar.sys; fence.acq_rel.gpu; fence.sc.sys;").Run()[0]);

    [Fact]
    public void PartialWarps_ExchangeAmongTheLanesThereAre()
    {
        uint[] output = new SmallKernel("shfl.sync.up.b32 %r1, %t, 1, 0, -1; bar.sync 0; st.global.u32 [%mine], %r1;") { Threads = 40 }.Run();
        Assert.Equal(Enumerable.Range(0, 40).Select(t => (uint)(t % 32 == 0 ? t : t - 1)), output);
    }
}
