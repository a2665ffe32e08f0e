namespace MiniLM.Training;

/// <summary>Names in the output folder of a training, beside the files of the model.</summary>
internal static class TrainingFiles
{
    /// <summary>transformers' state: what was logged, and what was best.</summary>
    internal const string History = "trainer_state.json";

    /// <summary>Of a checkpoint: where the run is.</summary>
    internal const string State = "training_state.json";

    /// <summary>Of a checkpoint: AdamW's moments.</summary>
    internal const string Moments = "optimizer.safetensors";

    /// <summary>What was logged, a JSON object a line.</summary>
    internal const string Log = "log.jsonl";

    /// <summary>The metrics at the end.</summary>
    internal const string Results = "all_results.json";

    /// <summary>Folder of a table for each evaluator.</summary>
    internal const string Evaluations = "eval";

    /// <summary>Folder of TensorBoard's files.</summary>
    internal const string Events = "runs";

    /// <summary>Of a checkpoint's folder, before its step.</summary>
    internal const string CheckpointPrefix = "checkpoint-";

    /// <summary>Behind the name of a checkpoint that is being removed.</summary>
    internal const string Removed = ".removed";

    /// <summary>Held while a training writes into the folder.</summary>
    internal const string Lock = ".minilm-training";

    /// <summary>Whether a file, by its path from the folder, is the training's and not the model's.</summary>
    internal static bool Has(string relative)
    {
        string first = relative.Split(Path.DirectorySeparatorChar)[0];
        return relative is History or State or Moments or Log or Results or Lock
            || (first != relative && (first is Evaluations or Events || first.StartsWith(CheckpointPrefix, StringComparison.Ordinal)));
    }
}
