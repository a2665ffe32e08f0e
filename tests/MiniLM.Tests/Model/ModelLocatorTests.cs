using MiniLM.Model;
using MiniLM.Tests.Weights;

namespace MiniLM.Tests.Model;

public sealed class ModelLocatorTests : IDisposable
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567", Other = "fedcba9876543210fedcba9876543210fedcba98";

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _environment = [];

    private ModelLocator Locator(string current = "work/deep") =>
        new(_environment.GetValueOrDefault, Make("program"), Make(current));

    private string Make(params string[] parts) => Directory.CreateDirectory(_folder.File(parts)).FullName;

    private string MakeCache(string root)
    {
        string repository = Make(root, "models--org--name"), blob = Path.Combine(Make(root, "models--org--name", "blobs"), "abc");
        string snapshot = Make(root, "models--org--name", "snapshots", Commit);
        Make(root, "models--org--name", "snapshots", Other);
        Make(root, "models--org--name", "refs", "refs", "pr");
        File.WriteAllText(Path.Combine(repository, "refs", "main"), Commit);
        File.WriteAllText(Path.Combine(repository, "refs", "refs", "pr", "1"), Other + "\n");
        File.WriteAllText(blob, "{}");
        File.CreateSymbolicLink(Path.Combine(snapshot, "config.json"), "../../blobs/abc");
        return snapshot;
    }

    [Fact]
    public void Resolve_TakesAnExistingPathFirst()
    {
        string model = Make("work", "deep", "org", "name");
        Assert.Equal(model, Locator().Resolve("org/name"));
        Assert.Equal(model, Locator().Resolve("./org/name"));
        Assert.Equal(model, Locator().Resolve(model));
        _environment["HOME"] = Make("work");
        Assert.Equal(model, Locator().Resolve("~/deep/org/name"));
    }

    [Theory]
    [InlineData("./nowhere")]
    [InlineData("../nowhere")]
    [InlineData("/nowhere/at/all")]
    [InlineData("~/nowhere")]
    public void Resolve_NeverTakesAPathForAName(string path) =>
        Assert.Contains("nowhere", Assert.Throws<ModelFormatException>(() => Locator().Resolve(path)).Message, StringComparison.Ordinal);

    [Fact]
    public void Resolve_FindsAShippedNameBesideTheProgramAndUpwards()
    {
        string above = Make("models", "tiny");
        Assert.Equal(above, Locator().Resolve("tiny"));
        string beside = Make("program", "models", "tiny");
        Assert.Equal(beside, Locator().Resolve("tiny"));
        _environment["MINILM_MODELS"] = Make("own");
        Assert.Equal(beside, Locator().Resolve("tiny"));
        Assert.Equal(Make("own", "tiny"), Locator().Resolve("tiny"));
        Assert.Contains($"looked in {_folder.File("own")}, ", Assert.Throws<ModelFormatException>(() => Locator().Resolve("large")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Resolve_SuggestsANearName()
    {
        Make("models", "all-MiniLM-L6-v2");
        string message = Assert.Throws<ModelFormatException>(() => Locator().Resolve("all-minilm-l6")).Message;
        Assert.Contains("Did you mean all-MiniLM-L6-v2?", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("SENTENCE_TRANSFORMERS_HOME", "")]
    [InlineData("TRANSFORMERS_CACHE", "")]
    [InlineData("HF_HUB_CACHE", "")]
    [InlineData("HUGGINGFACE_HUB_CACHE", "")]
    [InlineData("HF_HOME", "hub")]
    [InlineData("XDG_CACHE_HOME", "huggingface/hub")]
    [InlineData("HOME", ".cache/huggingface/hub")]
    public void Resolve_FindsTheCacheByEachVariable(string variable, string below)
    {
        _environment[variable] = _folder.File("cache");
        string snapshot = MakeCache(Path.Combine("cache", below));
        Assert.Equal(snapshot, Locator().Resolve("org/name"));
        Assert.Equal("{}", File.ReadAllText(Path.Combine(snapshot, "config.json")));
    }

    [Fact]
    public void Resolve_TheFirstVariableWins()
    {
        _environment["HF_HOME"] = _folder.File("other");
        _environment["HF_HUB_CACHE"] = _folder.File("cache");
        Assert.Equal(MakeCache("cache"), Locator().Resolve("org/name"));
    }

    [Fact]
    public void Resolve_LooksInTheHubsCacheBehindThatOfALibrary()
    {
        _environment["SENTENCE_TRANSFORMERS_HOME"] = _folder.File("sentences");
        _environment["HF_HUB_CACHE"] = _folder.File("hub");
        string hub = MakeCache("hub");
        Assert.Equal(hub, Locator().Resolve("org/name"));
        Assert.Equal(MakeCache("sentences"), Locator().Resolve("org/name"));
        string message = Assert.Throws<ModelFormatException>(() => Locator().Resolve("org/other")).Message;
        Assert.Contains($"there is no {_folder.File("sentences", "models--org--other")} and no {_folder.File("hub", "models--org--other")}", message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("org/name@main", Commit)]
    [InlineData("org/name@refs/pr/1", Other)]
    [InlineData("org/name@" + Other, Other)]
    public void Resolve_FindsARevision(string id, string commit)
    {
        _environment["HF_HUB_CACHE"] = _folder.File("cache");
        string snapshot = MakeCache("cache");
        Assert.Equal(Path.Combine(Path.GetDirectoryName(snapshot)!, commit), Locator().Resolve(id));
    }

    [Theory]
    [InlineData("org/name@v2", "no revision 'v2'")]
    [InlineData("org/other", "hf download org/other")]
    [InlineData("org/name@../../x", "neither a folder nor org/name")]
    [InlineData("a/b/c", "neither a folder nor org/name")]
    [InlineData("", "empty")]
    public void Resolve_RefusesInOneLine(string id, string part)
    {
        _environment["HF_HUB_CACHE"] = _folder.File("cache");
        MakeCache("cache");
        string message = Assert.Throws<ModelFormatException>(() => Locator().Resolve(id)).Message;
        Assert.Contains(part, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    public void Dispose() => _folder.Dispose();
}
