using BenchmarkDotNet.Attributes;
using MiniLM.Training.Losses;

namespace Operations;

/// <summary>Losses over 64 rows of embeddings of 384, or 64 logits, with their gradients.</summary>
public class Losses : IMeasured
{
    private const int Rows = 64, Width = 384;

    private Func<double> _compute = () => 0;

    [ParamsSource(nameof(Names))]
    public string Loss { get; set; } = "";

    /// <summary>Those whose batch can be made up without a guide, a teacher's lists or trained matrices.</summary>
    public static IEnumerable<string> Names =>
        [.. LossNames.BiEncoderNames.Where(IsPlain).Select(name => $"{name} of embeddings"),
            .. LossNames.CrossEncoderNames.Where(IsPairwise).Select(name => $"{name} of logits")];

    private static bool IsPlain(string name)
    {
        BiEncoderLoss loss = LossNames.FindBiEncoder(name);
        return !loss.Requires.HasGuide && !loss.Requires.HasManyLabels && loss.Parameters(Width).Count == 0;
    }

    private static bool IsPairwise(string name) =>
        LossNames.FindCrossEncoder(name).Requires is { HasLists: false, MinColumns: 1, HasManyOutputs: false };

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
        BiEncoderBatch<float> batch = new(
            [.. Enumerable.Range(0, loss.Requires.MinColumns).Select(_ => new Column<float>(Floats(random, Rows * Width), Width))])
        {
            Labels = LabelsOf(loss.Requires.Labels),
        };
        return () => loss.Compute(batch);
    }

    private static Func<double> OfLogits(string name, Random random)
    {
        CrossEncoderLoss loss = LossNames.FindCrossEncoder(name);
        CrossEncoderTargets targets = new() { Labels = LabelsOf(loss.Requires.Labels) };
        float[] logits = Floats(random, Rows), gradient = new float[Rows];
        return () => loss.Compute<float>(logits, targets, gradient);
    }

    private static Labels? LabelsOf(LabelKind kind) =>
        kind == LabelKind.None ? null : new Labels([.. Enumerable.Range(0, Rows).Select(row => (double)(row % 2))]);

    private static float[] Floats(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - .5f)];

    [Benchmark]
    public double ForwardAndBackward() => _compute();

    /// <summary>Each loss has its own formula: time and allocation only.</summary>
    public Work? WorkOf(string benchmark) => null;
}
