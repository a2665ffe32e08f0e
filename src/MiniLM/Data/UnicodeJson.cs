using System.Text.Json;
using System.Text.Unicode;

namespace MiniLM.Data;

/// <summary>JSON whose names and texts can all be read: System.Text.Json finds half a surrogate pair only where a name is compared or a text taken.</summary>
internal static class UnicodeJson
{
    /// <summary>A whole document.</summary>
    /// <exception cref="JsonException">It is no JSON, or one of its texts is no Unicode.</exception>
    internal static JsonDocument Parse(ReadOnlyMemory<byte> json)
    {
        Check(json.Span);
        return JsonDocument.Parse(json);
    }

    /// <summary>Refuses what cannot be read.</summary>
    /// <exception cref="JsonException">As for <see cref="Parse"/>.</exception>
    internal static void Check(ReadOnlySpan<byte> json)
    {
        if (Utf8.IsValid(json) && json.IndexOf("\\u"u8) < 0) { return; } // nearly all
        Utf8JsonReader reader = new(json);
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.PropertyName or JsonTokenType.String)) { continue; }
            try { _ = reader.GetString(); }
            catch (InvalidOperationException error)
            {
                throw new JsonException($"the text at byte {reader.TokenStartIndex} has half a surrogate pair, or is not UTF-8.", error);
            }
        }
    }
}
