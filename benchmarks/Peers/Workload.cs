using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Text;

namespace Peers;

/// <summary>Sequences of ids that both engines embed, shortest first.</summary>
/// <param name="Name">For the report.</param>
/// <param name="Sequences">The ids of each, special tokens included.</param>
/// <param name="Batch">Sequences that ONNX Runtime takes at once, padded to the longest of them.</param>
/// <param name="Length">Of all sequences; null when they differ.</param>
internal sealed record Workload(string Name, int[][] Sequences, int Batch, int? Length)
{
    internal static Workload OfShape(int batch, int length, int vocabulary)
    {
        Random random = new(1);
        int[][] sequences = [.. Enumerable.Range(0, batch).Select(_ => Enumerable.Range(0, length).Select(_ => random.Next(1000, vocabulary)).ToArray())];
        return new Workload($"{batch}x{length}", sequences, batch, length);
    }

    internal static Workload OfTexts(string name, string file, string column, WordPieceTokenizer tokenizer, int maxLength, int most)
    {
        List<int[]> sequences = [];
        using RowReader rows = RowReader.Open(file, new RowFormat
        {
            Columns = [column],
            Quotes = file.EndsWith(".tsv", StringComparison.Ordinal) ? true : null,
        });
        string[] row = new string[1];
        int[] ids = new int[maxLength];
        while (sequences.Count < most && rows.Read(row)) { sequences.Add(ids[..tokenizer.Encode(row[0], maxLength, ids, out _)]); }
        // Sorted batches of 32: the best that padding can do.
        return new Workload(name, [.. sequences.OrderBy(sequence => sequence.Length)], 32, null);
    }

    internal long Tokens => Sequences.Sum(sequence => (long)sequence.Length);

    /// <summary>Multiplications and additions of the matrix products that the real tokens need.</summary>
    internal double Flops(Network network)
    {
        EncoderConfig config = network.Config;
        double hidden = config.HiddenSize, row = 2 * hidden * hidden * 4 + 2 * hidden * config.IntermediateSize * 2;
        return config.NumHiddenLayers * Sequences.Sum(sequence => sequence.Length * (row + 4 * sequence.Length * hidden));
    }
}

/// <summary>Whether two engines give the same results.</summary>
internal static class Agreement
{
    internal static double Tolerance(Precision precision) => precision == Precision.Float32 ? 1e-4 : 1e-2;

    internal static double LargestDifference(float[] a, float[] b) => a.Length != b.Length ? double.NaN : a.Zip(b, (x, y) => Math.Abs((double)x - y)).Max();
}
