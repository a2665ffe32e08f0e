using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Training.Records;

/// <summary>What happened in a run so far, as transformers' <c>trainer_state.json</c> has it.</summary>
internal sealed class TrainingHistory
{
    /// <summary>All that was logged.</summary>
    internal List<LogEntry> Log { get; } = [];

    /// <summary>Of the best evaluation; null: there was none yet.</summary>
    internal double? BestMetric { get; set; }

    internal int? BestStep { get; set; }

    /// <summary>Folder of the checkpoint of that step; null: none was kept.</summary>
    internal string? BestCheckpoint { get; set; }

    /// <summary>Tokens that were computed forward and backward.</summary>
    internal long Tokens { get; set; }

    /// <summary>Tokens that padded batches would have computed.</summary>
    internal long PaddedTokens { get; set; }

    /// <summary>The share of padding in batches that were padded to their longest, which the packed ones here do not compute.</summary>
    internal double PaddingSaved => PaddedTokens == 0 ? 0 : 1 - Tokens / (double)PaddedTokens;

    /// <summary>Evaluations in a row that were not better.</summary>
    internal int Patience { get; set; }

    /// <summary>Sum and number of the losses since the last log.</summary>
    internal (double Sum, int Count) Losses { get; set; }

    /// <summary>Sum of all losses, a step each.</summary>
    internal double TotalLoss { get; set; }

    /// <summary>Whether the step was taken, but what is measured behind it not yet.</summary>
    internal bool IsEvaluationPending { get; set; }

    /// <summary>Seconds of training in earlier runs of the same training.</summary>
    internal double Seconds { get; set; }

    /// <summary>Writes the file, whole or not at all.</summary>
    internal void Write(string path, TrainingArguments arguments, int step, double epoch, int totalSteps)
    {
        PartialFile.WriteWhole(path, stream =>
        {
            using Utf8JsonWriter json = new(stream, IndentedJson.Options);
            json.WriteStartObject();
            Write(json, "best_global_step", BestStep);
            Write(json, "best_metric", BestMetric);
            json.WriteString("best_model_checkpoint", BestCheckpoint);
            json.WriteNumber("epoch", epoch);
            Write(json, "eval_steps", arguments.EvalSteps ?? arguments.LoggingSteps);
            json.WriteNumber("global_step", step);
            json.WriteBoolean("is_hyper_param_search", false);
            json.WriteBoolean("is_local_process_zero", true);
            json.WriteBoolean("is_world_process_zero", true);
            json.WriteStartArray("log_history");
            foreach (LogEntry entry in Log) { WriteEntry(json, entry); }
            json.WriteEndArray();
            Write(json, "logging_steps", arguments.LoggingSteps);
            json.WriteNumber("max_steps", totalSteps);
            json.WriteNumber("num_input_tokens_seen", Tokens);
            json.WriteNumber("num_train_epochs", (int)Math.Ceiling(arguments.NumTrainEpochs));
            Write(json, "save_steps", arguments.SaveSteps);
            json.WriteStartObject("stateful_callbacks");
            json.WriteEndObject();
            json.WriteNumber("total_flos", 0);
            json.WriteNumber("train_batch_size", arguments.PerDeviceTrainBatchSize);
            json.WriteNull("trial_name");
            json.WriteNull("trial_params");
            json.WriteEndObject();
            json.Flush();
            stream.WriteByte((byte)'\n');
        }, overwrite: true);
    }

    /// <summary>Takes the log history of a checkpoint's file.</summary>
    /// <exception cref="ModelFormatException">It is damaged.</exception>
    internal void ReadLog(string path)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(path));
            foreach (JsonElement entry in json.RootElement.GetProperty("log_history").EnumerateArray())
            {
                List<KeyValuePair<string, double>> values = [];
                foreach (JsonProperty property in entry.EnumerateObject())
                {
                    if (property.Name is "epoch" or "step") { continue; }
                    values.Add(KeyValuePair.Create(property.Name, property.Value.ValueKind == JsonValueKind.Null ? double.NaN : property.Value.GetDouble()));
                }
                Log.Add(new LogEntry(entry.GetProperty("step").GetInt32(), entry.GetProperty("epoch").GetDouble(), values));
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new ModelFormatException($"{path}: is no state of a training ({error.Message.Split('.')[0]}). Resume from another checkpoint.", error);
        }
    }

    /// <summary>A JSON object a line.</summary>
    internal static byte[] Line(LogEntry entry)
    {
        using MemoryStream line = new();
        using (Utf8JsonWriter json = new(line, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) { WriteEntry(json, entry); }
        line.WriteByte((byte)'\n');
        return line.ToArray();
    }

    /// <summary>Whether a file is such lines, or is to be: other programs have a log of that name too.</summary>
    internal static bool IsLog(string path)
    {
        if (!File.Exists(path)) { return false; }
        ReadOnlySpan<byte> begin = "{\"epoch\":"u8;
        Span<byte> read = stackalloc byte[begin.Length];
        using FileStream log = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return log.ReadAtLeast(read, read.Length, throwOnEndOfStream: false) == 0 || read.SequenceEqual(begin);
    }

    /// <summary>The evaluations of one evaluator as sentence-transformers' table: <c>epoch,steps,METRIC...</c>.</summary>
    /// <param name="columns">Headings, each with the log's name of what is below it.</param>
    internal byte[] Table(IReadOnlyList<(string Heading, string Metric)> columns)
    {
        StringBuilder table = new($"epoch,steps,{string.Join(',', columns.Select(column => column.Heading))}\n");
        foreach (LogEntry entry in Log)
        {
            double[] values = [.. columns.Select(column => entry.Values
                .FirstOrDefault(value => value.Key == column.Metric, KeyValuePair.Create("", double.NaN)))
                .Where(value => value.Key.Length > 0).Select(value => value.Value)];
            if (values.Length != columns.Count) { continue; }
            table.Append(CultureInfo.InvariantCulture, $"{entry.Epoch},{entry.Step}");
            foreach (double value in values) { table.Append(',').Append(double.IsFinite(value) ? value.ToString(CultureInfo.InvariantCulture) : ""); }
            table.Append('\n');
        }
        return Encoding.UTF8.GetBytes(table.ToString());
    }

    private static void WriteEntry(Utf8JsonWriter json, LogEntry entry)
    {
        json.WriteStartObject();
        json.WriteNumber("epoch", entry.Epoch);
        foreach ((string name, double value) in entry.Values) { Write(json, name, value); }
        json.WriteNumber("step", entry.Step);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number)) { json.WriteNumber(name, number); } else { json.WriteNull(name); }
    }
}
