using MiniLM.Batching;
using MiniLM.Compute.Reference;
using MiniLM.Cpu.Training;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>Pooling and the modules behind it, against the definition in double of a network without layers.</summary>
public sealed unsafe class TrainingHeadTests
{
    private const int Hidden = 37, Stride = 41;

    public static TheoryData<string> EveryTier() => Tiers.All();

    [Theory, MemberData(nameof(EveryTier))]
    public void Gradients_OfEveryPoolingAreThoseOfTheDefinition(string tier)
    {
        using RandomNetwork random = new(Hidden, 1, 8, 0);
        foreach (PoolingMode mode in Enum.GetValues<PoolingMode>())
        {
            Check(tier, random.Network with { Pooling = [mode], Head = [] }, [4, 1, 9], 0, null);
            Check(tier, random.Network with { Pooling = [mode], Head = [new NormalizeModule()] }, [4, 1, 9], promptRows: 2, null);
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Gradients_OfModulesAreThoseOfTheDefinition(string tier)
    {
        using RandomNetwork random = new(Hidden, 1, 8, 0);
        StepDropout dropout = new(5, 6, [100, 7, 30]);
        foreach (float probability in new[] { 0, .3f })
        {
            HeadModule[] classifier = [new DenseModule(random.Linear(Hidden, Hidden), Activation.Tanh, probability),
                new DenseModule(random.Linear(3, Hidden), Activation.Identity, probability)];
            HeadModule[] projection = [new NormalizeModule(), new DenseModule(random.Linear(45, 2 * Hidden) with { Bias = null }, Activation.Gelu, probability),
                new NormalizeModule(), new DenseModule(random.Linear(33, 45), Activation.Relu), new NormalizeModule()];
            foreach (StepDropout? step in new StepDropout?[] { null, dropout })
            {
                Check(tier, random.Network with { Pooling = [PoolingMode.Cls], Head = classifier }, [4, 1, 9], 0, step);
                Check(tier, random.Network with { Pooling = [PoolingMode.Max, PoolingMode.Mean], Head = projection }, [4, 1, 9], promptRows: 1, step);
            }
        }
    }

    // One head takes batch after batch: more sequences and longer ones than before, and fewer.
    private static void Check(string tier, Network network, int[] lengths, int promptRows, StepDropout? dropout)
    {
        using ParameterBlock block = new(network);
        TrainingHead head = new(Tiers.Kernels(tier), block.Network);
        foreach (int[] some in new[] { lengths[..1], lengths, lengths[1..2] })
        {
            PackedBatch batch = new() { PromptRows = promptRows };
            int id = 2; // of each row its own: the gradient of its embedding is that of its row alone
            foreach (int length in some) { batch.Add([.. Enumerable.Range(0, length).Select(_ => id++)], [], network.Config.Architecture); }
            CheckBatch(block, head, batch, dropout);
        }
    }

    private static void CheckBatch(ParameterBlock block, TrainingHead head, PackedBatch batch, StepDropout? dropout)
    {
        Network network = block.Network;
        using ReferenceTrainingNetwork<double> reference = new(new ParameterBlock(network), new TrainingOptions());
        Random random = new(3);
        float[] upstream = [.. Enumerable.Range(0, batch.Sequences * network.OutputSize).Select(_ => random.NextSingle() - .5f)];
        double[] expected = new double[upstream.Length];
        reference.ForwardSaving(batch, 0, dropout, expected);
        reference.Backward(0, upstream);

        using GuardedBuffer rows = GuardedBuffer.NaN((batch.Rows - 1) * Stride + Hidden), dRows = GuardedBuffer.NaN(batch.Rows * Stride);
        ReferenceNetwork<double> pass = new(network);
        for (int sequence = 0, row = 0; sequence < batch.Sequences; sequence++)
        {
            double[] values = pass.Pass.Encode(batch, sequence, 0);
            for (int i = 0; i < values.Length; i++) { rows.Span[(row + i / Hidden) * Stride + i % Hidden] = (float)values[i]; }
            row += batch.Length(sequence);
        }
        float[] output = new float[upstream.Length], before = rows.Span.ToArray();
        head.Forward(batch, rows.Pointer, Stride, dropout, output);
        GoldenBatch.AssertAll(expected, GoldenBatch.Doubles(output), 3e-6, "output");

        Dictionary<Tensor, GuardedBuffer> gradients = [];
        foreach (Parameter parameter in block.Parameters) { gradients[parameter.Tensor] = new(parameter.Count); }
        head.Backward(batch, rows.Pointer, Stride, dropout, upstream, weight => gradients[weight].Pointer, dRows.Pointer);
        Assert.Equal(before, rows.Span.ToArray());
        for (int row = 0; row < batch.Rows; row++)
        {
            Assert.False(dRows.Span[(row * Stride + Hidden)..((row + 1) * Stride)].ContainsAnyExcept(0), "between rows");
        }
        AddEmbeddings(network, batch, dRows, gradients[network.Encoder.WordEmbeddings]);
        for (int i = 0; i < block.Parameters.Count; i++)
        {
            Tensor tensor = block.Parameters[i].Tensor;
            bool isOfHead = network.Head.Any(module => module is DenseModule dense && (dense.Linear.Weight == tensor || dense.Linear.Bias == tensor));
            if (!isOfHead && tensor != network.Encoder.WordEmbeddings) { continue; }
            ReadOnlySpan<double> right = reference.Gradient(reference.Parameters.Parameters[i]);
            string what = $"{network.Pooling[0]}, {network.Head.Length} modules, tensor {i}";
            for (int k = 0; k < right.Length; k++) { Tiers.Close(right[k], gradients[tensor].Span[k], 1e-5 + 1e-5 * Math.Abs(right[k]), $"{what}, {k}"); }
        }
        foreach (GuardedBuffer gradient in gradients.Values) { gradient.Dispose(); }
    }

    /// <summary>From the rows' gradients those of the word embeddings, through the embeddings' LayerNorm.</summary>
    private static void AddEmbeddings(Network network, PackedBatch batch, GuardedBuffer dRows, GuardedBuffer words)
    {
        EncoderWeights weights = network.Encoder;
        double[] gamma = Doubles(weights.EmbeddingNorm.Gamma), table = Doubles(weights.WordEmbeddings), positions = Doubles(weights.PositionEmbeddings),
            types = Doubles(weights.TokenTypeEmbeddings!);
        for (int row = 0; row < batch.Rows; row++)
        {
            double[] x = new double[Hidden], d = new double[Hidden];
            for (int i = 0; i < Hidden; i++)
            {
                x[i] = table[batch.TokenIds[row] * Hidden + i] + positions[batch.Positions[row] * Hidden + i] + types[i];
                d[i] = dRows.Span[row * Stride + i];
            }
            Compute.Reference.LayerNorm.Backward<double>(x, gamma, network.Config.LayerNormEps, [.. d], d, new double[Hidden], new double[Hidden]);
            for (int i = 0; i < Hidden; i++) { words.Span[batch.TokenIds[row] * Hidden + i] = (float)d[i]; }
        }

        static double[] Doubles(Tensor tensor) => Array.ConvertAll(tensor.ToFloats(), value => (double)value);
    }
}
