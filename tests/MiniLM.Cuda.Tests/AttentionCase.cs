using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Kernels;
using MiniLM.Training;

namespace MiniLM.Cuda.Tests;

/// <summary>Sequences for an attention kernel, each tensor in a buffer of its own, and what the definition makes of them.</summary>
internal sealed class AttentionCase
{
    private readonly CheckedKernel _under;
    private readonly DropoutMask _mask;
    private readonly float[] _bias;

    /// <param name="under">The kernel.</param>
    /// <param name="size">Elements of a head.</param>
    /// <param name="lengths">Of the sequences.</param>
    /// <param name="query">Tensors [rows, Heads * size] in numbers of the storage.</param>
    /// <param name="key">Likewise.</param>
    /// <param name="value">Likewise.</param>
    /// <param name="relativeBias">Whether scores get a bias by distance.</param>
    /// <param name="dropout">Of probabilities.</param>
    /// <param name="border">A key whose number for the first query and head is the mask's threshold.</param>
    internal AttentionCase(CheckedKernel under, int size, int[] lengths, float[] query, float[] key, float[] value, bool relativeBias = false,
        float dropout = 0, int? border = null)
    {
        (_under, Size, Lengths, Query, Key, Value) = (under, size, lengths, query, key, value);
        Offsets = new int[lengths.Length + 1];
        for (int i = 0; i < lengths.Length; i++) { Offsets[i + 1] = Offsets[i] + lengths[i]; }
        // Places with a gap that is wider than the table of distances.
        Columns = [.. lengths.SelectMany(length => Enumerable.Range(0, length).Select(i => i + (i > 12 ? 200 : 0)))];
        int[] tiles = [.. Enumerable.Range(0, lengths.Length)
            .SelectMany(sequence => Enumerable.Range(0, (lengths[sequence] + 15) / 16).SelectMany(tile => new[] { sequence, tile * 16 }))];
        TileCount = tiles.Length / 2;
        StoredValues values = under.Values;
        _bias = relativeBias ? StoredValues.Random(new Random(9), MpnetBuckets.Count * Heads) : [];
        float[] table = [.. Enumerable.Range(0, relativeBias ? Heads * CudaWeights.BiasWidth : 0).Select(i =>
            (float)(_bias[CudaWeights.Buckets[i % CudaWeights.BiasWidth] * Heads + i / CudaWeights.BiasWidth] / Math.Log(2)))];
        // The sequences' first rows in the step; nothing of them follows from their place in the batch.
        Numbers = [.. Enumerable.Range(0, lengths.Length).SelectMany(sequence => Enumerable.Range(1000 * (lengths.Length - sequence), lengths[sequence]))];
        (DropoutArguments drops, _mask) = border is { } place
            ? under.DropoutAt(DropoutSite.Attention, place, Numbers)
            : under.Dropout(DropoutSite.Attention, dropout, Numbers);
        Arguments = new AttentionTrainingArguments
        {
            Attention = new AttentionArguments
            {
                Query = values.Upload(query),
                Key = values.Upload(key),
                Value = values.Upload(value),
                Context = values.Allocate(Rows * Hidden),
                Offsets = values.UploadPlain(Offsets),
                Tiles = values.UploadPlain(tiles),
                Columns = values.UploadPlain(Columns),
                Bias = relativeBias ? values.UploadPlain(table) : 0,
                BiasWidth = (uint)CudaWeights.BiasWidth,
                StrideQuery = (uint)(Hidden * values.Bytes),
                StrideContext = (uint)(Hidden * values.Bytes),
                HeadSize = (uint)size,
                Scale = (float)(1 / Math.Log(2) / Math.Sqrt(size)),
            },
            Dropout = drops,
            Rows = (uint)Rows,
        };
        Probabilities = [.. lengths.Select(length => new double[Heads * length * length])];
        Scores = [.. lengths.Select(length => new double[Heads * length * length])];
        Context = new double[Rows * Hidden];
        for (int s = 0; s < lengths.Length; s++)
        {
            SelfAttention.Forward(Part(query, s), Part(key, s), Part(value, s), Heads, Doubles(_bias), Columns.AsSpan(Offsets[s]..Offsets[s + 1]),
                Scores[s], Probabilities[s], Context.AsSpan(Elements(s)), _mask, Numbers[Offsets[s]]);
        }
    }

    internal const int Heads = 2;

    internal AttentionTrainingArguments Arguments;

    internal int Size { get; }
    internal int[] Lengths { get; }
    internal int[] Offsets { get; }
    internal int[] Columns { get; }
    internal int[] Numbers { get; }
    internal int TileCount { get; }
    internal float[] Query { get; }
    internal float[] Key { get; }
    internal float[] Value { get; }
    internal int Rows => Offsets[^1];
    internal int Hidden => Heads * Size;

    /// <summary>By the definition: [heads, length, length] of each sequence, and [rows, hidden].</summary>
    internal double[][] Scores { get; }
    internal double[][] Probabilities { get; }
    internal double[] Context { get; }

    internal static double[] Doubles(float[] values) => Array.ConvertAll(values, value => (double)value);

    internal Range Elements(int sequence) => (Offsets[sequence] * Hidden)..(Offsets[sequence + 1] * Hidden);

    internal double[] Part(float[] tensor, int sequence) => Doubles(tensor[Elements(sequence)]);

    /// <summary>The heads times the pieces that a kernel of tier G cuts each into.</summary>
    internal int HeadPieces => Heads * ((Size + _under.Info.TileColumns - 1) / _under.Info.TileColumns);

    /// <summary>log2 of the sum of 2^score of each head and row.</summary>
    internal double[] LogSums()
    {
        double[] sums = new double[Heads * Rows];
        for (int s = 0; s < Lengths.Length; s++)
        {
            int length = Lengths[s];
            for (int i = 0; i < Heads * length; i++)
            {
                double[] row = Scores[s][(i * length)..((i + 1) * length)];
                double greatest = row.Max();
                sums[i / length * Rows + Offsets[s] + i % length] = (greatest + Math.Log(row.Sum(score => Math.Exp(score - greatest)))) / Math.Log(2);
            }
        }
        return sums;
    }

    /// <summary>The gradients by the formulas of <see cref="AttentionBackwardArguments"/>, delta from the context as it is stored; beside those that are
    /// sums over p and ds the sums of their terms' magnitudes, which a rounding of p and ds moves them by.</summary>
    internal Gradients Backward(float[] context, float[] upstream)
    {
        Gradients to = new(new double[Heads * Rows], new Terms(Rows * Hidden), new Terms(Rows * Hidden), new Terms(Rows * Hidden),
            new double[TileCount * MpnetBuckets.Count * Heads]);
        double root = Math.Sqrt(Size);
        for (int s = 0, firstTile = 0; s < Lengths.Length; firstTile += (Lengths[s] + 15) / 16, s++)
        {
            (int first, int length) = (Offsets[s], Lengths[s]);
            for (int head = 0; head < Heads; head++)
            {
                for (int i = 0; i < length; i++)
                {
                    int query = (first + i) * Hidden + head * Size;
                    double delta = 0;
                    for (int d = 0; d < Size; d++) { delta += (double)context[query + d] * upstream[query + d]; }
                    to.Deltas[head * Rows + first + i] = delta;
                    for (int j = 0; j < length; j++)
                    {
                        int key = (first + j) * Hidden + head * Size;
                        double p = Probabilities[s][(head * length + i) * length + j], dp = 0,
                            factor = _mask.Factor(Numbers[first + i], SelfAttention.MaskColumn(head, j));
                        for (int d = 0; d < Size; d++) { dp += (double)upstream[query + d] * Value[key + d]; }
                        double ds = p * (dp * factor - delta);
                        int bucket = MpnetBuckets.Of(Columns[first + j] - Columns[first + i]);
                        to.Bias[((firstTile + i / 16) * MpnetBuckets.Count + bucket) * Heads + head] += ds;
                        for (int d = 0; d < Size; d++)
                        {
                            to.Query.Add(query + d, ds / root * Key[key + d]);
                            to.Key.Add(key + d, ds / root * Query[query + d]);
                            to.Value.Add(key + d, p * factor * upstream[query + d]);
                        }
                    }
                }
            }
        }
        return to;
    }

    internal sealed record Gradients(double[] Deltas, Terms Query, Terms Key, Terms Value, double[] Bias);

    internal sealed class Terms(int count)
    {
        internal double[] Sums { get; } = new double[count];

        internal double[] Magnitudes { get; } = new double[count];

        internal void Add(int at, double term)
        {
            Sums[at] += term;
            Magnitudes[at] += Math.Abs(term);
        }
    }
}
