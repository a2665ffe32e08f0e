using System.Runtime.CompilerServices;

namespace MiniLM.Cuda.Tests;

/// <summary>Puts the text of the file that <c>MINILM_MUTANT</c> names in place of the kernel of that name, for all tests of this process: "KernelCompiler mutate".</summary>
internal static class MutatedKernel
{
    [ModuleInitializer]
    internal static void Load()
    {
        if (Environment.GetEnvironmentVariable("MINILM_MUTANT") is not { Length: > 0 } path) { return; }
        string mutated = Path.GetFileNameWithoutExtension(path), text = File.ReadAllText(path);
        if (!KernelInfo.All.ContainsKey(mutated)) { throw new InvalidOperationException($"MINILM_MUTANT={path}: no kernel has that name"); }
        Func<string, string> committed = KernelInfo.TextOf;
        KernelInfo.TextOf = name => name == mutated ? text : committed(name);
    }
}
