using System.Text.Json;

namespace MiniLM.Model;

/// <summary>What makes scores of a classifier's logits.</summary>
public enum ClassifierActivation
{
    /// <summary>The logits as they are.</summary>
    Identity,

    /// <summary>1 / (1 + exp(-x)).</summary>
    Sigmoid,

    /// <summary>exp(x) / the sum of it over the labels.</summary>
    Softmax,
}

/// <summary>Where three generations of sentence-transformers store a cross-encoder's activation.</summary>
internal static class ClassifierActivations
{
    /// <summary>The score of a label's own logit: identity or sigmoid.</summary>
    internal static float Score(this ClassifierActivation activation, float logit) =>
        activation == ClassifierActivation.Sigmoid ? 1 / (1 + MathF.Exp(-logit)) : logit;

    /// <summary>The scores of a pair's logits, a label each.</summary>
    internal static void Score(this ClassifierActivation activation, ReadOnlySpan<float> logits, Span<float> scores)
    {
        double sum = 0, most = float.NegativeInfinity;
        foreach (float logit in logits) { most = Math.Max(most, logit); }
        foreach (float logit in logits) { sum += Math.Exp(logit - most); }
        for (int i = 0; i < logits.Length; i++)
        {
            scores[i] = activation == ClassifierActivation.Softmax ? (float)(Math.Exp(logits[i] - most) / sum) : activation.Score(logits[i]);
        }
    }

    /// <summary>The first that is stored and PyTorch's; else sigmoid for one label, identity for several.</summary>
    /// <remarks>A class of the author's own is code, which sentence-transformers does not run unasked either: it takes the same default.</remarks>
    internal static (ClassifierActivation Activation, bool IsStored) Read(JsonFile? sentence, ModelConfig config, ModelKind kind, List<string> notes)
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
            if (value is not { } stored) { continue; }
            string name = file!.String(stored, key);
            if (name.StartsWith("torch.", StringComparison.Ordinal)) { return (Parse(file, key, name), true); }
            notes.Add($"{file.Name}: {key} {Quoted.Text(name)} is code of the author's own: {StoredName(config.Labels.Length)} is taken instead");
        }
        return (config.Labels.Length == 1 ? ClassifierActivation.Sigmoid : ClassifierActivation.Identity, false);
    }

    /// <summary>What a new classifier's files say: the default for its number of labels, written down.</summary>
    internal static string StoredName(int labels) => labels == 1 ? "torch.nn.modules.activation.Sigmoid" : "torch.nn.modules.linear.Identity";

    private static ClassifierActivation Parse(JsonFile file, string key, string name) => name[(name.LastIndexOf('.') + 1)..] switch
    {
        "Identity" => ClassifierActivation.Identity,
        "Sigmoid" => ClassifierActivation.Sigmoid,
        "Softmax" => ClassifierActivation.Softmax,
        _ => throw new ModelFormatException($"{file.Name}: {key} {Quoted.Text(name)} is not supported. "
            + $"Set {StoredName(2)}, {StoredName(1)} or torch.nn.modules.activation.Softmax."),
    };
}
