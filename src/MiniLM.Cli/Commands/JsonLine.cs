using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace MiniLM.Cli.Commands;

/// <summary>One JSON object on one line of standard output; texts stay readable.</summary>
internal static class JsonLine
{
    internal static void Write(TextWriter output, Action<Utf8JsonWriter> members) => output.WriteLine(Text(members));

    internal static string Text(Action<Utf8JsonWriter> members)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    internal static void WriteStrings(this Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (string value in values) { json.WriteStringValue(value); }
        json.WriteEndArray();
    }
}
