using System.Reflection;
using KernelCompiler;
using MiniLM.Kernels;

// dotnet run -c Release --project tools/KernelCompiler -- compile | check | ptxas
string root = RepositoryRoot();
string kernels = Path.Combine(root, "kernels"), folder = Path.Combine(kernels, "ptx");
try
{
    switch (args)
    {
        case ["compile"]:
            Dictionary<string, string> made = Texts();
            foreach ((string name, string text) in made) { File.WriteAllText(Path.Combine(folder, name), text); }
            foreach (string stale in Stale(made.Keys)) { File.Delete(stale); }
            return 0;
        case ["check"]:
            return Check();
        case ["ptxas"]:
            return Ptxas.Run(folder);
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

Dictionary<string, string> Texts()
{
    ConstantDivisions.Refuse(typeof(GemmArguments).Assembly);
    (MethodInfo Method, string Ptx)[] compiled = [.. Compiler.Kernels(typeof(GemmArguments).Assembly).Select(method => (method, Compiler.Compile(method)))];
    Dictionary<string, string> texts = compiled.ToDictionary(kernel => kernel.Method.Name + ".ptx", kernel => kernel.Ptx);
    texts["manifest.json"] = Manifest.Of(compiled, kernels);
    return texts;
}

int Check()
{
    Dictionary<string, string> texts = Texts();
    List<string> wrong = [];
    foreach ((string name, string text) in texts)
    {
        string path = Path.Combine(folder, name);
        if (!File.Exists(path)) { wrong.Add($"{name}: missing"); }
        else if (File.ReadAllText(path) != text) { wrong.Add($"{name}: differs"); }
    }
    wrong.AddRange(Stale(texts.Keys).Select(path => $"{Path.GetFileName(path)}: no kernel of that name"));
    foreach (string line in wrong) { Console.Error.WriteLine($"kernels/ptx/{line}; run: dotnet run -c Release --project tools/KernelCompiler -- compile"); }
    if (wrong.Count == 0) { Console.WriteLine($"{texts.Count} files of kernels/ptx are what the compiler makes"); }
    return wrong.Count == 0 ? 0 : 1;
}

IEnumerable<string> Stale(IEnumerable<string> names) => Directory.GetFiles(folder, "*.ptx").Where(path => !names.Contains(Path.GetFileName(path)));

static string RepositoryRoot()
{
    for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
    {
        if (File.Exists(Path.Combine(at.FullName, "Engine.sln"))) { return at.FullName; }
    }
    throw new DirectoryNotFoundException("Engine.sln is in no folder above this program");
}
