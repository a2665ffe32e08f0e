// A reranker for scientific papers from few positives: a cross-encoder trained on one fold of CSFCube, beside the constant answer and an untrained bi-encoder.
//   dotnet run -c Release --project samples/csfcube [-- --data DIR --model M --precision bfloat16|float16|float32 --epochs N --max-length N]
// DIR holds rerank.json, papers.jsonl and evaluation_splits.json. M is a cross-encoder to begin with: by default that of samples/quora.
// CSFCube is licensed for non-commercial use (CC BY-NC 4.0): nothing that is trained on it may be shipped. Goes on where it was (out/csfcube).
using System.Globalization;
using System.Text.Json;
using MiniLM;
using MiniLM.Cpu;
using MiniLM.Evaluation;
using MiniLM.Model;
using MiniLM.Ranking;
using MiniLM.Training;
using MiniLM.Training.Records;
using Samples;
using Precision = MiniLM.Compute.Precision;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
CancellationToken cancellation = SampleRun.Interruptible();
SampleRun.Check(args, "--data", "--model", "--precision", "--max-length", "--epochs");
string data = SampleFolders.Data("csfcube", SampleRun.Value(args, "--data")), output = SampleFolders.Output("csfcube");
Precision precision = SampleRun.PrecisionOf(args, Precision.BFloat16);
int maxLength = SampleRun.NumberOf(args, "--max-length", 512), epochs = SampleRun.NumberOf(args, "--epochs", 10);
string model = SampleRun.Value(args, "--model") ?? new[] { "Float32", "BFloat16", "Float16" }
    .Select(other => Path.Combine(Path.GetDirectoryName(output)!, "quora", $"cross-encoder.{other}"))
    .FirstOrDefault(folder => File.Exists(Path.Combine(folder, ModelConfig.FileName))) // one that is being trained is no model yet
    ?? throw new DirectoryNotFoundException("no cross-encoder to begin with: run samples/quora first, or give --model");
const double PositiveWeight = 5;
const int Positive = 2; // the grade from which a candidate counts

Dictionary<string, string> papers = Papers();
List<Query> queries = Queries();
// The official fold 1: its dev queries are trained on, but every fourth, by which the best epoch is chosen; its test queries are reported.
string[] dev = Fold("fold1_dev"), test = Fold("fold1_test");
Query[] training = [.. queries.Where(query => Array.IndexOf(dev, query.Id) is >= 0 and var at && at % 4 != 3)];
Query[] valid = [.. queries.Where(query => Array.IndexOf(dev, query.Id) is >= 0 and var at && at % 4 == 3)];
Query[] reported = [.. queries.Where(query => test.Contains(query.Id))];
Console.WriteLine($"queries: {training.Length} to train on, {valid.Length} to choose by, {reported.Length} reported; "
    + $"positive: {Share(training):0.0} %, {Share(valid):0.0} %, {Share(reported):0.0} %");

using CpuDevice device = new();
TrainingArguments arguments = new()
{
    // A run goes on only with what it began with.
    OutputDir = Path.Combine(output, $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(model))}.{precision}.{maxLength}.{epochs}"),
    ResumeFromCheckpoint = TrainingArguments.LastCheckpoint,
    Precision = precision,
    MaxLength = maxLength,
    NumTrainEpochs = epochs,
    PerDeviceTrainBatchSize = 16,
    LearningRate = 3e-5,
    WarmupSteps = .1,
    LoggingStrategy = IntervalStrategy.Epoch,
    EvalStrategy = IntervalStrategy.Epoch,
    SaveStrategy = IntervalStrategy.Epoch,
    SaveTotalLimit = 1,
    LoadBestModelAtEnd = true,
    MetricForBestModel = "valid_map",
    EarlyStoppingPatience = 2,
    EvalOnStart = true,
};
using (Trainer trainer = new(model, ModelKind.CrossEncoder, device, arguments, cancellation))
{
    SampleRun.Show(trainer, $"csfcube {precision}");
    trainer.AddTraining(Rows(training), $"BinaryCrossEntropyLoss(pos_weight={PositiveWeight})");
    trainer.AddEvaluation(Rows(valid), "valid");
    TrainingResult result = trainer.Train(cancellation);
    Console.WriteLine("\n| epoch | loss | F1 | accuracy | MAP | (on the queries to choose by)\n| --- | --- | --- | --- | --- |");
    Console.WriteLine($"| always negative | - | 0 | {1 - Share(valid) / 100:.0000} | - |");
    // The whole history, also of what a run before this one did.
    foreach (LogEntry entry in trainer.History.Log.Where(entry => entry.Values.Any(value => value.Key == "eval_valid_map")))
    {
        double Of(string name) => entry.Values.First(value => value.Key == name).Value;
        Console.WriteLine($"| {entry.Epoch:0} | {Of("eval_loss"):.0000} | {Of("eval_valid_f1"):.0000} | {Of("eval_valid_accuracy"):.0000} | "
            + $"{Of("eval_valid_map"):.0000} |");
    }
    Console.WriteLine($"best: step {result.BestStep}");
}
Console.WriteLine("\n| on the reported queries | F1 (threshold of the queries to choose by) | accuracy | MAP |\n| --- | --- | --- | --- |");
Console.WriteLine($"| always negative | 0 | {1 - Share(reported) / 100:.0000} | - |");
double untrained = Report("untrained bi-encoder", ModelFolder.Resolve(null), length: null); // its own: longer texts than it was trained on rank worse
double begun = Report("the cross-encoder to begin with", model, maxLength);
double trained = Report($"trained, {precision}", arguments.OutputDir, maxLength);
Console.WriteLine($"\nThe training ranks {(trained > untrained ? "better" : "no better")} than the untrained bi-encoder, "
    + $"{(trained > begun ? "better" : "no better")} than what it began with: MAP {trained:.0000}; {untrained:.0000}, {begun:.0000}.");
return 0;

double Report(string name, string folder, int? length)
{
    (ScoredLabels ofValid, _) = Score(folder, valid, length);
    (ScoredLabels all, double map) = Score(folder, reported, length);
    ConfusionMatrix counts = all.At(ThresholdSearch.F1(ofValid).Threshold);
    Console.WriteLine($"| {name} | {counts.F1(1):.0000} | {counts.Accuracy:.0000} | {map:.0000} |");
    return map;
}

(ScoredLabels All, double Map) Score(string folder, Query[] of, int? length)
{
    using PairScorer scorer = PairScorer.Open(folder, device, precision, new EmbedOptions { MaxLength = length }, cancellation: cancellation);
    List<double> scores = [];
    List<bool> labels = [];
    RerankingMeasures lists = new();
    foreach (Query query in of)
    {
        scorer.Compute([.. query.Candidates.SelectMany(candidate => new[] { papers[query.Paper], papers[candidate.Paper] })], cancellation);
        double[] own = [.. query.Candidates.Select((_, pair) => (double)scorer.Raw(pair))];
        bool[] positive = [.. query.Candidates.Select(candidate => candidate.Grade >= Positive)];
        lists.Add(new ScoredLabels(own, positive));
        scores.AddRange(own);
        labels.AddRange(positive);
    }
    return (new ScoredLabels([.. scores], [.. labels], isSingle: true), lists.Map);
}

IEnumerable<TrainingRow> Rows(Query[] of) => of.SelectMany(query => query.Candidates.Select(candidate =>
    new TrainingRow([papers[query.Paper], papers[candidate.Paper]], [candidate.Grade >= Positive ? 1 : 0])));

double Share(Query[] of) => 100.0 * of.Sum(query => query.Candidates.Count(candidate => candidate.Grade >= Positive))
    / of.Sum(query => query.Candidates.Length);

Dictionary<string, string> Papers() => File.ReadLines(PathOf("papers.jsonl")).Select(line => Parse("papers.jsonl", line, paper =>
    (Id: paper.GetProperty("id").GetString()!, Text: $"{paper.GetProperty("title").GetString()} {paper.GetProperty("abstract").GetString()}")))
    .ToDictionary(paper => paper.Id, paper => paper.Text);

List<Query> Queries() => Parse("rerank.json", File.ReadAllText(PathOf("rerank.json")), root => root.EnumerateArray().Select(query => new Query(
    $"{query.GetProperty("query_id")}_{query.GetProperty("facet")}", $"{query.GetProperty("query_id")}",
    [.. query.GetProperty("candidates").EnumerateArray().Select(candidate => ($"{candidate[0]}", candidate[1].GetInt32()))
        .Where(candidate => papers.ContainsKey(candidate.Item1))])).ToList());

string[] Fold(string name) => Parse("evaluation_splits.json", File.ReadAllText(PathOf("evaluation_splits.json")), root =>
    root.GetProperty("all").GetProperty(name).EnumerateArray().Select(id => id.GetString()!).ToArray());

string PathOf(string name) => Path.Combine(data, name);

T Parse<T>(string name, string text, Func<JsonElement, T> take)
{
    try
    {
        using JsonDocument json = JsonDocument.Parse(text);
        return take(json.RootElement);
    }
    catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
    {
        throw new IOException($"{PathOf(name)}: is not CSFCube's ({error.Message}). Get it anew.", error);
    }
}

/// <summary>A paper and facet with graded candidates.</summary>
internal sealed record Query(string Id, string Paper, (string Paper, int Grade)[] Candidates);
