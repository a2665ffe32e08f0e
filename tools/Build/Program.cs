using System.Globalization;
using Build;

// ./build.sh TARGET... or ./build.sh sample QUERY: the only build program; the scripts beside it and CI call it.
string[] order = ["restore", "build", "format", "lines", "notices", "kernels", "test", "cross", "publish", "smoke", "size", "arm64"];
Dictionary<string, Action> targets = new()
{
    ["restore"] = () => Tool.Run("dotnet", "restore", "Engine.sln"),
    ["build"] = () => Tool.Run("dotnet", "build", "Engine.sln", "-c", "Release", "--nologo"),
    // As files of a folder, not as projects: whitespace needs none of them loaded.
    ["format"] = () => Tool.Run("dotnet", "format", "whitespace", ".", "--folder", "--verify-no-changes"),
    ["lines"] = Lines.Check,
    ["notices"] = Notices.Check,
    ["kernels"] = () => Tool.Run("dotnet", "run", "--project", "tools/KernelCompiler", "-c", "Release", "--no-build", "--", "check"),
    // Release: the kernels' C# is twenty times slower in Debug.
    ["test"] = () => Tool.Run("dotnet", "test", "--solution", "Engine.sln", "-c", "Release"),
    ["cross"] = CrossCompile.Run,
    ["publish"] = Executable.Publish,
    ["smoke"] = Smoke.Run,
    ["size"] = Executable.CheckSize,
    ["arm64"] = Arm64.Run,
};
if (args is ["interrupt"]) { targets["interrupt"] = Interrupts.Run; } // a measurement, no part of all
if (args is ["kill"]) { targets["kill"] = Kills.Run; }
if (args is ["damage", ..])
{
    double minutes = 5;
    int seed = 1;
    if (args.Length > 3 || (args.Length > 1 && !double.TryParse(args[1], CultureInfo.InvariantCulture, out minutes))
        || (args.Length > 2 && !int.TryParse(args[2], CultureInfo.InvariantCulture, out seed)))
    {
        Console.Error.WriteLine("build: damage takes minutes and a seed: damage 60 7");
        return 2;
    }
    targets["damage"] = () => Damage.Run(minutes, seed);
    args = ["damage"];
}
if (args is ["sample" or "finetune", ..])
{
    if (args is not [string job, string query])
    {
        Console.Error.WriteLine($"build: {args[0]} takes one query, in quotes");
        return 2;
    }
    targets[job] = () => { if (job == "sample") { Sample.Run(query); } else { FineTune.Run(query); } };
    args = [job];
}
string[] asked = args.Length == 0 || args is ["--help"] or ["-h"] ? [] : args is ["all"] ? order : args;
if (asked.Length == 0)
{
    Console.WriteLine($"build TARGET...\n\nTargets: {string.Join(", ", order)}; all: these in this order. "
        + "publish makes out/minilm; smoke and size look at it; cross makes out/linux-arm64/minilm too; arm64 compares its results with that one's.\n"
        + "interrupt shows how long each command of it goes on after Ctrl-C.\n"
        + "sample QUERY indexes samples/cranfield with it and searches there; finetune QUERY trains the shipped model on its odd queries before.\n"
        + "kill ends a training twenty times with kill -9 and compares the weights that it comes to.\n"
        + "damage [MINUTES [SEED]] runs it over damaged files of every kind that it reads.");
    return args.Length == 0 ? 2 : 0;
}
if (asked.FirstOrDefault(name => !targets.ContainsKey(name)) is { } unknown)
{
    Console.Error.WriteLine($"build: unknown target '{unknown}': it is one of {string.Join(", ", order)}, all");
    return 2;
}
foreach (string name in asked)
{
    Console.WriteLine($"== {name}");
    try { targets[name](); }
    catch (BuildException error)
    {
        Console.Error.WriteLine($"build: {name}: {error.Message}");
        return 1;
    }
}
return 0;
