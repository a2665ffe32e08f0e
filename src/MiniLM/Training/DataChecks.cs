using System.Globalization;

namespace MiniLM.Training;

/// <summary>What can be seen to be wrong with data before the first step.</summary>
internal static class DataChecks
{
    /// <summary>Names of these warnings.</summary>
    internal static readonly string[] Names =
        ["overlap", "constant-labels", "same-texts", "truncated", "opposite-labels", "repeated-texts", "unbalanced-labels", "large-batch",
            "numbers-as-texts", "no-negatives"];

    private const double Half = .5, MostRepeated = .1, Few = .25;

    /// <summary>Warnings about what is trained on.</summary>
    /// <param name="data">The data.</param>
    /// <param name="loss">Over them.</param>
    /// <param name="arguments">Of the run.</param>
    internal static IEnumerable<TrainingWarning> Of(TrainingData data, TrainingLoss loss, TrainingArguments arguments)
    {
        (TrainingRows rows, string name) = (data.Rows, data.Source);
        if (NumbersAsTexts(data) is { } numbers) { yield return numbers; }
        if (loss.Labels != Losses.LabelKind.Embedding && ConstantLabels(data) is { } constant) { yield return constant; }
        if (data.Count < arguments.PerDeviceTrainBatchSize)
        {
            yield return new("large-batch",
                $"{name}: has {data.Count} rows, fewer than a batch of {arguments.PerDeviceTrainBatchSize}: every batch is all of them. "
                + "Lower --per-device-train-batch-size, or give more rows.");
        }
        if (loss.HasInBatchNegatives && data.Columns.Length <= 2 && Math.Min(data.Count, arguments.PerDeviceTrainBatchSize) == 1)
        {
            yield return new("no-negatives", $"{name}: a batch of one row has no other texts, which are the negatives of {loss.Name}: nothing is learnt. "
                + "Raise --per-device-train-batch-size, or give negatives.");
        }
        if (SameTexts(data, loss) is { Length: > 0 } same) { yield return new("same-texts", same); }
        double truncated = rows.Tokens.Truncated / (double)rows.Tokens.Sequences;
        if (truncated >= Half)
        {
            yield return new("truncated", $"{name}: {Share(truncated)} of the sequences are cut at max_length, so that what decides may be lost. "
                + "Raise --max-length, or give shorter texts.");
        }
        if (loss.Name == "CosineSimilarityLoss" && data.HasLabels(-1, 1) && !data.HasLabels(1))
        {
            yield return new("opposite-labels",
                $"{name}: labels are -1 and 1: {loss.Name} then pushes every pair labelled -1 until its vectors point in opposite "
                + "directions, which unrelated texts do not; that costs accuracy. Write 0 for what is not the same.");
        }
        if (loss.HasInBatchNegatives && !arguments.MaskDuplicates && arguments.BatchSampler != BatchSamplerKind.NoDuplicates
            && Repeated(data) is > MostRepeated and var repeated)
        {
            yield return new("repeated-texts",
                $"{name}: {Share(repeated)} of the rows have a text that another has too; where they meet in a batch, what is right counts as "
                + "wrong. Use --batch-sampler no_duplicates or --mask-duplicates.");
        }
        if (loss.Name == "BinaryCrossEntropyLoss" && data.HasLabels(0, 1) && loss.Settings.Any(setting => setting is { Key: "pos_weight", Value: "1" }))
        {
            double positive = rows.Labels!.Average(row => row[0]);
            if (positive is > 0 and < Few)
            {
                string weight = ((1 - positive) / positive).ToString("0.#", CultureInfo.InvariantCulture);
                yield return new("unbalanced-labels",
                    $"{name}: {Share(positive)} of the labels are 1, so that always saying 0 is right {Share(1 - positive)} of the "
                    + $"time. Try --pos-weight {weight}, and judge by F1 or average precision.");
            }
        }
    }

    /// <summary>A warning when all labels are the same.</summary>
    internal static TrainingWarning? ConstantLabels(TrainingData data) => data.Rows.Labels is { } labels && data.Count > 1 && !data.Rows.IsList
        && labels.All(row => row.AsSpan().SequenceEqual(labels[0])) ? new("constant-labels",
            $"{data.Source}: every label is {string.Join(", ", labels[0].Take(8).Select(Text))}: there is nothing to tell "
            + "apart. Give rows of other labels too.") : null;

    /// <summary>A warning when labels are read as texts.</summary>
    internal static TrainingWarning? NumbersAsTexts(TrainingData data) => !data.Rows.IsList && Array.IndexOf(data.AreNumbers, true, 1) is >= 0 and var column
        ? new("numbers-as-texts", $"{data.Source}: column '{data.Columns[column]}' has nothing but numbers, and is read as a text. If they are labels, call "
            + "it label, or leave it out of --columns.") : null;

    /// <summary>A warning when rows that are measured are trained on too.</summary>
    internal static TrainingWarning? Overlap(IReadOnlyList<TrainingData> training, TrainingData measured)
    {
        HashSet<UInt128> common = [.. measured.Keys];
        common.IntersectWith(training.SelectMany(data => data.Keys));
        int count = measured.Keys.Count(common.Contains);
        return count == 0 ? null : new("overlap", $"{measured.Source}: {count} of its {measured.Count} rows are in {training[0].Source}"
            + $"{(training.Count > 1 ? " and the other training data" : "")} too: what is measured on them was learnt by heart. "
            + "Take them out: minilm data leakage names them.");
    }

    private static string SameTexts(TrainingData data, TrainingLoss loss)
    {
        if (data.Texts is not { Length: > 1 } texts) { return ""; }
        int positives = Count(texts, 0, 1);
        if (data.Rows.Labels is null && positives >= Half * data.Count)
        {
            return $"{data.Source}: {positives} of {data.Count} rows have the same text in '{data.Columns[0]}' and '{data.Columns[1]}': there is "
                + "nothing to learn from them. "
                + "Name other columns.";
        }
        int negatives = texts.Length > 2 ? Count(texts, 1, 2) : 0;
        return negatives == 0 || loss.Labels != Losses.LabelKind.None ? ""
            : $"{data.Source}: {negatives} of {data.Count} rows have the same text as positive and as negative. Leave them out.";
    }

    private static int Count(int[][] texts, int a, int b) => Enumerable.Range(0, texts[a].Length).Count(row => texts[a][row] == texts[b][row]);

    // The share of rows with a text that came before, in whatever row or column.
    private static double Repeated(TrainingData data)
    {
        if (data.Texts is not { } texts) { return 0; }
        HashSet<int> seen = [];
        int repeated = 0;
        for (int row = 0; row < data.Count; row++)
        {
            bool isNew = true;
            foreach (int[] column in texts) { isNew &= !seen.Contains(column[row]); }
            foreach (int[] column in texts) { seen.Add(column[row]); }
            if (!isNew) { repeated++; }
        }
        return repeated / (double)data.Count;
    }

    private static string Share(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.#} %");

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
