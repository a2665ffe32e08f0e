using System.Globalization;
using System.Text.Json;
using MiniLM.Data;
using SharpYaml;
using SharpYaml.Events;

namespace MiniLM.Cli.Options;

/// <summary>Keys and values of a run, as JSON or YAML: one object of scalars; a list or an object is the JSON text of it.</summary>
internal sealed class ConfigurationFile
{
    /// <summary>Keys that are options of the command, beside the arguments of the training.</summary>
    internal static readonly string[] CommandKeys =
        ["task", "model", "model_name_or_path", "train", "eval", "test", "columns", "loss", "output_dir", "overwrite", "pos_weight", "data_order", "html",
            "resume_from_checkpoint", "eval_queries", "eval_corpus", "eval_qrels", "device", "threads"];

    private readonly Dictionary<string, string?> _values = new(StringComparer.Ordinal);

    private ConfigurationFile(string path) => Path = path;

    internal string Path { get; }

    /// <exception cref="DataFormatException">It cannot be read, or is not one object.</exception>
    internal static ConfigurationFile Read(string path)
    {
        DataFile.Require(path);
        string text = File.ReadAllText(path);
        ConfigurationFile file = new(path);
        if (DataFile.Suffix(path) is ".yaml" or ".yml") { file.ReadYaml(text); } else { file.ReadJson(text); }
        return file;
    }

    /// <summary>Takes a value out; null: it is not there.</summary>
    internal string? Take(string name) => _values.Remove(name, out string? value) ? value : null;

    /// <summary>Those that were not taken.</summary>
    internal IEnumerable<KeyValuePair<string, string?>> Remaining() => _values;

    private void ReadJson(string text)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(text, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true });
            foreach (JsonProperty property in json.RootElement.EnumerateObject()) { Add(property.Name, Text(property.Value)); }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new DataFormatException($"{Path}: is not one JSON object ({error.Message.Split('.')[0]}). Write {{\"learning_rate\": 2e-5, ...}}, or "
                + "name a .yaml file.", error);
        }
    }

    private static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Array when value.EnumerateArray().All(element => element.ValueKind is JsonValueKind.String or JsonValueKind.Number) =>
            string.Join(',', value.EnumerateArray().Select(Text)),
        _ => value.GetRawText(),
    };

    // By events: one level of keys, whose values are scalars, lists of scalars or (prompts) one more object of scalars.
    private void ReadYaml(string text)
    {
        try
        {
            EventReader reader = new(Parser.CreateParser(new StringReader(text)));
            reader.Expect<StreamStart>();
            reader.Expect<DocumentStart>();
            reader.Expect<MappingStart>();
            while (!reader.Accept<MappingEnd>()) { Add(reader.Expect<Scalar>().Value, Value(reader)); }
        }
        catch (YamlException error)
        {
            throw new DataFormatException($"{Path}:{error.Start.Line + 1}: is not one YAML mapping ({error.Message.ReplaceLineEndings(" ")}). "
                + "Write lines as learning_rate: 2e-5.", error);
        }
    }

    private static string? Value(EventReader reader)
    {
        if (reader.Allow<SequenceStart>() is not null)
        {
            List<string> values = [];
            while (reader.Allow<SequenceEnd>() is null) { values.Add(reader.Expect<Scalar>().Value); }
            return string.Join(',', values);
        }
        if (reader.Allow<MappingStart>() is not null)
        {
            List<string> members = [];
            while (reader.Allow<MappingEnd>() is null)
            {
                (string name, string value) = (reader.Expect<Scalar>().Value, reader.Expect<Scalar>().Value);
                members.Add($"\"{JsonEncodedText.Encode(name)}\": \"{JsonEncodedText.Encode(value)}\"");
            }
            return $"{{{string.Join(", ", members)}}}";
        }
        Scalar scalar = reader.Expect<Scalar>();
        return scalar.IsPlainImplicit && scalar.Value is "" or "null" or "~" ? null : scalar.Value;
    }

    private void Add(string name, string? value)
    {
        if (!_values.TryAdd(name, value))
        {
            throw new DataFormatException(string.Create(CultureInfo.InvariantCulture, $"{Path}: has {Quoted.Text(name)} twice. Leave one out."));
        }
    }
}
