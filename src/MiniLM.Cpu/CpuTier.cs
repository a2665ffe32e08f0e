using System.Runtime.Intrinsics.X86;

namespace MiniLM.Cpu;

/// <summary>What the kernels of the CPU device are made for, narrowest first.</summary>
public enum CpuTier
{
    /// <summary>One value at a time.</summary>
    Scalar,

    /// <summary>C# vectors of 128 bits: what Arm runs.</summary>
    Vector128,

    /// <summary>C# vectors of 256 bits with FMA.</summary>
    Avx2,

    /// <summary>Matrix products assembled at run time with 512-bit FMA; rows in 256 bits.</summary>
    Avx512,
}

/// <summary>The tiers of this machine, and the one in force.</summary>
internal static class CpuTiers
{
    internal const string Variable = "MINILM_CPU";

    /// <summary>Why a processor that has AVX-512 has no such tier; null where the tier is there or the processor has it not.</summary>
    internal static string? WithoutAvx512 { get; private set; }

    // Ordered, fastest first; explicit, so that trimming keeps it.
    internal static readonly CpuTier[] Supported = [.. new[] { CpuTier.Avx512, CpuTier.Avx2, CpuTier.Vector128, CpuTier.Scalar }.Where(IsSupported)];

    /// <summary>The tier of this process.</summary>
    /// <exception cref="ArgumentException">As <see cref="Choose"/>.</exception>
    internal static CpuTier InForce() => Choose(Environment.GetEnvironmentVariable(Variable));

    /// <summary>The fastest tier, or the one that <c>MINILM_CPU</c> names.</summary>
    /// <param name="name">The variable's value; null or empty: the choice is free.</param>
    /// <exception cref="ArgumentException">The variable names a tier that does not exist or that this processor has not.</exception>
    internal static CpuTier Choose(string? name)
    {
        if (string.IsNullOrEmpty(name)) { return Supported[0]; }
        foreach (CpuTier tier in Supported)
        {
            if (name == Name(tier)) { return tier; }
        }
        string have = string.Join(", ", Supported.Select(Name));
        string known = name is "amx" or "avx512bf16" or "avx512vnni" ? "there are no kernels of that tier (bfloat16 takes AVX512-BF16 in tier avx512)"
            : name == Name(CpuTier.Avx512) && WithoutAvx512 is { } reason ? reason : "this CPU has no such tier";
        throw new ArgumentException($"{Variable}={name}: {known}; it has {have}. Unset it or choose one of these.");
    }

    internal static string Name(CpuTier tier) => tier switch
    {
        CpuTier.Avx512 => "avx512",
        CpuTier.Avx2 => "avx2",
        CpuTier.Vector128 => "vector128",
        _ => "scalar",
    };

    private static bool IsSupported(CpuTier tier) => tier switch
    {
        CpuTier.Avx512 => Jit.ExecutableMemory.IsSupported && HasAvx512(),
        CpuTier.Avx2 => Avx2.IsSupported && Fma.IsSupported,
        _ => true,
    };

    /// <summary>Whether the processor multiplies bfloat16 in its 512-bit registers (AVX512-BF16).</summary>
    internal static bool HasBFloat16 { get; } = X86Base.IsSupported && X86Base.CpuId(0, 0).Eax >= 7 && X86Base.CpuId(7, 0).Eax >= 1
        && (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0;

    // Not Avx512F.IsSupported: a NativeAOT executable for x86-64-v3 answers false on every machine.
    private static bool HasAvx512()
    {
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < 7) { return false; }
        const int OsSavesState = 1 << 27, Foundation = 1 << 16, DoubleQuad = 1 << 17, ByteWord = 1 << 30, VectorLength = 1 << 31;
        const int Needed = Foundation | DoubleQuad | ByteWord | VectorLength;
        if ((X86Base.CpuId(1, 0).Ecx & OsSavesState) == 0 || (X86Base.CpuId(7, 0).Ebx & Needed) != Needed) { return false; }
        if (Jit.ExtendedState.Enabled() is { } state) { return (state & 0xe6) == 0xe6; } // XCR0: xmm, ymm, opmask, upper zmm, zmm16-31
        WithoutAvx512 = "the system refuses executable memory (systemd's MemoryDenyWriteExecute, PR_SET_MDWE, SELinux), which its kernels need";
        return false;
    }
}
