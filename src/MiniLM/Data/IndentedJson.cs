using System.Text.Encodings.Web;
using System.Text.Json;

namespace MiniLM.Data;

/// <summary>JSON as Hugging Face's libraries write their files: indented, LF, letters as they are.</summary>
internal static class IndentedJson
{
    internal static readonly JsonWriterOptions Options = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
