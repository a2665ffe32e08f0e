using System.Text.Json;

namespace MiniLM.Cli.Profile;

/// <summary>Profiles in the Trace Event Format, for chrome://tracing, Perfetto and speedscope: a process a shape, a thread a thread.</summary>
internal static class ChromeTrace
{
    internal static void Write(Stream output, IReadOnlyList<RunProfile> profiles)
    {
        using Utf8JsonWriter json = new(output);
        json.WriteStartObject();
        json.WriteString("displayTimeUnit", "ns");
        json.WriteStartArray("traceEvents");
        for (int process = 0; process < profiles.Count; process++)
        {
            RunProfile profile = profiles[process];
            json.WriteStartObject();
            json.WriteString("name", "process_name");
            json.WriteString("ph", "M");
            json.WriteNumber("pid", process);
            json.WriteStartObject("args");
            json.WriteString("name", $"{profile.Pass.Shape} {profile.Pass.Precision} on {profile.Pass.Device} ({profile.Clock})");
            json.WriteEndObject();
            json.WriteEndObject();
            foreach (TraceSpan span in profile.Spans) { Write(json, span, profile.Clock, process); }
            foreach (PhaseProfile phase in profile.Phases) // a track of their own, below the threads'
            {
                Write(json, new TraceSpan(phase.Name, profile.Threads ?? 0, phase.Start, phase.Seconds), "phase", process);
            }
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, TraceSpan span, string category, int process)
    {
        json.WriteStartObject();
        json.WriteString("name", span.Name);
        json.WriteString("cat", category);
        json.WriteString("ph", "X");
        json.WriteNumber("ts", Math.Round(span.Start * 1e6, 3));
        json.WriteNumber("dur", Math.Round(span.Seconds * 1e6, 3));
        json.WriteNumber("pid", process);
        json.WriteNumber("tid", span.Thread);
        json.WriteEndObject();
    }
}
