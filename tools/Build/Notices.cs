using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Build;

/// <summary>THIRD-PARTY-NOTICES.txt names what is shipped, with the copyright lines of its own licence files.</summary>
internal static partial class Notices
{
    private const string File = "THIRD-PARTY-NOTICES.txt";
    private const string Compiler = "Microsoft.DotNet.ILCompiler", Runtime = "Microsoft.NETCore.App.Runtime.NativeAOT"; // the latter for each system

    private static readonly string Packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    /// <summary>A part of what is shipped; its licence by SPDX, as a section of the file is headed, its copyright verbatim.</summary>
    private sealed record Part(string Name, string License, string Copyright);

    internal static void Check()
    {
        Dictionary<string, string> sections = Sections(System.IO.File.ReadAllText(Path.Combine(Tool.Root, File)));
        string[] scripts = Directory.GetFiles(Path.Combine(Tool.Root, "src"), "*.min.js", SearchOption.AllDirectories);
        Part[] parts = [.. ShippedPackages().Select(package => FromPackage(package.Key, package.Value)), .. scripts.SelectMany(FromScript)];
        int wrong = 0;
        foreach (Part part in parts)
        {
            string line = $"{part.Name}: {part.Copyright}";
            if (sections.GetValueOrDefault(part.License, "").Split('\n').Contains(line)) { continue; }
            Console.Error.WriteLine($"{File}: section {part.License} needs the line '{line}'");
            wrong++;
        }
        if (wrong > 0) { throw new BuildException($"{wrong} of {parts.Length} notices are missing or differ from the licence"); }
        Console.WriteLine($"{File}: {parts.Length} notices as in the licences of {string.Join(", ", parts.Select(part => part.Name))}");
    }

    // A section follows a rule of equals signs and begins with its licence; what stands before the first one is an overview.
    private static Dictionary<string, string> Sections(string text) => Rule().Split(text.ReplaceLineEndings("\n")).Skip(1)
        .ToDictionary(section => section[..section.IndexOf('\n', StringComparison.Ordinal)]);

    // Name and folder of the packages in the lock files of src/ that have something to run in them, and of the runtime that the compiler links in.
    private static SortedDictionary<string, string> ShippedPackages()
    {
        SortedDictionary<string, string> packages = new(StringComparer.OrdinalIgnoreCase);
        foreach (string file in Directory.GetFiles(Path.Combine(Tool.Root, "src"), "packages.lock.json", SearchOption.AllDirectories))
        {
            using JsonDocument json = JsonDocument.Parse(System.IO.File.ReadAllBytes(file));
            JsonElement.ObjectEnumerator targets = json.RootElement.GetProperty("dependencies").EnumerateObject();
            foreach (JsonProperty package in targets.SelectMany(target => target.Value.EnumerateObject()))
            {
                if (!package.Value.TryGetProperty("resolved", out JsonElement resolved)) { continue; } // a project
                string version = resolved.GetString()!;
                if (package.Name == Compiler) { packages[Runtime] = Folder(Runtime + ".*", version); }
                else if (Folder(package.Name, version) is var folder && Directory.Exists(Path.Combine(folder, "lib"))) { packages[package.Name] = folder; }
            }
        }
        return packages;
    }

    private static string Folder(string name, string version) => Directory.GetDirectories(Packages, name.ToLowerInvariant())
        .Select(folder => Path.Combine(folder, version.ToLowerInvariant())).FirstOrDefault(Directory.Exists)
        ?? throw new BuildException($"{name} {version} is not in {Packages}: run 'restore' first");

    // The licence file where there is one, else what the package says of itself.
    private static Part FromPackage(string name, string folder)
    {
        XElement metadata = XDocument.Load(Directory.GetFiles(folder, "*.nuspec").Single()).Root!.Elements().First();
        string Of(string element) => metadata.Element(metadata.Name.Namespace + element)?.Value
            ?? throw new BuildException($"{name}: its nuspec has no {element}");
        string? copyright = Directory.GetFiles(folder, "LICENSE*").SelectMany(System.IO.File.ReadLines)
            .FirstOrDefault(line => line.StartsWith("Copyright", StringComparison.OrdinalIgnoreCase));
        return new(name, Of("license"), (copyright ?? Of("copyright")).Trim());
    }

    // The comments at the head of scripts and of what was bundled into them: name and version, address, copyright, licence.
    private static IEnumerable<Part> FromScript(string file)
    {
        Part[] parts = [.. Banner().Matches(System.IO.File.ReadAllText(file)).Select(banner =>
            new Part(banner.Groups["name"].Value, banner.Groups["license"].Value, banner.Groups["copyright"].Value))];
        return parts.Length > 0 ? parts : throw new BuildException($"{file}: no comment with name, copyright and licence");
    }

    [GeneratedRegex("^={20,}\n", RegexOptions.Multiline)]
    private static partial Regex Rule();

    [GeneratedRegex(@"/\*!\s*\* (?<name>\S+) v\S+\n.*?(?<copyright>\(c\) [^\n]*)\n\s*\* Released under the (?<license>\S+) License", RegexOptions.Singleline)]
    private static partial Regex Banner();
}
