using System.Globalization;
using System.Text.Json;
using MiniLM.Compute;

namespace MiniLM.Model;

/// <summary><c>config.json</c>: the encoder's numbers, checked before anything is computed from them, and the classifier's labels.</summary>
internal sealed class ModelConfig
{
    internal const string FileName = "config.json";
    internal const string InitializerRangeKey = "initializer_range";

    // Far above any model of this family, far below what overflows an int product of two.
    private const int MostRows = 10_000_000, MostWidth = 32_768, MostLayers = 1_000;

    internal const int MostLabels = 100_000;

    internal EncoderConfig Encoder { get; }

    /// <summary>First entry of <c>architectures</c>, e.g. <c>BertForSequenceClassification</c>; null when absent.</summary>
    internal string? ArchitectureName { get; }

    internal bool IsClassifier => ArchitectureName?.EndsWith("ForSequenceClassification", StringComparison.Ordinal) == true;

    /// <summary>Names of the labels in the order of the logits.</summary>
    internal string[] Labels { get; }

    /// <summary>Standard deviation of new weights.</summary>
    internal double InitializerRange { get; }

    internal ConfigKeys Keys { get; }

    internal JsonFile Json { get; }

    internal ModelConfig(JsonFile json)
    {
        Json = json;
        Architecture architecture = ReadArchitecture(json);
        Keys = architecture == Architecture.DistilBert ? ConfigKeys.DistilBert : ConfigKeys.Bert;
        RefuseVariants(json);
        int hidden = json.Integer(Keys.HiddenSize, 1, MostWidth), heads = json.Integer(Keys.Heads, 1, MostWidth);
        if (hidden % heads != 0)
        {
            throw new ModelFormatException($"{json.Name}: {Keys.HiddenSize} {hidden} is not a multiple of {Keys.Heads} {heads}. Fix {json.Name}.");
        }
        int firstPosition = architecture == Architecture.Mpnet ? 2 : 0;
        Encoder = new EncoderConfig(
            architecture, json.Integer("vocab_size", 1, MostRows), hidden, json.Integer(Keys.Layers, 1, MostLayers), heads,
            json.Integer(Keys.IntermediateSize, 1, MostWidth * 4), ReadActivation(json, Keys.Activation),
            json.Integer("max_position_embeddings", firstPosition + 2, MostRows),
            architecture == Architecture.Bert ? json.FindInteger("type_vocab_size", 1, 256) ?? 2 : 0,
            architecture == Architecture.DistilBert ? 1e-12f : ReadEpsilon(json))
        {
            PadTokenId = json.FindInteger("pad_token_id", 0, MostRows) ?? firstPosition / 2,
            HiddenDropout = ReadDropout(json, Keys.HiddenDropout),
            AttentionDropout = ReadDropout(json, Keys.AttentionDropout),
            ClassifierDropout = architecture switch
            {
                Architecture.DistilBert => ReadDropout(json, "seq_classif_dropout", .2f),
                Architecture.Bert => ReadDropout(json, "classifier_dropout", ReadDropout(json, Keys.HiddenDropout)),
                _ => ReadDropout(json, Keys.HiddenDropout),
            },
        };
        InitializerRange = ReadInitializerRange(json);
        ArchitectureName = ReadArchitectureName(json);
        Labels = ReadLabels(json);
    }

    private static Architecture ReadArchitecture(JsonFile json) => json.FindString("model_type") switch
    {
        "bert" => Architecture.Bert,
        "mpnet" => Architecture.Mpnet,
        "distilbert" => Architecture.DistilBert,
        null => throw new ModelFormatException($"{json.Name}: has no 'model_type'. Add it (bert, mpnet or distilbert) or export the model again."),
        string other => throw new ModelFormatException(
            $"{json.Name}: model_type {Quoted.Text(other)} is not supported. Use a model of type bert, mpnet or distilbert."),
    };

    private static void RefuseVariants(JsonFile json)
    {
        if (json.FindString("position_embedding_type") is { } positions and not "absolute")
        {
            throw new ModelFormatException(
                $"{json.Name}: position_embedding_type {Quoted.Text(positions)} is not supported. Use a model with 'absolute' positions.");
        }
        if (json.FindBoolean("is_decoder") == true)
        {
            throw new ModelFormatException($"{json.Name}: is_decoder is true: a decoder is not supported. Use an encoder model.");
        }
        if (json.FindInteger("relative_attention_num_buckets", 0, MostRows) is { } buckets and not MpnetBuckets.Count)
        {
            throw new ModelFormatException(
                $"{json.Name}: relative_attention_num_buckets {buckets} is not supported. Use a model with {MpnetBuckets.Count} buckets.");
        }
    }

    private static Activation ReadActivation(JsonFile json, string key) => json.FindString(key) switch
    {
        "gelu" or "gelu_python" or null => Activation.Gelu,
        "gelu_new" or "gelu_pytorch_tanh" or "gelu_fast" or "gelu_python_tanh" or "gelu_accurate" => Activation.GeluTanh,
        "silu" or "swish" => Activation.Silu,
        "quick_gelu" => Activation.QuickGelu,
        "relu" => Activation.Relu,
        string other => throw new ModelFormatException($"{json.Name}: {key} {Quoted.Text(other)} is not supported. "
            + "Use a model with gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, relu, silu or quick_gelu."),
    };

    private static float ReadEpsilon(JsonFile json)
    {
        const string Key = "layer_norm_eps";
        if (json.Find(Key) is not { } value) { return 1e-12f; }
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double epsilon) && epsilon is > 0 and < 1 ? (float)epsilon
            : throw json.Wrong(Key, value, "a number between 0 and 1");
    }

    private static float ReadDropout(JsonFile json, string key, float otherwise = .1f)
    {
        if (json.Find(key) is not { } value) { return otherwise; }
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double dropout) && dropout is >= 0 and < 1 ? (float)dropout
            : throw json.Wrong(key, value, "a number from 0 to below 1");
    }

    private static double ReadInitializerRange(JsonFile json)
    {
        if (json.Find(InitializerRangeKey) is not { } value) { return .02; }
        return json.Number(json.Root, InitializerRangeKey) is > 0 and <= 1 and double range ? range
            : throw json.Wrong(InitializerRangeKey, value, "a number above 0, at most 1");
    }

    private static string? ReadArchitectureName(JsonFile json)
    {
        const string Key = "architectures";
        if (json.Find(Key) is not { } value) { return null; }
        if (value.ValueKind != JsonValueKind.Array) { throw json.Wrong(Key, value, "a list of names"); }
        return value.GetArrayLength() == 0 ? null : json.String(value[0], Key);
    }

    /// <summary>The names that transformers gives to labels without one.</summary>
    internal static string[] NumberedLabels(int count) =>
        [.. Enumerable.Range(0, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"LABEL_{i}"))];

    private static string[] ReadLabels(JsonFile json)
    {
        const string Key = "id2label";
        if (json.Find(Key) is not { } map)
        {
            return NumberedLabels(json.FindInteger("num_labels", 1, MostLabels) ?? 2);
        }
        if (map.ValueKind != JsonValueKind.Object || map.GetPropertyCount() is 0 or > MostLabels)
        {
            throw json.Wrong(Key, map, $"an object of 1 to {MostLabels} labels");
        }
        string?[] labels = new string?[map.GetPropertyCount()];
        foreach (JsonProperty label in map.EnumerateObject())
        {
            if (!int.TryParse(label.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id) || id >= labels.Length || labels[id] is not null)
            {
                throw new ModelFormatException(
                    $"{json.Name}: {Key} has the key {Quoted.Text(label.Name)}, expected each of \"0\" to \"{labels.Length - 1}\" once. Fix {json.Name}.");
            }
            labels[id] = json.String(label.Value, Key);
        }
        return labels!;
    }
}

/// <summary>What an architecture calls the numbers of its config, for reading and for messages.</summary>
internal sealed record ConfigKeys(
    string HiddenSize, string Layers, string Heads, string IntermediateSize, string Activation, string HiddenDropout, string AttentionDropout)
{
    /// <summary>BERT and MPNet.</summary>
    internal static readonly ConfigKeys Bert = new("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
        "hidden_dropout_prob", "attention_probs_dropout_prob");

    internal static readonly ConfigKeys DistilBert = new("dim", "n_layers", "n_heads", "hidden_dim", "activation", "dropout", "attention_dropout");
}
