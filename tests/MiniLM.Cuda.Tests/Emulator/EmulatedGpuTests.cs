using System.Runtime.InteropServices;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Emulator;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>The emulator as a GPU: memory, loading, launching, and what it refuses.</summary>
public sealed class EmulatedGpuTests
{
    private const string Nothing = ".visible .entry nothing(.param .u64 a, .param .u32 b)\n.maxntid 64, 1, 1\n{ ret; }";

    private static string Text(string version, string target, string entry = Nothing) => $".version {version}\n.target {target}\n.address_size 64\n{entry}";

    [Fact]
    public void Memory_IsAlignedPoisonedAndGivenBack()
    {
        using var gpu = new EmulatedGpu(new EmulatedGpuOptions { TotalBytes = 10_000 });
        ulong first = gpu.Allocate(100), second = gpu.Allocate(9_000);
        Assert.Equal(0UL, (first | second) & 255);
        Assert.True(second - first >= 100 + 256);
        byte[] bytes = new byte[100];
        gpu.Download(first, bytes);
        Assert.All(bytes, value => Assert.Equal(0x7e, value));
        Assert.True(Half.IsNaN(MemoryMarshal.Read<Half>(bytes)));
        gpu.Upload(first + 10, [1, 2, 3]);
        gpu.Clear(first + 12, 2);
        gpu.Download(first, bytes);
        Assert.Equal([0x7e, 1, 2, 0, 0, 0x7e], bytes[9..15]);
        Assert.Contains("900", Assert.Throws<GpuOutOfMemoryException>(() => gpu.Allocate(901)).Message, StringComparison.Ordinal);
        gpu.Free(second);
        Assert.NotEqual(second, gpu.Allocate(9_000));
        Assert.Throws<GpuException>(() => gpu.Free(second));
        Assert.Contains("freed before", Assert.Throws<GpuException>(() => gpu.Free(second)).Message, StringComparison.Ordinal);
        Assert.Throws<GpuException>(() => gpu.Free(first + 1));
        Assert.Throws<GpuException>(() => gpu.Upload(first, new byte[101]));
        Assert.Throws<GpuException>(() => gpu.Download(first - 1, new byte[1]));
        Assert.Throws<GpuException>(() => gpu.Clear(first + 90, 11));
    }

    [Theory]
    [InlineData(60, 48), InlineData(70, 96), InlineData(75, 64), InlineData(80, 163), InlineData(86, 99), InlineData(89, 99), InlineData(90, 227),
        InlineData(100, 227), InlineData(120, 99)]
    public void Properties_AreThoseOfTheCapability(int capability, int sharedKilobytes)
    {
        using var gpu = new EmulatedGpu(new EmulatedGpuOptions { Capability = capability, Multiprocessors = capability });
        Assert.Equal((capability, capability, sharedKilobytes * 1024, false),
            (gpu.Properties.Capability, gpu.Properties.Multiprocessors, gpu.Properties.SharedBytesPerBlock, gpu.Properties.HasClock));
        Assert.Contains($"sm_{capability}", gpu.Properties.Name, StringComparison.Ordinal);
        using GpuKernel kernel = gpu.Load("x", Text("6.0", "sm_60"));
        byte[] parameters = new byte[12];
        gpu.Launch(kernel, new LaunchShape(1, 1, 32, (uint)sharedKilobytes * 1024), parameters);
        Assert.Contains("shared memory", Assert.Throws<GpuException>(() => gpu.Launch(kernel, new LaunchShape(1, 1, 32, (uint)sharedKilobytes * 1024 + 1),
            parameters)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(75, "7.0", "sm_80", "newer"), InlineData(80, "9.9", "sm_80", "9.9"), InlineData(100, "8.0", "sm_90a", "sm_90a"),
        InlineData(60, "6.0", "sm_61", "newer")]
    public void Load_RefusesTextsForOtherGpus(int capability, string version, string target, string says)
    {
        using var gpu = new EmulatedGpu(new EmulatedGpuOptions { Capability = capability });
        Assert.Contains(says, Assert.Throws<GpuException>(() => gpu.Load("x", Text(version, target))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ frob.u32 %r1; }", "frob.u32 is not known"), InlineData("{ .reg .b32 %r<2>; add.u32 %r0, %r1; }", "has 3 operands, not 2"),
        InlineData("{ .reg .b32 %r<2>; .reg .f32 %f<2>; add.f32 %f0, %f1, %r0; add.u32 %r0, %r1, %f0; }", "%f0 is a f32, not a u32"),
        InlineData("{ bra NOWHERE; }", "NOWHERE")]
    [InlineData("{ .reg .b32 %r<2>; add.u32 %r0, %r1, %r2; }", "%r2 is not declared"), InlineData("{ .reg .b32 %r<2>; add.cc.u32 %r0, %r1, %r1; }", ".cc"),
        InlineData("{ .reg .b32 %r<2>; mov.u32 %r0, %clock; }", "%clock"), InlineData("{ .reg .b32 %r<2>; ld.global.u32 %r0, [%r1]; }",
        "no register for an address"), InlineData("{ .reg .b64 %x<2>; st.param.b32 [%x1], 0; }", "cannot be written")]
    public void Load_NamesTheLineOfWhatItDoesNotKnow(string body, string says)
    {
        using var gpu = new EmulatedGpu();
        string message = Assert.Throws<KernelRefusedException>(() => gpu.Load("x.ptx", Text("7.0", "sm_80", ".visible .entry k()\n" + body))).Message;
        Assert.Contains(says, message, StringComparison.Ordinal);
        Assert.StartsWith("x.ptx:5: ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_WantsOneKernel()
    {
        using var gpu = new EmulatedGpu();
        Assert.Contains("0 kernels", Assert.Throws<GpuException>(() => gpu.Load("x", Text("7.0", "sm_80", ""))).Message, StringComparison.Ordinal);
        Assert.Contains("2 kernels", Assert.Throws<GpuException>(() => gpu.Load("x",
            Text("7.0", "sm_80", Nothing + ".visible .entry other() { ret; }"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Launch_RefusesShapesAndParametersThatDoNotFit()
    {
        using var gpu = new EmulatedGpu();
        using GpuKernel kernel = gpu.Load("x", Text("7.0", "sm_80"));
        Assert.Equal("nothing", kernel.Name);
        void Refuses(string says, LaunchShape shape, int bytes) =>
            Assert.Contains(says, Assert.Throws<GpuException>(() => gpu.Launch(kernel, shape, new byte[bytes])).Message, StringComparison.Ordinal);
        Refuses(".maxntid", new LaunchShape(1, 1, 65, 0), 12);
        Refuses("1025 threads", new LaunchShape(1, 1, 1025, 0), 12);
        Refuses("0 threads", new LaunchShape(1, 1, 0, 0), 12);
        Refuses("grid of 0", new LaunchShape(0, 1, 32, 0), 12);
        Refuses("65536", new LaunchShape(1, 65536, 32, 0), 12);
        Refuses("16 bytes of parameters", new LaunchShape(1, 1, 32, 0), 16);
        gpu.Launch(kernel, new LaunchShape(3, 2, 64, 0), new byte[12]);
        using var other = new EmulatedGpu();
        Assert.Throws<GpuException>(() => other.Launch(kernel, new LaunchShape(1, 1, 32, 0), new byte[12]));
        kernel.Dispose();
        Assert.Throws<GpuException>(() => gpu.Launch(kernel, new LaunchShape(1, 1, 32, 0), new byte[12]));
    }

    [Fact]
    public void StaticAndDynamicShared_CountTogether()
    {
        using var gpu = new EmulatedGpu(new EmulatedGpuOptions { Capability = 60 });
        using GpuKernel kernel = gpu.Load("x",
            Text("6.0", "sm_60", ".extern .shared .align 16 .b8 smem[];\n.visible .entry k() { .shared .b8 fixed[40000]; ret; }"));
        gpu.Launch(kernel, new LaunchShape(1, 1, 32, 9152), []);
        Assert.Throws<GpuException>(() => gpu.Launch(kernel, new LaunchShape(1, 1, 32, 9153), []));
    }

    [Fact]
    public void Grid_HasTwoDimensions()
    {
        using var gpu = new EmulatedGpu(new EmulatedGpuOptions { IsChecked = true });
        using GpuKernel kernel = gpu.Load("x", Text("7.0", "sm_80", """
            .visible .entry k(.param .u64 out) { .reg .b32 %r<5>; .reg .b64 %x<3>;
            ld.param.u64 %x0, [out]; mov.u32 %r0, %ctaid.x; mov.u32 %r1, %ctaid.y; mov.u32 %r2, %nctaid.x; mad.lo.u32 %r2, %r1, %r2, %r0;
            mad.wide.u32 %x1, %r2, 4, %x0; mov.u32 %r3, %nctaid.y; mad.lo.u32 %r4, %r1, 100, %r0; mad.lo.u32 %r4, %r3, 10000, %r4; st.global.u32 [%x1], %r4;
            ret; }
            """));
        ulong at = gpu.Allocate(60);
        gpu.Launch(kernel, new LaunchShape(5, 3, 1, 0), BitConverter.GetBytes(at));
        uint[] output = new uint[15];
        gpu.Download(at, MemoryMarshal.AsBytes(output.AsSpan()));
        Assert.Equal(Enumerable.Range(0, 15).Select(i => (uint)(30000 + i / 5 * 100 + i % 5)), output);
    }

    [Fact]
    public void Events_HaveNoClock()
    {
        using var gpu = new EmulatedGpu();
        gpu.Synchronize();
        Assert.Equal(0, gpu.RecordEvent());
        Assert.Equal(0, gpu.Elapsed(0, 0));
    }

    [Fact]
    public void ACancelledLaunch_EndsBetweenBlocks()
    {
        using CancellationTokenSource cancellation = new();
        cancellation.Cancel();
        SmallKernel kernel = new("st.global.u32 [%mine], 1;") { Blocks = 100, Cancellation = cancellation.Token };
        Assert.Throws<OperationCanceledException>(() => kernel.Run());
    }
}
