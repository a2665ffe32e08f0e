using MiniLM.Cli.Commands;
using MiniLM.Cli.Output;
using MiniLM.Training.Records;

namespace MiniLM.Cli.Train;

/// <summary>A training run as one HTML file: curves of everything in its log, results, arguments.</summary>
internal static class TrainingReportPage
{
    /// <param name="title">What the run is called: its output folder, or its model.</param>
    /// <param name="arguments">In the order in which they are shown.</param>
    /// <param name="log">Of the run; undefined and infinite numbers are gaps.</param>
    /// <param name="bestStep">The step of the best checkpoint; null: there is none.</param>
    internal static string Make(string title, IReadOnlyList<CardSetting> arguments, IReadOnlyList<LogEntry> log, int? bestStep) =>
        HtmlPage.Make("training.html", JsonLine.Text(json =>
        {
            json.WriteString("title", title);
            if (bestStep is { } step) { json.WriteNumber("best_step", step); }
            json.WriteStartArray("arguments");
            foreach (CardSetting argument in arguments)
            {
                json.WriteStartObject();
                json.WriteString("name", argument.Name);
                json.WriteString("value", argument.Value);
                json.WriteBoolean("default", argument.IsDefault);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteStartArray("log");
            foreach (LogEntry entry in log)
            {
                json.WriteStartObject();
                json.WriteNumber("step", entry.Step);
                json.WriteNumber("epoch", entry.Epoch);
                json.WriteStartObject("values");
                foreach ((string name, double value) in entry.Values)
                {
                    if (double.IsFinite(value)) { json.WriteNumber(name, value); } else { json.WriteNull(name); }
                }
                json.WriteEndObject();
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }));
}
