using System.Text.Json;
using MiniLM.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Retrieval;

/// <summary>The header of an index folder, <c>index.json</c> (docs/formats.md).</summary>
internal sealed record VectorIndexHeader(
    int Version, int Count, int Dimension, string Model, string ModelHash, string? PromptName, TextRepairKind Repair, bool IsNormalized)
{
    internal const int CurrentVersion = 1;
    internal const string HeaderFile = "index.json", VectorsFile = "vectors.f32", LengthsFile = "lengths.f32";
    private const int MostDimensions = int.MaxValue / DocumentSearch.Block; // a block of vectors is one span
    private const string Format = "minilm-vector-index";

    internal void Write(string folder)
    {
        using PartialFile stream = PartialFile.Create(Path.Combine(folder, HeaderFile));
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("format", Format);
            json.WriteNumber("version", Version);
            json.WriteNumber("count", Count);
            json.WriteNumber("dimension", Dimension);
            json.WriteString("element_type", "F32");
            json.WriteBoolean("normalized", true);
            json.WriteString("model", Model);
            json.WriteString("model_hash", ModelHash);
            if (PromptName is not null) { json.WriteString("prompt_name", PromptName); }
            if (Repair != TextRepairKind.None) { json.WriteString("fix_text", TextRepair.Names[(int)Repair]); }
            if (IsNormalized) { json.WriteBoolean("normalize", true); }
            json.WriteEndObject();
        }
        stream.Flush(flushToDisk: true);
    }

    /// <exception cref="IndexFormatException">Missing, not JSON, of another format or version, or out of range.</exception>
    internal static VectorIndexHeader Read(string folder)
    {
        string file = Path.Combine(folder, HeaderFile);
        if (!File.Exists(file))
        {
            throw new IndexFormatException(
                $"{folder}: no {HeaderFile} in it: not an index. Give the folder that 'minilm index --dense --corpus FILE --output FOLDER' made.");
        }
        try
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(file));
            JsonElement root = json.RootElement;
            if (root.GetProperty("format").GetString() != Format) { throw new IndexFormatException($"{file}: format is not {Format}. Make the index again."); }
            int version = root.GetProperty("version").GetInt32();
            if (version != CurrentVersion)
            {
                throw new IndexFormatException(
                    $"{file}: version {version}, this program reads {CurrentVersion}. Make the index again or take the matching program.");
            }
            int count = root.GetProperty("count").GetInt32(), dimension = root.GetProperty("dimension").GetInt32();
            if (count < 0 || dimension is < 1 or > MostDimensions)
            {
                throw new IndexFormatException($"{file}: count {count}, dimension {dimension}: out of range. Make the index again.");
            }
            return new VectorIndexHeader(version, count, dimension, IndexFile.Text(root, "model"), IndexFile.Text(root, "model_hash"),
                root.TryGetProperty("prompt_name", out JsonElement prompt) ? prompt.GetString() : null, ReadRepair(root, file),
                root.TryGetProperty("normalize", out JsonElement normalize) && normalize.GetBoolean());
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new IndexFormatException($"{file}: not a header of an index ({error.Message.Split('\n')[0]}). Make the index again.");
        }
    }

    private static TextRepairKind ReadRepair(JsonElement root, string file)
    {
        string? name = root.TryGetProperty("fix_text", out JsonElement element) ? element.GetString() : TextRepair.Names[0];
        int kind = Array.IndexOf(TextRepair.Names, name);
        return kind >= 0 ? (TextRepairKind)kind : throw new IndexFormatException(
            $"{file}: fix_text {Quoted.Text(name ?? "null")} is not one of {string.Join(", ", TextRepair.Names)}. Make the index again.");
    }
}
