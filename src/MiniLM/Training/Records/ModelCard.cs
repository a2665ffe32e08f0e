using System.Globalization;
using System.Text;
using MiniLM.Model;

namespace MiniLM.Training.Records;

/// <summary>The README.md of a trained model, as sentence-transformers writes it: front matter, usage, results, data, hyper-parameters, log.</summary>
internal static class ModelCard
{
    internal const string FileName = "README.md";

    internal static string Write(ModelCardContents contents)
    {
        StringBuilder card = new();
        ModelCardFrontMatter.Write(card, contents);
        card.Append($"# {CardText.Markdown(contents.Title)}\n\n");
        WriteDescription(card, contents);
        WriteUsage(card, contents);
        WriteEvaluations(card, contents.Evaluations);
        card.Append("## Training Details\n\n");
        foreach (CardDataSet data in contents.TrainingSets) { WriteDataSet(card, data, "Training"); }
        foreach (CardDataSet data in contents.EvaluationSets) { WriteDataSet(card, data, "Evaluation"); }
        WriteSettings(card, contents.Settings);
        WriteLog(card, contents);
        card.Append($"### Training Time\n\n- **Training**: {Duration(contents.TrainingSeconds)}\n\n");
        if (contents.Versions.Count > 0) { card.Append("### Framework Versions\n\n"); }
        foreach ((string name, string version) in contents.Versions) { card.Append($"- {CardText.Markdown(name)}: {CardText.Markdown(version)}\n"); }
        return card.ToString();
    }

    private static void WriteDescription(StringBuilder card, ModelCardContents contents)
    {
        const string Library = "[sentence-transformers](https://www.SBERT.net)";
        string names = Join(contents.TrainingSets.Select(data => CardText.Code(data.Name)));
        string from = $"finetuned from {Base(contents)} on {names}";
        card.Append(contents.IsBiEncoder
            ? $"This is a {Library} model {from}. It maps sentences and paragraphs to a {contents.OutputSize}-dimensional dense vector space and can be used "
                + "for semantic textual similarity, semantic search, paraphrase mining, text classification, clustering, and more.\n\n"
            : $"This is a [Cross Encoder](https://www.sbert.net/docs/cross_encoder/usage/usage.html) model {from}, for the {Library} library. It "
                + "computes scores for pairs of texts, which can be used for "
                + $"{(contents.OutputSize == 1 ? "reranking and semantic search" : "pair classification")}.\n\n");
        card.Append("## Model Details\n\n### Model Description\n\n");
        Fact("Model Type", contents.IsBiEncoder ? "Sentence Transformer" : "Cross Encoder");
        Fact("Base model", Base(contents));
        Fact("Maximum Sequence Length", $"{contents.MaxSequenceLength} tokens");
        if (contents.IsBiEncoder)
        {
            Fact("Output Dimensionality", $"{contents.OutputSize} dimensions");
            Fact("Similarity Function", Similarity(contents.Similarity));
        }
        else { Fact("Number of Output Labels", $"{contents.OutputSize} label{(contents.OutputSize == 1 ? "" : "s")}"); }
        Fact(contents.TrainingSets.Count == 1 ? "Training Dataset" : "Training Datasets", names);
        if (contents.Terms.Languages.Count > 0) { Fact("Language", CardText.Markdown(string.Join(", ", contents.Terms.Languages))); }
        if (contents.Terms.License is { } license) { Fact("License", CardText.Markdown(license)); }
        card.Append('\n');

        void Fact(string name, string value) => card.Append($"- **{name}:** {value}\n");
    }

    private static string Base(ModelCardContents contents) => contents.BaseModelId is { } id
        ? $"[{CardText.Markdown(id)}](https://huggingface.co/{Uri.EscapeDataString(id).Replace("%2F", "/", StringComparison.Ordinal)})"
        : CardText.Code(contents.BaseModel);

    private static string Similarity(SimilarityFunction function) => function switch
    {
        SimilarityFunction.Dot => "Dot Product",
        SimilarityFunction.Euclidean => "Euclidean Distance",
        SimilarityFunction.Manhattan => "Manhattan Distance",
        _ => "Cosine Similarity",
    };

    private static void WriteUsage(StringBuilder card, ModelCardContents contents)
    {
        card.Append("## Usage\n\nWith `minilm`, `DIR` being the folder of this card:\n\n```bash\n");
        card.Append(contents.IsBiEncoder ? "minilm embed --model DIR \"a text\"\n"
            : "minilm rerank --model DIR --pairs pairs.tsv --columns a,b --output scores.jsonl\n");
        card.Append("```\n\nIn Python, with sentence-transformers (`pip install -U sentence-transformers`):\n\n```python\n");
        if (contents.IsBiEncoder)
        {
            string[] texts = [.. contents.TrainingSets.SelectMany(ModelCardFrontMatter.Sentences).Where(text => text.Length > 0).Distinct().Take(3)];
            if (texts.Length == 0) { texts = ["a text"]; }
            card.Append("from sentence_transformers import SentenceTransformer\n\nmodel = SentenceTransformer(\"DIR\")\nsentences = [\n");
            foreach (string text in texts) { card.Append($"    {CardText.Quoted(text)},\n"); }
            card.Append($"]\nembeddings = model.encode(sentences)\nprint(embeddings.shape)\n# ({texts.Length}, {contents.OutputSize})\n");
            card.Append("similarities = model.similarity(embeddings, embeddings)\n");
        }
        else
        {
            card.Append("from sentence_transformers import CrossEncoder\n\nmodel = CrossEncoder(\"DIR\")\npairs = [\n");
            foreach ((string first, string second) in contents.Pairs) { card.Append($"    ({CardText.Quoted(first)}, {CardText.Quoted(second)}),\n"); }
            string labels = contents.OutputSize == 1 ? "" : $" {contents.OutputSize}";
            card.Append($"]\nscores = model.predict(pairs)\nprint(scores.shape)\n# ({contents.Pairs.Count},{labels})\n");
        }
        card.Append("```\n\n");
    }

    private static void WriteEvaluations(StringBuilder card, IReadOnlyList<CardEvaluation> evaluations)
    {
        if (evaluations.Count == 0) { return; }
        card.Append("## Evaluation\n\n### Metrics\n\n");
        foreach (CardEvaluation evaluation in evaluations)
        {
            card.Append($"#### {CardText.Markdown(ModelCardFrontMatter.Words(evaluation.Type))}\n\n");
            card.Append($"* Dataset: {CardText.Code(evaluation.DataSet)}\n* Evaluator: {CardText.Code(evaluation.Type)}\n\n");
            bool hasBefore = evaluation.Metrics.Any(metric => metric.Before is not null);
            Row(card, hasBefore ? ["Metric", "Before", "After"] : ["Metric", "Value"]);
            Row(card, hasBefore ? [":-", "-:", "-:"] : [":-", "-:"]);
            foreach (CardMetric metric in evaluation.Metrics)
            {
                string[] cells = hasBefore ? [CardText.Markdown(metric.Name), Number(metric.Before), Number(metric.After)]
                    : [CardText.Markdown(metric.Name), Number(metric.After)];
                Row(card, metric.Name == evaluation.Primary ? Bold(cells) : cells);
            }
            card.Append('\n');
        }
    }

    private static void WriteDataSet(StringBuilder card, CardDataSet data, string use)
    {
        card.Append($"### {use} Dataset\n\n#### {CardText.Markdown(data.Name)}\n\n");
        card.Append(CultureInfo.InvariantCulture, $"* Size: {data.Size:N0} {use.ToLowerInvariant()} samples\n");
        card.Append($"* Columns: {Join(data.Columns.Select(column => CardText.Code(column.Name)))}\n* Statistics:\n\n");
        string[] names = [.. data.Columns.Select(column => CardText.Markdown(column.Name))];
        Row(card, ["", .. names], "  ");
        Row(card, [.. Enumerable.Repeat(":-", names.Length + 1)], "  ");
        Row(card, ["type", .. data.Columns.Select(column => Type(column.Statistics))], "  ");
        Row(card, ["details", .. data.Columns.Select(column => Details(column.Statistics))], "  ");
        card.Append("\n* Samples:\n\n");
        Row(card, names, "  ");
        Row(card, [.. Enumerable.Repeat(":-", names.Length)], "  ");
        foreach (IReadOnlyList<string> row in data.Samples) { Row(card, [.. row.Select(CardText.Code)], "  "); }
        if (data.Loss is not { } loss)
        {
            card.Append('\n');
            return;
        }
        card.Append($"\n* Loss: {CardText.Code(loss)}{(data.LossParameters.Count > 0 ? " with these parameters:" : "")}\n");
        if (data.LossParameters.Count > 0)
        {
            card.Append("  ```json\n  {\n");
            card.AppendJoin(",\n", data.LossParameters.Select(one => $"      {CardText.Quoted(one.Key)}: {one.Value.ReplaceLineEndings(" ")}"));
            card.Append("\n  }\n  ```\n");
        }
        card.Append('\n');
    }

    private static string Type(ColumnStatistics statistics) => statistics switch
    {
        RangeStatistics { Of: RangeOf.Tokens or RangeOf.Characters } => "string",
        RangeStatistics { Of: RangeOf.Elements } => "list",
        RangeStatistics => "float",
        _ => "int",
    };

    private static string Details(ColumnStatistics statistics)
    {
        IEnumerable<string> items = statistics switch
        {
            RangeStatistics range => RangeItems(range),
            ClassStatistics classes => classes.Shares.Select(share =>
                string.Create(CultureInfo.InvariantCulture, $"{CardText.Markdown(share.Key)}: ~{100 * share.Value:F2}%")),
            _ => [],
        };
        return $"<ul>{string.Concat(items.Select(item => $"<li>{item}</li>"))}</ul>";
    }

    private static IEnumerable<string> RangeItems(RangeStatistics range)
    {
        (string form, string unit) = range.Of switch
        {
            RangeOf.Tokens => ("0", " tokens"),
            RangeOf.Characters => ("0", " characters"),
            RangeOf.Elements => ("0", " elements"),
            _ => ("0.0###", "")
        };
        string Item(string name, double value, string format) => $"{name}: {value.ToString(format, CultureInfo.InvariantCulture)}{unit}";
        return [Item("min", range.Min, form), Item("mean", range.Mean, "0.0#"), Item("max", range.Max, form)];
    }

    private static void WriteSettings(StringBuilder card, IReadOnlyList<CardSetting> settings)
    {
        if (settings.Count == 0) { return; }
        card.Append("### Training Hyperparameters\n\n#### Non-Default Hyperparameters\n\n");
        foreach (CardSetting setting in settings.Where(setting => !setting.IsDefault)) { Setting(setting); }
        card.Append("\n#### All Hyperparameters\n\n<details><summary>Click to expand</summary>\n\n");
        foreach (CardSetting setting in settings) { Setting(setting); }
        card.Append("\n</details>\n\n");

        void Setting(CardSetting setting) => card.Append($"- {CardText.Code(setting.Name)}: {CardText.Markdown(setting.Value)}\n");
    }

    private static void WriteLog(StringBuilder card, ModelCardContents contents)
    {
        string[] metrics = [.. contents.Evaluations.Where(evaluation => evaluation.Primary is not null)
            .Select(evaluation => evaluation.Name.Length == 0 ? $"eval_{evaluation.Primary}" : $"eval_{evaluation.Name}_{evaluation.Primary}").Distinct()];
        string[] names = ["loss", "eval_loss", .. metrics];
        LogEntry[] rows = [.. contents.Log.GroupBy(entry => entry.Step).OrderBy(step => step.Key).Select(step => Merged(step, names))
            .Where(row => row.Values.Count > 0)];
        if (rows.Length == 0) { return; }
        card.Append("### Training Logs\n\n");
        Row(card, ["Epoch", "Step", "Training Loss", "Validation Loss", .. metrics.Select(metric => CardText.Markdown(metric["eval_".Length..]))]);
        Row(card, [.. Enumerable.Repeat("-:", 2 + names.Length)]);
        foreach (LogEntry row in rows)
        {
            string[] cells = [row.Epoch.ToString("0.0###", CultureInfo.InvariantCulture), row.Step.ToString(CultureInfo.InvariantCulture),
                .. names.Select(name => Number(row.Values.Where(value => value.Key == name).Select(value => (double?)value.Value).FirstOrDefault()))];
            Row(card, row.Step == contents.BestStep ? Bold(cells) : cells);
        }
        card.Append(rows.Any(row => row.Step == contents.BestStep) ? "\n* The bold row denotes the saved checkpoint.\n\n" : "\n");
    }

    // A step is logged, and evaluated, in entries of its own.
    private static LogEntry Merged(IEnumerable<LogEntry> step, string[] names) =>
        step.First() with { Values = [.. step.SelectMany(entry => entry.Values).Where(value => names.Contains(value.Key))] };

    private static void Row(StringBuilder card, IEnumerable<string> cells, string indent = "") => card.Append($"{indent}| {string.Join(" | ", cells)} |\n");

    private static string[] Bold(string[] cells) => [.. cells.Select(cell => $"**{cell}**")];

    private static string Number(double? value) =>
        value is { } number && double.IsFinite(number) ? number.ToString("0.0000", CultureInfo.InvariantCulture) : "-";

    private static string Join(IEnumerable<string> parts)
    {
        string[] all = [.. parts];
        return all.Length < 2 ? string.Concat(all) : $"{string.Join(", ", all[..^1])} and {all[^1]}";
    }

    private static string Duration(double seconds) => seconds switch
    {
        < 60 => string.Create(CultureInfo.InvariantCulture, $"{seconds:F1} seconds"),
        < 3600 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:F1} minutes"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:F1} hours"),
    };
}
