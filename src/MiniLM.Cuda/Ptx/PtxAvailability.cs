namespace MiniLM.Cuda.Ptx;

/// <summary>Since which target and ISA version an instruction exists (PTX ISA, "PTX ISA Notes" and "Target ISA Notes" of each).</summary>
internal static class PtxAvailability
{
    internal static void Check(PtxModule module, PtxInstruction instruction, List<PtxFinding> findings)
    {
        (int target, int version) = Of(instruction);
        if (module.Target < target)
        {
            findings.Add(new PtxFinding(instruction.Line, $"needs sm_{target}, and .target is sm_{module.Target} ({instruction.Text})"));
        }
        if (module.Version < version)
        {
            findings.Add(new PtxFinding(instruction.Line,
                $"needs .version {version / 10}.{version % 10}, and it is {module.Version / 10}.{module.Version % 10} ({instruction.Text})"));
        }
    }

    /// <summary>Least target and version.</summary>
    internal static (int Target, int Version) Of(PtxInstruction instruction)
    {
        (int target, int version) = Root(instruction);
        foreach (string modifier in instruction.Modifiers)
        {
            (int needsTarget, int needsVersion) = modifier switch
            {
                "shared::cta" => (30, 78),
                "L2::64B" or "L2::128B" or "L2::256B" => (75, 74),
                "acquire" or "release" or "acq_rel" or "relaxed" or "sc" when instruction.Root is "ld" or "st" or "atom" or "red" or "fence" => (70, 60),
                _ when modifier.StartsWith("L1::", StringComparison.Ordinal) => (70, 74),
                _ => (0, 0),
            };
            (target, version) = (Math.Max(target, needsTarget), Math.Max(version, needsVersion));
        }
        return (target, version);
    }

    private static (int Target, int Version) Root(PtxInstruction instruction)
    {
        string[] m = instruction.Modifiers;
        string type = m.Length > 0 ? m[^1] : "";
        bool isHalf = type is "f16" or "f16x2", isBfloat = type is "bf16" or "bf16x2";
        return instruction.Root switch
        {
            "mma" when instruction.Has("bf16") || instruction.Has("m16n8k16") || instruction.Has("m16n8k32") => (80, 70),
            "mma" => (75, 65),
            "ldmatrix" => (75, 65),
            "cp" when instruction.Has("async") => (80, 70),
            "redux" => (80, 70),
            "cvt" when instruction.Has("f16x2") || instruction.Has("bf16x2") => (80, 70),
            "cvt" when type == "bf16" => (90, 78),
            "cvt" when instruction.Has("bf16") => (80, 70),
            "tanh" => (75, 70),
            "ex2" when isHalf => (75, 70),
            "min" or "max" when isHalf || isBfloat || instruction.Has("NaN") => (80, 70),
            "neg" or "abs" when isBfloat => (80, 70),
            "add" or "sub" or "mul" or "fma" or "setp" when isHalf => (53, 42),
            "add" or "sub" or "mul" or "fma" or "setp" when isBfloat => (90, 78),
            "shfl" or "vote" when instruction.Has("sync") => (30, 60),
            "bar" when instruction.Has("warp") => (30, 60),
            "barrier" => (30, 60),
            "activemask" => (30, 62),
            "brx" => (30, 60),
            "fence" => (70, 60),
            "nanosleep" => (70, 63),
            "lop3" => (50, 43),
            "atom" or "red" when type == "f64" => (60, 50),
            _ => (0, 0),
        };
    }
}
