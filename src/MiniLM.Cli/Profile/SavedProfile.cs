using System.Text;
using System.Text.Json;
using MiniLM.Cli.Commands;
using MiniLM.Data;

namespace MiniLM.Cli.Profile;

/// <summary>A profile that --json has written.</summary>
/// <param name="Text">The JSON object.</param>
/// <param name="Shape">Sequences and their length.</param>
/// <param name="Title">Device, precision and clock.</param>
/// <param name="Micro">Microseconds of the pass.</param>
/// <param name="Kernels">In the order of the file.</param>
internal sealed record SavedProfile(string Text, BenchShape Shape, string Title, double Micro, IReadOnlyList<SavedKernel> Kernels)
{
    private const string Remedy = "Make one with: minilm profile --json > FILE";

    /// <summary>The profiles of a file, one a line.</summary>
    /// <exception cref="DataFormatException">A line is no profile, or there is none.</exception>
    internal static SavedProfile[] Read(string path, CancellationToken cancellation = default)
    {
        using LineReader lines = new(DataFile.Open(path, cancellation: cancellation), path);
        List<SavedProfile> profiles = [];
        while (lines.Read(out ReadOnlySpan<byte> line))
        {
            if (line.Trim((byte)' ').IsEmpty) { continue; }
            try { profiles.Add(Parse(line.ToArray())); }
            catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                throw lines.Wrong($"is not a profile. {Remedy}");
            }
        }
        return profiles.Count > 0 ? [.. profiles] : throw new DataFormatException($"{path}: holds no profile. {Remedy}");
    }

    private static SavedProfile Parse(byte[] line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        JsonElement root = document.RootElement;
        string training = root.TryGetProperty("phases", out _) ? " training" : "";
        string clock = Word(root, "clock"), where = root.TryGetProperty("gpu", out _) ? $", {Word(root, "gpu")}" : "";
        SavedKernel[] kernels = [.. root.GetProperty("kernels").EnumerateArray().Select(kernel => new SavedKernel(
            Name(kernel), Count(kernel, "launches"), Count(kernel, "flop"), Count(kernel, "bytes"), Positive(kernel, clock + "_us")))];
        if (kernels.Length == 0 || Word(root, "model").Length == 0) { throw new FormatException(); }
        return new SavedProfile(
            Encoding.UTF8.GetString(line), new BenchShape(root.GetProperty("batch").GetInt32(), root.GetProperty("seq").GetInt32()),
            $"{Word(root, "device")} {Word(root, "precision")}{training} ({clock}{where})", Positive(root, "total_us"), kernels);
    }

    /// <summary>Of training with its phase before it.</summary>
    private static string Name(JsonElement kernel) =>
        kernel.TryGetProperty("phase", out _) ? $"{Word(kernel, "phase")} {Word(kernel, "kernel")}" : Word(kernel, "kernel");

    private static string Word(JsonElement of, string name) => of.GetProperty(name).GetString() ?? throw new FormatException();

    private static long Count(JsonElement of, string name) => of.GetProperty(name).GetInt64() is >= 0 and var count ? count : throw new FormatException();

    private static double Positive(JsonElement of, string name) =>
        of.GetProperty(name).GetDouble() is > 0 and < double.PositiveInfinity and var value ? value : throw new FormatException();
}

/// <summary>A kernel of such a profile.</summary>
internal sealed record SavedKernel(string Name, long Launches, long Flop, long Bytes, double Micro);
