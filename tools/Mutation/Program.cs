using System.Globalization;
using Mutation;

// dotnet run -c Release --project tools/Mutation -- AREA [--seed N] [--count N] [FILE]
int seed = 18, count = 100;
string? file = null;
Area? area = args.Length == 0 ? null : Area.Areas.FirstOrDefault(area => area.Name == args[0]);
for (int i = 1; i < args.Length && area is not null; i++)
{
    switch (args[i])
    {
        case "--seed" when i + 1 < args.Length && int.TryParse(args[i + 1], CultureInfo.InvariantCulture, out seed): i++; break;
        case "--count" when i + 1 < args.Length && int.TryParse(args[i + 1], CultureInfo.InvariantCulture, out count): i++; break;
        case [not '-', ..] when file is null: file = args[i]; break;
        default: area = null; break;
    }
}
if (area is null)
{
    string areas = string.Join(", ", Area.Areas.Select(area => area.Name));
    Console.Error.WriteLine($"Mutation AREA [--seed N] [--count N] [FILE]: mistakes in an area's sources ({areas}), and which its tests don't notice");
    return 2;
}
try { return MutationRun.Run(RepositoryRoot(), area, seed, count, file); }
catch (MutationException error)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}

static string RepositoryRoot()
{
    for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
    {
        if (File.Exists(Path.Combine(at.FullName, "Engine.sln"))) { return at.FullName; }
    }
    throw new MutationException("Engine.sln is in no folder above this program");
}
