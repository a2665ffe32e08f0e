using System.Globalization;
using System.Text.RegularExpressions;

namespace KernelCompiler;

/// <summary>The mutants of a kernel's text: every barrier and wait, and of the rest a sample spread evenly over the text.
/// The same text gives the same mutants.</summary>
internal static partial class Mutants
{
    /// <summary>Most mutants of a kind.</summary>
    private const int Sample = 4;

    internal static List<Mutant> Of(string kernel, string text)
    {
        string[] lines = text.Split('\n');
        int start = Array.FindIndex(lines, line => line == "{");
        List<Mutant> mutants = [];
        foreach (Mutation mutation in Enum.GetValues<Mutation>())
        {
            int[] places = [.. Enumerable.Range(start, lines.Length - start).Where(at => Change(mutation, lines[at], 0) is not null)];
            int count = mutation is Mutation.Barrier or Mutation.Wait ? places.Length : Math.Min(Sample, places.Length);
            for (int i = 0; i < count; i++)
            {
                int at = places[(2 * i + 1) * places.Length / (2 * count)]; // the middle of the i-th part
                string changed = Change(mutation, lines[at], i)!;
                string[] all = [.. lines];
                all[at] = changed;
                mutants.Add(new Mutant(kernel, mutation, at + 1, Plain(lines[at]), Plain(changed), string.Join('\n', all)));
            }
        }
        return mutants;
    }

    /// <summary>A line with a mistake, or null where it has no place for it.</summary>
    /// <param name="mutation">The mistake.</param>
    /// <param name="line">The line.</param>
    /// <param name="turn">Where the mistake has several places in a line, they take turns.</param>
    private static string? Change(Mutation mutation, string line, int turn)
    {
        Match match = mutation switch
        {
            Mutation.Barrier => Barrier().Match(line),
            Mutation.Wait => Wait().Match(line),
            Mutation.Offset => Address().Match(line),
            Mutation.Fragment => At(Fragment().Matches(line), turn),
            _ => Predicate().Match(line),
        };
        if (!match.Success) { return null; }
        string with = mutation switch
        {
            Mutation.Wait => $"wait_group {Number(match.Groups[1]) + 1}",
            Mutation.Offset => $"+{Number(match.Groups[1]) + AccessBytes(line)}]",
            Mutation.Fragment => Swapped(match.Groups[1].Value.Split(','), turn),
            Mutation.Inverted => match.Groups[1].Value == "!" ? $"@{match.Groups[2].Value} " : $"@!{match.Groups[2].Value} ",
            _ => "",
        };
        return line[..match.Index] + with + line[(match.Index + match.Length)..];
    }

    private static string Plain(string line) => line.Trim().Replace('\t', ' ');

    private static Match At(MatchCollection matches, int turn) => matches.Count == 0 ? Match.Empty : matches[turn % matches.Count];

    private static string Swapped(string[] registers, int turn)
    {
        int at = turn % (registers.Length - 1);
        (registers[at], registers[at + 1]) = (registers[at + 1], registers[at]);
        return $"{{{string.Join(',', registers)}}}";
    }

    private static int AccessBytes(string line)
    {
        Match type = AccessType().Match(line);
        if (!type.Success) { return 16; } // ldmatrix, cp.async
        return (type.Groups[1].Success ? Number(type.Groups[1]) : 1) * Number(type.Groups[2]) / 8;
    }

    private static int Number(Group group) => int.Parse(group.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\bbar\.(warp\.)?sync\b[^;]*;")]
    private static partial Regex Barrier();

    [GeneratedRegex(@"\bwait_group (\d+)")]
    private static partial Regex Wait();

    [GeneratedRegex(@"(?<=\b(?:ld\.global|ld\.shared|st\.global|st\.shared|ldmatrix|cp\.async)\b.*\[%\w+)\+(\d+)\]")]
    private static partial Regex Address();

    [GeneratedRegex(@"(?<=\b(?:ld\.|st\.|ldmatrix|mma).*)\{(%\w+(?:,%\w+)+)\}")]
    private static partial Regex Fragment();

    [GeneratedRegex(@"@(!?)(%\w+) ")]
    private static partial Regex Predicate();

    [GeneratedRegex(@"\b(?:ld|st)\.(?:\w+\.)*?(?:v(\d)\.)?[bfus](\d+)\b")]
    private static partial Regex AccessType();
}
