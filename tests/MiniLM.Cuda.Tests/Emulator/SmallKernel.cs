using System.Runtime.InteropServices;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Emulator;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>A kernel made of a few lines. %in and %out are addresses of 32-bit words, %t is the thread of the block, %b the block, %mine the address of the
/// thread's own word of %out; %p, %r, %x, %f, %h are registers, smem is dynamic shared memory.</summary>
internal sealed record SmallKernel(string Body)
{
    internal string Target { get; init; } = "sm_80";

    internal string Version { get; init; } = "7.0";

    internal uint Threads { get; init; } = 32;

    internal uint Blocks { get; init; } = 1;

    internal uint SharedBytes { get; init; }

    internal uint[] Input { get; init; } = [];

    /// <summary>Words of the output; 0: one for each thread.</summary>
    internal int OutputWords { get; init; }

    internal CancellationToken Cancellation { get; init; }

    internal EmulatedGpuOptions Options { get; init; } = new() { Capability = 80, IsChecked = true, IsCounted = true };

    /// <summary>Text before the entry: variables.</summary>
    internal string Variables { get; init; } = "";

    /// <summary>The first line of the body in the text.</summary>
    internal static int FirstLine { get; } = 1 + new SmallKernel("\u0001").Text[..new SmallKernel("\u0001").Text.IndexOf('\u0001')].Count(c => c == '\n');

    internal string Text => $$"""
        .version {{Version}}
        .target {{Target}}
        .address_size 64
        .extern .shared .align 16 .b8 smem[]; {{Variables}}
        .visible .entry small(.param .u64 in, .param .u64 out)
        {
        	.reg .pred %p<10>; .reg .b16 %h<20>; .reg .b32 %r<60>, %t, %b; .reg .b64 %x<40>, %in, %out, %mine; .reg .f32 %f<60>;
        	ld.param.u64 %in, [in]; ld.param.u64 %out, [out]; mov.u32 %t, %tid.x; mov.u32 %b, %ctaid.x;
        	.reg .b32 %n; mov.u32 %n, %ntid.x; mad.lo.u32 %n, %b, %n, %t; mad.wide.u32 %mine, %n, 4, %out;
        {{Body}}
        	ret;
        }
        """;

    /// <summary>Runs it; the output starts as zeros.</summary>
    internal uint[] Run() => Run(out _);

    internal uint[] Run(out LaunchCounts? counts)
    {
        using var gpu = new EmulatedGpu(Options);
        LaunchCounts? counted = null;
        gpu.LaunchCounted = (_, _, launch) => counted = launch;
        using GpuKernel kernel = gpu.Load("small.ptx", Text);
        uint[] output = new uint[OutputWords > 0 ? OutputWords : (int)(Threads * Blocks)];
        ulong input = gpu.Allocate(Math.Max(4, Input.Length * 4)), at = gpu.Allocate(output.Length * 4);
        gpu.Upload(input, MemoryMarshal.AsBytes(Input.AsSpan()));
        gpu.Clear(at, output.Length * 4);
        using Gpu.Cancelling until = gpu.Until(Cancellation);
        gpu.Launch(kernel, new LaunchShape(Blocks, 1, Threads, SharedBytes), [.. BitConverter.GetBytes(input), .. BitConverter.GetBytes(at)]);
        gpu.Download(at, MemoryMarshal.AsBytes(output.AsSpan()));
        counts = counted;
        return output;
    }

    internal LaunchCounts Counts()
    {
        _ = Run(out LaunchCounts? counts);
        return counts!;
    }

    /// <summary>The fault it must end in.</summary>
    internal KernelFaultException Fault() => Assert.Throws<KernelFaultException>(() => Run());
}
