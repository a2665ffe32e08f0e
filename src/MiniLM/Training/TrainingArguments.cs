using System.Globalization;

namespace MiniLM.Training;

/// <summary>Which rows may be a batch together.</summary>
public enum BatchSamplerKind
{
    /// <summary>Any.</summary>
    Default,

    /// <summary>No text twice in a batch: for losses whose negatives are the batch's other rows.</summary>
    NoDuplicates,
}

/// <summary>In which order rows are taken.</summary>
public enum TrainSamplingStrategy
{
    /// <summary>In random order.</summary>
    Random,

    /// <summary>In the order of the data.</summary>
    Sequential,

    /// <summary>In random order, rows of like length together.</summary>
    GroupByLength,
}

/// <summary>Whose turn it is when a run has several data sets.</summary>
public enum MultiDatasetBatchSampler
{
    /// <summary>Each gives as many batches as it has, in random order.</summary>
    Proportional,

    /// <summary>One after the other, until the first has no more.</summary>
    RoundRobin,
}

/// <summary>What a run goes by: names and defaults of transformers 5 and sentence-transformers 6.</summary>
public sealed record TrainingArguments
{
    /// <summary>Folder of the result, its checkpoints and records.</summary>
    public string OutputDir { get; set; } = "";

    /// <summary>Replace an earlier training in <see cref="OutputDir"/>.</summary>
    public bool Overwrite { get; set; }

    /// <summary>A checkpoint to go on from, or <see cref="LastCheckpoint"/>; null: the training begins.</summary>
    public string? ResumeFromCheckpoint { get; set; }

    /// <summary>The last checkpoint in <see cref="OutputDir"/>; where there is none the training begins.</summary>
    public const string LastCheckpoint = "last";

    /// <summary>Rows of a micro-batch.</summary>
    public int PerDeviceTrainBatchSize { get; set; } = 8;

    /// <summary>Rows of a batch when the loss is evaluated.</summary>
    public int PerDeviceEvalBatchSize { get; set; } = 8;

    /// <summary>Micro-batches of a step.</summary>
    public int GradientAccumulationSteps { get; set; } = 1;

    /// <summary>Tokens computed at a time: a micro-batch of more is cut, and computed twice; the batch stays what it is.</summary>
    public int MicroBatchTokens { get; set; } = 1 << 15;

    /// <summary>Passes over the data; a part of the last one may be left out.</summary>
    public double NumTrainEpochs { get; set; } = 3;

    /// <summary>Steps of the run, whatever the epochs; null, or -1 as in transformers: as many as these have.</summary>
    public int? MaxSteps { get; set; }

    /// <summary>After warm-up.</summary>
    public double LearningRate { get; set; } = 5e-5;

    /// <summary>How the learning rate goes after its warm-up.</summary>
    public ScheduleKind LrSchedulerType { get; set; } = ScheduleKind.Linear;

    /// <summary>A share of the steps where below 1.</summary>
    public double WarmupSteps { get; set; }

    /// <summary>Of AdamW; neither biases nor LayerNorms decay.</summary>
    public double WeightDecay { get; set; }

    /// <summary>Decay of the first moment.</summary>
    public double AdamBeta1 { get; set; } = .9;

    /// <summary>Decay of the second moment.</summary>
    public double AdamBeta2 { get; set; } = .999;

    /// <summary>Added to the root of the second moment.</summary>
    public double AdamEpsilon { get; set; } = 1e-8;

    /// <summary>Null: gradients are not cut.</summary>
    public double? MaxGradNorm { get; set; } = 1;

    /// <summary>Of the order of the data, of dropout and of new heads.</summary>
    public ulong Seed { get; set; } = 42;

    /// <summary>Of the order of the data alone; null: <see cref="Seed"/>.</summary>
    public ulong? DataSeed { get; set; }

    /// <summary>Leave out batches that are not full.</summary>
    public bool DataloaderDropLast { get; set; }

    /// <summary>Which rows may be a batch together; no duplicates go with random order alone.</summary>
    public BatchSamplerKind BatchSampler { get; set; }

    /// <summary>In which order rows are taken.</summary>
    public TrainSamplingStrategy TrainSamplingStrategy { get; set; }

    /// <summary>Whose turn it is of several data sets.</summary>
    public MultiDatasetBatchSampler MultiDatasetBatchSampler { get; set; }

    /// <summary>Texts that are equal are no negatives of each other, in losses whose negatives are the batch's other rows.</summary>
    public bool MaskDuplicates { get; set; }

    /// <summary>Arithmetic of the model's products; weights, loss and optimiser are float32.</summary>
    public Compute.Precision Precision { get; set; }

    /// <summary>Longest sequence in tokens; null: the model's own limit.</summary>
    public int? MaxLength { get; set; }

    /// <summary>Labels of a classifier; null: those of the model, and of a new head 1.</summary>
    public int? NumLabels { get; set; }

    /// <summary>Parameters that stay as they are: names, or parts of names.</summary>
    public IReadOnlyList<string> Freeze { get; set; } = [];

    /// <summary>At every site; null: as the model's configuration says.</summary>
    public double? Dropout { get; set; }

    /// <summary>Makes inner activations anew on the way back: less memory for more time, and the same bits.</summary>
    public bool GradientCheckpointing { get; set; }

    /// <summary>Put before the texts of a column, by its name; under <c>""</c> before every text.</summary>
    public IReadOnlyDictionary<string, string> Prompts { get; set; } = new Dictionary<string, string>();

    /// <summary>Numbers of dimensions over which a bi-encoder's loss is summed (MatryoshkaLoss); empty: the whole embedding alone.</summary>
    public IReadOnlyList<int> MatryoshkaDims { get; set; } = [];

    /// <summary>Of each of <see cref="MatryoshkaDims"/>; empty: 1.</summary>
    public IReadOnlyList<double> MatryoshkaWeights { get; set; } = [];

    /// <summary>How many of <see cref="MatryoshkaDims"/> a step takes, drawn by the seed; null: all.</summary>
    public int? MatryoshkaDimsPerStep { get; set; }

    /// <summary>When the loss, the learning rate and the gradient's norm are logged.</summary>
    public IntervalStrategy LoggingStrategy { get; set; } = IntervalStrategy.Steps;

    /// <summary>Below 1 a share of the steps.</summary>
    public double LoggingSteps { get; set; } = 500;

    /// <summary>Log the first step too.</summary>
    public bool LoggingFirstStep { get; set; }

    /// <summary>When the evaluators run.</summary>
    public IntervalStrategy EvalStrategy { get; set; }

    /// <summary>Below 1 a share of the steps; null: <see cref="LoggingSteps"/>.</summary>
    public double? EvalSteps { get; set; }

    /// <summary>Evaluate before the first step.</summary>
    public bool EvalOnStart { get; set; }

    /// <summary>When checkpoints are written.</summary>
    public IntervalStrategy SaveStrategy { get; set; } = IntervalStrategy.Steps;

    /// <summary>Below 1 a share of the steps.</summary>
    public double SaveSteps { get; set; } = 500;

    /// <summary>Checkpoints kept, the best never counted out; null: all.</summary>
    public int? SaveTotalLimit { get; set; }

    /// <summary>The result is the best checkpoint, not the last weights.</summary>
    public bool LoadBestModelAtEnd { get; set; }

    /// <summary>What is best, with or without <c>eval_</c>; null: the loss.</summary>
    public string? MetricForBestModel { get; set; }

    /// <summary>Null: unless the metric is a loss.</summary>
    public bool? GreaterIsBetter { get; set; }

    /// <summary>Evaluations in a row without a better one that end the run; null: none do.</summary>
    public int? EarlyStoppingPatience { get; set; }

    /// <summary>By how much an evaluation must be better to count.</summary>
    public double EarlyStoppingThreshold { get; set; }

    /// <summary>Write TensorBoard's event files.</summary>
    public bool ReportToTensorBoard { get; set; }

    /// <summary>Warnings that are not given, by their names.</summary>
    public IReadOnlyList<string> IgnoreWarnings { get; set; } = [];

    /// <summary>Steps of a run.</summary>
    /// <param name="batches">Micro-batches of an epoch.</param>
    /// <exception cref="ArgumentException">More than can be counted.</exception>
    internal int TotalSteps(int batches)
    {
        if (MaxSteps is { } given and not -1) { return given; }
        double steps = Math.Ceiling(NumTrainEpochs * StepsPerEpoch(batches));
        return steps <= int.MaxValue ? (int)steps : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
            $"num_train_epochs {NumTrainEpochs}: that is more than {int.MaxValue} steps. Lower it, or give max_steps."));
    }

    /// <summary>Steps of an epoch, the last of which may have fewer micro-batches; one at least, as transformers counts.</summary>
    internal int StepsPerEpoch(int batches) => Math.Max(1, (batches - 1) / GradientAccumulationSteps + 1);
}
