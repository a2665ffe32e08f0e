using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Build;

/// <summary>What a file may look like that a disk, a network or somebody who means harm has had in hands.</summary>
internal static partial class DamagedFile
{
    private const string Lone = "@lone@"; // written as half a surrogate pair, which no JSON library here would write

    private static readonly long[] Sizes =
        [-1, 0, 1, 7, 255, 65535, 65536, int.MaxValue, 1L + int.MaxValue, uint.MaxValue, 1L << 40, long.MaxValue, long.MinValue];

    private static readonly string[] Numbers =
        ["-1", "0", "1", "1e999", "-1e-999", "2147483648", "9223372036854775808", "1e308", "0.5", "NaN", "Infinity", "-0", "007", "1_000", "٣", ""];

    private static readonly Func<JsonNode?>[] Values =
    [
        () => null, () => true, () => false, () => -1, () => 0, () => 3, () => 1e300, () => long.MaxValue, () => .5, () => "", () => Lone,
        () => "a" + Lone + "b", () => "../../x", () => "\0", () => new string('x', 70000), () => new JsonArray(), () => new JsonObject(),
        () => new JsonArray(1, "a", null), () => JsonNode.Parse(new string('[', 60) + new string(']', 60)),
    ];

    /// <summary>The bytes of a file, damaged once to three times.</summary>
    internal static byte[] Of(byte[] bytes, Random random)
    {
        for (int times = random.Next(4) == 0 ? 1 + random.Next(3) : 1; times > 0; times--) { bytes = Once(bytes, random); }
        return bytes;
    }

    private static byte[] Once(byte[] bytes, Random random) => random.Next(10) switch
    {
        0 => ReplacedByte(bytes, random),
        1 => bytes[..random.Next(bytes.Length + 1)],
        2 => Moved(bytes, random),
        3 => WithSize(bytes, random),
        4 or 5 => WithNumber(bytes, random),
        _ => WithJson(bytes, random) ?? ReplacedByte(bytes, random),
    };

    private static byte[] ReplacedByte(byte[] bytes, Random random)
    {
        if (bytes.Length == 0) { return [(byte)random.Next(256)]; }
        byte[] damaged = [.. bytes];
        ReadOnlySpan<byte> telling = "\0\xff\"\\\n\r\t,:{}[]'-e.0\x80\xc3\xed"u8;
        for (int times = 1 + random.Next(4); times > 0; times--)
        {
            ref byte place = ref damaged[random.Next(damaged.Length)];
            place = random.Next(2) == 0 ? (byte)(place ^ 1 << random.Next(8)) : telling[random.Next(telling.Length)];
        }
        return damaged;
    }

    // A stretch is left out, or comes again somewhere else.
    private static byte[] Moved(byte[] bytes, Random random)
    {
        int from = random.Next(bytes.Length + 1), at = random.Next(bytes.Length + 1);
        int to = Math.Min(bytes.Length, from + random.Next(1 + Math.Min(bytes.Length, 200)));
        return random.Next(2) == 0 ? [.. bytes[..from], .. bytes[to..]] : [.. bytes[..at], .. bytes[from..to], .. bytes[at..]];
    }

    // As binary headers hold them; most are near the beginning.
    private static byte[] WithSize(byte[] bytes, Random random)
    {
        byte[] damaged = [.. bytes];
        int width = random.Next(2) == 0 ? sizeof(int) : sizeof(long), last = damaged.Length - width;
        if (last < 0) { return damaged; }
        int at = random.Next(2) == 0 ? random.Next(Math.Min(last, 64) + 1) : random.Next(last + 1);
        long size = Sizes[random.Next(Sizes.Length)];
        if (width == sizeof(int)) { BinaryPrimitives.WriteInt32LittleEndian(damaged.AsSpan(at), (int)size); }
        else { BinaryPrimitives.WriteInt64LittleEndian(damaged.AsSpan(at), size); }
        return damaged;
    }

    private static byte[] WithNumber(byte[] bytes, Random random)
    {
        string text = Encoding.Latin1.GetString(bytes);
        MatchCollection found = Number().Matches(text);
        if (found.Count == 0) { return ReplacedByte(bytes, random); }
        Match match = found[random.Next(found.Count)];
        return [.. bytes[..match.Index], .. Encoding.UTF8.GetBytes(Numbers[random.Next(Numbers.Length)]), .. bytes[(match.Index + match.Length)..]];
    }

    [GeneratedRegex(@"-?\d+(\.\d+)?(e[-+]?\d+)?", RegexOptions.IgnoreCase)]
    private static partial Regex Number();

    // The document, a line of it, or the header of a safetensors file, whose length is set right again. Null: there is no JSON in it.
    private static byte[]? WithJson(byte[] bytes, Random random)
    {
        if (bytes.Length > 9 && bytes[8] == '{' && BinaryPrimitives.ReadInt64LittleEndian(bytes) is > 0 and var length && length <= bytes.Length - 8)
        {
            return WithJson(bytes[8..(8 + (int)length)], random) is not { } header ? null
                : [.. BitConverter.GetBytes((long)header.Length), .. header, .. bytes[(8 + (int)length)..]];
        }
        string text = Encoding.UTF8.GetString(bytes);
        if (Changed(text, random) is { } document) { return Encoding.UTF8.GetBytes(document); }
        string[] lines = text.Split('\n');
        ref string line = ref lines[random.Next(lines.Length)];
        if (Changed(line, random) is not { } changed) { return null; }
        line = changed;
        return Encoding.UTF8.GetBytes(string.Join('\n', lines));
    }

    private static string? Changed(string text, Random random)
    {
        try
        {
            JsonNode? root = JsonNode.Parse(text);
            if (root is not (JsonObject or JsonArray)) { return null; }
            List<JsonNode> places = [.. Containers(root)];
            JsonNode place = places[random.Next(places.Count)];
            if (place is JsonObject entries && entries.Count > 0)
            {
                string key = entries.ElementAt(random.Next(entries.Count)).Key;
                switch (random.Next(4))
                {
                    case 0: entries.Remove(key); break;
                    case 1: entries[random.Next(2) == 0 ? Lone : key + " "] = Values[random.Next(Values.Length)](); break;
                    default: entries[key] = Values[random.Next(Values.Length)](); break;
                }
            }
            else if (place is JsonArray { Count: > 0 } elements) { elements[random.Next(elements.Count)] = Values[random.Next(Values.Length)](); }
            return root.ToJsonString().Replace(Lone, "\\ud800", StringComparison.Ordinal);
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException) { return null; } // no JSON, or a key twice
    }

    private static IEnumerable<JsonNode> Containers(JsonNode node) => (node switch
    {
        JsonObject entries => entries.Select(entry => entry.Value),
        JsonArray elements => elements,
        _ => [],
    }).Where(child => child is JsonObject or JsonArray).SelectMany(child => Containers(child!)).Prepend(node);
}
