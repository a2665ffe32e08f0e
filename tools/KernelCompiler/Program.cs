using KernelCompiler;

// dotnet run -c Release --project tools/KernelCompiler -- compile | check | ptxas | mutate [KERNEL...]
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
        case ["mutate", .. string[] kernels]:
            return MutationRun.Run(committed, root, kernels);
        default:
            Console.Error.WriteLine("KernelCompiler compile: makes kernels/ptx from kernels/*.cs\nKernelCompiler check: makes it anew and compares every byte\n"
                + "KernelCompiler ptxas: assembles every kernel for every GPU, writes kernels/ptx/registers.json\n"
                + "KernelCompiler mutate [KERNEL...]: puts mistakes into the texts and says which of them the tests don't notice");
            return 2;
    }
}
catch (CompilationException error)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}
