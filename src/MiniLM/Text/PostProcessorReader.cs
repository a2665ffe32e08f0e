using System.Text.Json;

namespace MiniLM.Text;

/// <summary>Reads the post_processor section.</summary>
internal static class PostProcessorReader
{
    internal static PostProcessor Read(JsonSection section) => section.Type switch
    {
        "BertProcessing" => PostProcessor.Bert(TokenAndId(section, "cls"), TokenAndId(section, "sep")),
        "RobertaProcessing" =>
            PostProcessor.Roberta(TokenAndId(section, "cls"), TokenAndId(section, "sep"), section.Boolean("trim_offsets") ?? true,
                section.Boolean("add_prefix_space") ?? true),
        "Sequence" => ReadSequence(section),
        "TemplateProcessing" => new PostProcessor(ReadTemplate(section, "single", 1), ReadTemplate(section, "pair", 2)),
        { } other => throw section.Unsupported("type", other, "'TemplateProcessing', 'BertProcessing', 'RobertaProcessing', 'Sequence' of one or null"),
    };

    // Two that add special tokens would add them twice.
    private static PostProcessor ReadSequence(JsonSection section)
    {
        JsonElement list = section.RequiredArray("processors");
        return list.GetArrayLength() switch
        {
            0 => PostProcessor.None,
            1 when section.Object("processors", list[0]) is { Type: not "Sequence" } only => Read(only),
            _ => throw section.Wrong("processors", list, "one of 'TemplateProcessing', 'BertProcessing', 'RobertaProcessing'"),
        };
    }

    private static (string Token, int Id) TokenAndId(JsonSection section, string name)
    {
        JsonElement pair = section.RequiredArray(name);
        if (pair.GetArrayLength() != 2) { throw section.Wrong(name, pair, "[token, id]"); }
        return (section.Text(name, pair[0]), section.Id(name, pair[1]));
    }

    private static TemplatePiece[] ReadTemplate(JsonSection section, string name, int sequences)
    {
        List<TemplatePiece> pieces = [];
        int[] seen = new int[2];
        foreach (JsonElement element in section.RequiredArray(name).EnumerateArray())
        {
            JsonSection piece = section.Object(name, element);
            if (piece.Find("Sequence") is { } sequence)
            {
                JsonSection fields = piece.Object("Sequence", sequence);
                string id = fields.RequiredString("id");
                int index = id switch { "A" => 0, "B" => 1, _ => throw fields.Unsupported("id", id, "'A', 'B'") };
                seen[index]++;
                pieces.Add(TemplatePiece.Of(index, TypeId(fields)));
            }
            else if (piece.Find("SpecialToken") is { } special)
            {
                JsonSection fields = piece.Object("SpecialToken", special);
                pieces.Add(ReadSpecial(section, fields.RequiredString("id"), TypeId(fields)));
            }
            else
            {
                throw section.Wrong(name, element, "pieces {\"Sequence\": ...} or {\"SpecialToken\": ...}");
            }
        }
        if (seen[0] != 1 || seen[1] != sequences - 1)
        {
            throw new TokenizerException(
                $"{section.File}: {section.PathOf(name)} has sequence A {seen[0]} times and B {seen[1]} times; supported: each text once.");
        }
        return [.. pieces];
    }

    private static int TypeId(JsonSection fields)
    {
        int typeId = fields.Count("type_id") ?? 0;
        return typeId <= byte.MaxValue ? typeId : throw new TokenizerException($"{fields.File}: {fields.PathOf("type_id")} is {typeId}; supported: 0 to 255.");
    }

    private static TemplatePiece ReadSpecial(JsonSection section, string name, int typeId)
    {
        JsonSection table = section.Object("special_tokens", section.Find("special_tokens") ?? throw section.Missing("special_tokens"));
        JsonSection special = table.Object(name, table.Find(name) ?? throw table.Missing(name));
        int[] ids = [.. special.RequiredArray("ids").EnumerateArray().Select(id => special.Id("ids", id))];
        string[] tokens = [.. special.RequiredArray("tokens").EnumerateArray().Select(token => special.Text("tokens", token))];
        return ids.Length == tokens.Length ? new TemplatePiece(-1, typeId, ids, tokens)
            : throw new TokenizerException($"{section.File}: {special.PathOf("ids")} and tokens differ in length.");
    }
}
