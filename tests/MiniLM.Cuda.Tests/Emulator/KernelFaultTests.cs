using MiniLM.Cuda.Emulator;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>Each check fires on a kernel with one mistake, at its line and thread, and not on the same kernel without it.</summary>
public sealed class KernelFaultTests
{
    private const string Smem = "mov.u32 %r1, smem; mad.lo.u32 %r2, %t, 4, %r1;\n";

    private static void Fires(KernelFault fault, int line, int thread, SmallKernel kernel, string says = "")
    {
        KernelFaultException found = kernel.Fault();
        Assert.True(fault == found.Fault, found.Message);
        Assert.Equal(SmallKernel.FirstLine + line, found.Line);
        Assert.Equal((thread, thread / 32), (found.Thread, found.Warp));
        Assert.Contains($"small: line {found.Line}: block (", found.Message, StringComparison.Ordinal);
        Assert.Contains(says, found.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', found.Message);
    }

    [Theory]
    [InlineData("ld.global.u32 %r1, [%mine+4];", "past the end"), InlineData("st.global.v4.u32 [%x2], {%r0,%r0,%r0,%r0};", "st.global.v4"),
        InlineData("ld.u32 %r1, [%mine+4];", "4 bytes outside of global memory"), InlineData("atom.global.add.u32 %r1, [%mine+4], 1;", "outside")]
    public void OutOfBounds_Global(string access, string says)
    {
        // Thread 31's word is the last; v4 of thread 8 is past the end.
        Fires(KernelFault.OutOfBounds, 1, access.Contains("v4", StringComparison.Ordinal) ? 8 : 31,
            new SmallKernel("mov.u32 %r0, 0; mad.wide.u32 %x2, %t, 16, %out;\n" + access), says);
        _ = new SmallKernel("mov.u32 %r0, 0; mad.wide.u32 %x2, 0, 16, %out;\n" + access.Replace("+4", "+0").Replace("{%r0,", "{%t,")
            .Replace("%t,%r0,%r0,%r0", "%r0,%r0,%r0,%r0")).Run();
    }

    [Fact]
    public void OutOfBounds_NullFreedAndForeignAddresses()
    {
        Fires(KernelFault.OutOfBounds, 0, 0, new SmallKernel("mov.u64 %x1, 0; ld.global.u32 %r1, [%x1+8];"), "null pointer");
        Fires(KernelFault.OutOfBounds, 0, 3, new SmallKernel("setp.eq.u32 %p1, %t, 3; selp.b64 %x1, -8, %out, %p1; ld.global.u32 %r1, [%x1];"));
        // Another buffer is not next door: gaps lie between.
        Fires(KernelFault.OutOfBounds, 0, 0, new SmallKernel("ld.global.u32 %r1, [%mine+256];"), "128 bytes past the end");
    }

    [Fact]
    public void OutOfBounds_SharedAndLocal()
    {
        Fires(KernelFault.OutOfBounds, 1, 31, new SmallKernel(Smem + "st.shared.u32 [%r2+4], %t;") { SharedBytes = 128 }, "byte 128 of 128");
        Fires(KernelFault.OutOfBounds, 1, 0, new SmallKernel(Smem + "ld.shared.u32 %r3, [0];") { SharedBytes = 128 });
        Fires(KernelFault.OutOfBounds, 1, 0, new SmallKernel(Smem + "ld.shared.u32 %r3, [%r2];"));
        Fires(KernelFault.OutOfBounds, 1, 0, new SmallKernel(".local .b8 a[8]; mov.u32 %r1, a;\nst.local.u32 [%r1+8], %t;"));
        _ = new SmallKernel(Smem + "st.shared.u32 [%r2], %t;") { SharedBytes = 128 }.Run();
    }

    [Theory]
    [InlineData("ld.global.u32 %r3, [%mine+2];"), InlineData("ld.global.v2.u32 {%r3,%r4}, [%mine+4];"),
        InlineData("st.global.v4.u32 [%mine+8], {%t,%t,%t,%t};"), InlineData("st.shared.u16 [%r2+1], %h1;"),
        InlineData("st.shared.v2.b32 [%r2+4], {%t,%t};"), InlineData("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r3}, [%r2+8];"),
        InlineData("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r3,%r4,%r5,%r6}, [%r7];")]
    public void Misaligned_VectorsAndMatrices(string access)
    {
        KernelFaultException fault = new SmallKernel($"mov.u16 %h1, 1; {Smem} mov.u32 %r7, %r1; setp.eq.u32 %p1, %t, 31; @%p1 add.u32 %r7, %r1, 8; "
            + $"bar.warp.sync -1; st.shared.u32 [%r2], 0; st.shared.u32 [%r2+128], 0; bar.warp.sync -1; setp.eq.u32 %p1, %t, 0; mov.u64 %mine, %out;\n{access}")
        {
            SharedBytes = 1024,
            OutputWords = 64,
        }.Fault();
        Assert.True(fault.Fault == KernelFault.Misaligned, fault.Message);
    }

    [Fact]
    public void Ldmatrix_OnTuringLooksAtAllAddresses()
    {
        var kernel = new SmallKernel(Smem + "mad.lo.u32 %r3, %t, 16, %r1; st.shared.u32 [%r2], 0; bar.warp.sync -1; setp.lt.u32 %p1, %t, 8; "
            + "selp.b32 %r3, %r3, 8, %p1; ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r4}, [%r3];")
        {
            SharedBytes = 128,
            Target = "sm_75",
            Version = "6.5",
        };
        _ = kernel.Run();
        KernelFaultException fault = (kernel with { Options = kernel.Options with { Capability = 75 } }).Fault();
        Assert.Equal((KernelFault.Misaligned, 8), (fault.Fault, fault.Thread));
    }

    [Fact]
    public void UninitializedRegister_OfSomeLanes()
    {
        Fires(KernelFault.UninitializedRegister, 1, 5, new SmallKernel("setp.lt.u32 %p1, %t, 5; @%p1 mov.u32 %r1, 1;\nadd.u32 %r2, %r1, 1;"), "%r1");
        _ = new SmallKernel("setp.lt.u32 %p1, %t, 5; @%p1 mov.u32 %r1, 1;\n@%p1 add.u32 %r2, %r1, 1;").Run();
        Fires(KernelFault.UninitializedRegister, 0, 0, new SmallKernel("@%p3 add.u32 %r2, %t, 1;"), "%p3");
        Fires(KernelFault.UninitializedRegister, 0, 0, new SmallKernel("st.global.f32 [%mine], %f7;"), "%f7");
        Fires(KernelFault.UninitializedRegister, 0, 0, new SmallKernel("ld.global.u32 %r1, [%x7];"), "%x7");
    }

    [Fact]
    public void UninitializedMemory_SharedAndGlobal()
    {
        Fires(KernelFault.UninitializedMemory, 1, 0, new SmallKernel(Smem + "ld.shared.u32 %r3, [%r2];") { SharedBytes = 128 });
        Fires(KernelFault.UninitializedMemory, 2, 0,
            new SmallKernel(Smem + "mov.u16 %h1, 3; st.shared.u16 [%r2], %h1;\nld.shared.u32 %r3, [%r2];") { SharedBytes = 128 }, "byte 2 of");
        _ = new SmallKernel(Smem + "st.shared.u32 [%r2], %t; ld.shared.u32 %r3, [%r2];") { SharedBytes = 128 }.Run();
        // The input is 6 words; its buffer is what was asked for, and the rest of a fresh one was never written.
        using var gpu = new EmulatedGpu(new EmulatedGpuOptions { IsChecked = true });
        using Driver.GpuKernel kernel = gpu.Load("small",
            new SmallKernel("mad.wide.u32 %x1, %t, 4, %in;\nld.global.u32 %r1, [%x1]; st.global.u32 [%mine], %r1;").Text);
        ulong input = gpu.Allocate(128), output = gpu.Allocate(128);
        gpu.Upload(input, new byte[100]);
        KernelFaultException fault = Assert.Throws<KernelFaultException>(() => gpu.Launch(kernel, new Driver.LaunchShape(1, 1, 32, 0),
            [.. BitConverter.GetBytes(input), .. BitConverter.GetBytes(output)]));
        Assert.Equal((KernelFault.UninitializedMemory, SmallKernel.FirstLine + 1, 25), (fault.Fault, fault.Line, fault.Thread));
        gpu.Upload(input + 100, new byte[28]);
        gpu.Launch(kernel, new Driver.LaunchShape(1, 1, 32, 0), [.. BitConverter.GetBytes(input), .. BitConverter.GetBytes(output)]);
        // What a kernel stored is there for the next one.
        gpu.Launch(kernel, new Driver.LaunchShape(1, 1, 32, 0), [.. BitConverter.GetBytes(output), .. BitConverter.GetBytes(input)]);
    }

    [Fact]
    public void SharedRace_BetweenWarps()
    {
        const string Write = "st.shared.u32 [%r2], %t;\n";
        var kernel = new SmallKernel("") { Threads = 64, SharedBytes = 256 };
        string smem = Smem;
        string body = smem + "setp.lt.u32 %p1, %t, 32; mov.u32 %r4, 0;\n@%p1 " + Write + "@!%p1 ld.shared.u32 %r4, [%r1];";
        Fires(KernelFault.SharedRace, 3, 32, kernel with { Body = body }, "which warp 0 has written");
        _ = (kernel with { Body = smem + "setp.lt.u32 %p1, %t, 32; mov.u32 %r4, 0;\n@%p1 " + Write + "bar.sync 0; @!%p1 ld.shared.u32 %r4, [%r1];" }).Run();
        // Writing over what another warp still reads.
        const string First = "setp.lt.u32 %p1, %t, 32; @%p1 ld.shared.u32 %r4, [%r1+128];\n", Second = "@!%p1 st.shared.u32 [%r2], 1;";
        Fires(KernelFault.SharedRace, 3, 32, kernel with { Body = smem + Write + "bar.sync 0; " + First + Second }, "which warp 0 has read");
        _ = (kernel with { Body = smem + Write + "bar.sync 0; " + First + "bar.sync 0; " + Second }).Run();
        // Two warps write one word.
        Fires(KernelFault.SharedRace, 1, 32, kernel with { Body = smem + "st.shared.u32 [%r1], 1;" }, "which warp 0 has written");
        // Neighbouring bytes are no race.
        _ = (kernel with { Body = "mov.u32 %r1, smem; add.u32 %r2, %r1, %t; cvt.u16.u32 %h1, %t; st.shared.u8 [%r2], %h1;" }).Run();
    }

    [Fact]
    public void SharedRace_WithinAWarp()
    {
        var kernel = new SmallKernel("") { SharedBytes = 256 };
        const string Branch = "setp.ne.u32 %p1, %t, 3; @%p1 bra SKIP;\nst.shared.u32 [%r1], 5;\nSKIP: ", Read = "ld.shared.u32 %r3, [%r1];";
        Fires(KernelFault.SharedRace, 3, 0, kernel with { Body = Smem + Branch + Read }, "lane 3 of the warp has written, with no bar.warp.sync");
        _ = (kernel with { Body = Smem + Branch + "bar.warp.sync -1; " + Read }).Run();
        // Lanes that run together are in no order either.
        const string Guarded = "setp.eq.u32 %p1, %t, 3; @%p1 st.shared.u32 [%r1], 5;\n", Mine = "st.shared.u32 [%r2], %t;\n",
            Neighbour = "xor.b32 %r4, %t, 1; mad.lo.u32 %r4, %r4, 4, %r1; ld.shared.u32 %r3, [%r4];\n";
        Fires(KernelFault.SharedRace, 2, 0, kernel with { Body = Smem + Guarded + Read }, "lane 3 of the warp has written");
        _ = (kernel with { Body = Smem + Guarded + "bar.warp.sync -1; " + Read }).Run();
        Fires(KernelFault.SharedRace, 2, 0, kernel with { Body = Smem + Mine + Neighbour }, "lane 1 of the warp has written");
        Fires(KernelFault.SharedRace, 3, 0, kernel with { Body = Smem + Mine + "bar.warp.sync -1; " + Neighbour + Mine }, "lane 1 of the warp has read");
        _ = (kernel with { Body = Smem + Mine + "bar.warp.sync -1; " + Neighbour + "bar.sync 0; " + Mine }).Run();
        // What the lanes of a mask wait for is in order for what they wrote.
        const string Half = "setp.lt.u32 %p1, %t, 16; @!%p1 bra SKIP; bar.warp.sync 65535;\n";
        _ = (kernel with { Body = Smem + Mine + Half + Neighbour + "SKIP: nanosleep 1;" }).Run();
        // A barrier of another warp does nothing for this one.
        Fires(KernelFault.SharedRace, 3, 32, kernel with
        {
            Threads = 64,
            Body = Smem + Mine + "setp.lt.u32 %p1, %t, 32; @!%p1 bra SKIP; bar.warp.sync -1;\nSKIP: " + Neighbour,
        }, "lane 1 of the warp has written");
        // One instruction, one place, two values.
        Fires(KernelFault.SharedRace, 1, 0, kernel with { Body = Smem + "st.shared.u32 [%r1], %t;" }, "two lanes");
        _ = (kernel with { Body = Smem + "st.shared.u32 [%r1], 9;" }).Run();
    }

    // Of three warps two meet: what the third has done stays in no order.
    [Fact]
    public void ABarrierOfSomeWarps_OrdersTheseAlone()
    {
        const string Write = "st.shared.u32 [%r2], %t; setp.lt.u32 %p1, %t, 64; @!%p1 bra SKIP; bar.sync 1, 64; ", Skip = "\nSKIP: nanosleep 1;";
        var kernel = new SmallKernel("") { Threads = 96, SharedBytes = 384 };
        const string Other = "xor.b32 %r4, %t, 32; mad.lo.u32 %r4, %r4, 4, %r1;\nld.shared.u32 %r3, [%r4];",
            Third = "setp.lt.u32 %p2, %t, 32;\n@%p2 ld.shared.u32 %r3, [%r2+256];";
        _ = (kernel with { Body = Smem + Write + Other + Skip }).Run();
        Fires(KernelFault.SharedRace, 2, 0, kernel with { Body = Smem + Write + Third + Skip }, "which warp 2 has written");
    }

    [Fact]
    public void AtomicsOfSeveralWarps_GoTogetherAndRaceWithPlainAccesses()
    {
        var kernel = new SmallKernel("") { Threads = 64, SharedBytes = 16 };
        const string Start = "mov.u32 %r1, smem; setp.eq.u32 %p1, %t, 0; @%p1 st.shared.u32 [%r1], 0; bar.sync 0; atom.shared.add.u32 %r2, [%r1], 1;\n",
            Read = "ld.shared.u32 %r3, [%r1]; st.global.u32 [%mine], %r3;";
        Assert.All((kernel with { Body = Start + "bar.sync 0; " + Read }).Run(), value => Assert.Equal(64u, value));
        Fires(KernelFault.SharedRace, 0, 32, kernel with { Body = Start + Read }, "which warp 0 has read");
    }

    [Fact]
    public void GlobalRace_BetweenBlocks()
    {
        var kernel = new SmallKernel("") { Threads = 32, Blocks = 4, OutputWords = 256 };
        KernelFaultException fault = (kernel with { Body = "mov.u32 %r1, 1;\nst.global.u32 [%out], %r1;" }).Fault();
        Assert.Equal((KernelFault.GlobalRace, SmallKernel.FirstLine + 1), (fault.Fault, fault.Line));
        Assert.Contains("block (", fault.What, StringComparison.Ordinal);
        Assert.Equal(KernelFault.GlobalRace, (kernel with { Body = "ld.global.u32 %r1, [%out+64]; st.global.u32 [%mine], %r1;" }).Fault().Fault);
        _ = (kernel with { Body = "ld.global.u32 %r1, [%out+512]; st.global.u32 [%mine], %r1;" }).Run();
        _ = (kernel with { Body = "red.global.add.u32 [%out], 1;" }).Run();
        // The next launch starts anew.
        using var gpu = new EmulatedGpu(new EmulatedGpuOptions { IsChecked = true });
        using Driver.GpuKernel one = gpu.Load("small", new SmallKernel("st.global.u32 [%out], %b;").Text);
        ulong at = gpu.Allocate(64);
        for (int i = 0; i < 3; i++) { gpu.Launch(one, new Driver.LaunchShape(1, 1, 32, 0), [.. BitConverter.GetBytes(at), .. BitConverter.GetBytes(at)]); }
    }

    [Theory]
    [InlineData("bar.sync 0;"), InlineData("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%f1,%f2,%f3,%f4}, {%t,%t}, {%t}, {%f0,%f0,%f0,%f0};"),
        InlineData("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r3}, [%r1];"), InlineData("shfl.sync.bfly.b32 %r3, %t, 1, 31, -1;"),
        InlineData("vote.sync.ballot.b32 %r3, %p1, -1;")]
    public void FullWarpInstructions_UnderABranchThatPartsTheWarp(string instruction)
    {
        var kernel = new SmallKernel("") { SharedBytes = 128 };
        KernelFault fault = instruction.StartsWith("bar.sync", StringComparison.Ordinal) ? KernelFault.Barrier : KernelFault.DivergentWarp;
        string start = "mov.u32 %r1, smem; mov.f32 %f0, 0f00000000; mad.lo.u32 %r2, %t, 4, %r1; st.shared.u32 [%r2], 0; bar.warp.sync -1;\n";
        Fires(fault, 2, 4, kernel with { Body = start + "setp.ge.u32 %p1, %t, 4; @%p1 bra SKIP;\n" + instruction + "\nSKIP: nanosleep 1;" });
        Fires(fault, 2, 4, kernel with { Body = start + "setp.ge.u32 %p1, %t, 4; @%p1 exit;\n" + instruction });
        Fires(fault, 2, 4, kernel with { Body = start + "setp.lt.u32 %p1, %t, 4;\n@%p1 " + instruction });
        _ = (kernel with { Body = start + "setp.ge.u32 %p1, %t, 400; @%p1 bra SKIP;\n" + instruction + "\nSKIP: nanosleep 1;" }).Run();
    }

    [Fact]
    public void BarWarpSync_WaitsForLanesThatHaveNotLeft()
    {
        _ = new SmallKernel("setp.ge.u32 %p1, %t, 4; @%p1 bra SKIP; bar.warp.sync -1; SKIP: nanosleep 1;").Run();
        // These two wait for each other for ever.
        Fires(KernelFault.DivergentWarp, 2, 0, new SmallKernel("setp.ge.u32 %p1, %t, 4; @%p1 bra SKIP;\nbar.warp.sync -1; bra END2;\n"
            + "SKIP: vote.sync.ballot.b32 %r1, %p1, -1;\nEND2: nanosleep 1;"));
    }

    [Fact]
    public void Barriers_ThatSomeWarpsNeverReach()
    {
        var kernel = new SmallKernel("setp.ge.u32 %p1, %t, 32; @%p1 exit;\nbar.sync 0;") { Threads = 64 };
        Fires(KernelFault.Barrier, 1, 0, kernel, "1 of 2 warps have left");
        Fires(KernelFault.Barrier, 1, 0, kernel with { Body = "shr.u32 %r1, %t, 5;\nbar.sync %r1;" }, "others wait at barrier 1");
        Fires(KernelFault.Barrier, 1, 0, kernel with { Body = "mov.u32 %r1, 0;\nbar.sync 16;" });
        Fires(KernelFault.Barrier, 1, 0, kernel with { Body = "mov.u32 %r1, 0;\nbar.sync 1, 33;" });
    }

    [Fact]
    public void EndlessLoops_RunOutOfBudget()
    {
        var kernel = new SmallKernel("LOOP: add.u32 %r1, %t, 1;\nbra LOOP;") { Options = new EmulatedGpuOptions { BranchBudget = 1000 } };
        Fires(KernelFault.Budget, 1, 0, kernel, "1000");
    }

    [Fact]
    public void BranchIndex_OutsideOfTheTargets() =>
        Fires(KernelFault.BranchIndex, 1, 2, new SmallKernel("ts: .branchtargets A, B;\nbrx.idx %t, ts;\nA: B: nanosleep 1;"), "branch 2 of 2");

    [Fact]
    public void Traps_Are_Faults() => Fires(KernelFault.Trap, 1, 7, new SmallKernel("setp.eq.u32 %p1, %t, 7;\n@%p1 trap;"));

    [Fact]
    public void Faults_NameTheLowestBlock()
    {
        var kernel = new SmallKernel("setp.ge.u32 %p1, %b, 7; @%p1 bra BAD; bra GOOD;\nBAD: mov.u64 %x1, 0; st.global.u32 [%x1], 0;\nGOOD: nanosleep 1;")
        {
            Blocks = 200,
            Threads = 64,
        };
        for (int threads = 1; threads < 5; threads++)
        {
            KernelFaultException fault = (kernel with { Options = new EmulatedGpuOptions { Threads = threads } }).Fault();
            Assert.Equal(((7u, 0u), SmallKernel.FirstLine + 1), (fault.Block, fault.Line));
        }
    }

    [Fact]
    public void WithoutChecks_OnlyBoundsAlignmentAndWarpsAreLookedAt()
    {
        var kernel = new SmallKernel("") { SharedBytes = 64, Options = new EmulatedGpuOptions() };
        _ = (kernel with { Body = "mov.u32 %r1, smem; ld.shared.u32 %r3, [%r1]; add.u32 %r4, %r9, %r3;" }).Run();
        Assert.Equal(KernelFault.OutOfBounds, (kernel with { Body = "mov.u32 %r1, smem; ld.shared.u32 %r3, [%r1+64];" }).Fault().Fault);
        Assert.Equal(KernelFault.Misaligned, (kernel with { Body = "mov.u32 %r1, smem; ld.shared.u32 %r3, [%r1+2];" }).Fault().Fault);
        Assert.Equal(KernelFault.OutOfBounds, (kernel with { Body = "mov.u64 %x1, 12; ld.global.u32 %r3, [%x1];" }).Fault().Fault);
    }
}
