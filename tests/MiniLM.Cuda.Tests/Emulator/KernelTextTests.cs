using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Emulator;
using MiniLM.Tests;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>Whole kernels of other compilers against C# and double, with all checks on; and the same kernels with a mistake put in.</summary>
public sealed class KernelTextTests
{
    private static string Text(string name) => File.ReadAllText(DeviceContract.Fixture("ptx", name));

    public static TheoryData<string> Patterns() =>
        [.. Directory.GetFiles(DeviceContract.Fixture("ptx"), "Pattern*.ptx").Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Patterns))]
    public void LoopPatterns_GiveWhatCSharpGives(string name)
    {
        using var gpu = new EmulatedGpu(new EmulatedGpuOptions { Capability = 60, IsChecked = true, IsCounted = true });
        using GpuKernel kernel = gpu.Load(name, Text(name));
        ulong at = gpu.Allocate(128);
        gpu.Launch(kernel, new LaunchShape(1, 1, 32, 0), BitConverter.GetBytes(at));
        uint[] output = new uint[32];
        gpu.Download(at, MemoryMarshal.AsBytes(output.AsSpan()));
        uint[] expected = [.. Text(name[..name.IndexOf(".sm_", StringComparison.Ordinal)] + ".expected")
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(uint.Parse)];
        Assert.Equal(expected, output);
    }

    private static Half[] Gemm(string text, EmulatedGpuOptions options, Half[] a, Half[] b, float[] bias, int m, int n, int k, out LaunchCounts? counts)
    {
        using var gpu = new EmulatedGpu(options);
        LaunchCounts? counted = null;
        gpu.LaunchCounted = (_, _, launch) => counted = launch;
        using GpuKernel kernel = gpu.Load("GemmNtBias", text);
        ulong atA = Upload(gpu, MemoryMarshal.AsBytes(a.AsSpan())), atB = Upload(gpu, MemoryMarshal.AsBytes(b.AsSpan())),
            atBias = Upload(gpu, MemoryMarshal.AsBytes(bias.AsSpan())), atC = gpu.Allocate(m * n * 2);
        byte[] parameters = [.. BitConverter.GetBytes(atA), .. BitConverter.GetBytes((long)k * 2), .. BitConverter.GetBytes(atB),
            .. BitConverter.GetBytes((long)k * 2), .. BitConverter.GetBytes(atC), .. BitConverter.GetBytes((long)n * 2), .. BitConverter.GetBytes(atBias),
            .. BitConverter.GetBytes(m), .. BitConverter.GetBytes(k / 32)];
        gpu.Launch(kernel, new LaunchShape((uint)n / 128, (uint)(m + 127) / 128, 128, 49152), parameters);
        Half[] c = new Half[m * n];
        gpu.Download(atC, MemoryMarshal.AsBytes(c.AsSpan()));
        counts = counted;
        return c;
    }

    private static ulong Upload(Gpu gpu, ReadOnlySpan<byte> bytes)
    {
        ulong at = gpu.Allocate(bytes.Length);
        gpu.Upload(at, bytes);
        return at;
    }

    private static Half[] Random(Random random, int count, double scale)
    {
        Half[] values = new Half[count];
        for (int i = 0; i < count; i++) { values[i] = (Half)((random.NextDouble() * 2 - 1) * scale); }
        return values;
    }

    public static TheoryData<int> MmaModes() => [.. Enum.GetValues<MmaMode>().Select(mode => (int)mode)];

    [Theory, MemberData(nameof(MmaModes))]
    public void Gemm_IsRightInEveryOrderOfSums(int mode)
    {
        const int M = 130, N = 128, K = 160;
        var random = new Random(mode);
        Half[] a = Random(random, M * K, 1), b = Random(random, N * K, 0.1);
        float[] bias = [.. Enumerable.Range(0, N).Select(_ => (float)random.NextDouble())];
        EmulatedGpuOptions options = new() { IsChecked = true, IsCounted = true, Mma = (MmaMode)mode, JitterSeed = 7 };
        Half[] c = Gemm(Text("GemmNtBias.sm_80.ptx"), options, a, b, bias, M, N, K, out LaunchCounts? counts);
        for (int row = 0; row < M; row++)
        {
            for (int column = 0; column < N; column++)
            {
                double sum = bias[column], magnitude = Math.Abs(sum);
                for (int k = 0; k < K; k++)
                {
                    double product = (double)a[row * K + k] * (double)b[column * K + k];
                    (sum, magnitude) = (sum + product, magnitude + Math.Abs(product));
                }
                // Half a unit of fp16 for the result, and an fp32 rounding for each sum.
                Assert.Equal(sum, (double)c[row * N + column], Math.Abs(sum) / 2048 + magnitude * K * 1.2e-7 + 1e-7);
            }
        }
        // Two blocks of four warps, 64 products for each k step of 32.
        Assert.Equal(2L * 4 * 64 * (K / 32), counts!.Mma);
        Assert.All(counts.Shared.Values, traffic => Assert.Equal(traffic.IdealWavefronts, traffic.Wavefronts));
    }

    [Fact]
    public void Gemm_GivesARowTheSameBitsAloneAndAmongOthers()
    {
        const int N = 128, K = 64;
        var random = new Random(3);
        Half[] a = Random(random, 200 * K, 1), b = Random(random, N * K, 1);
        float[] bias = new float[N];
        var options = new EmulatedGpuOptions();
        Half[] all = Gemm(Text("GemmNtBias.sm_80.ptx"), options, a, b, bias, 200, N, K, out _),
            one = Gemm(Text("GemmNtBias.sm_80.ptx"), options, a[(150 * K)..(151 * K)], b, bias, 1, N, K, out _);
        Assert.Equal(all[(150 * N)..(151 * N)], one);
    }

    public static TheoryData<string> Mutants()
    {
        var mutants = new TheoryData<string>();
        string text = Text("GemmNtBias.sm_80.ptx");
        for (int i = 0; i < Regex.Count(text, @"\tbar\.sync\b"); i++) { mutants.Add($"barrier {i}"); }
        // The first, behind the loop, waits for two groups that are empty by then: weaker by one it is the same.
        for (int i = 1; i < Regex.Count(text, @"cp\.async\.wait_group [0-9]"); i++) { mutants.Add($"wait {i}"); }
        int matrices = Regex.Count(text, @"ldmatrix[^;]*\+\d+\]");
        for (int i = 0; i < matrices; i += 3) { mutants.Add($"ldmatrix {i}"); }
        for (int i = 0; i < Regex.Count(text, @"cp\.async\.cg[^;]*\+\d+\]"); i += 2) { mutants.Add($"copy {i}"); }
        for (int i = 0; i < Regex.Count(text, @"@%p\d+ st\.global|@%p\d+ bra"); i++) { mutants.Add($"guard {i}"); }
        return mutants;
    }

    /// <summary>A mistake must end in a fault or in a wrong result; nothing else is allowed, and nothing may hang.</summary>
    [Theory, MemberData(nameof(Mutants))]
    public void Gemm_WithAMistake_IsCaught(string mutant)
    {
        string[] parts = mutant.Split(' ');
        string text = Text("GemmNtBias.sm_80.ptx"), pattern = parts[0] switch
        {
            "barrier" => @"\tbar\.sync[^;]*;",
            "wait" => @"cp\.async\.wait_group ([0-9])",
            "ldmatrix" => @"(ldmatrix[^;]*\+)(\d+)\]",
            "copy" => @"(cp\.async\.cg[^;\[]*\[[^\]]*\+)(\d+)\]",
            _ => @"@%p\d+ (?=st\.global|bra)",
        };
        int skip = int.Parse(parts[1]);
        string changed = Regex.Replace(text, pattern, match => skip-- != 0 ? match.Value : parts[0] switch
        {
            "barrier" => "",
            "wait" => $"cp.async.wait_group {int.Parse(match.Groups[1].Value) + 1}",
            "ldmatrix" or "copy" => $"{match.Groups[1].Value}{int.Parse(match.Groups[2].Value) + (parts[0] == "copy" ? 16 : 64)}]",
            _ => "",
        });
        Assert.NotEqual(text, changed);
        const int M = 130, N = 128, K = 160;
        var random = new Random(5);
        Half[] a = Random(random, M * K, 1), b = Random(random, N * K, 1);
        float[] bias = new float[N];
        var options = new EmulatedGpuOptions { IsChecked = true, BranchBudget = 10_000 };
        Half[] right = Gemm(text, options, a, b, bias, M, N, K, out _);
        Half[]? wrong = null;
        GpuException? caught = null;
        try { wrong = Gemm(changed, options, a, b, bias, M, N, K, out _); }
        catch (GpuException fault) { caught = fault; }
        if (wrong is not null) { Assert.False(wrong.AsSpan().SequenceEqual(right), $"{mutant} was not noticed"); }
        // What only the checks can see must be seen by them.
        if (parts[0] is "barrier" or "wait") { Assert.IsType<KernelFaultException>(caught); }
    }

    [Theory]
    [InlineData(0u), InlineData(1u), InlineData(99u)]
    public void Attention_IsRightWithAndWithoutJitter(uint seed)
    {
        int[] lengths = [5, 64, 100];
        const int Heads = 2, Size = 32;
        int tokens = lengths.Sum(), plane = tokens * Size;
        var random = new Random(2);
        Half[] q = Random(random, Heads * plane, 2), k = Random(random, Heads * plane, 2), v = Random(random, Heads * plane, 2);
        int[] offsets = [0, 5, 69, 169];
        using var gpu = new EmulatedGpu(new EmulatedGpuOptions { IsChecked = true, IsCounted = true, JitterSeed = seed });
        LaunchCounts? counts = null;
        gpu.LaunchCounted = (_, _, launch) => counts = launch;
        using GpuKernel kernel = gpu.Load("attention", Text("attn_fwd_sm80.ptx"));
        ulong atQ = Upload(gpu, MemoryMarshal.AsBytes(q.AsSpan())), atK = Upload(gpu, MemoryMarshal.AsBytes(k.AsSpan())),
            atV = Upload(gpu, MemoryMarshal.AsBytes(v.AsSpan())), atOffsets = Upload(gpu, MemoryMarshal.AsBytes(offsets.AsSpan()));
        ulong atO = gpu.Allocate(q.Length * 2), atLse = gpu.Allocate(Heads * tokens * 4);
        float scale = 1 / MathF.Sqrt(Size);
        const int Rows = 128;
        byte[] parameters = [.. ((ulong[])[atQ, atK, atV, atO, atLse, atOffsets]).SelectMany(BitConverter.GetBytes), .. BitConverter.GetBytes(plane * 2),
            .. BitConverter.GetBytes(tokens), .. BitConverter.GetBytes(Rows * 64), .. BitConverter.GetBytes(scale * 1.442695041f)];
        gpu.Launch(kernel, new LaunchShape(3, Heads, 128, 2 * Rows * 64), parameters);
        Half[] o = new Half[q.Length];
        gpu.Download(atO, MemoryMarshal.AsBytes(o.AsSpan()));
        for (int head = 0; head < Heads; head++)
        {
            for (int sequence = 0; sequence < 3; sequence++)
            {
                for (int row = offsets[sequence]; row < offsets[sequence + 1]; row++)
                {
                    double[] weights = [.. Enumerable.Range(offsets[sequence], lengths[sequence]).Select(key => Math.Exp(scale * Enumerable.Range(0, Size)
                        .Sum(i => (double)q[head * plane + row * Size + i] * (double)k[head * plane + key * Size + i])))];
                    double total = weights.Sum();
                    for (int i = 0; i < Size; i++)
                    {
                        double expected = weights.Select((weight, key) => weight * (double)v[head * plane + (offsets[sequence] + key) * Size + i])
                            .Sum() / total;
                        // P is rounded to fp16 before it meets V (2^-11), and the result to fp16.
                        Assert.Equal(expected, (double)o[head * plane + row * Size + i], 2 * 2 / 2048.0);
                    }
                }
            }
        }
        Assert.True(counts!.Mufu > 0 && counts.Mma > 0);
        Assert.Equal(counts.Shared["ldmatrix"].IdealWavefronts, counts.Shared["ldmatrix"].Wavefronts);
    }
}
