using System.Text;
using System.Text.Json;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Training.Records;

namespace MiniLM.Training;

/// <summary>The output folder of a training, held by one run: checkpoints and records while it runs, the model at its end.</summary>
internal sealed class TrainingOutput : IDisposable
{
    private readonly PartialFile _lock;
    private readonly bool _isNew, _replaces;

    /// <param name="path">The folder; it is made.</param>
    /// <param name="overwrite">Replace an earlier training there.</param>
    /// <param name="resume">Go on with an earlier training there.</param>
    /// <param name="model">Folder that is read, which must be elsewhere.</param>
    /// <exception cref="IOException">Something is there, another run holds it, or it cannot be made.</exception>
    internal TrainingOutput(string path, bool overwrite, bool resume, string model)
    {
        Path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        Check(overwrite, resume, model);
        _isNew = !Directory.Exists(Path);
        try { Directory.CreateDirectory(Path); }
        catch (Exception error) when (PartialFile.IsFailure(error)) { throw PartialFile.Failure(Path, error); }
        _lock = PartialFile.OpenAlone(In(TrainingFiles.Lock), Path);
        _replaces = overwrite && !resume;
        RemoveLeftovers();
    }

    /// <summary>A training begins: only now, when all that it needs is there, an earlier one goes.</summary>
    /// <param name="isFresh">It does not go on from a checkpoint.</param>
    internal void Begin(bool isFresh)
    {
        if (_replaces || isFresh) { Clear(); }
        WriteLog([]); // from now on the folder is a training's, however the run ends
    }

    internal string Path { get; }

    internal string In(string name) => System.IO.Path.Combine(Path, name);

    private bool IsTraining => File.Exists(In(TrainingFiles.Lock)) || File.Exists(In(TrainingFiles.History)) || TrainingHistory.IsLog(In(TrainingFiles.Log))
        || Checkpoint.In(Path).Count > 0;

    private void Check(bool overwrite, bool resume, string model)
    {
        if (FileStatus.IsWithin(model, Path) || FileStatus.IsWithin(Path, model))
        {
            throw new IOException($"{Path}: is, or lies around or inside, the model that is read. Give another output folder.");
        }
        if (File.Exists(Path)) { throw new IOException($"{Path}: is a file. Give the name of a folder."); }
        if (!Directory.Exists(Path) || !Directory.EnumerateFileSystemEntries(Path).Any()) { return; }
        if (!overwrite && !resume)
        {
            throw new IOException($"{Path}: exists. Use --overwrite to replace it{(IsTraining ? ", or --resume-from-checkpoint to go on with it" : "")}.");
        }
        // Only a training is ever replaced: a slip in the name must not cost a folder of something else.
        if (!IsTraining) { throw new IOException($"{Path}: was not made by a training, so nothing in it is overwritten. Give another folder."); }
    }

    private void Clear()
    {
        foreach ((_, string checkpoint) in Checkpoint.In(Path)) { Checkpoint.Remove(checkpoint); }
        foreach ((string folder, string files) in new[] { (TrainingFiles.Evaluations, "*_results*.csv"), (TrainingFiles.Events, "events.out.tfevents.*") })
        {
            if (!Directory.Exists(In(folder))) { continue; }
            foreach (string file in Directory.EnumerateFiles(In(folder), files, SearchOption.AllDirectories).ToArray()) { File.Delete(file); }
        }
        foreach (string file in new[] { TrainingFiles.History, TrainingFiles.Log, TrainingFiles.Results }.Concat(ModelFiles)) { File.Delete(In(file)); }
        foreach (string module in Directory.EnumerateDirectories(Path).Where(IsModule).ToArray()) { Directory.Delete(module, recursive: true); }
    }

    // 1_Pooling, 2_Normalize, ...: of a bi-encoder, which a cross-encoder in its place must not have. 1_notes is somebody's.
    private static bool IsModule(string folder) => System.IO.Path.GetFileName(folder).Split('_') is [var number, var type]
        && number.Length > 0 && number.All(char.IsAsciiDigit) && SentenceModules.Types.Contains(type);

    // What a killed run was writing. The lock is ours, so nobody is.
    private void RemoveLeftovers()
    {
        // A checkpoint that was being replaced, by a run that went on from an earlier one: it comes back unless the new one was complete.
        foreach (string old in Directory.EnumerateDirectories(Path, $"{TrainingFiles.CheckpointPrefix}*{PartialFolder.Old}").ToArray())
        {
            string replaced = old[..^PartialFolder.Old.Length];
            if (Directory.Exists(replaced)) { Directory.Delete(old, recursive: true); } else { Directory.Move(old, replaced); }
        }
        foreach (string partial in Directory.EnumerateDirectories(Path, "*.partial"))
        {
            string name = System.IO.Path.GetFileNameWithoutExtension(partial);
            if (name == ModelPart || name.StartsWith(TrainingFiles.CheckpointPrefix, StringComparison.Ordinal)) { new PartialFolder(In(name)).Dispose(); }
        }
        foreach (string removed in Directory.EnumerateDirectories(Path, $"{TrainingFiles.CheckpointPrefix}*{TrainingFiles.Removed}").ToArray())
        {
            Directory.Delete(removed, recursive: true);
        }
    }

    private const string ModelPart = "model";

    private static readonly string[] ModelFiles =
    [
        "config.json", "modules.json", "model.safetensors", "sentence_bert_config.json", "config_sentence_transformers.json", "README.md",
        // A tokenizer's settings that another model has not would change its tokens.
        "tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json", "added_tokens.json",
    ];

    /// <summary>The model's files, each at once: config.json is the last, without which a folder is no model.</summary>
    internal void WriteModel(ModelFolder model, int maxLength, TrainingNetwork network)
    {
        using PartialFolder partial = new(In(ModelPart));
        Checkpoint.WriteModel(partial.Path, model, maxLength, network);
        string[] files = [.. Directory.EnumerateFiles(partial.Path, "*", SearchOption.AllDirectories)
            .Select(file => System.IO.Path.GetRelativePath(partial.Path, file))
            .Where(file => !PartialFolder.IsMark(file)).OrderBy(file => System.IO.Path.GetFileName(file) == ModelConfig.FileName)];
        try
        {
            foreach (string file in files)
            {
                string target = In(file);
                Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
                File.Move(System.IO.Path.Combine(partial.Path, file), target, overwrite: true);
            }
        }
        catch (Exception error) when (PartialFile.IsFailure(error)) { throw PartialFile.Failure(Path, error); }
    }

    /// <summary>The log, a JSON object a line: anew when a run goes on, since the run before may have come further than its checkpoint.</summary>
    internal void WriteLog(IEnumerable<LogEntry> entries) => Write(TrainingFiles.Log, stream =>
    {
        foreach (LogEntry entry in entries) { stream.Write(TrainingHistory.Line(entry)); }
    });

    internal void AppendLog(LogEntry entry)
    {
        try
        {
            using FileStream log = new(In(TrainingFiles.Log), FileMode.Append, FileAccess.Write, FileShare.Read);
            log.Write(TrainingHistory.Line(entry));
        }
        catch (Exception error) when (PartialFile.IsFailure(error)) { throw PartialFile.Failure(In(TrainingFiles.Log), error); }
    }

    /// <summary>An evaluator's table, as sentence-transformers names it.</summary>
    internal void WriteEvaluations(string name, byte[] table)
    {
        Directory.CreateDirectory(In(TrainingFiles.Evaluations));
        Write(System.IO.Path.Combine(TrainingFiles.Evaluations, name), stream => stream.Write(table));
    }

    /// <summary>The numbers at the end, one JSON object.</summary>
    internal void WriteResults(IEnumerable<KeyValuePair<string, double>> values) => Write(TrainingFiles.Results, stream =>
    {
        using (Utf8JsonWriter json = new(stream, IndentedJson.Options))
        {
            json.WriteStartObject();
            foreach ((string name, double value) in values)
            {
                if (double.IsFinite(value)) { json.WriteNumber(name, value); } else { json.WriteNull(name); }
            }
            json.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
    });

    internal void WriteText(string name, string text) => Write(name, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    private void Write(string name, Action<Stream> content) => PartialFile.WriteWhole(In(name), content, overwrite: true);

    /// <summary>Lets go of the folder; one that was made and got nothing is removed.</summary>
    public void Dispose()
    {
        _lock.Delete();
        if (_isNew && new FileInfo(In(TrainingFiles.Log)) is { Exists: true, Length: 0 } empty) { empty.Delete(); }
        if (_isNew && Directory.Exists(Path) && !Directory.EnumerateFileSystemEntries(Path).Any()) { Directory.Delete(Path); }
    }
}
