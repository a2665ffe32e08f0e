using System.Globalization;
using System.Text;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator;

/// <summary>Accesses of a kind of instruction to global memory.</summary>
/// <param name="Requests">Warp instructions.</param>
/// <param name="Bytes">Of all lanes.</param>
/// <param name="Sectors">32-byte sectors touched.</param>
/// <param name="IdealSectors">Fewest sectors that hold the distinct bytes.</param>
internal readonly record struct GlobalTraffic(long Requests, long Bytes, long Sectors, long IdealSectors);

/// <summary>Accesses of a kind of instruction to shared memory.</summary>
/// <param name="Requests">Warp instructions.</param>
/// <param name="Bytes">Of all lanes.</param>
/// <param name="Wavefronts">Passes over the banks.</param>
/// <param name="IdealWavefronts">Passes without bank conflicts.</param>
internal readonly record struct SharedTraffic(long Requests, long Bytes, long Wavefronts, long IdealWavefronts);

/// <summary>One instruction of the text with what it did in a launch.</summary>
/// <param name="Line">Line of the PTX.</param>
/// <param name="Text">The instruction.</param>
/// <param name="Counts">Its counters.</param>
internal readonly record struct CountedLine(int Line, string Text, LineCounts Counts);

/// <summary>What a launch did. The same for any number of CPU threads.</summary>
internal sealed class LaunchCounts
{
    private static readonly HashSet<string> MufuRoots = ["ex2", "lg2", "rcp", "rsqrt", "sqrt", "sin", "cos", "tanh"];

    private readonly Dictionary<string, long> _warpInstructions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GlobalTraffic> _global = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SharedTraffic> _shared = new(StringComparer.Ordinal);

    /// <summary>Instructions of warps.</summary>
    internal long WarpInstructions { get; private set; }

    /// <summary>Instructions of threads; a lane that a guard switches off does not count.</summary>
    internal long ThreadInstructions { get; private set; }

    /// <summary>Warp instructions by root of the opcode: "fma", "ld", "mma".</summary>
    internal IReadOnlyDictionary<string, long> ByRoot => _warpInstructions;

    /// <summary>Floating-point operations: fma 2, add, sub, mul, div 1 a thread (twice for packed types), mma 2 M N K a warp.</summary>
    internal long Flops { get; private set; }

    /// <summary>Matrix instructions.</summary>
    internal long Mma { get; private set; }

    /// <summary>The part of <see cref="Flops"/> that matrix instructions do.</summary>
    internal long MmaFlops { get; private set; }

    /// <summary>Warp instructions of the fp32 pipe: fma, add, sub, mul on floats.</summary>
    internal long Fp32 { get; private set; }

    /// <summary>Instructions of the special function unit: approximate ex2, lg2, rcp, rsqrt, sqrt, sin, cos, tanh, div.</summary>
    internal long Mufu { get; private set; }

    /// <summary>Barriers of the block, a warp each.</summary>
    internal long Barriers { get; private set; }

    /// <summary>Branches at which lanes of a warp parted.</summary>
    internal long DivergentBranches { get; private set; }

    internal long GlobalBytesRead { get; private set; }

    internal long GlobalBytesWritten { get; private set; }

    /// <summary>Distinct bytes read, in whole sectors: what memory must give at least, whatever the caches do.</summary>
    internal long DistinctBytesRead { get; }

    /// <summary>Distinct bytes written, in whole sectors.</summary>
    internal long DistinctBytesWritten { get; }

    /// <summary>Global memory by instruction: "ld", "st", "cp.async", "atom".</summary>
    internal IReadOnlyDictionary<string, GlobalTraffic> Global => _global;

    /// <summary>Shared memory by instruction: "ld", "st", "ldmatrix", "cp.async", "atom".</summary>
    internal IReadOnlyDictionary<string, SharedTraffic> Shared => _shared;

    /// <summary>Every instruction of the text, in its order.</summary>
    internal IReadOnlyList<CountedLine> Lines { get; }

    internal LaunchCounts(PtxKernel kernel, ReadOnlySpan<LineCounts> lines, (long Read, long Written) distinctSectors)
    {
        (DistinctBytesRead, DistinctBytesWritten) = (distinctSectors.Read * 32, distinctSectors.Written * 32);
        var counted = new List<CountedLine>(kernel.Instructions.Count);
        for (int pc = 0; pc < kernel.Instructions.Count; pc++)
        {
            PtxInstruction instruction = kernel.Instructions[pc];
            counted.Add(new CountedLine(instruction.Line, instruction.Text, lines[pc]));
            Add(instruction, in lines[pc]);
        }
        Lines = counted;
    }

    private void Add(PtxInstruction instruction, in LineCounts line)
    {
        WarpInstructions += line.Warps;
        ThreadInstructions += line.Threads;
        DivergentBranches += line.Divergent;
        if (line.Warps > 0) { _warpInstructions[instruction.Root] = _warpInstructions.GetValueOrDefault(instruction.Root) + line.Warps; }
        if (instruction.Root == "mma")
        {
            Mma += line.Warps;
            MmaFlops += line.Warps * MmaOperations(instruction);
            Flops += line.Warps * MmaOperations(instruction);
        }
        else if (Operations(instruction) is > 0 and var operations)
        {
            Fp32 += line.Warps;
            Flops += line.Threads * operations;
        }
        if (instruction.Has("approx") || instruction.Has("full"))
        {
            Mufu += MufuRoots.Contains(instruction.Root) || instruction.Root == "div" ? line.Warps : 0;
        }
        if (instruction.Root is "bar" or "barrier" && !instruction.Has("warp")) { Barriers += line.Warps; }
        string kind = instruction.Root switch { "cp" => "cp.async", "ldu" => "ld", "red" => "atom", _ => instruction.Root };
        if (line.GlobalRequests > 0)
        {
            GlobalTraffic old = _global.GetValueOrDefault(kind);
            _global[kind] = new GlobalTraffic(old.Requests + line.GlobalRequests, old.Bytes + line.GlobalBytes, old.Sectors + line.Sectors,
                old.IdealSectors + line.IdealSectors);
            if (kind != "st") { GlobalBytesRead += line.GlobalBytes; }
            if (kind is "st" or "atom") { GlobalBytesWritten += line.GlobalBytes; }
        }
        if (line.SharedRequests > 0)
        {
            SharedTraffic old = _shared.GetValueOrDefault(kind);
            _shared[kind] = new SharedTraffic(old.Requests + line.SharedRequests, old.Bytes + line.SharedBytes, old.Wavefronts + line.Wavefronts,
                old.IdealWavefronts + line.IdealWavefronts);
        }
    }

    private static int Operations(PtxInstruction instruction)
    {
        if (instruction.Root is not ("fma" or "add" or "sub" or "mul" or "div") || instruction.Modifiers.Length == 0) { return 0; }
        PtxType type = PtxTypes.Parse(instruction.Modifiers[^1]);
        if (!type.IsFloat()) { return 0; }
        return (instruction.Root == "fma" ? 2 : 1) * (type is PtxType.F16x2 or PtxType.BF16x2 ? 2 : 1);
    }

    /// <summary>2 M N K, from a shape like m16n8k16.</summary>
    private static long MmaOperations(PtxInstruction instruction)
    {
        foreach (string modifier in instruction.Modifiers)
        {
            int n = modifier.IndexOf('n', StringComparison.Ordinal), k = modifier.IndexOf('k', StringComparison.Ordinal);
            if (modifier[0] == 'm' && n > 0 && k > n)
            {
                return 2L * int.Parse(modifier.AsSpan(1, n - 1), CultureInfo.InvariantCulture)
                    * int.Parse(modifier.AsSpan(n + 1, k - n - 1), CultureInfo.InvariantCulture)
                    * int.Parse(modifier.AsSpan(k + 1), CultureInfo.InvariantCulture);
            }
        }
        return 0;
    }

    /// <summary>A few lines for people.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{WarpInstructions} warp instructions, {ThreadInstructions} of threads, {Flops} FLOP, "
            + $"{Mma} mma, {Mufu} MUFU, {Barriers} barriers, {DivergentBranches} divergent branches\n");
        text.AppendJoin(", ", _warpInstructions.OrderByDescending(root => root.Value).ThenBy(root => root.Key, StringComparer.Ordinal)
            .Select(root => $"{root.Key} {root.Value}")).Append('\n');
        foreach ((string kind, GlobalTraffic traffic) in _global)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"global {kind}: {traffic.Requests} requests, {traffic.Bytes} bytes, {traffic.Sectors} sectors (ideal {traffic.IdealSectors})\n");
        }
        foreach ((string kind, SharedTraffic traffic) in _shared)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"shared {kind}: {traffic.Requests} requests, {traffic.Bytes} bytes, {traffic.Wavefronts} wavefronts (ideal {traffic.IdealWavefronts})\n");
        }
        return text.ToString();
    }
}
