using System.Globalization;
using System.Text.Json;

namespace MiniLM.Text;

/// <summary>Tokens that are added to a vocabulary by the files beside it: added_tokens_decoder of tokenizer_config.json, or else, as older programs wrote them,
/// added_tokens.json and special_tokens_map.json.</summary>
/// <remarks>A token that the vocabulary has keeps its id; the others are numbered behind it, in the order of their ids in the file.</remarks>
internal static class AddedTokenFiles
{
    private static readonly string[] NamedTokens = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    /// <summary>Adds to the definition's tokens those that it has not.</summary>
    /// <param name="config">tokenizer_config.json.</param>
    /// <param name="map"><see cref="SpecialMap"/>.</param>
    /// <param name="folder">Of both.</param>
    /// <param name="definition">Takes them.</param>
    internal static void Read(JsonSection? config, JsonSection? map, string folder, TokenizerDefinition definition)
    {
        HashSet<string> known = [.. definition.AddedTokens.Select(token => token.Content)];
        void Add(AddedToken token)
        {
            if (known.Add(token.Content)) { definition.AddedTokens.Add(token with { Id = AddedToken.NextId }); }
        }
        void AddAll(List<AddedToken> tokens)
        {
            foreach (AddedToken token in tokens.OrderBy(token => token.Id)) { Add(token); }
        }
        if (config?.Find("added_tokens_decoder") is { } decoder)
        {
            JsonSection tokens = config.Value.Object("added_tokens_decoder", decoder);
            List<AddedToken> list = [];
            foreach (JsonProperty token in decoder.EnumerateObject())
            {
                JsonSection fields = tokens.Object(token.Name, token.Value);
                list.Add(TokenizerJson.ReadAddedToken(fields, Id(tokens, token.Name), fields.Boolean("special") ?? false));
            }
            AddAll(list);
        }
        else if (TokenizerFiles.TryRead(folder, "added_tokens.json") is { } added) { AddAll(ReadAdded(added, map)); }
        ReadSpecial(config, "extra_special_tokens", Add);
        ReadSpecial(config, "additional_special_tokens", Add);
        ReadSpecial(map, "additional_special_tokens", Add);
    }

    /// <summary>special_tokens_map.json, which counts where tokenizer_config.json has no list of its own; null: it does not.</summary>
    internal static JsonSection? SpecialMap(JsonSection? config, string folder) =>
        config?.Find("added_tokens_decoder") is null ? TokenizerFiles.TryRead(folder, "special_tokens_map.json") : null;

    private static int Id(JsonSection tokens, string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id
        : throw new TokenizerException($"{tokens.File}: added_tokens_decoder has the key '{text}', which is no id.");

    // {"token": id}
    private static List<AddedToken> ReadAdded(JsonSection added, JsonSection? map)
    {
        if (added.Element.ValueKind != JsonValueKind.Object) { throw new TokenizerException($"{added.File}: not a JSON object."); }
        HashSet<string> special = [.. NamedTokens.Select(name => map is { } named ? TokenizerFiles.SpecialToken(named, name) : null).OfType<string>()];
        List<AddedToken> list = [];
        foreach (JsonProperty token in added.Element.EnumerateObject())
        {
            bool isSpecial = special.Contains(token.Name);
            list.Add(new AddedToken(added.Id(token.Name, token.Value), token.Name, false, false, false, Normalized: !isSpecial, isSpecial));
        }
        return list;
    }

    private static void ReadSpecial(JsonSection? file, string name, Action<AddedToken> add)
    {
        if (file is not { } section) { return; }
        IEnumerable<JsonElement> tokens = section.Find(name) switch
        {
            { ValueKind: JsonValueKind.Array } list => list.EnumerateArray(),
            { ValueKind: JsonValueKind.Object } named => named.EnumerateObject().Select(token => token.Value), // {"image_token": "<image>"}
            _ => [],
        };
        foreach (JsonElement element in tokens)
        {
            add(element.ValueKind == JsonValueKind.String
                ? new AddedToken(AddedToken.NextId, section.Text(name, element), false, false, false, Normalized: false, Special: true)
                : TokenizerJson.ReadAddedToken(section.Object(name, element), AddedToken.NextId, special: true));
        }
    }
}
