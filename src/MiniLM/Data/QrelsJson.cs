using System.Text.Json;

namespace MiniLM.Data;

/// <summary>Judgements as one JSON object, as pytrec_eval takes them: {"query": {"document": grade}}.</summary>
internal static class QrelsJson
{
    private const string Form = "A file of judgements is {\"query\": {\"document\": grade}}.";

    /// <summary>Adds the judgements of a whole stream.</summary>
    /// <exception cref="DataFormatException">No such object, a grade that is no whole number, or a document judged twice in a query.</exception>
    internal static void Read(Stream stream, string name, Qrels qrels)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(stream);
            foreach (JsonProperty query in Members(json.RootElement, name, "the file"))
            {
                foreach (JsonProperty document in Members(query.Value, name, Quoted.Text(query.Name)))
                {
                    if (document.Value.ValueKind != JsonValueKind.Number || !document.Value.TryGetInt32(out int grade))
                    {
                        throw new DataFormatException($"{name}: the grade {Quoted.Text(document.Value.ToString())} of {Quoted.Text(document.Name)} in "
                            + $"{Quoted.Text(query.Name)} is not a whole number of 32 bits. Write one, 0 for not relevant.");
                    }
                    if (!qrels.Add(query.Name, document.Name, grade))
                    {
                        throw new DataFormatException($"{name}: document {Quoted.Text(document.Name)} is judged twice in query "
                            + $"{Quoted.Text(query.Name)}. Leave one of them.");
                    }
                }
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or InvalidDataException or IOException)
        {
            throw new DataFormatException($"{name}: not JSON ({error.Message.TrimEnd('.')}). {Form}", error);
        }
    }

    private static JsonElement.ObjectEnumerator Members(JsonElement value, string name, string what) => value.ValueKind == JsonValueKind.Object
        ? value.EnumerateObject() : throw new DataFormatException($"{name}: {what} is no object. {Form}");
}
