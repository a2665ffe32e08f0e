using System.Text.Json.Nodes;
using MiniLM.Model;
using MiniLM.Tests.Weights;
using MiniLM.Weights;

namespace MiniLM.Tests.Model;

/// <summary>A copy of a tiny model that a test may break.</summary>
internal sealed class EditedModel : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    internal string Path { get; }

    internal EditedModel(string fixture = "bert") => Path = _folder.Copy(FixtureFolder.Path("models", fixture));

    internal string File(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>Changes config.json; a null value removes the key.</summary>
    internal EditedModel Config(string key, string? json)
    {
        JsonObject config = JsonNode.Parse(System.IO.File.ReadAllText(File("config.json")))!.AsObject();
        config.Remove(key);
        if (json is not null) { config[key] = JsonNode.Parse(json); }
        return Write("config.json", config.ToJsonString());
    }

    internal EditedModel Write(string name, string text)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(File(name))!);
        System.IO.File.WriteAllText(File(name), text);
        return this;
    }

    /// <summary>Rewrites model.safetensors; null leaves a tensor out.</summary>
    internal EditedModel Tensors(Func<Tensor, StoredTensor?> change)
    {
        using (SafetensorsFile opened = new(File("model.safetensors")))
        {
            SafetensorsWriter.Write(File("new"), [.. opened.Tensors.Select(change).OfType<StoredTensor>()], opened.Metadata);
        }
        System.IO.File.Move(File("new"), File("model.safetensors"), overwrite: true);
        return this;
    }

    /// <summary>Opens, expecting a refusal of one line.</summary>
    internal string Refusal()
    {
        string message = Assert.Throws<ModelFormatException>(() => ModelFolder.Open(Path).Dispose()).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }

    public void Dispose() => _folder.Dispose();
}
