using MiniLM.Compute.Reference;
using MiniLM.Model;

namespace MiniLM.Tests.Compute;

/// <summary>The specification itself, against PyTorch's numbers: single operations, every value inside a layer, and the whole model in double.</summary>
public sealed class ReferenceOperationTests
{
    [Fact]
    public void Activations_AreThoseOfTheGoldens()
    {
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "ops.safetensors"));
        double[] x = golden.Doubles("act.x");
        (string, Activation)[] activations = [("act.gelu", Activation.Gelu), ("act.gelu_tanh", Activation.GeluTanh), ("act.tanh", Activation.Tanh)];
        foreach ((string name, Activation activation) in activations)
        {
            double[] expected = golden.Doubles(name), y = [.. x];
            Activations.Forward<double>(activation, y);
            float[] single = golden.Floats("act.x");
            Activations.Forward<float>(activation, single);
            for (int i = 0; i < x.Length; i++)
            {
                if (double.IsNaN(expected[i])) { Assert.True(double.IsNaN(y[i]), $"{name}({x[i]})"); continue; }
                if (double.IsInfinity(expected[i])) { Assert.Equal(expected[i], y[i]); continue; }
                double tolerance = 1e-6 + 3e-7 * Math.Abs(x[i]);
                GoldenBatch.AssertAll([expected[i]], [y[i]], tolerance, $"{name}({x[i]:R}) in double");
                GoldenBatch.AssertAll([expected[i]], [single[i]], tolerance, $"{name}({x[i]:R}) in float");
            }
        }
    }

    [Fact]
    public void Softmax_IsThatOfTheGoldens()
    {
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "ops.safetensors"));
        int width = (int)golden.Shape("softmax.x")[1];
        float[] x = golden.Floats("softmax.x");
        double[] expected = golden.Doubles("softmax.y");
        for (int row = 0; row < x.Length / width; row++)
        {
            Softmax.Forward(x.AsSpan(row * width, width));
            GoldenBatch.AssertAll(expected[(row * width)..((row + 1) * width)], GoldenBatch.Doubles(x[(row * width)..((row + 1) * width)]), 2e-7, $"row {row}");
        }
    }

    [Fact]
    public void LayerNorm_IsThatOfTheGoldens()
    {
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "ops.safetensors"));
        string[] names = [.. golden.Names.Where(name => name.StartsWith("layernorm", StringComparison.Ordinal)
            && name.EndsWith(".x", StringComparison.Ordinal)).Select(name => name[..^2])];
        Assert.NotEmpty(names);
        foreach (string name in names)
        {
            double[] x = golden.Doubles(name + ".x"), gamma = golden.Doubles(name + ".gamma"), beta = golden.Doubles(name + ".beta"), y = new double[x.Length];
            LayerNorm.Forward<double>(x, gamma, beta, golden.Doubles(name + ".eps")[0], y);
            // The stored values were computed in double and rounded to float.
            double[] expected = golden.Doubles(name + ".y");
            for (int i = 0; i < y.Length; i++)
            {
                GoldenBatch.AssertAll([expected[i]], [y[i]], 1e-6 * Math.Max(1, Math.Abs(expected[i])), $"{name} element {i}");
            }
        }
    }

    [Fact]
    public void PoolingAndNorm_AreThoseOfTheGoldens()
    {
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "ops.safetensors"));
        long[] shape = golden.Shape("pool.hidden"), mask = golden.Longs("pool.mask");
        float[] hidden = golden.Floats("pool.hidden");
        (int length, int width) = ((int)shape[1], (int)shape[2]);
        (string, PoolingMode)[] modes = [("cls", PoolingMode.Cls), ("max", PoolingMode.Max), ("mean", PoolingMode.Mean),
            ("mean_sqrt_len_tokens", PoolingMode.MeanSqrtLen), ("weightedmean", PoolingMode.WeightedMean), ("lasttoken", PoolingMode.LastToken)];
        for (int sequence = 0; sequence < shape[0]; sequence++)
        {
            int[] columns = [.. Enumerable.Range(0, length).Where(column => mask[sequence * length + column] == 1)];
            if (columns.Length == 0) { continue; } // no defined result (README)
            float[] rows = [.. columns.SelectMany(column => hidden[((sequence * length + column) * width)..((sequence * length + column + 1) * width)])];
            foreach ((string name, PoolingMode mode) in modes)
            {
                float[] y = new float[width];
                Pooling.Forward<float>(mode, rows, columns, y);
                GoldenBatch.AssertAll(golden.Doubles("pool." + name)[(sequence * width)..((sequence + 1) * width)], GoldenBatch.Doubles(y), 1e-6,
                    $"{name}, sequence {sequence}");
            }
        }
        float[] x = golden.Floats("l2.x");
        int norms = (int)golden.Shape("l2.x")[1];
        for (int row = 0; row < x.Length / norms; row++)
        {
            double[] exact = [.. x[(row * norms)..((row + 1) * norms)].Select(value => (double)value)];
            Normalize.Forward<double>(exact);
            GoldenBatch.AssertAll(golden.Doubles("l2.y")[(row * norms)..((row + 1) * norms)], exact, 2e-7, $"l2 row {row}");
        }
    }

    [Fact]
    public void Erfc_IsExactToFifteenDigits()
    {
        // Abramowitz and Stegun, table 7.1, and erfc(5) from 7.1.23 in 40-digit arithmetic.
        (double X, double Value)[] known = [(0, 1), (0.5, 0.4795001221869535), (1, 0.15729920705028513), (2, 0.004677734981047266), (3, 2.209049699858544e-5),
            (5, 1.5374597944280349e-12), (-1, 1.8427007929497148)];
        foreach ((double x, double value) in known) { Assert.Equal(value, Erf.Complement(x), value * 4e-15); }
    }

    [Fact]
    public void Layer_GivesEveryValueInsideIt()
    {
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "minilm.safetensors"));
        using ModelFolder model = ModelFolder.Open(SharedFolder.Require("models", "all-MiniLM-L6-v2"));
        string[] prefixes = [.. golden.Names.Where(name => name.EndsWith(".layer0.q", StringComparison.Ordinal)).Select(name => name[..^"layer0.q".Length])];
        Assert.NotEmpty(prefixes);
        foreach (string prefix in prefixes)
        {
            GoldenBatch batch = GoldenBatch.Read(golden, prefix, model.Network.Config);
            long[] shape = golden.Shape(prefix + "input_ids");
            int sequence = 0, compared = 0;
            var reference = new ReferenceNetwork<double>(model.Network, (layer, name, values) =>
            {
                if (layer == 0 && golden.Has($"{prefix}layer0.{name}")) { compared++; Compare(name, values); }
            });
            for (; sequence < batch.Batch.Sequences; sequence++) { reference.Pass.Encode(batch.Batch, sequence, 1); }
            Assert.True(compared >= 10 * batch.Batch.Sequences, $"{compared} values were compared");

            void Compare(string name, double[] values)
            {
                double[] expected = golden.Doubles($"{prefix}layer0.{name}");
                double tolerance = 1e-5 * Math.Max(1, GoldenBatch.Largest(values));
                int length = batch.Batch.Length(sequence), padded = (int)shape[1], heads = model.Network.Config.NumAttentionHeads;
                if (name is "scores" or "probs")
                {
                    for (int head = 0; head < heads; head++)
                    {
                        for (int i = 0; i < length; i++)
                        {
                            int from = ((sequence * heads + head) * padded + i) * padded, row = (head * length + i) * length;
                            GoldenBatch.AssertAll(expected[from..(from + length)], values[row..(row + length)], tolerance, $"{prefix}{name}");
                        }
                    }
                    return;
                }
                int width = values.Length / length;
                int start = sequence * padded * width;
                GoldenBatch.AssertAll(expected[start..(start + length * width)], values, tolerance, prefix + name);
            }
        }
    }

    public static TheoryData<string> TinyFolders() => DeviceContract.RunTinyFolders();

    [Theory, MemberData(nameof(TinyFolders))]
    public void TinyModel_InDouble_IsExactToElevenDigits(string name)
    {
        using ModelFolder model = ModelFolder.Open(SharedFolder.Require("golden", "forward", "tiny", name));
        using Golden golden = DeviceContract.TinyGolden(name);
        var reference = new ReferenceNetwork<double>(model.Network);
        int layers = model.Network.Config.NumHiddenLayers, compared = 0;
        foreach (string prefix in golden.Prefixes())
        {
            GoldenBatch batch = GoldenBatch.Read(golden, prefix, model.Network.Config);
            for (int layer = 0; layer <= layers; layer++)
            {
                string tensor = $"{prefix}hidden_{layer}";
                if (layer == layers && !golden.Has(tensor + "_f64")) { tensor = prefix + "last_hidden"; }
                if (!golden.Has(tensor + "_f64")) { continue; }
                double[] rows = [.. Enumerable.Range(0, batch.Batch.Sequences).SelectMany(sequence => reference.Pass.Encode(batch.Batch, sequence, layer))];
                GoldenBatch.AssertAll(batch.Attended(golden.Doubles(tensor), model.Network.Config.HiddenSize), rows, 1e-11, tensor);
                compared++;
            }
            if (!golden.Has(prefix + "logits_f64")) { continue; }
            for (int sequence = 0; sequence < batch.Batch.Sequences; sequence++)
            {
                if (batch.Batch.Columns[batch.Batch.Offsets[sequence]] != 0) { continue; } // the golden's head took a padded position (README, Pitfalls)
                double[] logits = reference.Pass.Head(batch.Batch, sequence, reference.Pass.Encode(batch.Batch, sequence, layers));
                GoldenBatch.AssertAll(golden.Doubles(prefix + "logits")[(sequence * logits.Length)..((sequence + 1) * logits.Length)], logits, 1e-11,
                    $"{prefix}logits, sequence {sequence}");
                compared++;
            }
        }
        Assert.True(compared > 0, $"nothing was compared for {name}");
    }
}
