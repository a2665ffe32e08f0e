using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Ranking;

namespace MiniLM.Cli.Commands;

/// <summary>Fits raw scores to labels and keeps the result in the model's folder, for <c>rerank --score calibrated</c>.</summary>
internal sealed class CalibrateCommand : CliCommand
{
    private readonly Option<string?> _model = new("--model") { Description = "folder, shipped name or Hub id in the local cache", HelpName = "M" };
    private readonly ScoreOptions _scores;
    private readonly Option<string?> _method = NamedOption.Create("--method", "how scores become probabilities (platt)", Calibration.Methods);
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace the model's calibration" };
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object" };

    internal CalibrateCommand() : base("calibrate", "Fits a model's raw scores to labels: probabilities for rerank --score calibrated.")
    {
        Options.Add(_model);
        _scores = new ScoreOptions(this, "0 or 1");
        foreach (Option option in new Option[] { _method, _overwrite, _json }) { Options.Add(option); }
    }

    internal override string[] Examples =>
    [
        "minilm rerank --model M --pairs dev.tsv --columns a,b --score raw --output scores.jsonl",
        "minilm calibrate --model M --scores scores.jsonl --labels labels.tsv",
    ];

    internal override int Run(ParseResult parse, Session session)
    {
        using ModelFolder model = ModelFolder.Open(ModelFolder.Resolve(parse.GetValue(_model)));
        string path = CalibrationFile.PathIn(model);
        OutputTarget.Check(path, parse.GetValue(_overwrite));
        (double[] scores, double[] numbers) = _scores.Read(parse, session, isBinary: true);
        double[] raw = Array.ConvertAll(scores, score => (double)(float)score); // what the model gives, of which the file has the shortest text
        bool[] labels = Array.ConvertAll(numbers, label => label == 1);
        if (labels.Distinct().Count() < 2)
        {
            throw new DataFormatException($"the labels are all {numbers[0]}: a calibration needs rows of both kinds. Give labels 0 and 1.");
        }
        Calibration calibration = Calibration.Fit(parse.GetValue(_method) ?? Calibration.Methods[0], raw, labels, session.Cancellation);
        // What the model's scores say as they are: a logit by its sigmoid, a cosine by itself.
        Func<double, double> own = model.Kind == ModelKind.CrossEncoder ? Calibration.Sigmoid : cosine => Math.Clamp(cosine, 0, 1);
        CalibrationError.Bin[] before = CalibrationError.Reliability(Array.ConvertAll(raw, score => own(score)), labels);
        CalibrationError.Bin[] after = calibration.IsProbability ? CalibrationError.Reliability(Array.ConvertAll(raw, calibration.Apply), labels) : [];
        double error = calibration.IsProbability ? CalibrationError.Expected(after) : double.NaN;
        CalibrationFile file = new(calibration, raw.Length, CalibrationError.Expected(before), error);
        file.Write(model, parse.GetValue(_overwrite), session.Cancellation);
        if (model.Kind == ModelKind.CrossEncoder && Array.TrueForAll(raw, score => score is >= 0 and <= 1))
        {
            session.Say("the scores are all within 0 to 1, as sigmoids are: a calibration is of raw ones (rerank --score raw)");
        }
        if (calibration.Apply(raw.Max()) < calibration.Apply(raw.Min()))
        {
            session.Say("the positives have the lower scores, so that calibrated scores fall as raw ones rise: are labels and scores of the same rows?");
        }
        if (calibration is TemperatureCalibration { IsAtBound: true } bound)
        {
            session.Say(string.Create(CultureInfo.InvariantCulture, $"the temperature {bound.Temperature:g6} is at the end of its range: ")
                + "a scale alone makes no probabilities of these scores. Try --method platt");
        }
        if (parse.GetValue(_json)) { WriteJson(session.OutputText, path, file, before, after); }
        else { WriteTables(session.OutputText, file, before, after); }
        session.Say($"{path}: written");
        return 0;
    }

    private static void WriteJson(TextWriter output, string path, CalibrationFile file, CalibrationError.Bin[] before, CalibrationError.Bin[] after) =>
        JsonLine.Write(output, json =>
        {
            json.WriteNumber("schema", 1);
            json.WriteString("file", path);
            json.WriteString("method", file.Calibration.Method);
            file.WriteParameters(json);
            json.WriteNumber("rows", file.Rows);
            json.WriteMeasure("ece_before", file.ErrorBefore);
            json.WriteMeasure("ece_after", file.ErrorAfter);
            json.WriteStartObject("reliability");
            WriteBins(json, "before", before);
            WriteBins(json, "after", after);
            json.WriteEndObject();
        });

    private static void WriteBins(Utf8JsonWriter json, string name, CalibrationError.Bin[] bins)
    {
        json.WriteStartArray(name);
        foreach (CalibrationError.Bin bin in bins)
        {
            json.WriteStartObject();
            json.WriteNumber("low", bin.Low);
            json.WriteNumber("high", bin.High);
            json.WriteNumber("rows", bin.Rows);
            json.WriteMeasure("mean_probability", bin.MeanProbability);
            json.WriteMeasure("positive_share", bin.PositiveShare);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteTables(TextWriter output, CalibrationFile file, CalibrationError.Bin[] before, CalibrationError.Bin[] after)
    {
        output.WriteLine($"{file.Calibration.Method} on {file.Rows} rows");
        output.WriteLine($"expected calibration error: {MeasureReport.Text(file.ErrorBefore)} before, {MeasureReport.Text(file.ErrorAfter)} after");
        WriteBins(output, "before", before);
        if (after.Length > 0) { WriteBins(output, "after", after); }
    }

    private static void WriteBins(TextWriter output, string name, CalibrationError.Bin[] bins)
    {
        output.WriteLine();
        TextTable table = new(name, ">rows", ">mean probability", ">share of positives");
        foreach (CalibrationError.Bin bin in bins)
        {
            string range = string.Create(CultureInfo.InvariantCulture, $"{bin.Low:F1} to {bin.High:F1}");
            table.Add(range, $"{bin.Rows}", MeasureReport.Text(bin.MeanProbability), MeasureReport.Text(bin.PositiveShare));
        }
        table.Write(output);
    }
}
