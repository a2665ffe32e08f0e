using BenchmarkDotNet.Attributes;
using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Logits;

namespace Operations;

/// <summary>Losses over 64 rows of embeddings of 384, or 64 logits, with their gradients.</summary>
public class Losses : IMeasured
{
    private const int Rows = 64, Width = 384;

    private Func<double> _compute = () => 0;

    [ParamsSource(nameof(Names))]
    public string Loss { get; set; } = "";

    /// <summary>All of them: embeddings with a guide, a teacher or matrices of the loss where it takes such; logits of lists of eight documents too.</summary>
    public static IEnumerable<string> Names =>
        [.. LossNames.BiEncoderNames.Select(name => $"{name} of embeddings"), .. LossNames.CrossEncoderNames.Select(name => $"{name} of logits")];

    [GlobalSetup]
    public void Setup()
    {
        string name = Loss[..Loss.IndexOf(' ', StringComparison.Ordinal)];
        Random random = new(1);
        _compute = Loss.EndsWith("logits", StringComparison.Ordinal) ? OfLogits(name, random) : OfEmbeddings(name, random);
        _compute();
    }

    private static Func<double> OfEmbeddings(string name, Random random)
    {
        BiEncoderLoss loss = LossNames.FindBiEncoder(name);
        int columns = loss.Requires.MinColumns;
        Column<float>[] Columns() => [.. Enumerable.Range(0, columns).Select(_ => new Column<float>(Floats(random, Rows * Width), Width))];
        BiEncoderBatch<float> batch = new(Columns())
        {
            Labels = LabelsOf(loss.Requires.Labels, Rows, loss.Requires.Labels == LabelKind.Embedding ? Width : loss.Requires.HasManyLabels ? columns - 1 : 1),
            Guide = loss.Requires.HasGuide ? Columns() : [],
            Parameters = [.. loss.Parameters(Width).Select(matrix => new Column<float>(Floats(random, matrix.Rows * matrix.Width), matrix.Width))],
        };
        return () => loss.Compute(batch);
    }

    private static Func<double> OfLogits(string name, Random random)
    {
        CrossEncoderLoss loss = LossNames.FindCrossEncoder(name);
        int columns = loss.Requires.HasNegatives ? 2 : 1, outputs = loss.Requires.HasManyOutputs ? 3 : 1;
        CrossEncoderTargets targets = new()
        {
            Outputs = outputs,
            Columns = columns,
            Lists = loss.Requires.HasLists ? [.. Enumerable.Repeat(8, Rows / 8)] : null,
            Labels = LabelsOf(loss.Requires.Labels, Rows / columns, loss.Requires.HasManyLabels ? loss is BinaryCrossEntropyLoss ? outputs : columns - 1 : 1),
        };
        float[] logits = Floats(random, Rows * outputs), gradient = new float[logits.Length];
        return () => loss.Compute<float>(logits, targets, gradient);
    }

    // Of eight rows, or documents of a list, the first four: ListMLELoss takes the best first.
    private static Labels? LabelsOf(LabelKind kind, int rows, int width) =>
        kind == LabelKind.None ? null : new Labels([.. Enumerable.Range(0, rows * width).Select(i => i / width % 8 < 4 ? 1.0 : 0)], width);

    private static float[] Floats(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - .5f)];

    [Benchmark]
    public double ForwardAndBackward() => _compute();

    /// <summary>Each loss has its own formula: time and allocation only.</summary>
    public Work? WorkOf(string benchmark) => null;
}
