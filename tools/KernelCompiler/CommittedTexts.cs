using System.Reflection;
using MiniLM.Kernels;

namespace KernelCompiler;

/// <summary>kernels/ptx: what is committed, and what the compiler makes.</summary>
/// <param name="root">Folder of the repository.</param>
internal sealed class CommittedTexts(string root)
{
    private readonly string _kernels = Path.Combine(root, "kernels");

    internal string Folder => Path.Combine(_kernels, "ptx");

    /// <exception cref="CompilationException">A kernel is refused.</exception>
    internal void Write()
    {
        Dictionary<string, string> texts = Make();
        foreach ((string name, string text) in texts) { File.WriteAllText(Path.Combine(Folder, name), text); }
        foreach (string stale in Stale(texts)) { File.Delete(stale); }
    }

    /// <summary>A line for each file that is not what <see cref="Make"/> gives.</summary>
    internal List<string> Differences(Dictionary<string, string> texts)
    {
        List<string> wrong = [];
        foreach ((string name, string text) in texts)
        {
            string path = Path.Combine(Folder, name);
            if (!File.Exists(path)) { wrong.Add($"{name}: missing"); }
            else if (File.ReadAllText(path) != text) { wrong.Add($"{name}: differs"); }
        }
        wrong.AddRange(Stale(texts).Select(path => $"{Path.GetFileName(path)}: no kernel of that name"));
        return wrong;
    }

    /// <summary>The files of kernels/ptx by name, made anew.</summary>
    /// <exception cref="CompilationException">A kernel is refused.</exception>
    internal Dictionary<string, string> Make()
    {
        Assembly assembly = typeof(GemmArguments).Assembly;
        ConstantDivisions.Refuse(assembly);
        (MethodInfo Method, string Ptx)[] compiled = [.. Compiler.Kernels(assembly).Select(method => (method, Compiler.Compile(method)))];
        Dictionary<string, string> texts = compiled.ToDictionary(kernel => kernel.Method.Name + ".ptx", kernel => kernel.Ptx);
        texts["manifest.json"] = Manifest.Of(compiled, _kernels);
        return texts;
    }

    private string[] Stale(Dictionary<string, string> texts) =>
        [.. Directory.GetFiles(Folder, "*.ptx").Where(path => !texts.ContainsKey(Path.GetFileName(path)))];

    /// <summary>The nearest folder above this program that holds Engine.sln.</summary>
    internal static string RepositoryRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Engine.sln"))) { return at.FullName; }
        }
        throw new DirectoryNotFoundException("Engine.sln is in no folder above this program");
    }
}
