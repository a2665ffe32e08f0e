using MiniLM.Kernels;

namespace MiniLM.Cuda.Tests;

/// <summary>Attention by itself, with all checks on: every length around the tiles, scores that tell keys apart and scores that do not, numbers at the end of
/// their range, and no byte read outside of the tensors.</summary>
/// <remarks>A test a kernel, named by it, as in <see cref="CheckedKernelTests"/>.</remarks>
public sealed class CheckedAttentionTests
{
    public static TheoryData<string> Kernels() => CheckedKernel.Of(isTraining: false, "Attention");

    public static TheoryData<string> Training() => CheckedKernel.Of(isTraining: true, "AttentionSimtTraining", "AttentionMmaTraining");

    public static TheoryData<string> Forward() => [.. Kernels().Concat(Training())];

    private static bool IsOnTensorCores(string kernel) => kernel.StartsWith("AttentionMma", StringComparison.Ordinal);

    /// <summary>A head that fills the kernel's lanes in part, and one in two pieces.</summary>
    private static int[] Sizes(CheckedKernel under) => under.Info.SharedBytesPerUnit > 0
        ? [under.Info.SharedBytesPerUnit / 4]
        : under.Info.TileColumns switch { 32 => [30, 40], 64 => [62, 70], _ => [100, 140] };

    /// <param name="under">The kernel.</param>
    /// <param name="kernel">Its name.</param>
    /// <param name="attention">What it is launched for.</param>
    /// <param name="resident">Keys in shared memory at a time, on tensor cores: one block of 64, or two.</param>
    private static double[] Run(CheckedKernel under, string kernel, AttentionCase attention, uint resident = 128)
    {
        AttentionArguments arguments = attention.Arguments.Attention;
        if (TrainingKernels.Has(kernel))
        {
            attention.Arguments.LogSums = under.Values.AllocatePlain(AttentionCase.Heads * attention.Rows);
            attention.Arguments.Attention.ResidentKeys = IsOnTensorCores(kernel) ? resident : 0;
            (int blocks, int heads) = IsOnTensorCores(kernel) ? (attention.Lengths.Length, AttentionCase.Heads) : (attention.TileCount, attention.HeadPieces);
            under.Launcher.Attention(kernel, attention.Arguments, blocks, heads);
        }
        else if (IsOnTensorCores(kernel))
        {
            arguments.ResidentKeys = resident;
            under.Launcher.Attention(kernel, arguments, attention.Lengths.Length, AttentionCase.Heads);
        }
        else { under.Launcher.Attention(kernel, arguments, attention.TileCount, attention.HeadPieces); }
        return under.Values.Download(arguments.Context, attention.Rows * attention.Hidden);
    }

    private static AttentionCase Random(CheckedKernel under, int size, int[] lengths, float queries, bool relativeBias = false, float dropout = 0,
        int? border = null)
    {
        Random random = new(7);
        int count = lengths.Sum() * AttentionCase.Heads * size;
        return new AttentionCase(under, size, lengths, StoredValues.Random(random, count, queries), StoredValues.Random(random, count),
            StoredValues.Random(random, count), relativeBias, dropout, border);
    }

    // A rounding of the probabilities before they meet values of at most 1, and fp32's; then one of the result.
    private static void AssertContext(CheckedKernel under, string kernel, AttentionCase attention, double[] actual, string what)
    {
        double error = ((IsOnTensorCores(kernel) ? under.Values.Rounding : 0) + 2e-6) * Math.Max(1, attention.Arguments.Dropout.Scale);
        for (int row = 0; row < attention.Rows; row++)
        {
            string place = $"{what}, length {attention.Lengths[Array.FindLastIndex(attention.Offsets, first => first <= row)]}, row {row}";
            for (int i = row * attention.Hidden; i < (row + 1) * attention.Hidden; i++)
            {
                under.Values.AssertStored(attention.Context[i], error, actual[i], place);
            }
        }
    }

    [Theory, MemberData(nameof(Forward))]
    public void Attention_TellsKeysApart(string kernel)
    {
        foreach (bool relativeBias in IsOnTensorCores(kernel) ? [false] : new[] { false, true })
        {
            using CheckedKernel under = new(kernel);
            foreach (int size in Sizes(under))
            {
                // On tensor cores nearly all of two blocks of 64 keys.
                AttentionCase attention = Random(under, size, [1, IsOnTensorCores(kernel) ? 125 : 70, 17, 2, 31], queries: 4, relativeBias);
                foreach (uint resident in IsOnTensorCores(kernel) ? [64, 128] : new uint[] { 0 })
                {
                    double[] context = Run(under, kernel, attention, resident);
                    AssertContext(under, kernel, attention, context, $"heads of {size}, bias {relativeBias}, {resident} keys resident");
                }
            }
        }
    }

    // Nearly equal probabilities: a key too many or too few moves everything. The last key has the opposite value of all others. Training shares the body
    // with inference: some lengths do.
    [Theory, MemberData(nameof(Forward))]
    public void Attention_ReadsAllKeysOfEveryLengthAndNoOther(string kernel)
    {
        using CheckedKernel under = new(kernel);
        int size = Sizes(under)[0];
        int[] lengths = [.. Enumerable.Range(1, 80).Where(length => !TrainingKernels.Has(kernel) || length % 16 is 0 or 1 or 7)];
        AttentionCase flat = Random(under, size, lengths, queries: 1 / 64f);
        float[] values = new float[flat.Value.Length];
        for (int row = 0; row < flat.Rows; row++) { values.AsSpan(row * flat.Hidden, flat.Hidden).Fill(flat.Offsets.Contains(row + 1) ? -1 : 1); }
        AttentionCase attention = new(under, size, lengths, flat.Query, flat.Key, values);
        AssertContext(under, kernel, attention, Run(under, kernel, attention), "flat");
    }

    // Each query has one key whose score is far above all others, in every place of a block of 64 and in both halves of a fragment: a softmax whose maximum
    // passes one of them over divides infinities.
    [Theory, MemberData(nameof(Forward))]
    public void Attention_FindsTheGreatestScoreInEveryPlace(string kernel)
    {
        using CheckedKernel under = new(kernel);
        int size = Sizes(under)[0], hidden = AttentionCase.Heads * size, across = Math.Min(32, size);
        int[] lengths = [2 * across, 61, 125]; // a block that is full, and those of which some keys are masked
        float height = MathF.Ceiling(MathF.Sqrt(120 * MathF.Sqrt(size)));
        foreach (int shift in new[] { 0, 8 })
        {
            float[] query = new float[lengths.Sum() * hidden], key = new float[query.Length];
            for (int sequence = 0, row = 0; sequence < lengths.Length; sequence++)
            {
                for (int i = 0; i < lengths[sequence]; i++, row++)
                {
                    // Each of the last 2 x 32 places has an element and a sign of its own.
                    int place = lengths[sequence] - 1 - i;
                    if (place >= 2 * across) { continue; }
                    for (int head = 0; head < AttentionCase.Heads; head++)
                    {
                        Mark(key, (row * hidden) + (head * size), place);
                        Mark(query, (row * hidden) + (head * size), (place + shift) % (2 * across));
                    }
                }
            }
            AttentionCase attention = new(under, size, lengths, query, key, StoredValues.Random(new Random(9), query.Length));
            AssertContext(under, kernel, attention, Run(under, kernel, attention, 64), $"one key far above all others, {shift} places further");
        }

        void Mark(float[] rows, int at, int place) => rows[at + place % across] = place < across ? height : -height;
    }

    // Scores as large as fp16 has them, where a softmax without its maximum overflows; infinities and NaN stay in their head and in what reads them.
    [Theory, MemberData(nameof(Forward))]
    public void Attention_TakesScoresAndValuesAtTheEndOfTheirRange(string kernel)
    {
        using CheckedKernel under = new(kernel);
        int size = Sizes(under)[0], hidden = AttentionCase.Heads * size;
        int[] lengths = [70, 5, 20, 33, 3];
        int count = lengths.Sum() * hidden;
        float[] query = new float[count], key = new float[count], value = StoredValues.Random(new Random(1), count);
        for (int at = 0; at < count; at += size)
        {
            // One element of each head: the score is exact. Of most keys it is the same, so that more than one counts.
            query[at] = (at / size % 3 - 1) * 65504f;
            key[at] = at / hidden % 4 == 0 ? 1 : at / hidden % 4 - 2;
        }
        query = under.Values.Round(query);
        float[] special = [float.NaN, float.PositiveInfinity, float.NegativeInfinity];
        for (int i = 0; i < 3; i++)
        {
            int row = lengths.Take(2 + i).Sum() + 2; // of the third sequence and those behind it
            (i == 0 ? query : i == 1 ? key : value)[row * hidden] = special[i];
        }
        AttentionCase attention = new(under, size, lengths, query, key, value);
        double[] actual = Run(under, kernel, attention);
        Assert.Contains(attention.Context, double.IsNaN);
        for (int i = 0; i < actual.Length; i++)
        {
            if (!double.IsFinite(attention.Context[i])) { Assert.False(double.IsFinite(actual[i]), $"element {i} is {actual[i]}"); continue; }
            under.Values.AssertStored(attention.Context[i], (IsOnTensorCores(kernel) ? under.Values.Rounding : 0) + 2e-6, actual[i], $"element {i}");
        }
    }

    [Theory, MemberData(nameof(Training))]
    public void TrainingAttention_DropsProbabilitiesAndKeepsItsSums(string kernel)
    {
        foreach (bool drops in new[] { true, false })
        {
            using CheckedKernel under = new(kernel);
            foreach (int size in Sizes(under))
            {
                // On tensor cores all of a block's 64 keys, and some of the next.
                AttentionCase attention = Random(under, size, [1, IsOnTensorCores(kernel) ? 70 : 40, 17, 2, 33], queries: 4,
                    relativeBias: drops && !IsOnTensorCores(kernel), dropout: drops ? .2f : 0);
                AssertContext(under, kernel, attention, Run(under, kernel, attention), $"heads of {size}, dropout {drops}");
                double[] expected = attention.LogSums();
                float[] sums = under.Values.DownloadPlain(attention.Arguments.LogSums, expected.Length);
                for (int i = 0; i < sums.Length; i++)
                {
                    StoredValues.AssertNear(expected[i], 2e-6 * (1 + Math.Abs(expected[i])), sums[i], $"heads of {size}, sum {i}");
                }
            }
        }
        using CheckedKernel border = new(kernel);
        for (int key = 0; key < 8; key++)
        {
            AttentionCase attention = Random(border, IsOnTensorCores(kernel) ? Sizes(border)[0] : 20, [9], queries: 1, border: key);
            AssertContext(border, kernel, attention, Run(border, kernel, attention), $"threshold of key {key}");
        }
    }

    public static TheoryData<string> Gradients() => CheckedKernel.Of(isTraining: true, "AttentionSimtQueryGradient", "AttentionSimtKeyValueGradient",
        "AttentionMmaQueryGradient", "AttentionMmaKeyValueGradient");

    [Theory, MemberData(nameof(Gradients))]
    public void AttentionBackward_GivesTheGradientsOfItsFormulas(string kernel)
    {
        using CheckedKernel under = new(kernel);
        bool onTensorCores = IsOnTensorCores(kernel);
        int more = under.Values.Bytes == sizeof(float) ? 1 : 2; // blocks that write the halves of a word look like a race
        foreach (int size in onTensorCores ? Sizes(under) : under.Info.TileColumns == 32 ? [30, 32 + more, 40] : [62, 64 + more, 140])
        {
            int[] lengths = size == 140 ? [1, 35, 17] : onTensorCores ? [1, 70, 17, 2, 33] : [1, 40, 17, 2, 33];
            foreach (bool drops in new[] { true, false })
            {
                AttentionCase attention = Random(under, size, lengths, queries: 4, relativeBias: drops && !onTensorCores, dropout: drops ? .2f : 0);
                // What is swept comes in two chunks, or all of it stays.
                attention.Arguments.Attention.ResidentKeys = onTensorCores ? drops ? 64u : 128u : 0;
                AssertGradients(under, kernel, attention, hasBias: drops && !onTensorCores, $"heads of {size}, dropout {drops}");
            }
        }
        for (int key = 0; key < (onTensorCores ? 16 : 8); key++)
        {
            AttentionCase attention = Random(under, onTensorCores ? Sizes(under)[0] : 20, [onTensorCores ? 17 : 9], queries: 1, border: key);
            attention.Arguments.Attention.ResidentKeys = onTensorCores ? 64u : 0;
            AssertGradients(under, kernel, attention, hasBias: false, $"threshold of key {key}");
        }
    }

    // Scores so low that a key or a query behind the last, whose score is 0, would have an infinite probability: times its zeros that is NaN. Of each length
    // alone, for behind the last row nothing is: a row too many is read outside, in whichever place of a fragment.
    [Theory, MemberData(nameof(Gradients))]
    public void AttentionBackward_MakesNothingOfRowsThatAreNotThere(string kernel)
    {
        using CheckedKernel under = new(kernel);
        int size = Sizes(under)[0];
        Random random = new(5);
        for (int length = 1; length <= 35; length++)
        {
            int count = length * AttentionCase.Heads * size;
            float[] query = Numbers(count), key = Array.ConvertAll(Numbers(count), x => -x);
            AttentionCase attention = new(under, size, [length], query, key, StoredValues.Random(random, count));
            Assert.All(attention.LogSums(), sum => Assert.True(sum < -128));
            attention.Arguments.Attention.ResidentKeys = IsOnTensorCores(kernel) ? 64u : 0;
            // An exponent below 256 has an error of 2^-17.
            AssertGradients(under, kernel, attention, hasBias: false, $"low scores, {length} rows", error: 1e-4);
        }

        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(4, 6))];
    }

    private static void AssertGradients(CheckedKernel under, string kernel, AttentionCase attention, bool hasBias, string what, double error = 5e-6)
    {
        error *= attention.Arguments.Dropout.Scale;
        StoredValues values = under.Values;
        bool ofQueries = kernel.Contains("Query", StringComparison.Ordinal);
        int count = attention.Rows * attention.Hidden;
        float[] context = values.Round(Array.ConvertAll(attention.Context, value => (float)value)), upstream = StoredValues.Random(new Random(3), count);
        AttentionCase.Gradients expected = attention.Backward(context, upstream);
        attention.Arguments.LogSums = values.UploadPlain(Array.ConvertAll(attention.LogSums(), sum => (float)sum));
        attention.Arguments.Attention.Context = values.Upload(context);
        AttentionBackwardArguments arguments = new()
        {
            Forward = attention.Arguments,
            DContext = values.Upload(upstream),
            DQuery = values.Allocate(count),
            DKey = values.Allocate(count),
            DValue = values.Allocate(count),
            Deltas = ofQueries ? values.AllocatePlain(expected.Deltas.Length)
                : values.UploadPlain(Array.ConvertAll(expected.Deltas, delta => (float)delta)),
            Buckets = values.UploadPlain(CudaWeights.Buckets),
            BiasSums = hasBias ? values.AllocatePlain(expected.Bias.Length) : 0,
            Factor = (float)(1 / Math.Sqrt(attention.Size)),
        };
        (int blocks, int heads) = IsOnTensorCores(kernel) ? (attention.Lengths.Length, AttentionCase.Heads) : (attention.TileCount, attention.HeadPieces);
        under.Launcher.AttentionBackward(kernel, arguments, blocks, heads);
        if (!ofQueries)
        {
            AssertStored(expected.Key, arguments.DKey, "key");
            AssertStored(expected.Value, arguments.DValue, "value");
            return;
        }
        AssertStored(expected.Query, arguments.DQuery, "query");
        AssertPlain(expected.Deltas, arguments.Deltas, "delta");
        if (hasBias) { AssertPlain(expected.Bias, arguments.BiasSums, "bias"); }

        // On tensor cores p and ds are rounded to the storage before they are multiplied.
        void AssertStored(AttentionCase.Terms expected, ulong at, string name)
        {
            double rounding = IsOnTensorCores(kernel) ? values.Rounding : 0;
            double[] actual = values.Download(at, count);
            for (int i = 0; i < actual.Length; i++)
            {
                values.AssertStored(expected.Sums[i], error + rounding * expected.Magnitudes[i], actual[i], $"{what}, {name} {i}");
            }
        }

        void AssertPlain(double[] expected, ulong at, string name)
        {
            float[] actual = values.DownloadPlain(at, expected.Length);
            for (int i = 0; i < actual.Length; i++) { StoredValues.AssertNear(expected[i], error, actual[i], $"{what}, {name} {i}"); }
        }
    }
}
