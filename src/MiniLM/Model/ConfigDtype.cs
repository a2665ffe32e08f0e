using System.Text;
using MiniLM.Weights;

namespace MiniLM.Model;

/// <summary>Sets the element type in a <c>config.json</c> by replacing its bytes, so that all else stays as it was.</summary>
internal static class ConfigDtype
{
    internal static string Name(ElementType type) => type switch { ElementType.F16 => "float16", ElementType.BF16 => "bfloat16", _ => "float32" };

    /// <param name="json">The file; an object.</param>
    /// <param name="dtype">float32, float16 or bfloat16.</param>
    /// <param name="addWhenAbsent">Whether to write the key when the file has neither of its spellings.</param>
    internal static byte[] Set(ReadOnlySpan<byte> json, string dtype, bool addWhenAbsent)
    {
        if (ConfigValue.Replace(json, $"\"{dtype}\"", "torch_dtype", "dtype") is { } replaced) { return replaced; }
        if (!addWhenAbsent) { return json.ToArray(); }
        int open = json.IndexOf((byte)'{') + 1;
        bool empty = json[open..].TrimStart(" \t\r\n"u8).StartsWith("}"u8);
        return [.. json[..open], .. Encoding.UTF8.GetBytes($"\n  \"torch_dtype\": \"{dtype}\"{(empty ? "\n" : ",")}"), .. json[open..]];
    }
}
