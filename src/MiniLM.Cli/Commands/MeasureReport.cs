using System.Globalization;
using System.Text.Json;

namespace MiniLM.Cli.Commands;

/// <summary>Measures by name; what the data leave undefined is null in JSON and a dash in a table.</summary>
internal static class MeasureReport
{
    internal static void Write(TextWriter output, bool asJson, params (string Name, double Value)[] measures)
    {
        if (asJson)
        {
            JsonLine.Write(output, json =>
            {
                foreach ((string name, double value) in measures) { json.WriteMeasure(name, value); }
            });
            return;
        }
        TextTable table = new("measure", ">value");
        foreach ((string name, double value) in measures) { table.Add(name, Text(value)); }
        table.Write(output);
    }

    internal static void WriteMeasure(this Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value)) { json.WriteNumber(name, value); }
        else { json.WriteNull(name); }
    }

    /// <summary>Four decimals.</summary>
    internal static string Text(double value) => double.IsFinite(value) ? value.ToString("F4", CultureInfo.InvariantCulture) : "-";
}
