using System.Numerics;
using MiniLM.Batching;
using MiniLM.Compute.Reference;
using MiniLM.Model;
using MiniLM.Tests.Training.Losses;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Tests.Compute;

/// <summary>
/// The way back of the definition against central differences of its way forward, in double; in float against double. The loss is the sum of the outputs,
/// each times a random number: those numbers are the gradient that goes back.
/// </summary>
public sealed class ReferenceGradientTests
{
    private const int Length = 7, Hidden = 6, Heads = 2;
    private static readonly int[] Columns = [2, 3, 4, 5, 6, 7, 30]; // the last one in a bucket of far distances
    private static readonly int[] Ids = [3, 1, 3, 0, 2, 3, 1];
    private static readonly DropoutMask Mask = new(7, 3, DropoutSite.Attention, 1, .3f);

    /// <summary>An operation of some inputs, and the gradients of those by that of its output.</summary>
    private interface IOperation
    {
        T[] Forward<T>(T[][] x) where T : IBinaryFloatingPointIeee754<T>;

        T[][] Backward<T>(T[][] x, T[] dy) where T : IBinaryFloatingPointIeee754<T>;
    }

    private sealed class Activated(Activation activation) : IOperation
    {
        public T[] Forward<T>(T[][] x) where T : IBinaryFloatingPointIeee754<T>
        {
            T[] y = [.. x[0]];
            Activations.Forward<T>(activation, y);
            return y;
        }

        public T[][] Backward<T>(T[][] x, T[] dy) where T : IBinaryFloatingPointIeee754<T>
        {
            Activations.Backward<T>(activation, x[0], dy);
            return [dy];
        }
    }

    private sealed class Probabilities : IOperation
    {
        public T[] Forward<T>(T[][] x) where T : IBinaryFloatingPointIeee754<T>
        {
            T[] y = [.. x[0]];
            Softmax.Forward<T>(y);
            return y;
        }

        public T[][] Backward<T>(T[][] x, T[] dy) where T : IBinaryFloatingPointIeee754<T>
        {
            Softmax.Backward<T>(Forward(x), dy);
            return [dy];
        }
    }

    private sealed class UnitRow(double scale) : IOperation
    {
        public T[] Forward<T>(T[][] x) where T : IBinaryFloatingPointIeee754<T>
        {
            T[] y = Scaled(x);
            Normalize.Forward<T>(y);
            return y;
        }

        public T[][] Backward<T>(T[][] x, T[] dy) where T : IBinaryFloatingPointIeee754<T>
        {
            Normalize.Backward<T>(Scaled(x), dy);
            return [[.. dy.Select(value => value * T.CreateChecked(scale))]];
        }

        private T[] Scaled<T>(T[][] x) where T : IBinaryFloatingPointIeee754<T> => [.. x[0].Select(value => value * T.CreateChecked(scale))];
    }

    private sealed class Normalized(double epsilon) : IOperation
    {
        public T[] Forward<T>(T[][] x) where T : IBinaryFloatingPointIeee754<T>
        {
            T[] y = new T[x[0].Length];
            LayerNorm.Forward<T>(x[0], x[1], x[2], T.CreateChecked(epsilon), y);
            return y;
        }

        public T[][] Backward<T>(T[][] x, T[] dy) where T : IBinaryFloatingPointIeee754<T>
        {
            T[] dGamma = new T[x[1].Length], dBeta = new T[x[2].Length];
            LayerNorm.Backward<T>(x[0], x[1], T.CreateChecked(epsilon), dy, dy, dGamma, dBeta);
            return [dy, dGamma, dBeta];
        }
    }

    private sealed class Product : IOperation
    {
        public T[] Forward<T>(T[][] x) where T : IBinaryFloatingPointIeee754<T>
        {
            T[] y = new T[x[0].Length / Hidden * (x[1].Length / Hidden)];
            Dense.Forward<T>(x[0], x[1], x.Length > 2 ? x[2] : [], Hidden, y);
            return y;
        }

        public T[][] Backward<T>(T[][] x, T[] dy) where T : IBinaryFloatingPointIeee754<T>
        {
            T[][] gradients = [.. x.Select(values => new T[values.Length])];
            Dense.Backward<T>(x[0], x[1], dy, Hidden, gradients[0], gradients[1], x.Length > 2 ? gradients[2] : []);
            return gradients;
        }
    }

    private sealed class Table : IOperation
    {
        public T[] Forward<T>(T[][] x) where T : IBinaryFloatingPointIeee754<T>
        {
            T[] y = new T[Ids.Length * Hidden];
            Embedding.Forward<T>(Ids, x[0], Hidden, y);
            return y;
        }

        public T[][] Backward<T>(T[][] x, T[] dy) where T : IBinaryFloatingPointIeee754<T>
        {
            T[] dTable = new T[x[0].Length];
            Embedding.Backward<T>(Ids, null, dy, Hidden, dTable);
            return [dTable];
        }
    }

    private sealed class Pooled(PoolingMode mode) : IOperation
    {
        public T[] Forward<T>(T[][] x) where T : IBinaryFloatingPointIeee754<T>
        {
            T[] y = new T[Hidden];
            Pooling.Forward<T>(mode, x[0], Columns, y);
            return y;
        }

        public T[][] Backward<T>(T[][] x, T[] dy) where T : IBinaryFloatingPointIeee754<T>
        {
            T[] rows = new T[x[0].Length];
            Pooling.Backward<T>(mode, x[0], Columns, dy, rows);
            return [rows];
        }
    }

    private sealed class Attention(DropoutMask mask) : IOperation
    {
        public T[] Forward<T>(T[][] x) where T : IBinaryFloatingPointIeee754<T> => Run(x).Context;

        public T[][] Backward<T>(T[][] x, T[] dy) where T : IBinaryFloatingPointIeee754<T>
        {
            T[][] gradients = [.. x.Select(values => new T[values.Length])];
            SelfAttention.Backward<T>(x[0], x[1], x[2], Heads, Columns, Run(x).Probabilities, dy, gradients[0], gradients[1], gradients[2],
                x.Length > 3 ? gradients[3] : [], mask, firstRow: 5);
            return gradients;
        }

        private (T[] Context, T[] Probabilities) Run<T>(T[][] x) where T : IBinaryFloatingPointIeee754<T>
        {
            T[] scores = new T[Heads * Length * Length], probabilities = new T[scores.Length], context = new T[x[0].Length];
            SelfAttention.Forward<T>(x[0], x[1], x[2], Heads, x.Length > 3 ? x[3] : [], Columns, scores, probabilities, context, mask, firstRow: 5);
            return (context, probabilities);
        }
    }

    private static readonly Dictionary<string, (IOperation Operation, int[] Sizes)> Operations = new()
    {
        ["gelu"] = (new Activated(Activation.Gelu), [30]),
        ["gelu by tanh"] = (new Activated(Activation.GeluTanh), [30]),
        ["silu"] = (new Activated(Activation.Silu), [30]),
        ["quick gelu"] = (new Activated(Activation.QuickGelu), [30]),
        ["relu"] = (new Activated(Activation.Relu), [30]),
        ["tanh"] = (new Activated(Activation.Tanh), [30]),
        ["identity"] = (new Activated(Activation.Identity), [3]),
        ["softmax"] = (new Probabilities(), [9]),
        ["unit row"] = (new UnitRow(1), [Hidden]),
        ["unit row below the floor"] = (new UnitRow(1e-13), [Hidden]),
        ["layer norm"] = (new Normalized(1e-12), [3 * Hidden, Hidden, Hidden]),
        ["layer norm, large epsilon"] = (new Normalized(.5), [3 * Hidden, Hidden, Hidden]),
        ["linear"] = (new Product(), [3 * Hidden, 5 * Hidden, 5]),
        ["linear without bias"] = (new Product(), [3 * Hidden, 5 * Hidden]),
        ["embedding"] = (new Table(), [4 * Hidden]),
        ["mean"] = (new Pooled(PoolingMode.Mean), [Length * Hidden]),
        ["maximum"] = (new Pooled(PoolingMode.Max), [Length * Hidden]),
        ["first"] = (new Pooled(PoolingMode.Cls), [Length * Hidden]),
        ["last"] = (new Pooled(PoolingMode.LastToken), [Length * Hidden]),
        ["mean by root"] = (new Pooled(PoolingMode.MeanSqrtLen), [Length * Hidden]),
        ["weighted mean"] = (new Pooled(PoolingMode.WeightedMean), [Length * Hidden]),
        ["attention"] = (new Attention(default), [.. Enumerable.Repeat(Length * Hidden, 3)]),
        ["attention with bias and dropout"] = (new Attention(Mask), [Length * Hidden, Length * Hidden, Length * Hidden, MpnetBuckets * Heads]),
    };

    private const int MpnetBuckets = MiniLM.Compute.MpnetBuckets.Count;

    public static TheoryData<string> Names() => [.. Operations.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Gradient_IsTheDerivative(string name)
    {
        (IOperation operation, int[] sizes) = Operations[name];
        RandomBatch random = new(seed: name.Length);
        double[][] x = [.. sizes.Select(random.Numbers)];
        double[] upstream = random.Numbers(operation.Forward(x).Length);
        double[][] gradients = operation.Backward(x, [.. upstream]);
        float[][] narrow = operation.Backward<float>([.. x.Select(Narrow)], Narrow(upstream));
        for (int i = 0; i < x.Length; i++)
        {
            random.CompareWithDifferences(() => Dot(operation.Forward(x), upstream), x[i], gradients[i], count: 200);
            double largest = gradients[i].Max(Math.Abs) + 1e-6;
            for (int at = 0; at < x[i].Length; at++) { Assert.Equal(gradients[i][at], narrow[i][at], 2e-5 * largest); }
        }
    }

    // What a padding's row is added to learns nothing from it.
    [Fact]
    public void AnEmbeddingOfPadding_HasNoGradient()
    {
        double[] dy = new RandomBatch(1).Numbers(Ids.Length * Hidden), all = new double[4 * Hidden], but = new double[4 * Hidden];
        Embedding.Backward<double>(Ids, null, dy, Hidden, all);
        Embedding.Backward<double>(Ids, 3, dy, Hidden, but);
        Assert.Equal(all[..(3 * Hidden)], but[..(3 * Hidden)]);
        Assert.All(but[(3 * Hidden)..], value => Assert.Equal(0, value));
    }

    // A value's mask is that of its token's number and its column, whatever batch it is in: differences of a loss would not see another one.
    [Fact]
    public void Dropout_IsOfATokensNumberAndColumn()
    {
        using RandomNetwork random = new(Hidden, Heads, 5, 0);
        Network network = random.Network with
        {
            Config = random.Network.Config with { HiddenDropout = .5f },
            Pooling = [PoolingMode.Cls, PoolingMode.LastToken],
            Head = [],
        };
        PackedBatch batch = DeviceContract.RandomBatch(network.Config, [4, 2], seed: 3);
        ReferencePass<double> pass = new(network, tensor => Array.ConvertAll(tensor.ToFloats(), value => (double)value));
        double[] whole = new double[4 * Hidden], dropped = new double[whole.Length];
        pass.Forward(batch, whole, default);
        pass.Forward(batch, dropped, default, new StepDropout(11, 4, [100, 50]));
        DropoutMask mask = new(11, 4, DropoutSite.Embeddings, 0, .5f);
        int[] tokens = [100, 103, 50, 51];
        for (int i = 0; i < whole.Length; i++) { Assert.Equal(whole[i] * mask.Factor(tokens[i / Hidden], i % Hidden), dropped[i]); }
        Assert.InRange(dropped.Count(value => value == 0), 1, whole.Length - 1);
    }

    public static TheoryData<string, bool> Models() =>
        [.. from name in (string[])["bert", "mpnet", "classifier", "several poolings"] from drops in (bool[])[false, true] select (name, drops)];

    /// <summary>Every weight of a whole network, through layers, pooling and head.</summary>
    [Theory, MemberData(nameof(Models))]
    public void Gradient_OfEveryWeight_IsTheDerivative(string name, bool drops)
    {
        using RandomNetwork made = new(Hidden, Heads, 9, 2, Activation.GeluTanh, relativeBias: name == "mpnet"), gelu = new(Hidden, Heads, 5, 1);
        Network network = name switch
        {
            "classifier" => gelu.Network with
            {
                Pooling = [PoolingMode.Cls],
                Head = [new DenseModule(gelu.Linear(Hidden, Hidden), Activation.Tanh), new DenseModule(gelu.Linear(3, Hidden), Activation.Identity, .2f)],
            },
            "several poolings" => gelu.Network with { Pooling = [PoolingMode.Max, PoolingMode.WeightedMean, PoolingMode.LastToken, PoolingMode.MeanSqrtLen] },
            _ => made.Network,
        };
        network = network with { Config = network.Config with { HiddenDropout = drops ? .1f : 0, AttentionDropout = drops ? .2f : 0 } };
        PackedBatch batch = DeviceContract.RandomBatch(network.Config, [4, 1, 6], seed: 3);
        // Padding learns nothing whatever its derivative is.
        foreach (ref int id in batch.TokenIds.AsSpan()) { if (id == network.Config.PadTokenId) { id++; } }
        StepDropout? dropout = drops ? new StepDropout(11, 4, [.. batch.Offsets.Take(batch.Sequences).Select(row => 100 - row)]) : null;

        Dictionary<Tensor, double[]> weights = network.Tensors().ToDictionary(tensor => tensor, tensor => Array.ConvertAll(tensor.ToFloats(), x => (double)x));
        Dictionary<Tensor, double[]> gradients = weights.ToDictionary(weight => weight.Key, weight => new double[weight.Value.Length]);
        ReferencePass<double> pass = new(network, tensor => weights[tensor]);
        RandomBatch random = new(seed: 5);
        double[] output = new double[batch.Sequences * network.OutputSize], upstream = random.Numbers(output.Length);
        List<ReferencePass<double>.Saved> saved = [];
        pass.Forward(batch, output, default, dropout, saved);
        foreach (ReferencePass<double>.Saved sequence in saved)
        {
            pass.Backward(batch, sequence, dropout, upstream.AsSpan(sequence.Sequence * network.OutputSize, network.OutputSize), tensor => gradients[tensor]);
        }
        foreach ((Tensor tensor, double[] values) in weights)
        {
            random.CompareWithDifferences(() =>
            {
                pass.Forward(batch, output, default, dropout);
                return Dot(output, upstream);
            }, values, gradients[tensor]);
        }
    }

    private static float[] Narrow(double[] values) => Array.ConvertAll(values, value => (float)value);

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
