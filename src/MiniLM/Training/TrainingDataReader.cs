using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Text;
using MiniLM.Training.Losses;

namespace MiniLM.Training;

/// <summary>Rows of texts to tokens, once for the whole run; of the texts only hashes and a few samples are kept.</summary>
/// <param name="tokenizer">The model's.</param>
/// <param name="kind">Of the model: a cross-encoder reads a row's first text together with each of the others.</param>
/// <param name="maxLength">Longest sequence in tokens.</param>
/// <param name="prompts">Put before the texts of a column, by its name; under <c>""</c> before every text.</param>
/// <param name="spill">Folder of a file for tokens that outgrow the memory.</param>
internal sealed class TrainingDataReader(
    WordPieceTokenizer tokenizer, ModelKind kind, int maxLength, IReadOnlyDictionary<string, string> prompts, string spill)
{
    /// <summary>Reads a data set.</summary>
    /// <param name="name">Its file, or what it is called.</param>
    /// <param name="columns">Names of the columns of texts.</param>
    /// <param name="isList">A row is a query with documents, each of which has a label.</param>
    /// <param name="rows">All have as many texts, but lists.</param>
    /// <param name="loss">What they are for; null: only to be measured.</param>
    /// <param name="hasParts">Queries meet documents of other rows (<see cref="TrainingRows.Parts"/>).</param>
    /// <param name="cancellation">Looked at for every row.</param>
    /// <exception cref="LossDataException">There are no rows, or they are of different shapes.</exception>
    internal TrainingData Read(
        string name, string[] columns, bool isList, IEnumerable<TrainingRow> rows, string? loss, bool hasParts, CancellationToken cancellation)
    {
        using TokenizedRowsWriter tokens = Writer(cancellation), parts = Writer(cancellation);
        List<int> partTokens = [];
        Sha256 hash = new();
        TextHash texts = new();
        TextNumbers numbers = new();
        List<double[]> labels = [];
        List<TrainingRow> samples = [];
        List<UInt128> keys = [];
        (double Min, double Sum, double Max)[] lengths = [.. columns.Select(_ => (double.PositiveInfinity, 0.0, 0.0))];
        bool[] areNumbers = [.. columns.Select(_ => true)];
        List<int>[] numbered = [.. columns.Select(_ => new List<int>())];
        Span<byte> bytes = stackalloc byte[16];
        foreach (TrainingRow row in rows)
        {
            LossDataException.ThrowIf(row.Texts.Count == 0, $"{name}: row {keys.Count + 1} has no text. Give it one, or leave it out.");
            if (samples.Count > 0) { CheckShape(name, row, samples[0], keys.Count + 1, isList); }
            if (samples.Count < TrainingData.MostSamples) { samples.Add(row); }
            Add(row, columns, isList, tokens);
            if (hasParts) { AddParts(row, columns, parts, partTokens); }
            UInt128 key = default;
            bool isPair = row.Texts.Count == 2;
            for (int i = 0; i < row.Texts.Count; i++)
            {
                UInt128 one = texts.Of(row.Texts[i]);
                // Of rows that are not the same on purpose, a clash is as unlikely as one of the texts. A pair is the same the other way round.
                key = (isPair ? key : key * 31) + one;
                BinaryPrimitives.WriteUInt128LittleEndian(bytes, one);
                hash.Append(bytes);
                if (isList && i > 0) { continue; }
                numbered[i].Add(numbers.Of(row.Texts[i]));
                areNumbers[i] = areNumbers[i] && double.TryParse(row.Texts[i], NumberStyles.Float, CultureInfo.InvariantCulture, out _);
            }
            for (int column = 0; column < columns.Length; column++)
            {
                int length = isList && column == 1 ? row.Texts.Count - 1 : row.Texts[column].Length;
                ref (double Min, double Sum, double Max) range = ref lengths[column];
                range = (Math.Min(range.Min, length), range.Sum + length, Math.Max(range.Max, length));
            }
            hash.Append(MemoryMarshal.AsBytes<double>(row.Labels.ToArray()));
            keys.Add(key);
            labels.Add([.. row.Labels]);
        }
        LossDataException.ThrowIf(keys.Count == 0, $"{name}: has no rows. Give a file with at least one.");
        bool hasLabels = labels[0].Length > 0;
        int[][]? columnNumbers = isList ? null : [.. numbered.Select(column => column.ToArray())];
        TrainingRows tokenized = new(tokens.Complete())
        {
            Labels = hasLabels ? [.. labels] : null,
            IsList = isList,
            Parts = hasParts ? new PairParts(tokenizer, maxLength, parts.Complete(), [.. partTokens]) : null,
        };
        return new TrainingData(name, columns, tokenized)
        {
            Loss = loss,
            Samples = samples,
            Keys = [.. keys],
            Queries = [.. numbered[0]],
            Texts = columnNumbers,
            AreNumbers = areNumbers,
            Lengths = [.. lengths.Select(range => (range.Min, range.Sum / keys.Count, range.Max))],
            Hash = hash.FinishText(),
        };
    }

    private static void CheckShape(string name, TrainingRow row, TrainingRow first, int number, bool isList)
    {
        LossDataException.ThrowIf(!isList && row.Texts.Count != first.Texts.Count,
            $"{name}: row {number} has {row.Texts.Count} texts, row 1 has {first.Texts.Count}. Give all rows as many.");
        LossDataException.ThrowIf(!isList && row.Labels.Count != first.Labels.Count,
            $"{name}: row {number} has {row.Labels.Count} labels, row 1 has {first.Labels.Count}. Give all rows as many.");
    }

    private void Add(TrainingRow row, string[] columns, bool isList, TokenizedRowsWriter tokens)
    {
        if (kind == ModelKind.BiEncoder || row.Texts.Count == 1)
        {
            for (int i = 0; i < row.Texts.Count; i++) { tokens.Add(row.Texts[i], Prompt(columns[i])); }
        }
        else
        {
            string query = Prompt(columns[0]) + row.Texts[0];
            for (int i = 1; i < row.Texts.Count; i++) { tokens.AddPair(query, Prompt(columns[isList ? 1 : i]) + row.Texts[i]); }
        }
        tokens.EndRow();
    }

    private void AddParts(TrainingRow row, string[] columns, TokenizedRowsWriter parts, List<int> counts)
    {
        for (int i = 0; i < row.Texts.Count; i++) { counts.Add(parts.AddPart(Prompt(columns[i]) + row.Texts[i])); }
        parts.EndRow();
    }

    private TokenizedRowsWriter Writer(CancellationToken cancellation) =>
        new(tokenizer, maxLength, TokenizedRowsWriter.PathIn(spill), cancellation: cancellation);

    private string? Prompt(string column) => prompts.GetValueOrDefault(column) ?? prompts.GetValueOrDefault("");
}
