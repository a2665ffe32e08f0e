using System.Text.Encodings.Web;
using System.Text.Json;

namespace MiniLM.Data;

/// <summary>Writes a line of BEIR's corpus.jsonl; texts stay readable.</summary>
internal static class DocumentLine
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>{"_id": ..., "title": ..., "text": ...} and a line feed.</summary>
    internal static void Write(Stream stream, in Document document)
    {
        using (Utf8JsonWriter json = new(stream, Readable))
        {
            json.WriteStartObject();
            json.WriteString("_id", document.Id);
            json.WriteString("title", document.Title);
            json.WriteString("text", document.Text);
            json.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
    }
}
