using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using MiniLM.Text;

namespace MiniLM.Tests.Text;

/// <summary>The committed tiny tokenizer, and changed copies of it.</summary>
internal static class TokenizerFixture
{
    internal static string Folder { get; } = Locate();

    internal static WordPieceTokenizer Load() => WordPieceTokenizer.Load(Folder);

    /// <summary>Loads tokenizer.json after a change to its text or tree.</summary>
    internal static WordPieceTokenizer LoadChanged(Action<JsonNode> change)
    {
        JsonNode root = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "tokenizer.json")))!;
        change(root);
        return LoadText(root.ToJsonString(), "tokenizer.json");
    }

    /// <summary>Loads a folder with one file, and a tokenizer_config.json if given.</summary>
    internal static WordPieceTokenizer LoadText(string text, string name, string? config = null)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("minilm-tokenizer");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, name), text);
            if (config is not null) { File.WriteAllText(Path.Combine(folder.FullName, "tokenizer_config.json"), config); }
            return WordPieceTokenizer.Load(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Locate([CallerFilePath] string source = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(source)!, "..", "..", "Fixtures", "tokenizer"));
}
