using System.CommandLine;
using System.Globalization;

namespace MiniLM.Cli.Options;

/// <summary>--threshold: from which similarity on two texts are near duplicates.</summary>
internal static class ThresholdOption
{
    private const double Default = 0.8;

    internal static Option<double?> Create() => new("--threshold")
    {
        Description = string.Create(CultureInfo.InvariantCulture, $"least Jaccard similarity of near duplicates, of 5-grams of characters ({Default})"),
        HelpName = "X",
        CustomParser = result =>
        {
            string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double threshold) && threshold is > 0 and <= 1)
            {
                return threshold;
            }
            result.AddError($"--threshold {text}: give a number above 0, at most 1");
            return null;
        },
    };

    internal static double Value(ParseResult parse, Option<double?> option) => parse.GetValue(option) ?? Default;
}
