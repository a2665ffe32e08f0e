using System.Globalization;
using System.Text;

namespace MiniLM.Training.Records;

/// <summary>The YAML at the head of a model card, from which the Hub makes its tags, its widget and its table of results.</summary>
internal static class ModelCardFrontMatter
{
    // A widget's buttons, not the data.
    private const int MostSentences = 4;

    internal static void Write(StringBuilder card, ModelCardContents contents)
    {
        CardEvaluation[] evaluations = [.. contents.Evaluations.Where(evaluation => Defined(evaluation).Any())];
        card.Append("---\n");
        List(card, "language", contents.Terms.Languages);
        if (contents.Terms.License is { } license) { card.Append($"license: {CardText.Yaml(license)}\n"); }
        List(card, "tags", Tags(contents));
        if (contents.BaseModelId is { } id) { card.Append($"base_model: {CardText.Yaml(id)}\n"); }
        if (contents.IsBiEncoder) { WriteWidget(card, contents.TrainingSets); }
        card.Append($"pipeline_tag: {(contents.IsBiEncoder ? "sentence-similarity" : contents.OutputSize == 1 ? "text-ranking" : "text-classification")}\n");
        card.Append("library_name: sentence-transformers\n");
        List(card, "metrics", evaluations.SelectMany(Defined).Select(metric => metric.Name).Distinct());
        if (evaluations.Length > 0) { WriteResults(card, contents.Title, evaluations); }
        card.Append("---\n\n");
    }

    private static IEnumerable<string> Tags(ModelCardContents contents)
    {
        string[] kind = contents.IsBiEncoder
            ? ["sentence-transformers", "sentence-similarity", "feature-extraction", "dense"] : ["sentence-transformers", "cross-encoder", "reranker"];
        long size = contents.TrainingSets.Sum(data => data.Size);
        return [.. kind, "generated_from_trainer", string.Create(CultureInfo.InvariantCulture, $"dataset_size:{size}"),
            .. contents.TrainingSets.Select(data => $"loss:{data.Loss}").Distinct()];
    }

    private static void List(StringBuilder card, string key, IEnumerable<string> values)
    {
        string[] all = [.. values];
        if (all.Length == 0) { return; }
        card.Append($"{key}:\n");
        foreach (string value in all) { card.Append($"- {CardText.Yaml(value)}\n"); }
    }

    private static void WriteWidget(StringBuilder card, IReadOnlyList<CardDataSet> sets)
    {
        string[] sentences = [.. sets.SelectMany(Sentences).Where(text => text.Length > 0).Distinct().Take(MostSentences)];
        if (sentences.Length < 2) { return; }
        card.Append($"widget:\n- source_sentence: {CardText.Quoted(sentences[0])}\n  sentences:\n");
        foreach (string sentence in sentences[1..]) { card.Append($"  - {CardText.Quoted(sentence)}\n"); }
    }

    /// <summary>Texts of a data set's samples, row after row.</summary>
    internal static IEnumerable<string> Sentences(CardDataSet data) => data.Samples.SelectMany(row =>
        row.Where((_, column) => data.Columns[column].Statistics is RangeStatistics { Of: RangeOf.Tokens or RangeOf.Characters }));

    private static IEnumerable<CardMetric> Defined(CardEvaluation evaluation) => evaluation.Metrics.Where(metric => double.IsFinite(metric.After));

    private static void WriteResults(StringBuilder card, string title, CardEvaluation[] evaluations)
    {
        card.Append($"model-index:\n- name: {CardText.Yaml(title)}\n  results:\n");
        foreach (CardEvaluation evaluation in evaluations)
        {
            card.Append($"  - task:\n      type: {CardText.Yaml(evaluation.Type)}\n      name: {CardText.Yaml(Words(evaluation.Type))}\n");
            card.Append($"    dataset:\n      name: {CardText.Yaml(evaluation.DataSet)}\n      type: {CardText.Yaml(evaluation.Name)}\n    metrics:\n");
            foreach (CardMetric metric in Defined(evaluation))
            {
                card.Append($"    - type: {CardText.Yaml(metric.Name)}\n");
                card.Append(CultureInfo.InvariantCulture, $"      value: {Number(metric.After)}\n      name: {CardText.Yaml(Words(metric.Name))}\n");
            }
        }
    }

    // YAML 1.1 takes 1E-05 for a text.
    private static string Number(double value) => value.ToString("0.0################", CultureInfo.InvariantCulture);

    /// <summary>cosine_ap: Cosine Ap.</summary>
    internal static string Words(string name) => string.Join(' ',
        name.Split('_', '-').Where(word => word.Length > 0).Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
}
