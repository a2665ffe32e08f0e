using System.Text.Json;

namespace MiniLM.Model;

/// <summary>What makes scores of a classifier's logits.</summary>
public enum ClassifierActivation
{
    /// <summary>The logits as they are.</summary>
    Identity,

    /// <summary>1 / (1 + exp(-x)).</summary>
    Sigmoid,
}

/// <summary>Where three generations of sentence-transformers store a cross-encoder's activation.</summary>
internal static class ClassifierActivations
{
    /// <summary>The score of a logit.</summary>
    internal static float Score(this ClassifierActivation activation, float logit) =>
        activation == ClassifierActivation.Sigmoid ? 1 / (1 + MathF.Exp(-logit)) : logit;

    /// <summary>The first that is stored; else sigmoid for one label, identity for several.</summary>
    internal static (ClassifierActivation Activation, bool IsStored) Read(JsonFile? sentence, ModelConfig config, ModelKind kind)
    {
        if (kind != ModelKind.CrossEncoder) { return (ClassifierActivation.Identity, false); }
        (JsonFile? File, string Key, JsonElement? Value)[] places =
        [
            (sentence, "activation_fn", sentence?.Find("activation_fn")),
            (config.Json, "sentence_transformers.activation_fn",
                config.Json.Find("sentence_transformers") is { } group ? JsonFile.Find(group, "activation_fn") : null),
            (config.Json, "sbert_ce_default_activation_function", config.Json.Find("sbert_ce_default_activation_function")),
        ];
        foreach ((JsonFile? file, string key, JsonElement? value) in places)
        {
            if (value is { } stored) { return (Parse(file!, key, stored), true); }
        }
        return (config.Labels.Length == 1 ? ClassifierActivation.Sigmoid : ClassifierActivation.Identity, false);
    }

    /// <summary>What a new classifier's files say: the default for its number of labels, written down.</summary>
    internal static string StoredName(int labels) => labels == 1 ? "torch.nn.modules.activation.Sigmoid" : "torch.nn.modules.linear.Identity";

    private static ClassifierActivation Parse(JsonFile file, string key, JsonElement value)
    {
        string name = file.String(value, key);
        return name[(name.LastIndexOf('.') + 1)..] switch
        {
            "Identity" => ClassifierActivation.Identity,
            "Sigmoid" => ClassifierActivation.Sigmoid,
            _ => throw new ModelFormatException(
                $"{file.Name}: {key} {Quoted.Text(name)} is not supported. Set {StoredName(2)} or {StoredName(1)}."),
        };
    }
}
