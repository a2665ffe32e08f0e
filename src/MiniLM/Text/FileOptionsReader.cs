using System.Text.Json;

namespace MiniLM.Text;

/// <summary>The truncation and padding sections of tokenizer.json as <see cref="EncodeOptions"/>.</summary>
internal static class FileOptionsReader
{
    internal static EncodeOptions ReadTruncation(JsonSection section, EncodeOptions options)
    {
        string strategy = section.String("strategy") ?? "LongestFirst";
        return options with
        {
            MaxLength = section.Count("max_length") ?? throw section.Missing("max_length"),
            TruncationSide = ReadSide(section),
            Truncation = strategy switch
            {
                "LongestFirst" => Truncation.LongestFirst,
                "OnlyFirst" => Truncation.OnlyFirst,
                "OnlySecond" => Truncation.OnlySecond,
                _ => throw section.Unsupported("strategy", strategy, "'LongestFirst', 'OnlyFirst', 'OnlySecond'"),
            },
        };
    }

    internal static EncodeOptions ReadPadding(JsonSection section, EncodeOptions options)
    {
        const int MaxLength = 1 << 20;
        JsonElement strategy = section.Find("strategy") ?? throw section.Missing("strategy");
        int? length = null;
        if (strategy.ValueKind == JsonValueKind.Object)
        {
            length = section.Object("strategy", strategy).Count("Fixed")
                ?? throw section.Unsupported("strategy", strategy.GetRawText().ReplaceLineEndings(" "), "\"BatchLongest\" or {\"Fixed\": length}");
        }
        else if (section.Text("strategy", strategy) is not "BatchLongest" and { } name)
        {
            throw section.Unsupported("strategy", name, "\"BatchLongest\" or {\"Fixed\": length}");
        }
        int multiple = section.Count("pad_to_multiple_of") ?? 0;
        if (length > MaxLength || multiple > MaxLength) { throw new TokenizerException($"{section.File}: padding asks for more than {MaxLength} tokens."); }
        return options with
        {
            Padding = length is null ? Padding.Longest : Padding.Fixed,
            PadToLength = length,
            PadToMultipleOf = multiple,
            PaddingSide = ReadSide(section),
            PadId = section.Find("pad_id") is { } id ? section.Id("pad_id", id) : 0,
            PadTypeId = section.Count("pad_type_id") ?? 0,
            PadToken = section.String("pad_token") ?? "[PAD]",
        };
    }

    private static SequenceSide ReadSide(JsonSection section) => section.String("direction") switch
    {
        null or "Right" => SequenceSide.Right,
        "Left" => SequenceSide.Left,
        { } other => throw section.Unsupported("direction", other, "'Left', 'Right'"),
    };
}
