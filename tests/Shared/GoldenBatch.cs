using MiniLM.Batching;
using MiniLM.Model;

namespace MiniLM.Tests;

/// <summary>Padded inputs of a golden case as a packed batch: only attended tokens, with the places they had.</summary>
internal sealed class GoldenBatch
{
    internal PackedBatch Batch { get; } = new();

    /// <summary>Row in the padded original, batch * length + column, of each packed row.</summary>
    internal List<int> Places { get; } = [];

    internal static GoldenBatch Read(Golden golden, string prefix, EncoderConfig config)
    {
        long[] shape = golden.Shape(prefix + "input_ids"), ids = golden.Longs(prefix + "input_ids"), mask = golden.Longs(prefix + "attention_mask");
        long[] types = golden.Has(prefix + "token_type_ids") ? golden.Longs(prefix + "token_type_ids") : new long[ids.Length];
        var result = new GoldenBatch();
        int length = (int)shape[1];
        for (int sequence = 0; sequence < shape[0]; sequence++)
        {
            int[] columns = [.. Enumerable.Range(0, length).Where(column => mask[sequence * length + column] == 1)];
            int[] places = [.. columns.Select(column => sequence * length + column)];
            result.Places.AddRange(places);
            int from = result.Batch.Rows;
            result.Batch.Add([.. places.Select(place => (int)ids[place])], [.. places.Select(place => (byte)types[place])], config.Architecture);
            for (int i = 0; i < columns.Length; i++)
            {
                result.Batch.Columns[from + i] = columns[i];
                // MPNet counts tokens that are not its pad, masked ones too; BERT counts columns.
                result.Batch.Positions[from + i] = config.Architecture != Architecture.Mpnet ? columns[i]
                    : ids[places[i]] == 1 ? 1 : 1 + Enumerable.Range(sequence * length, columns[i] + 1).Count(place => ids[place] != 1);
            }
        }
        return result;
    }

    /// <summary>The rows of a padded tensor where the mask is 1.</summary>
    internal double[] Attended(double[] padded, int width) => [.. Places.SelectMany(place => padded[(place * width)..((place + 1) * width)])];

    internal static void AssertAll(double[] expected, IReadOnlyList<double> actual, double tolerance, string what)
    {
        Assert.NotEmpty(expected);
        Assert.Equal(expected.Length, actual.Count);
        for (int i = 0; i < expected.Length; i++) { Close(expected[i], actual[i], tolerance, $"{what}, element {i}"); }
    }

    internal static double Largest(IEnumerable<double> values) => values.Max(Math.Abs);

    internal static double[] Doubles(float[] values) => Array.ConvertAll(values, value => (double)value);

    // NaN must not pass, !(difference <= tolerance), nor infinity where the tolerance is one.
    internal static void Close(double expected, double actual, double tolerance, string what)
    {
        // The message costs more than what it is about.
        if (!(double.IsFinite(tolerance) && Math.Abs(expected - actual) <= tolerance))
        {
            Assert.Fail($"{what}: expected {expected:R}, got {actual:R}, tolerance {tolerance:R}");
        }
    }
}
