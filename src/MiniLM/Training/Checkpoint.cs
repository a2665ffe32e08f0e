using System.Globalization;
using System.Text.Json;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Training.Records;
using MiniLM.Training.Sampling;
using MiniLM.Weights;

namespace MiniLM.Training;

/// <summary>A folder <c>checkpoint-N</c>: a complete model, the optimiser's moments, and all that it takes to go on bit for bit.</summary>
internal sealed unsafe class Checkpoint
{
    /// <summary>Before the names of a moment's tensors.</summary>
    internal const string FirstMoment = "exp_avg", SecondMoment = "exp_avg_sq";

    private static readonly (OptimizerState State, string Name)[] Moments =
        [(OptimizerState.FirstMoment, FirstMoment), (OptimizerState.SecondMoment, SecondMoment)];

    private readonly Dictionary<string, string> _identity = new(StringComparer.Ordinal);

    private Checkpoint(string path, TrainingPosition position, int optimizerSteps, TrainingHistory history) =>
        (Path, Position, OptimizerSteps, History) = (path, position, optimizerSteps, history);

    internal string Path { get; }

    internal TrainingPosition Position { get; }

    /// <summary>Steps that Adam counts.</summary>
    internal int OptimizerSteps { get; }

    internal TrainingHistory History { get; }

    /// <summary>The folder of a step.</summary>
    internal static string PathOf(string output, int step) =>
        System.IO.Path.Combine(output, string.Create(CultureInfo.InvariantCulture, $"{TrainingFiles.CheckpointPrefix}{step}"));

    /// <summary>Checkpoints in an output folder, the earliest first.</summary>
    internal static IReadOnlyList<(int Step, string Path)> In(string output) => !Directory.Exists(output) ? [] : [.. Directory.EnumerateDirectories(output)
        .Select(path => (Step: StepOf(path), Path: path)).Where(found => found.Step >= 0
            && File.Exists(System.IO.Path.Combine(found.Path, TrainingFiles.State)))
        .OrderBy(found => found.Step)];

    private static int StepOf(string path) => System.IO.Path.GetFileName(path) is var name
        && name.StartsWith(TrainingFiles.CheckpointPrefix, StringComparison.Ordinal)
        && int.TryParse(name[TrainingFiles.CheckpointPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int step) ? step : -1;

    /// <summary>Removes a checkpoint.</summary>
    internal static void Remove(string path)
    {
        if (!Directory.Exists(path)) { return; }
        string removed = path + TrainingFiles.Removed;
        Directory.Move(path, removed); // at once: what is half removed is no checkpoint
        Directory.Delete(removed, recursive: true);
    }

    /// <summary>Removes the oldest of too many; the best and the newest stay.</summary>
    internal static void Limit(string output, int limit, int? best)
    {
        IReadOnlyList<(int Step, string Path)> all = In(output);
        foreach ((int _, string path) in all.SkipLast(1).Where(found => found.Step != best).Take(Math.Max(0, all.Count - limit)).ToArray()) { Remove(path); }
    }

    /// <summary>Writes one beside what is there and gives it its name when all is on the disk.</summary>
    /// <param name="path">Replaced if it is there.</param>
    /// <param name="model">Whose folder the trained weights complete.</param>
    /// <param name="maxLength">Of a sequence in training.</param>
    /// <param name="network">That is trained.</param>
    /// <param name="losses">It is trained by.</param>
    /// <param name="position">Where the run is.</param>
    /// <param name="history">Of the run.</param>
    /// <param name="writeHistory">Writes <c>trainer_state.json</c> to a path.</param>
    /// <param name="identity">What the run depends on, by name.</param>
    internal static void Write(string path, ModelFolder model, int maxLength, TrainingNetwork network, IEnumerable<TrainingLoss> losses,
        TrainingPosition position, TrainingHistory history, Action<string> writeHistory, IEnumerable<KeyValuePair<string, string>> identity)
    {
        using Lifetime.Inside inside = network.Hold();
        using PartialFolder folder = new(path);
        WriteModel(folder.Path, model, maxLength, network);
        WriteMoments(System.IO.Path.Combine(folder.Path, TrainingFiles.Moments), network, losses);
        writeHistory(System.IO.Path.Combine(folder.Path, TrainingFiles.History));
        PartialFile.WriteWhole(System.IO.Path.Combine(folder.Path, TrainingFiles.State),
            stream => WriteState(stream, network.Steps, position, history, identity),
            overwrite: false);
        folder.Complete();
    }

    /// <summary>The model alone, into a folder that is being built.</summary>
    internal static void WriteModel(string folder, ModelFolder model, int maxLength, TrainingNetwork network)
    {
        using Lifetime.Inside inside = network.Hold();
        using TensorFiles files = ModelFolderWriter.Hold(model);
        ModelFolderOptions options = new()
        {
            Values = Places(model.Network, network).GetValueOrDefault,
            ElementType = ElementType.F32,
            MaxLength = maxLength == model.MaxSequenceLength ? null : maxLength,
        };
        ModelFolderWriter.Fill(model, folder, options);
    }

    /// <summary>The network's values for the tensors of the folder that it was made of.</summary>
    private static Dictionary<Tensor, Tensor> Places(Network model, TrainingNetwork network) => model.Tensors()
        .Zip(network.Parameters.Parameters).ToDictionary(pair => pair.First, pair => pair.Second.Tensor);

    private static void WriteMoments(string path, TrainingNetwork network, IEnumerable<TrainingLoss> losses)
    {
        ParameterBlock parameters = network.Parameters;
        NativeBlock[] blocks = [.. Moments.Select(_ => new NativeBlock(parameters.Length))];
        try
        {
            List<StoredTensor> tensors = [];
            foreach (((OptimizerState state, string name), NativeBlock block) in Moments.Zip(blocks))
            {
                foreach (Parameter parameter in parameters.Parameters)
                {
                    float* values = block.Floats + parameter.Offset;
                    network.ReadState(parameter, state, new Span<float>(values, parameter.Count));
                    tensors.Add(new StoredTensor(new Tensor($"{name}.{parameter.Name}", ElementType.F32, [.. parameter.Tensor.Shape], (byte*)values,
                        (long)parameter.Count * sizeof(float), path)));
                }
            }
            foreach ((string name, LossMatrices matrices) in Matrices(losses)) { tensors.AddRange(matrices.Tensors(name)); }
            SafetensorsWriter.Write(path, tensors, null);
        }
        finally { Array.ForEach(blocks, block => block.Dispose()); }
    }

    // Before the names of each loss's matrices: its number.
    private static IEnumerable<(string Name, LossMatrices Matrices)> Matrices(IEnumerable<TrainingLoss> losses)
    {
        int number = 0;
        foreach (TrainingLoss loss in losses)
        {
            number++;
            if (loss.Matrices is { } matrices) { yield return (string.Create(CultureInfo.InvariantCulture, $"loss{number}"), matrices); }
        }
    }

    private static void WriteState(Stream stream, int optimizerSteps, TrainingPosition position, TrainingHistory history,
        IEnumerable<KeyValuePair<string, string>> identity)
    {
        using Utf8JsonWriter json = new(stream, IndentedJson.Options);
        json.WriteStartObject();
        json.WriteNumber("global_step", position.GlobalStep);
        json.WriteNumber("optimizer_steps", optimizerSteps);
        json.WriteNumber("data_seed", position.Data.Seed);
        json.WriteNumber("epoch", position.Data.Epoch);
        json.WriteNumber("batches_of_epoch", position.Data.Batches);
        if (position.Scaler is { } scaler)
        {
            json.WriteNumber("loss_scale", scaler.Scale);
            json.WriteNumber("good_steps", scaler.GoodSteps);
        }
        json.WriteNumber("loss_sum", history.Losses.Sum);
        json.WriteNumber("loss_count", history.Losses.Count);
        json.WriteNumber("total_loss", history.TotalLoss);
        json.WriteBoolean("evaluation_pending", history.IsEvaluationPending);
        json.WriteNumber("patience", history.Patience);
        if (history.BestMetric is { } best) { json.WriteNumber("best_metric", best); }
        if (history.BestStep is { } step) { json.WriteNumber("best_step", step); }
        json.WriteNumber("tokens", history.Tokens);
        json.WriteNumber("padded_tokens", history.PaddedTokens);
        json.WriteNumber("seconds", history.Seconds);
        json.WriteStartObject("made_with");
        foreach ((string name, string value) in identity) { json.WriteString(name, value); }
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        stream.WriteByte((byte)'\n');
    }

    /// <summary>Opens one.</summary>
    /// <exception cref="ModelFormatException">It is no checkpoint of a training, or damaged.</exception>
    internal static Checkpoint Open(string path)
    {
        string state = System.IO.Path.Combine(path, TrainingFiles.State);
        if (!File.Exists(state))
        {
            throw new ModelFormatException($"{path}: has no {TrainingFiles.State}, so it is no checkpoint to go on from. Give a folder "
                + $"{TrainingFiles.CheckpointPrefix}N of an earlier run.");
        }
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(state), new JsonDocumentOptions { AllowDuplicateProperties = false });
            JsonElement json = document.RootElement;
            int steps = Whole(json, "global_step");
            LossScalerState? scaler = json.TryGetProperty("loss_scale", out JsonElement scale)
                ? new LossScalerState(scale.GetSingle() is > 0 and < float.PositiveInfinity and var factor ? factor
                    : throw new FormatException($"loss_scale {scale}"), Whole(json, "good_steps", steps)) : null;
            // An epoch has a step at least.
            TrainingPosition position = new(steps, new SamplerState(json.GetProperty("data_seed").GetUInt64(), Whole(json, "epoch", steps),
                Whole(json, "batches_of_epoch")), scaler);
            TrainingHistory history = new()
            {
                Losses = (Finite(json, "loss_sum"), Whole(json, "loss_count", steps)),
                TotalLoss = Finite(json, "total_loss"),
                IsEvaluationPending = json.GetProperty("evaluation_pending").GetBoolean(),
                Patience = Whole(json, "patience", steps),
                BestMetric = json.TryGetProperty("best_metric", out _) ? Finite(json, "best_metric") : null,
                BestStep = json.TryGetProperty("best_step", out _) ? Whole(json, "best_step", steps) : null,
                Tokens = Whole(json, "tokens", long.MaxValue),
                PaddedTokens = Whole(json, "padded_tokens", long.MaxValue),
                Seconds = Finite(json, "seconds", least: 0),
            };
            history.ReadLog(System.IO.Path.Combine(path, TrainingFiles.History));
            Checkpoint checkpoint = new(path, position, Whole(json, "optimizer_steps", steps), history);
            foreach (JsonProperty property in json.GetProperty("made_with").EnumerateObject())
            {
                checkpoint._identity.Add(property.Name, property.Value.GetString() ?? "");
            }
            return checkpoint;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or IOException)
        {
            throw new ModelFormatException($"{state}: is damaged ({error.Message.Split('.')[0]}). Resume from another checkpoint.", error);
        }
    }

    private static long Whole(JsonElement json, string name, long most) => json.GetProperty(name) is var value && value.GetInt64() is var number
        && number >= 0 && number <= most ? number : throw new FormatException($"{name} {value}");

    private static int Whole(JsonElement json, string name, int most = int.MaxValue) => (int)Whole(json, name, (long)most);

    private static double Finite(JsonElement json, string name, double least = double.MinValue) => json.GetProperty(name) is var value
        && value.GetDouble() is var number && number >= least && number <= double.MaxValue ? number : throw new FormatException($"{name} {value}");

    /// <summary>Refuses another run. On another device the same run goes on, but rounds otherwise: what to say of that, or null.</summary>
    /// <exception cref="ArgumentException">One line that names what differs.</exception>
    internal TrainingWarning? Check(IReadOnlyCollection<KeyValuePair<string, string>> identity)
    {
        Dictionary<string, string> now = new(identity, StringComparer.Ordinal);
        TrainingWarning? warning = null;
        foreach (string name in now.Keys.Union(_identity.Keys))
        {
            (string? then, string? given) = (_identity.GetValueOrDefault(name), now.GetValueOrDefault(name));
            if (then == given) { continue; }
            if (name == TrainingIdentity.Device)
            {
                warning = new TrainingWarning("other-device",
                    $"{Path}: was made on {Said(then)}, this run goes on on {Said(given)}: the same to rounding, not to the last bit.");
                continue;
            }
            throw new ArgumentException($"{Path}: was made with {name} {Said(then)}, this run has {Said(given)}. "
                + "Give the same data and arguments, or start afresh in another folder.");
        }
        return warning;

        static string Said(string? value) => string.IsNullOrEmpty(value) ? "none" : value.Length <= 80 ? value : value[..80] + "...";
    }

    /// <summary>A model's network with the weights of this checkpoint, whose files stay open until the result is disposed.</summary>
    /// <param name="model">That the training began with.</param>
    /// <param name="files">Of the weights: to be disposed when they were read.</param>
    /// <exception cref="ModelFormatException">The checkpoint is of another model.</exception>
    internal Network Weights(ModelFolder model, out ModelFolder files)
    {
        ModelFolder folder = files = ModelFolder.Open(Path);
        Tensor[] begun = [.. model.Network.Tensors()], kept = [.. folder.Network.Tensors()];
        bool isSame = begun.Length == kept.Length && begun.Zip(kept).All(pair => pair.First.Name == pair.Second.Name
            && pair.First.Shape.SequenceEqual(pair.Second.Shape));
        if (!isSame)
        {
            folder.Dispose();
            throw new ModelFormatException($"{Path}: is a checkpoint of another model than {model.Path}. Give the model that the training began with.");
        }
        Dictionary<Tensor, Tensor> places = begun.Zip(kept).ToDictionary(pair => pair.First, pair => pair.Second);
        return model.Network.With(tensor => places[tensor]);
    }

    /// <summary>Puts the optimiser where it was.</summary>
    /// <exception cref="ModelFormatException">The file lacks a parameter.</exception>
    internal void ReadMoments(TrainingNetwork network)
    {
        using SafetensorsFile file = OpenMoments();
        foreach (Parameter parameter in network.Parameters.Parameters)
        {
            foreach ((OptimizerState state, string name) in Moments)
            {
                network.WriteState(parameter, state, Require(file, $"{name}.{parameter.Name}", parameter.Count).ToFloats());
            }
        }
        network.Steps = OptimizerSteps;
    }

    /// <summary>Puts what losses train themselves where it was.</summary>
    /// <exception cref="ModelFormatException">The file lacks a matrix.</exception>
    internal void ReadMatrices(IEnumerable<TrainingLoss> losses)
    {
        using SafetensorsFile file = OpenMoments();
        foreach ((string name, LossMatrices matrices) in Matrices(losses)) { matrices.Read(name, file); }
    }

    private SafetensorsFile OpenMoments() => new(System.IO.Path.Combine(Path, TrainingFiles.Moments));

    /// <summary>A tensor of the optimiser's file.</summary>
    internal static Tensor Require(SafetensorsFile file, string name, int count) =>
        file.Find(name) is { ElementType: ElementType.F32 } found && found.Count == count ? found
            : throw new ModelFormatException($"{file.Path}: has no {name} of {count} values. Resume from another checkpoint.");
}
