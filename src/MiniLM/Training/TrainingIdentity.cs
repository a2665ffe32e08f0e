using System.Globalization;
using MiniLM.Model;

namespace MiniLM.Training;

/// <summary>All that the weights of a step depend on, by name: a run goes on only with the same, but for the device.</summary>
internal static class TrainingIdentity
{
    internal const string Device = "device";

    // Arguments that only say what is measured, written and shown.
    private static readonly string[] OfRecords =
    [
        "logging_strategy", "logging_steps", "logging_first_step", "eval_strategy", "eval_steps", "eval_on_start", "save_strategy", "save_steps",
        "save_total_limit", "load_best_model_at_end", "per_device_eval_batch_size", "report_to", "ignore_warnings",
    ];

    internal static List<KeyValuePair<string, string>> Of(Compute.Device device, ModelFolder model,
        IReadOnlyList<(TrainingData Data, TrainingLoss Loss)> training, IReadOnlyList<string> evaluationHashes, int[]? dataOrder, TrainingArguments arguments)
    {
        // What was given comes first: of a new head the hash of the model depends on the seed.
        List<KeyValuePair<string, string>> identity = [new("version", LibraryVersion.Text), new(Device, device.Identity)];
        identity.AddRange(TrainingArgumentNames.Values(arguments).Where(value => !OfRecords.Contains(value.Name))
            .Select(value => KeyValuePair.Create(value.Name, value.Value)));
        identity.Add(new("model", model.Hash));
        for (int i = 0; i < training.Count; i++)
        {
            string suffix = i == 0 ? "" : (i + 1).ToString(CultureInfo.InvariantCulture);
            identity.Add(new("train data" + suffix, training[i].Data.Hash));
            identity.Add(new("loss" + suffix,
                $"{training[i].Loss.Name}({string.Join(", ", training[i].Loss.Settings.Select(entry => $"{entry.Key}={entry.Value}"))})"));
        }
        if (dataOrder is { } order) { identity.Add(new("data order", string.Create(CultureInfo.InvariantCulture, $"{order.Length} rows, {Hash(order):x16}"))); }
        // What is best depends on what is measured.
        if (arguments.LoadBestModelAtEnd || arguments.EarlyStoppingPatience is not null)
        {
            for (int i = 0; i < evaluationHashes.Count; i++)
            {
                identity.Add(new(string.Create(CultureInfo.InvariantCulture, $"eval data {i + 1}"), evaluationHashes[i]));
            }
        }
        return identity;
    }

    // FNV-1a.
    private static ulong Hash(int[] values) => values.Aggregate(14695981039346656037UL, (hash, value) => (hash ^ (uint)value) * 1099511628211UL);
}
