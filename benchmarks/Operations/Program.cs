// Each operation of the CPU on one thread, by BenchmarkDotNet: README.md.
//   dotnet run -c Release --project benchmarks/Operations -- --filter '*LayerNorm*'
using System.Globalization;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using Operations;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
Roofs roofs = Roofs.Measure();
// What BenchmarkDotNet builds for its runs is this project again: without analyzers, and with time for it on a busy machine.
Job build = Job.Default.WithArguments([new MsBuildArgument("/p:RunAnalyzers=false")]).AsMutator();
ManualConfig config = ManualConfig.Create(DefaultConfig.Instance)
    .AddJob(build)
    .WithBuildTimeout(TimeSpan.FromMinutes(15))
    .AddDiagnoser(MemoryDiagnoser.Default, new DisassemblyDiagnoser(new DisassemblyDiagnoserConfig(maxDepth: 3)))
    .AddColumn(WorkColumn.All(roofs))
    .WithArtifactsPath(Path.Combine(AppContext.BaseDirectory, "artifacts"));
BenchmarkSwitcher.FromAssembly(typeof(Roofs).Assembly).Run(args, config);
Console.WriteLine(roofs);
