// Which loss finds duplicate questions best: all-MiniLM-L6-v2, untrained and fine-tuned in six ways on Quora's pairs, one protocol.
//   dotnet run -c Release --project samples/quora [-- --data DIR --precision float32|bfloat16|float16 --only ROW]
// DIR holds questions_10k.tsv and splits.tsv. Killed or interrupted it goes on where it was; what is done is not done again (out/quora).
using System.Globalization;
using System.Text;
using MiniLM;
using MiniLM.Cpu;
using MiniLM.Data;
using MiniLM.Evaluation;
using MiniLM.Model;
using MiniLM.Ranking;
using MiniLM.Training;
using Samples;
using Precision = MiniLM.Compute.Precision;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
CancellationToken cancellation = SampleRun.Interruptible();
SampleRun.Check(args, "--data", "--precision", "--only");
string data = SampleFolders.Data("quora", SampleRun.Value(args, "--data")), output = SampleFolders.Output("quora");
Precision precision = SampleRun.PrecisionOf(args, Precision.Float32);
string? only = SampleRun.Value(args, "--only");

// Columns: 0 and 1 are the texts, 2 the label 0 or 1, 3 the label -1 or 1.
Row[] rows =
[
    new("untrained", "", [], ModelKind.BiEncoder, ".7345 (.75)", ".7408 (.71)", ".7330"),
    new("cosine-opposite", "CosineSimilarityLoss", ["question1", "question2", "score"], ModelKind.BiEncoder, ".6816 (.23)", ".6763 (.30)", ".6725"),
    new("cosine", "CosineSimilarityLoss", ["question1", "question2", "label"], ModelKind.BiEncoder, "-", ".7468 (.57)", ".7351"),
    new("online-contrastive", "OnlineContrastiveLoss(margin=0.5)", ["question1", "question2", "label"], ModelKind.BiEncoder, ".5400 (.99)", ".7756 (.75)",
        ".7668"),
    new("mnr-all-pairs", "MultipleNegativesRankingLoss", ["question1", "question2"], ModelKind.BiEncoder, ".7117 (.74)", ".7229 (.72)", ".7174"),
    new("mnr-duplicates", "MultipleNegativesRankingLoss", ["question1", "question2"], ModelKind.BiEncoder, "-", ".7374 (.72)",
        ".7242") { OnlyDuplicates = true },
    new("cross-encoder", "BinaryCrossEntropyLoss", ["question1", "question2", "label"], ModelKind.CrossEncoder, ".7999 (.02)", "-", "-") { Epochs = 1,
        BatchSize = 16 },
];

if (only is not null && rows.All(row => row.Name != only))
{
    throw new ArgumentException($"--only {only}: it is one of {string.Join(", ", rows.Select(row => row.Name))}");
}
Dictionary<string, string> files = WriteParts(data, output, cancellation);
List<string> lines = [];
using CpuDevice device = new();
foreach (Row row in rows)
{
    string done = Path.Combine(output, $"{row.Name}.{precision}.result");
    if (!File.Exists(done) && (only is null || only == row.Name))
    {
        byte[] result = Encoding.UTF8.GetBytes(Run(row));
        PartialFile.WriteWhole(done, stream => stream.Write(result), overwrite: false);
    }
    lines.Add($"| {row.Name} | {(File.Exists(done) ? File.ReadAllText(done) : "| | |")} | {row.Peer} | {row.PeerValid} | {row.Published} |");
}
Console.WriteLine($"F1 of duplicates on the test part ({precision}, {device.Description})\n");
Console.WriteLine("| row | best (threshold) | at the threshold of valid | seconds, steps | sentence-transformers: best | at valid's | published |");
Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- |");
lines.ForEach(Console.WriteLine);
Console.WriteLine("\nPublished with other bases, which are not here: paraphrase-MiniLM-L6-v2 (online contrastive), all-mpnet-base-v2 (multiple negatives),"
    + " ms-marco-MiniLM-L-6-v2 (cross-encoder; the row above begins with a new head).");
return 0;

string Run(Row row)
{
    string model = ModelFolder.Resolve(null);
    string seconds = "-";
    if (row.Loss.Length > 0)
    {
        TrainingArguments arguments = new()
        {
            OutputDir = Path.Combine(output, $"{row.Name}.{precision}"),
            ResumeFromCheckpoint = TrainingArguments.LastCheckpoint,
            Precision = precision,
            NumTrainEpochs = row.Epochs,
            PerDeviceTrainBatchSize = row.BatchSize,
            LearningRate = 2e-5,
            WarmupSteps = 100,
            SaveStrategy = IntervalStrategy.Epoch,
            SaveTotalLimit = 1,
        };
        long start = Environment.TickCount64;
        using Trainer trainer = new(model, row.Kind, device, arguments, cancellation);
        SampleRun.Show(trainer, row.Name);
        trainer.AddTraining(files[row.OnlyDuplicates ? "duplicates" : "train"], row.Loss, row.Columns);
        double opening = (Environment.TickCount64 - start) / 1000.0;
        TrainingResult result = trainer.Train(cancellation);
        // Of a row that was interrupted the history has the seconds of all its runs.
        (model, seconds) = (result.OutputDir, $"{opening + trainer.History.Seconds:0}, {result.Steps}");
    }
    ScoredLabels valid = Score(row.Kind, model, files["valid"]), test = Score(row.Kind, model, files["test"]);
    double[] grid = row.Kind == ModelKind.BiEncoder ? [.. Enumerable.Range(-100, 201).Select(i => i / 100.0)]
        : [.. Enumerable.Range(0, 101).Select(i => i / 100.0)];
    (double best, double threshold) = ThresholdGrid.Best(grid, test, counts => counts.F1(1));
    (_, double ofValid) = ThresholdGrid.Best(grid, valid, counts => counts.F1(1));
    return $"{best:.0000} ({threshold:.00}) | {test.At(ofValid).F1(1):.0000} ({ofValid:.00}) | {seconds}";
}

ScoredLabels Score(ModelKind kind, string model, string file)
{
    using PairScorer scorer = PairScorer.Open(model, device, precision, new EmbedOptions(), cancellation: cancellation);
    List<string> texts = [];
    List<bool> labels = [];
    using RowReader reader = RowReader.Open(file, new RowFormat { Columns = ["question1", "question2", "label"] });
    for (string[] values = new string[3]; reader.Read(values);)
    {
        texts.AddRange(values[..2]);
        labels.Add(values[2] == "1");
    }
    scorer.Compute(texts, cancellation);
    return new ScoredLabels([.. labels.Select((_, pair) => (double)scorer.Score(scorer.Raw(pair), ScoreKind.Sigmoid))], [.. labels], isSingle: true);
}

// The parts as tables without quotes: breaks and tabs in a text become blanks, which the tokenizer does not tell apart.
static Dictionary<string, string> WriteParts(string data, string output, CancellationToken cancellation)
{
    Dictionary<string, string> parts = [];
    using (RowReader splits = RowReader.Open(Path.Combine(data, "splits.tsv"), new RowFormat { Columns = ["id", "split"] }))
    {
        for (string[] values = new string[2]; splits.Read(values);) { parts.Add(values[0], values[1]); }
    }
    Dictionary<string, StringWriter> texts = new[] { "train", "valid", "test", "duplicates" }.ToDictionary(part => part, _ => new StringWriter());
    foreach (StringWriter text in texts.Values) { text.Write("question1\tquestion2\tlabel\tscore\n"); }
    using RowReader questions = RowReader.Open(Path.Combine(data, "questions_10k.tsv"),
        new RowFormat { Columns = ["id", "question1", "question2", "is_duplicate"], Quotes = true }, cancellation: cancellation);
    for (string[] values = new string[4]; questions.Read(values);)
    {
        if (!parts.TryGetValue(values[0], out string? part)) { continue; }
        string line = $"{OneLine(values[1])}\t{OneLine(values[2])}\t{values[3]}\t{(values[3] == "1" ? "1" : "-1")}\n";
        texts[part].Write(line);
        if (part == "train" && values[3] == "1") { texts["duplicates"].Write(line); }
    }
    Dictionary<string, string> files = texts.Keys.ToDictionary(part => part, part => Path.Combine(output, $"{part}.tsv"));
    foreach ((string part, string file) in files) { File.WriteAllText(file, texts[part].ToString()); }
    return files;

    static string OneLine(string text) => string.Join(' ', text.Split(['\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries));
}

/// <summary>A way to train, and what others report of it.</summary>
internal sealed record Row(string Name, string Loss, string[] Columns, ModelKind Kind, string Published, string Peer, string PeerValid)
{
    internal int Epochs { get; init; } = 2;

    internal int BatchSize { get; init; } = 32;

    internal bool OnlyDuplicates { get; init; }
}
