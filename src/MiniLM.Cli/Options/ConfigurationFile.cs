using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using MiniLM.Data;
using MiniLM.Training;
using SharpYaml;
using SharpYaml.Events;

namespace MiniLM.Cli.Options;

/// <summary>Keys and values of a run, as JSON or YAML: one object of scalars and lists of scalars; any other value is the JSON text of it.</summary>
internal sealed class ConfigurationFile
{
    private readonly Dictionary<string, string[]?> _values = new(StringComparer.Ordinal); // null: written so

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

    internal bool Has(string name) => _values.TryGetValue(name, out string[]? value) && value is not null;

    /// <summary>Those that were not taken; a list has commas between its elements.</summary>
    internal IEnumerable<KeyValuePair<string, string?>> Remaining() =>
        _values.Select(entry => KeyValuePair.Create(entry.Key, entry.Value is { } value ? string.Join(',', value) : null));

    /// <summary>A command line with this file's values for options that it does not give; they are taken out.</summary>
    /// <param name="line">The command line.</param>
    /// <param name="options">A key is an option's name, or another name of it, without dashes before and with _ between its words.</param>
    /// <exception cref="UsageException">A value is none of its option.</exception>
    internal ParseResult Under(ParseResult line, IEnumerable<Option> options)
    {
        List<string> words = Words(line);
        foreach (Option option in options)
        {
            foreach (string key in Keys(option).Where(_values.ContainsKey))
            {
                _values.Remove(key, out string[]? values);
                if (values is null || line.GetResult(option) is { Implicit: false }) { continue; }
                values = option.ValueType == typeof(string[]) ? values : [string.Join(',', values)];
                words.AddRange(values.Where(value => value.Length > 0).Select(value =>
                    $"{option.Name}={(option.ValueType == typeof(bool) ? IsOn(key, value) ? "true" : "false" : value)}"));
            }
        }
        ParseResult both = line.RootCommandResult.Command.Parse(words, line.Configuration);
        return both.Errors.Count == 0 ? both : throw new UsageException($"{Path}: {both.Errors[0].Message}");
    }

    internal static IEnumerable<string> Keys(Option option) => option.Aliases.Prepend(option.Name).Select(name => name.TrimStart('-').Replace('-', '_'))
        .Distinct();

    private bool IsOn(string key, string value)
    {
        try { return TrainingArgumentNames.Flag(key, value); }
        catch (ArgumentException error) { throw new UsageException($"{Path}: {error.Message}"); }
    }

    // A value that looks like an option was written behind =, and is again.
    private static List<string> Words(ParseResult line)
    {
        List<string> words = [];
        foreach (Token token in line.Tokens)
        {
            if (token.Type == TokenType.Argument && token.Value.StartsWith('-')) { words[^1] += "=" + token.Value; }
            else { words.Add(token.Value); }
        }
        return words;
    }

    private void ReadJson(string text)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(text, new JsonDocumentOptions
            {
                CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true
            });
            foreach (JsonProperty property in json.RootElement.EnumerateObject()) { Add(property.Name, Values(property.Value)); }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new DataFormatException($"{Path}: is not one JSON object ({error.Message.Split('.')[0]}). Write {{\"learning_rate\": 2e-5, ...}}, or "
                + "name a .yaml file.", error);
        }
    }

    private static string[]? Values(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.Array when value.EnumerateArray().All(element => element.ValueKind is JsonValueKind.String or JsonValueKind.Number) =>
            [.. value.EnumerateArray().Select(Text)],
        _ => [Text(value)],
    };

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    // By events: one level of keys. What is neither a scalar nor a list of scalars is only handed on, as in a JSON file.
    private void ReadYaml(string text)
    {
        try
        {
            EventReader reader = new(Parser.CreateParser(new StringReader(text)));
            reader.Expect<StreamStart>();
            reader.Expect<DocumentStart>();
            reader.Expect<MappingStart>();
            while (!reader.Accept<MappingEnd>()) { Add(reader.Expect<Scalar>().Value, Values(reader)); }
            reader.Expect<MappingEnd>();
            reader.Expect<DocumentEnd>();
            reader.Expect<StreamEnd>(); // not another document
        }
        catch (YamlException error)
        {
            // Its message begins with the place, counted from 0.
            string message = error.Message.ReplaceLineEndings(" ");
            if (message.IndexOf("): ", StringComparison.Ordinal) is >= 0 and var at) { message = message[(at + 3)..]; }
            throw new DataFormatException($"{Path}:{error.Start.Line + 1}: is not one YAML mapping ({message.TrimEnd('.')}). "
                + "Write lines as learning_rate: 2e-5.", error);
        }
    }

    private static string[]? Values(EventReader reader)
    {
        if (reader.Allow<SequenceStart>() is not null)
        {
            return [.. Until<SequenceEnd>(reader, () => reader.Accept<Scalar>() ? reader.Expect<Scalar>().Value : Json(reader))];
        }
        if (reader.Accept<MappingStart>()) { return [Json(reader)]; }
        Scalar scalar = reader.Expect<Scalar>();
        return scalar.IsPlainImplicit && scalar.Value is "" or "~" or "null" or "Null" or "NULL" ? null : [scalar.Value];
    }

    // The parser goes 64 values deep, no further.
    private static string Json(EventReader reader)
    {
        if (reader.Allow<SequenceStart>() is not null) { return $"[{string.Join(", ", Until<SequenceEnd>(reader, () => Json(reader)))}]"; }
        if (reader.Allow<MappingStart>() is null) { return Text(); }
        return $"{{{string.Join(", ", Until<MappingEnd>(reader, () => $"{Text()}: {Json(reader)}"))}}}";

        string Text() => $"\"{JsonEncodedText.Encode(reader.Expect<Scalar>().Value)}\"";
    }

    private static List<string> Until<TEnd>(EventReader reader, Func<string> read) where TEnd : ParsingEvent
    {
        List<string> values = [];
        while (reader.Allow<TEnd>() is null) { values.Add(read()); }
        return values;
    }

    private void Add(string name, string[]? value)
    {
        if (!_values.TryAdd(name, value))
        {
            throw new DataFormatException(string.Create(CultureInfo.InvariantCulture, $"{Path}: has {Quoted.Text(name)} twice. Leave one out."));
        }
    }
}
