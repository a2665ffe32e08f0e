using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ILGPU;
using MiniLM.Kernels;

namespace KernelCompiler;

/// <summary>What kernels/ptx/manifest.json says of each kernel: the host launches by it, CI compares it, people read it.</summary>
internal static partial class Manifest
{
    /// <param name="kernels">Methods with their texts, in the order of their names.</param>
    /// <param name="sources">The folder kernels/.</param>
    internal static string Of(IEnumerable<(MethodInfo Method, string Ptx)> kernels, string sources)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteString("ilgpu", typeof(Context).Assembly.GetName().Version!.ToString(3));
            json.WriteStartArray("kernels");
            foreach ((MethodInfo method, string ptx) in kernels) { Write(json, method, ptx, sources); }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }

    private static void Write(Utf8JsonWriter json, MethodInfo method, string ptx, string sources)
    {
        KernelAttribute kernel = method.GetCustomAttribute<KernelAttribute>()!;
        string source = method.DeclaringType!.Name + ".cs";
        json.WriteStartObject();
        json.WriteString("name", method.Name);
        json.WriteString("tier", kernel.Target >= 80 ? "A" : "G");
        json.WriteNumber("target", kernel.Target);
        json.WriteString("source", source);
        json.WriteString("source_sha256", Sha256(File.ReadAllText(Path.Combine(sources, source))));
        json.WriteString("ptx_sha256", Sha256(ptx));
        json.WriteNumber("threads", kernel.Threads);
        json.WriteNumber("tile_rows", kernel.TileRows);
        json.WriteNumber("tile_columns", kernel.TileColumns);
        json.WriteNumber("tile_depth", kernel.TileDepth);
        json.WriteNumber("shared_bytes", kernel.SharedBytes);
        json.WriteNumber("shared_bytes_per_unit", kernel.SharedBytesPerUnit);
        json.WriteStartArray("parameters");
        foreach (ParameterInfo parameter in method.GetParameters()) { json.WriteStringValue($"{parameter.ParameterType.Name} {parameter.Name}"); }
        json.WriteEndArray();
        json.WriteStartObject("instructions");
        foreach (IGrouping<string, Match> kind in Instruction().Matches(ptx).GroupBy(match => match.Groups[1].Value)
            .OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            json.WriteNumber(kind.Key, kind.Count());
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string Sha256(string text) => System.Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    [GeneratedRegex(@"(?m)^\t(?:@!?%p\d+\s+)?([a-z]\w*)[^\n]*;$")]
    private static partial Regex Instruction();
}
