using System.Runtime.InteropServices;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Emulator;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>Runs a few instructions in every thread: %a, %b, %c are loaded from arrays, %d is stored.
/// %p, %q are predicates, %r1 to %r9, %x1 to %x9 are 32- and 64-bit registers.</summary>
internal static class LaneProgram
{
    internal const string Header = ".version 7.8\n.target sm_90\n.address_size 64\n";

    /// <param name="body">Instructions.</param>
    /// <param name="result">Bits of %d: 16, 32, 64.</param>
    /// <param name="bits">Bits of %a, %b, %c.</param>
    /// <param name="values">Their values, a thread each.</param>
    internal static ulong[] Run(string body, int result, int[] bits, params ulong[][] values) =>
        Run(new EmulatedGpuOptions { Capability = 90, IsChecked = true }, body, result, bits, values);

    internal static ulong[] Run(EmulatedGpuOptions options, string body, int result, int[] bits, params ulong[][] values)
    {
        int threads = values[0].Length;
        using var gpu = new EmulatedGpu(options);
        using GpuKernel kernel = gpu.Load("lanes", Text(body, result, bits));
        var parameters = new List<byte>();
        for (int k = 0; k < bits.Length; k++)
        {
            byte[] data = new byte[threads * bits[k] / 8];
            for (int thread = 0; thread < threads; thread++)
            {
                MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in values[k][thread]))[..(bits[k] / 8)].CopyTo(data.AsSpan(thread * bits[k] / 8));
            }
            ulong address = gpu.Allocate(data.Length);
            gpu.Upload(address, data);
            parameters.AddRange(BitConverter.GetBytes(address));
        }
        ulong output = gpu.Allocate(threads * result / 8);
        parameters.AddRange(BitConverter.GetBytes(output));
        parameters.AddRange(BitConverter.GetBytes(threads));
        gpu.Launch(kernel, new LaunchShape((uint)(threads + 127) / 128, 1, 128, 0), CollectionsMarshal.AsSpan(parameters));
        byte[] bytes = new byte[threads * result / 8];
        gpu.Download(output, bytes);
        ulong[] results = new ulong[threads];
        for (int thread = 0; thread < threads; thread++)
        {
            bytes.AsSpan(thread * result / 8, result / 8).CopyTo(MemoryMarshal.AsBytes(new Span<ulong>(ref results[thread])));
        }
        return results;
    }

    private static string Text(string body, int result, int[] bits)
    {
        string names = "abc", parameters = "", loads = "";
        for (int k = 0; k < bits.Length; k++)
        {
            char name = names[k];
            parameters += $"\t.param .u64 p{name},\n";
            loads += $"\t.reg .b{bits[k]} %{name};\n\tld.param.u64 %x0, [p{name}];\n\tmad.wide.u32 %x0, %r0, {bits[k] / 8}, %x0;\n"
                + $"\tld.global.b{bits[k]} %{name}, [%x0];\n";
        }
        return $$"""
            {{Header}}
            .visible .entry lanes(
            {{parameters}}
            	.param .u64 pd,
            	.param .u32 count
            )
            {
            	.reg .pred %p, %q, %outside;
            	.reg .b16 %h<10>;
            	.reg .b32 %r<10>;
            	.reg .b64 %x<10>;
            	.reg .b{{result}} %d;
            	mov.u32 %r0, %ctaid.x;
            	mov.u32 %r1, %tid.x;
            	mad.lo.u32 %r0, %r0, 128, %r1;
            	ld.param.u32 %r1, [count];
            	setp.ge.u32 %outside, %r0, %r1;
            	@%outside bra END;
            {{loads}}
            {{body}}
            	ld.param.u64 %x0, [pd];
            	mad.wide.u32 %x0, %r0, {{result / 8}}, %x0;
            	st.global.b{{result}} [%x0], %d;
            END:
            	ret;
            }
            """;
    }
}

/// <summary>Values at which instructions go wrong, all pairs or triples of them, and random ones after these.</summary>
internal static class EdgeValues
{
    internal static readonly ulong[] Single =
    [
        0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000, 0x80800000, 0x7f7fffff, 0xff7fffff, 0x7f800000,
        0xff800000, 0x7fc00000, 0xffc12345, 0x7f812345, 0x4b000001, 0x3f000000,
    ];

    internal static readonly ulong[] Integer =
    [
        0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128, 255, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
        0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffffffe,
    ];

    internal static readonly ulong[] Double =
    [
        0, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000, 1, 0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0x7ff0000000000000,
        0xfff0000000000000, 0x7ff8000000000000, 0x3fe0000000000000, 0x41e0000000000000, 0x4008000000000000,
    ];

    internal static readonly ulong[] Half = [0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x0400, 0x3c00, 0xbc00, 0x3800, 0x7bff, 0xfbff, 0x7c00, 0xfc00,
        0x7e00, 0xfe12, 0x3555, 0x6400];

    /// <summary>One array for each operand, of one length.</summary>
    internal static ulong[][] Combinations(ulong[] edges, int operands, int random, int seed)
    {
        int count = 1;
        for (int k = 0; k < operands; k++) { count *= edges.Length; }
        if (count > 2000) { count = 2000; }
        var generator = new Random(seed);
        var result = new ulong[operands][];
        for (int k = 0; k < operands; k++)
        {
            result[k] = new ulong[count + random];
            for (int i = 0; i < result[k].Length; i++)
            {
                int of = i;
                for (int skip = 0; skip < k; skip++) { of /= edges.Length; }
                // With three operands not all combinations fit: then edges are drawn.
                result[k][i] = i < count
                    ? edges[operands < 3 ? of % edges.Length : generator.Next(edges.Length)]
                    : (ulong)generator.NextInt64(long.MinValue, long.MaxValue);
            }
        }
        return result;
    }
}
