using System.CommandLine;
using System.Globalization;

namespace MiniLM.Cli.Options;

/// <summary>An option that is a number; null when absent.</summary>
internal static class NumberOption
{
    /// <summary>An option whose value is <paramref name="least"/> to <paramref name="most"/>.</summary>
    internal static Option<int?> Create(string name, string description, int least = 1, int most = int.MaxValue) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most)
            {
                return number;
            }
            result.AddError($"{name} {text}: give a whole number from {least} {(most == int.MaxValue ? "up" : $"to {most}")}");
            return null;
        },
    };

    /// <summary>An option whose value is any finite number, as a float32.</summary>
    internal static Option<float?> CreateReal(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "X",
        CustomParser = result =>
        {
            string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            if (float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) && float.IsFinite(number)) { return number; }
            result.AddError($"{name} {text}: give a number, as in 0.5");
            return null;
        },
    };
}
