using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Cli.Profile;

/// <summary>A profile that --json has written.</summary>
/// <param name="Text">The JSON object.</param>
/// <param name="Shape">Batch and length.</param>
/// <param name="Title">Device, precision and clock.</param>
/// <param name="Micro">Microseconds of the pass.</param>
/// <param name="Kernels">In the order of the file.</param>
internal sealed record SavedProfile(string Text, (int Batch, int Length) Shape, string Title, double Micro, IReadOnlyList<SavedKernel> Kernels)
{
    /// <summary>The profiles of a file, one a line.</summary>
    /// <exception cref="DataFormatException">A line is no profile, or there is none.</exception>
    internal static SavedProfile[] Read(string path)
    {
        List<SavedProfile> profiles = [];
        int line = 0;
        foreach (string text in File.ReadLines(path))
        {
            line++;
            if (string.IsNullOrWhiteSpace(text)) { continue; }
            try { profiles.Add(Parse(text)); }
            catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                throw new DataFormatException($"{path}:{line}: is not a profile. Make one with: minilm profile --json > FILE");
            }
        }
        return profiles.Count > 0 ? [.. profiles] : throw new DataFormatException($"{path}: holds no profile. Make one with: minilm profile --json > FILE");
    }

    private static SavedProfile Parse(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        JsonElement root = document.RootElement;
        string Member(string name) => root.GetProperty(name).GetString()!;
        string clock = Member("clock");
        string where = root.TryGetProperty("gpu", out JsonElement gpu) ? $", {gpu.GetString()}" : "";
        return new SavedProfile(
            text, (root.GetProperty("batch").GetInt32(), root.GetProperty("seq").GetInt32()), $"{Member("device")} {Member("precision")} ({clock}{where})", root.GetProperty("total_us").GetDouble(),
            [.. root.GetProperty("kernels").EnumerateArray().Select(kernel => new SavedKernel(
                kernel.GetProperty("kernel").GetString()!, kernel.GetProperty("launches").GetInt64(), kernel.GetProperty("flop").GetInt64(), kernel.GetProperty("bytes").GetInt64(),
                kernel.GetProperty(clock + "_us").GetDouble()))]);
    }
}

/// <summary>A kernel of such a profile.</summary>
internal sealed record SavedKernel(string Name, long Launches, long Flop, long Bytes, double Micro);
