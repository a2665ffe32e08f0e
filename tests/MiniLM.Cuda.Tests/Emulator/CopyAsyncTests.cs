using MiniLM.Cuda.Emulator;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>cp.async: bytes land at the wait and not before.</summary>
public sealed class CopyAsyncTests
{
    private static readonly uint[] Input = [.. Enumerable.Range(0, 1024).Select(i => (uint)i + 1)];

    private static SmallKernel Kernel(string body) => new("mov.u32 %r1, smem; mad.lo.u32 %r2, %t, 16, %r1; mad.wide.u32 %x1, %t, 16, %in;\n" + body)
    {
        Input = Input,
        SharedBytes = 4096,
    };

    [Theory]
    [InlineData("ca", 4), InlineData("ca", 8), InlineData("ca", 16), InlineData("cg", 16)]
    public void Copies_ArriveAfterTheWait(string cache, int bytes)
    {
        SmallKernel kernel = Kernel($"st.shared.v4.u32 [%r2], {{9, 9, 9, 9}}; cp.async.{cache}.shared.global [%r2], [%x1+16], {bytes}; cp.async.commit_group; "
            + $"cp.async.wait_group 0; ld.shared.v4.u32 {{%r3,%r4,%r5,%r6}}, [%r2]; mad.wide.u32 %x2, %t, 16, %out; "
            + $"st.global.v4.u32 [%x2], {{%r3,%r4,%r5,%r6}};");
        uint[] output = (kernel with { OutputWords = 128 }).Run();
        for (int i = 0; i < 128; i++) { Assert.Equal(i % 4 * 4 < bytes ? (uint)i + 5 : 9, output[i]); }
    }

    [Fact]
    public void SourceSize_FillsTheRestWithZerosAndReadsNothing()
    {
        // Lanes with size 0 have an address outside of everything.
        SmallKernel kernel = Kernel("and.b32 %r7, %t, 3; shl.b32 %r7, %r7, 2; setp.eq.u32 %p1, %r7, 0; selp.b64 %x1, 16, %x1, %p1; "
            + "cp.async.ca.shared.global [%r2], [%x1], 16, %r7; cp.async.wait_all; ld.shared.v4.u32 {%r3,%r4,%r5,%r6}, [%r2]; mad.wide.u32 %x2, %t, 16, %out; "
            + "st.global.v4.u32 [%x2], {%r3,%r4,%r5,%r6};");
        uint[] output = (kernel with { OutputWords = 128 }).Run();
        for (int i = 0; i < 128; i++) { Assert.Equal(i % 4 < i / 4 % 4 ? (uint)i + 1 : 0, output[i]); }
    }

    [Fact]
    public void Groups_LandInTheirOrder()
    {
        const string Body = """
            cp.async.cg.shared.global [%r2], [%x1], 16; cp.async.commit_group; cp.async.cg.shared.global [%r2+512], [%x1+512], 16;
            cp.async.commit_group; cp.async.cg.shared.global [%r2+1024], [%x1+1024], 16; cp.async.commit_group;
            cp.async.wait_group 2; ld.shared.u32 %r3, [%r2]; ld.shared.u32 %r4, [%r2+512]; cp.async.wait_group 1;
            ld.shared.u32 %r5, [%r2+512]; ld.shared.u32 %r6, [%r2+1024]; cp.async.wait_group 0; ld.shared.u32 %r7, [%r2+1024];
            setp.eq.u32 %p1, %r4, 0x7e7e7e7e; setp.eq.and.u32 %p1, %r6, 0x7e7e7e7e, %p1; selp.u32 %r8, 1000000, 0, %p1;
            add.u32 %r8, %r8, %r3; add.u32 %r8, %r8, %r5; add.u32 %r8, %r8, %r7; st.global.u32 [%mine], %r8;
            """;
        // Without checks, so that reading too early shows the poison instead of a fault.
        uint[] output = (Kernel(Body) with { Options = new EmulatedGpuOptions() }).Run();
        Assert.Equal(Enumerable.Range(0, 32).Select(t => (uint)(1000000 + 3 * (4 * t + 1) + 128 + 256)), output);
        KernelFaultException fault = Kernel(Body).Fault();
        Assert.Equal((KernelFault.AsyncCopy, SmallKernel.FirstLine + 3), (fault.Fault, fault.Line));
    }

    [Fact]
    public void AnotherWarp_MustWaitForABarrier()
    {
        const string Copy = "cp.async.cg.shared.global [%r2], [%x1], 16; cp.async.commit_group; cp.async.wait_group 0;\n",
            Read = "xor.b32 %r3, %r2, 512; ld.shared.u32 %r4, [%r3];\nst.global.u32 [%mine], %r4;";
        Assert.Equal(Enumerable.Range(0, 64).Select(t => (uint)(t ^ 32) * 4 + 1), (Kernel(Copy + "bar.sync 0;\n" + Read) with { Threads = 64 }).Run());
        KernelFaultException fault = (Kernel(Copy + Read) with { Threads = 64 }).Fault();
        // The first warp runs first, and the second has not even issued its copy.
        Assert.Equal((SmallKernel.FirstLine + 2, 0, 0), (fault.Line, fault.Warp, fault.Thread));
        Assert.Equal(KernelFault.UninitializedMemory, fault.Fault);
    }

    [Fact]
    public void ACopyThatNobodyWaitedFor_IsAFaultAtTheEnd()
    {
        KernelFaultException fault = Kernel("cp.async.cg.shared.global [%r2], [%x1], 16;\ncp.async.commit_group;").Fault();
        Assert.Equal(KernelFault.AsyncCopy, fault.Fault);
        Assert.Contains($"line {SmallKernel.FirstLine + 1}", fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public void WritingWhereACopyIsOnItsWay_IsAFault() =>
        Assert.Equal(KernelFault.AsyncCopy, Kernel("cp.async.cg.shared.global [%r2], [%x1], 16;\nst.shared.u32 [%r2], %t; cp.async.wait_all;").Fault().Fault);

    [Theory]
    [InlineData("cp.async.cg.shared.global [%r2+8], [%x1], 16;"), InlineData("cp.async.cg.shared.global [%r2], [%x1+8], 16;"),
        InlineData("cp.async.ca.shared.global [%r2+4], [%x1], 8;")]
    public void BothAddresses_AreAligned(string copy) => Assert.Equal(KernelFault.Misaligned, Kernel(copy).Fault().Fault);

    [Fact]
    public void ASourceSizeAboveTheCopy_IsAFault() =>
        Assert.Equal(KernelFault.Operand, Kernel("mov.u32 %r3, 17; cp.async.cg.shared.global [%r2], [%x1], 16, %r3;").Fault().Fault);
}
