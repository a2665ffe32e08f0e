using KernelCompiler;

// dotnet run -c Release --project tools/KernelCompiler -- compile | check | ptxas
CommittedTexts committed = new(CommittedTexts.RepositoryRoot());
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
            foreach (string line in wrong) { Console.Error.WriteLine($"kernels/ptx/{line}; run: dotnet run -c Release --project tools/KernelCompiler -- compile"); }
            if (wrong.Count == 0) { Console.WriteLine($"{texts.Count} files of kernels/ptx are what the compiler makes"); }
            return wrong.Count == 0 ? 0 : 1;
        case ["ptxas"]:
            return Ptxas.Run(committed.Folder);
        default:
            Console.Error.WriteLine("KernelCompiler compile: makes kernels/ptx from kernels/*.cs\nKernelCompiler check: makes it anew and compares every byte\nKernelCompiler ptxas: assembles every kernel for every GPU, writes kernels/ptx/registers.json");
            return 2;
    }
}
catch (CompilationException error)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}
