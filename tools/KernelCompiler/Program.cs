using System.Globalization;
using KernelCompiler;

// dotnet run -c Release --project tools/KernelCompiler -- compile | check | ptxas | mutate [--seed N] [KERNEL...]
string root = CommittedTexts.RepositoryRoot();
CommittedTexts committed = new(root);
try
{
    switch (args)
    {
        case ["compile"]:
            committed.Write();
            return 0;
        case ["check"]:
            Dictionary<string, string> texts = committed.Make();
            List<string> wrong = committed.Differences(texts);
            foreach (string line in wrong)
            {
                Console.Error.WriteLine($"kernels/ptx/{line}; run: dotnet run -c Release --project tools/KernelCompiler -- compile");
            }
            if (wrong.Count == 0) { Console.WriteLine($"{texts.Count} files of kernels/ptx are what the compiler makes"); }
            return wrong.Count == 0 ? 0 : 1;
        case ["ptxas"]:
            return Ptxas.Run(committed.Folder);
        case ["mutate", "--seed", string number, .. string[] kernels] when int.TryParse(number, CultureInfo.InvariantCulture, out int seed) && seed > 0:
            return MutationRun.Run(committed, root, kernels, seed);
        case ["mutate", .. string[] kernels] when !kernels.Contains("--seed"):
            return MutationRun.Run(committed, root, kernels, seed: 0);
        default:
            Console.Error.WriteLine("KernelCompiler compile: makes kernels/ptx from kernels/*.cs\nKernelCompiler check: makes it anew and compares every byte\n"
                + "KernelCompiler ptxas: assembles every kernel for every GPU, writes kernels/ptx/registers.json\n"
                + "KernelCompiler mutate [--seed N] [KERNEL...]: puts mistakes into the texts and says which of them the tests don't notice;\n"
                + "    N > 0 draws others");
            return 2;
    }
}
catch (CompilationException error)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}
