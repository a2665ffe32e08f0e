namespace MiniLM.Model;

/// <summary>Finds a model's folder: a path, a shipped name, or an id in the local Hugging Face cache. Never touches the network.</summary>
/// <param name="environment">Environment variables; the process's own when null.</param>
/// <param name="programFolder">Folder of the executable.</param>
/// <param name="currentFolder">Where the upward search starts.</param>
internal sealed class ModelLocator(Func<string, string?>? environment = null, string? programFolder = null, string? currentFolder = null)
{
    internal const string DefaultName = "all-MiniLM-L6-v2";

    private readonly Func<string, string?> _environment = environment ?? Environment.GetEnvironmentVariable;
    private readonly string _programFolder = programFolder ?? AppContext.BaseDirectory;
    private readonly string _currentFolder = currentFolder ?? Environment.CurrentDirectory;

    internal string Resolve(string nameOrPath)
    {
        if (nameOrPath.Length == 0) { throw new ModelFormatException("The model's name is empty. Give a folder, a shipped name or org/name."); }
        string path = Expand(nameOrPath);
        if (Directory.Exists(path)) { return Path.GetFullPath(path); }
        if (File.Exists(path))
        {
            string file = Path.GetFullPath(path);
            throw new ModelFormatException($"{file}: is a file. Give the folder that it lies in, {Path.GetDirectoryName(file)}.");
        }
        if (IsPath(nameOrPath))
        {
            throw new ModelFormatException($"{Path.GetFullPath(path)}: no such model folder. "
                + "Give the path of a folder with config.json and model.safetensors.");
        }
        return nameOrPath.Contains('/') ? FromCache(nameOrPath) : Shipped(nameOrPath);
    }

    private string Expand(string path)
    {
        bool home = path == "~" || path.StartsWith("~/", StringComparison.Ordinal) || path.StartsWith("~\\", StringComparison.Ordinal);
        string full = home ? Path.Combine(Home, path.Length > 2 ? path[2..] : "") : path;
        return Path.IsPathRooted(full) ? full : Path.Combine(_currentFolder, full);
    }

    private string Home => _environment("HOME") is { Length: > 0 } home ? home : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    private static bool IsPath(string name) =>
        name[0] is '.' or '/' or '\\' or '~' || (name.Length > 1 && char.IsAsciiLetter(name[0]) && name[1] == ':');

    private string Shipped(string name)
    {
        foreach (string folder in ShippedFolders())
        {
            string candidate = Path.Combine(folder, name);
            if (Directory.Exists(candidate)) { return candidate; }
        }
        throw new ModelFormatException($"No model {Quoted.Text(name)}: looked in {(Set("MINILM_MODELS") is { } given ? given + ", " : "")}"
            + $"{Path.Combine(_programFolder, "models")} and in 'models' of {_currentFolder} and the folders above it."
            + $"{Near(name)} Give a folder, or org/name of a model in the Hugging Face cache (hf download org/name).");
    }

    private IEnumerable<string> ShippedFolders()
    {
        if (Set("MINILM_MODELS") is { } given) { yield return given; }
        yield return Path.Combine(_programFolder, "models");
        for (DirectoryInfo? folder = new(_currentFolder); folder is not null; folder = folder.Parent) { yield return Path.Combine(folder.FullName, "models"); }
    }

    private string Near(string name) => NearNames.Suggest(
        name, ShippedFolders().Where(Directory.Exists).SelectMany(Directory.EnumerateDirectories).Select(folder => Path.GetFileName(folder)));

    private string FromCache(string id)
    {
        string[] parts = id.Split('@', 2);
        string[] names = parts[0].Split('/');
        string revision = parts.Length == 2 ? parts[1] : "main";
        if (names.Length != 2 || names.Any(IsUnsafe) || revision.Split('/').Any(IsUnsafe))
        {
            throw new ModelFormatException($"No model {Quoted.Text(id)}: neither a folder nor org/name[@revision]. "
                + "Give the path of a folder or the id of a model.");
        }
        string folder = $"models--{names[0]}--{names[1]}";
        string[] repositories = [.. CacheRoots().Select(root => Path.Combine(root, folder))];
        foreach (string one in repositories)
        {
            string reference = Path.Combine(one, "refs", revision);
            string commit = File.Exists(reference) ? File.ReadAllText(reference).Trim() : revision;
            string snapshot = Path.Combine(one, "snapshots", commit);
            if (!IsUnsafe(commit) && Directory.Exists(snapshot)) { return snapshot; }
        }
        string where = repositories.FirstOrDefault(Directory.Exists) is { } repository ? $"{repository} has no revision {Quoted.Text(revision)}"
            : $"there is no {string.Join(" and no ", repositories)}";
        throw new ModelFormatException($"No model {Quoted.Text(id)} on this machine: {where}.{Near(names[1])} Get it with: hf download {parts[0]}"
            + $"{(parts.Length == 2 ? $" --revision {revision}" : "")}");
    }

    private static bool IsUnsafe(string part) => part is "" or "." or ".." || part.AsSpan().ContainsAny("/\\:\0");

    // sentence-transformers' own folder and transformers' own one go before the Hub's, whose first variable holds.
    private IEnumerable<string> CacheRoots()
    {
        foreach (string name in new[] { "SENTENCE_TRANSFORMERS_HOME", "TRANSFORMERS_CACHE" })
        {
            if (Set(name) is { } own) { yield return own; }
        }
        yield return Set("HF_HUB_CACHE") ?? Set("HUGGINGFACE_HUB_CACHE") ?? (Set("HF_HOME") is { } home ? Path.Combine(home, "hub")
            : Path.Combine(Set("XDG_CACHE_HOME") ?? Path.Combine(Home, ".cache"), "huggingface", "hub"));
    }

    private string? Set(string name) => _environment(name) is { Length: > 0 } value ? Expand(value) : null;
}
