using System.Text.Json;
using MiniLM.Data;
using MiniLM.Model;

namespace MiniLM.Ranking;

/// <summary>What a model folder keeps of a calibration, <c>calibration.json</c> (docs/formats.md).</summary>
/// <param name="Calibration">Method and parameters.</param>
/// <param name="Rows">Rows that it was fitted on.</param>
/// <param name="ErrorBefore">Expected calibration error of the model's own scores on them.</param>
/// <param name="ErrorAfter">Of the calibrated ones; NaN where they are no probabilities.</param>
internal sealed record CalibrationFile(Calibration Calibration, int Rows, double ErrorBefore, double ErrorAfter)
{
    internal const string FileName = "calibration.json";

    private const string Format = "minilm-calibration", Remedy = "Make it again: minilm calibrate.";
    private const int Version = 1;

    internal static string PathIn(ModelFolder model) => Path.Combine(model.Path, FileName);

    /// <exception cref="IOException">The folder cannot be written, or the file exists and is not to be replaced.</exception>
    internal void Write(ModelFolder model, bool overwrite, CancellationToken cancellation = default)
    {
        try { PartialFile.WriteWhole(PathIn(model), WriteTo, overwrite, cancellation); }
        catch (IOException error) when (error is not BusyOutputException && !File.Exists(PathIn(model)))
        {
            throw new IOException($"{model.Path}: cannot be written, and a calibration is kept in the model's folder. "
                + "Copy the model to another place ('minilm convert') and calibrate that one.", error);
        }
    }

    private void WriteTo(Stream stream)
    {
        using Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("format", Format);
        json.WriteNumber("version", Version);
        json.WriteString("method", Calibration.Method);
        WriteParameters(json);
        json.WriteNumber("rows", Rows);
        WriteError(json, "ece_before", ErrorBefore);
        WriteError(json, "ece_after", ErrorAfter);
        json.WriteEndObject();
    }

    /// <summary>"parameters": {...}, single numbers as numbers.</summary>
    internal void WriteParameters(Utf8JsonWriter json)
    {
        json.WriteStartObject("parameters");
        foreach ((string name, double[] values) in Calibration.Parameters)
        {
            if (Calibration is not IsotonicCalibration) { json.WriteNumber(name, values[0]); continue; }
            json.WriteStartArray(name);
            foreach (double value in values) { json.WriteNumberValue(value); }
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WriteError(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsNaN(value)) { json.WriteNull(name); } else { json.WriteNumber(name, value); }
    }

    /// <summary>Reads the calibration of a model.</summary>
    /// <exception cref="ModelFormatException">There is none, or it is no such file.</exception>
    internal static Calibration Read(ModelFolder model)
    {
        try
        {
            JsonFile file = JsonFile.TryOpenObject(model.Path, FileName) ?? throw new ModelFormatException(
                $"{model.Path}: has no {FileName}. Make one: minilm calibrate --model {model.Path} --scores scores.jsonl --labels labels.tsv");
            if (file.FindString("format") != Format) { throw new ModelFormatException($"{FileName}: format is not {Format}. {Remedy}"); }
            int version = file.Integer("version", 1, int.MaxValue);
            if (version != Version)
            {
                throw new ModelFormatException($"{FileName}: version {version}, this program reads {Version}. {Remedy}");
            }
            return Parse(file);
        }
        catch (ModelFormatException error) { throw ModelFolder.Locate(error, model.Path); }
    }

    private static Calibration Parse(JsonFile file)
    {
        string method = file.FindString("method") ?? "";
        JsonElement parameters = file.Find("parameters") ?? file.Root;
        double Number(string name) => file.Number(parameters, name);
        double Positive(string name) => Number(name) is > 0 and double value ? value
            : throw file.Wrong(name, parameters.GetProperty(name), "a number above 0");
        switch (method)
        {
            case "platt": return new PlattCalibration(Number("a"), Number("b"));
            case "isotonic": return Isotonic(file, parameters);
            case "temperature": return new TemperatureCalibration(Positive("temperature"));
            case "sigmoid": return new SigmoidCalibration();
            case "minmax": return new MinMaxCalibration(Number("min"), Number("max"));
            case "zscore": return new ZScoreCalibration(Number("mean"), Positive("deviation"));
            default:
                throw new ModelFormatException(
                    $"{file.Name}: method is {Quoted.Text(method)}, not one of {string.Join(", ", Calibration.Methods)}. {Remedy}");
        }
    }

    private static IsotonicCalibration Isotonic(JsonFile file, JsonElement parameters)
    {
        double[] x = Numbers(file, parameters, "x"), y = Numbers(file, parameters, "y");
        bool isFunction = x.Length == y.Length && x.Length > 0 && x.Zip(x.Skip(1)).All(pair => pair.First < pair.Second)
            && y.Zip(y.Skip(1)).All(pair => pair.First <= pair.Second);
        return isFunction ? new IsotonicCalibration(x, y)
            : throw new ModelFormatException($"{file.Name}: x and y are no non-decreasing function. {Remedy}");
    }

    private static double[] Numbers(JsonFile file, JsonElement parameters, string name)
    {
        JsonElement list = JsonFile.Find(parameters, name) ?? throw new ModelFormatException($"{file.Name}: has no '{name}'. {Remedy}");
        bool areNumbers = list.ValueKind == JsonValueKind.Array
            && list.EnumerateArray().All(value => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && double.IsFinite(number));
        return areNumbers ? [.. list.EnumerateArray().Select(value => value.GetDouble())] : throw file.Wrong(name, list, "a list of finite numbers");
    }
}
