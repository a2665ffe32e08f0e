namespace MiniLM.Cuda.Tests;

/// <summary>The kernels' texts, but that of the file that <c>MINILM_MUTANT</c> names in place of the kernel of that name: "KernelCompiler mutate".</summary>
internal static class MutatedKernel
{
    /// <summary>A kernel's text by its name.</summary>
    internal static Func<string, string> Ptx { get; } = Load();

    private static Func<string, string> Load()
    {
        if (Environment.GetEnvironmentVariable("MINILM_MUTANT") is not { Length: > 0 } path) { return KernelInfo.Ptx; }
        string mutated = Path.GetFileNameWithoutExtension(path), text = File.ReadAllText(path);
        if (!KernelInfo.All.ContainsKey(mutated)) { throw new InvalidOperationException($"MINILM_MUTANT={path}: no kernel has that name"); }
        return name => name == mutated ? text : KernelInfo.Ptx(name);
    }
}
