using System.Collections.Immutable;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace Mutation;

/// <summary>A project as the SDK compiles it in Release: its sources, options, references, resources and what generators made.</summary>
internal sealed class SourceProject
{
    private readonly CSharpCompilation _compilation;
    private readonly ImmutableArray<ResourceDescription> _resources;
    private readonly string _folder;

    /// <param name="folder">The project's; already built.</param>
    /// <exception cref="MutationException">The SDK does not say how it compiles it.</exception>
    internal SourceProject(string folder)
    {
        _folder = folder;
        // The compiler's own command line, without running it (resources come before it); an output that does not exist keeps the target from being skipped.
        string json = Child.Output(folder, "msbuild", "-t:PrepareResources;Compile", "-p:Configuration=Release", "-p:BuildProjectReferences=false",
            "-p:ProvideCommandLineArgs=true", "-p:SkipCompilerExecution=true", "-p:NonExistentFile=none", "-getItem:CscCommandLineArgs");
        JsonElement items = JsonDocument.Parse(json).RootElement.GetProperty("Items").GetProperty("CscCommandLineArgs");
        string[] arguments = [.. items.EnumerateArray().Select(item => item.GetProperty("Identity").GetString()!)];
        CSharpCommandLineArguments command = CSharpCommandLineParser.Default.Parse(arguments, folder, sdkDirectory: null);
        if (command.SourceFiles.IsEmpty || command.CompilationName is null)
        {
            throw new MutationException($"{folder}: msbuild gives no command line of the compiler:\n{json}");
        }

        IEnumerable<SyntaxTree> trees = command.SourceFiles
            .Select(file => Parse(SourceText.From(File.ReadAllText(file.Path), Encoding.UTF8), command.ParseOptions, file.Path));
        IEnumerable<MetadataReference> references = command.MetadataReferences
            .Select(reference => MetadataReference.CreateFromFile(reference.Reference, reference.Properties));
        // A mistake that the compiler only warns of is one too. Mutants are compiled side by side.
        CSharpCompilationOptions options = command.CompilationOptions.WithGeneralDiagnosticOption(ReportDiagnostic.Default).WithConcurrentBuild(false);
        var compilation = CSharpCompilation.Create(command.CompilationName, trees, references, options);
        ImmutableArray<ISourceGenerator> generators = [.. command.AnalyzerReferences.SelectMany(analyzer =>
            new AnalyzerFileReference(Path.GetFullPath(analyzer.FilePath, folder), new Loader()).GetGenerators(LanguageNames.CSharp))];
        CSharpGeneratorDriver.Create(generators, parseOptions: command.ParseOptions)
            .RunGeneratorsAndUpdateCompilation(compilation, out Compilation generated, out _);
        _compilation = (CSharpCompilation)generated;
        _resources = command.ManifestResources;
        Assembly = command.CompilationName + ".dll";
    }

    /// <summary>The assembly's file name.</summary>
    internal string Assembly { get; }

    internal SourceText Text(string file) => Tree(file).GetText();

    /// <summary>The assembly with a mistake, or null where that does not compile.</summary>
    internal byte[]? Compile(Mutant mutant)
    {
        SyntaxTree tree = Tree(mutant.File);
        using MemoryStream assembly = new();
        SyntaxTree changed = Parse(tree.GetText().WithChanges(mutant.Change), (CSharpParseOptions)tree.Options, tree.FilePath);
        return _compilation.ReplaceSyntaxTree(tree, changed).Emit(assembly, manifestResources: _resources).Success ? assembly.ToArray() : null;
    }

    /// <summary>The assembly without a mistake: what differs from the SDK's own would show in the tests' run on it.</summary>
    /// <exception cref="MutationException">It does not compile.</exception>
    internal byte[] Compile()
    {
        using MemoryStream assembly = new();
        var result = _compilation.Emit(assembly, manifestResources: _resources);
        if (result.Success) { return assembly.ToArray(); }
        IEnumerable<Diagnostic> errors = result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        throw new MutationException($"{_folder} does not compile:\n{string.Join('\n', errors)}");
    }

    private SyntaxTree Tree(string file) => _compilation.SyntaxTrees.FirstOrDefault(tree => tree.FilePath == Path.Combine(_folder, file))
        ?? throw new MutationException($"{file}: {_folder} has no such source");

    private static SyntaxTree Parse(SourceText text, CSharpParseOptions options, string path) => CSharpSyntaxTree.ParseText(text, options, path);

    private sealed class Loader : IAnalyzerAssemblyLoader
    {
        public void AddDependencyLocation(string fullPath) { }

        public Assembly LoadFromPath(string fullPath) => System.Reflection.Assembly.LoadFrom(fullPath);
    }
}
