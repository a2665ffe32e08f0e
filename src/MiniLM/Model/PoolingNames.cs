using System.Text.Json;

namespace MiniLM.Model;

/// <summary>How sentence-transformers spells pooling modes: booleans up to 5.3, a name or a list of names since 5.4.</summary>
internal static class PoolingNames
{
    // In the order of PoolingMode, which is the order of concatenation of the booleans; a list keeps its own.
    private static readonly string[] Flags =
    [
        "pooling_mode_cls_token", "pooling_mode_max_tokens", "pooling_mode_mean_tokens",
        "pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken",
    ];

    private static readonly string[] Names = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"];

    internal static PoolingMode[] Read(JsonFile json)
    {
        PoolingMode[] modes = json.Find("pooling_mode") switch
        {
            null => [.. Enum.GetValues<PoolingMode>().Where(mode => json.FindBoolean(Flags[(int)mode]) == true)],
            { ValueKind: JsonValueKind.Array } list => [.. list.EnumerateArray().Select(name => Parse(json, name))],
            { } name => [Parse(json, name)],
        };
        if (modes.Length == 0 && json.Find("pooling_mode") is null) { return [PoolingMode.Mean]; } // as sentence-transformers takes it
        return modes.Length is > 0 and <= 6 ? modes
            : throw new ModelFormatException($"{json.Name}: {modes.Length} pooling modes are set. Set one to six of {string.Join(", ", Names)}.");
    }

    private static PoolingMode Parse(JsonFile json, JsonElement value)
    {
        string name = json.String(value, "pooling_mode");
        int mode = Array.IndexOf(Names, name);
        return mode >= 0 ? (PoolingMode)mode
            : throw new ModelFormatException($"{json.Name}: pooling_mode {Quoted.Text(name)} is not supported. Use one of {string.Join(", ", Names)}.");
    }
}
