using MiniLM.Model;

namespace MiniLM.Training.Records;

/// <summary>What a model card says: of the model, its data, its results and its run.</summary>
internal sealed record ModelCardContents
{
    internal required ModelKind Kind { get; init; }

    /// <summary>What the base model is called.</summary>
    internal required string BaseModel { get; init; }

    /// <summary>Its id on the Hub; null: it is not known to be there.</summary>
    internal string? BaseModelId { get; init; }

    /// <summary>License and languages, which are the base's.</summary>
    internal BaseModelTerms Terms { get; init; } = new(null, []);

    /// <summary>In tokens.</summary>
    internal required int MaxSequenceLength { get; init; }

    /// <summary>Dimension of an embedding, or number of labels.</summary>
    internal required int OutputSize { get; init; }

    /// <summary>Of a bi-encoder.</summary>
    internal SimilarityFunction Similarity { get; init; }

    internal required IReadOnlyList<CardDataSet> TrainingSets { get; init; }

    /// <summary>Texts of the data that a cross-encoder compares.</summary>
    internal IReadOnlyList<(string First, string Second)> Pairs { get; init; } = [];

    internal IReadOnlyList<CardDataSet> EvaluationSets { get; init; } = [];

    internal IReadOnlyList<CardEvaluation> Evaluations { get; init; } = [];

    /// <summary>All hyper-parameters, in the order in which they are shown.</summary>
    internal IReadOnlyList<CardSetting> Settings { get; init; } = [];

    internal IReadOnlyList<LogEntry> Log { get; init; } = [];

    /// <summary>The step whose weights these are; null: the last.</summary>
    internal int? BestStep { get; init; }

    internal double TrainingSeconds { get; init; }

    /// <summary>Of the programs, by name.</summary>
    internal IReadOnlyList<KeyValuePair<string, string>> Versions { get; init; } = [];

    internal bool IsBiEncoder => Kind == ModelKind.BiEncoder;

    internal string Title => $"{(IsBiEncoder ? "SentenceTransformer" : "CrossEncoder")} based on {BaseModelId ?? BaseModel}";
}

/// <summary>A hyper-parameter.</summary>
internal sealed record CardSetting(string Name, string Value, bool IsDefault);
