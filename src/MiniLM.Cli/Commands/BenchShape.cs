using System.Globalization;
using MiniLM.Batching;
using MiniLM.Model;

namespace MiniLM.Cli.Commands;

/// <summary>Sequences of full length, so many at once: what a line of a benchmark measures.</summary>
/// <param name="Batch">Sequences.</param>
/// <param name="Length">Tokens of each.</param>
internal readonly record struct BenchShape(int Batch, int Length)
{
    private const int MostRows = 1 << 22;

    public override string ToString() => $"{Batch}x{Length}";

    /// <summary>1x16,32x128.</summary>
    /// <exception cref="UsageException">Not a list of shapes.</exception>
    internal static BenchShape[] Parse(string list) => [.. list.Split(',').Select(One)];

    private static BenchShape One(string text)
    {
        string[] parts = text.Trim().Split('x');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int batch) && batch > 0
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int length) && length > 0 && (long)batch * length <= MostRows
            ? new BenchShape(batch, length)
            : throw new UsageException($"--shapes {text}: give BATCHxLENGTH, as in 1x16,32x128, of at most {MostRows} tokens");
    }

    /// <exception cref="ArgumentException">One is longer than the model takes.</exception>
    internal static void Check(BenchShape[] shapes, EncoderConfig config)
    {
        foreach (BenchShape shape in shapes)
        {
            if (shape.Length > config.MaxTokens) { throw new ArgumentException($"--shapes {shape}: this model takes at most {config.MaxTokens} tokens"); }
        }
    }

    /// <summary>Multiplications and additions of the matrix products: projections, scores, context, feed-forward, head.</summary>
    internal double Flops(Network network)
    {
        EncoderConfig config = network.Config;
        double rows = (double)Batch * Length, hidden = config.HiddenSize;
        double layer = rows * (2 * hidden * hidden * 4 + 2 * hidden * config.IntermediateSize * 2 + 4 * Length * hidden);
        double head = network.Head.OfType<DenseModule>().Sum(dense => 2.0 * dense.Linear.Outputs * dense.Linear.Inputs) * Batch;
        return config.NumHiddenLayers * layer + head;
    }

    /// <summary>Ids that all have rows in the table; the same every time.</summary>
    internal PackedBatch Fill(EncoderConfig config)
    {
        PackedBatch batch = new();
        Random random = new(1);
        int[] ids = new int[Length];
        int first = config.VocabSize > 2000 ? 1000 : Math.Min(4, config.VocabSize - 1); // past the special tokens
        for (int sequence = 0; sequence < Batch; sequence++)
        {
            for (int i = 0; i < Length; i++) { ids[i] = random.Next(first, config.VocabSize); }
            batch.Add(ids, [], config.Architecture);
        }
        return batch;
    }
}
