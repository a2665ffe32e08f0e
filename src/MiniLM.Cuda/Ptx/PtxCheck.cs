using MiniLM.Cuda.Emulator;

namespace MiniLM.Cuda.Ptx;

/// <summary>Something wrong with a text, or suspicious.</summary>
/// <param name="Line">Line of the text.</param>
/// <param name="What">One line for people.</param>
internal readonly record struct PtxFinding(int Line, string What);

/// <summary>Looks at a text without running it: <c>minilm ptx check</c>. No findings does not mean that it is right;
/// a finding means that it is not, or that nobody should write it so.</summary>
internal static class PtxCheck
{
    /// <summary>All findings of a text, by line.</summary>
    internal static IReadOnlyList<PtxFinding> Run(string file, string text)
    {
        PtxModule module;
        try { module = PtxParser.Parse(file, text); }
        catch (PtxException wrong) { return [new PtxFinding(wrong.Line, wrong.What)]; }
        var findings = new List<PtxFinding>();
        foreach (PtxKernel kernel in module.Kernels) { Check(module, kernel, findings); }
        if (module.Functions.Count > 0)
        {
            findings.Add(new PtxFinding(module.Functions[0].Line, $"function {module.Functions[0].Name}: calls are not known to the emulator"));
        }
        return [.. findings.Distinct().OrderBy(finding => finding.Line)];
    }

    private static void Check(PtxModule module, PtxKernel kernel, List<PtxFinding> findings)
    {
        Instructions(module, kernel, findings);
        foreach (PtxInstruction instruction in kernel.Instructions) { PtxAvailability.Check(module, instruction, findings); }
        LocalMemory(kernel, findings);
        if (kernel.Instructions.Count == 0) { return; }
        var graph = new FlowGraph(kernel);
        UnwrittenRegisters.Check(kernel, graph, findings);
        KnownAlignment.Check(module, kernel, findings);
        DivergenceCheck.Check(kernel, graph, findings);
        AsyncCopyCheck.Check(kernel, graph, findings);
    }

    /// <summary>Everything the emulator refuses: unknown instructions, registers, labels, operands that do not fit.</summary>
    private static void Instructions(PtxModule module, PtxKernel kernel, List<PtxFinding> findings)
    {
        try
        {
            var modes = Modes.Create(isChecked: false, isCounted: false, jitterSeed: 0, MmaMode.Fused);
            var lowering = new Lowering(module, kernel, modes, new Dictionary<string, ulong>());
            foreach (PtxInstruction instruction in kernel.Instructions)
            {
                try { lowering.Lower(instruction); }
                catch (PtxException wrong) { findings.Add(new PtxFinding(wrong.Line, wrong.What)); }
            }
        }
        catch (PtxException wrong) { findings.Add(new PtxFinding(wrong.Line, wrong.What)); }
    }

    /// <summary>Local memory is global memory: a compiler that uses it has not kept an array in registers.</summary>
    private static void LocalMemory(PtxKernel kernel, List<PtxFinding> findings)
    {
        foreach (PtxVariable variable in kernel.Variables)
        {
            if (variable.Space == PtxSpace.Local)
            {
                findings.Add(new PtxFinding(variable.Line, $".local {variable.Name}: {variable.Bytes} bytes a thread that are not in registers"));
            }
        }
        foreach (PtxInstruction instruction in kernel.Instructions)
        {
            if (instruction.Root is "ld" or "st" && instruction.Has("local"))
            {
                findings.Add(new PtxFinding(instruction.Line, $"local memory ({instruction.Text})"));
            }
        }
    }
}
