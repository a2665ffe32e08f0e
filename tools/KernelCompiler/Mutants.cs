using System.Globalization;
using System.Text.RegularExpressions;

namespace KernelCompiler;

/// <summary>The mutants of a kernel's text: every barrier and wait, and of the rest a sample spread over the text.
/// The same text and seed give the same mutants.</summary>
internal static partial class Mutants
{
    /// <summary>Most mutants of a kind.</summary>
    private const int Sample = 4;

    /// <param name="kernel">The kernel's name.</param>
    /// <param name="text">Its text.</param>
    /// <param name="seed">The text is cut into as many parts as a kind has mutants, and a place drawn in each; 0: the middle of each part.</param>
    internal static List<Mutant> Of(string kernel, string text, int seed = 0)
    {
        string[] lines = text.Split('\n');
        int start = Array.FindIndex(lines, line => line == "{");
        Random random = new(kernel.Aggregate(seed, (hash, letter) => unchecked(hash * 31 + letter)));
        List<Mutant> mutants = [];
        foreach (Mutation mutation in Enum.GetValues<Mutation>())
        {
            int[] places = [.. Enumerable.Range(start, lines.Length - start).Where(at => Change(mutation, lines, at, 0) is not null)];
            int count = mutation is Mutation.Barrier or Mutation.Wait ? places.Length : Math.Min(Sample, places.Length);
            for (int i = 0; i < count; i++)
            {
                (int from, int to) = (i * places.Length / count, (i + 1) * places.Length / count);
                int at = places[seed == 0 ? (2 * i + 1) * places.Length / (2 * count) : random.Next(from, to)];
                string changed = Change(mutation, lines, at, i)!;
                string[] all = [.. lines];
                all[at] = changed;
                mutants.Add(new Mutant(kernel, mutation, at + 1, Plain(lines[at]), Plain(changed), string.Join('\n', all)));
            }
        }
        return mutants;
    }

    /// <summary>A line with a mistake, or null where it has no place for it.</summary>
    /// <param name="mutation">The mistake.</param>
    /// <param name="lines">The text.</param>
    /// <param name="number">The line.</param>
    /// <param name="turn">Where the mistake has several places in a line, or ways, they take turns.</param>
    private static string? Change(Mutation mutation, string[] lines, int number, int turn)
    {
        string line = lines[number];
        Match match = mutation switch
        {
            Mutation.Barrier => Barrier().Match(line),
            Mutation.Wait => Wait().Match(line),
            Mutation.Offset => Address().Match(line),
            Mutation.Fragment => At(Fragment().Matches(line), turn),
            Mutation.Constant => LoadBehindZeros(lines, number) >= 0 ? Match.Empty : Constant().Match(line),
            Mutation.Comparison => Comparison().Match(line),
            Mutation.Extreme => Extreme().Match(line),
            Mutation.ZeroFill => LoadBehindZeros(lines, number) is >= 0 and var load && !IsAlwaysTrue(lines, load) ? Zero().Match(line) : Match.Empty,
            Mutation.Float => At(Float().Matches(line), turn),
            Mutation.Addition => Addition().Match(line),
            _ => IsAlwaysTrue(lines, number) ? Match.Empty : Predicate().Match(line),
        };
        if (!match.Success) { return null; }
        string with = mutation switch
        {
            Mutation.Wait => $"wait_group {Number(match.Groups[1]) + 1}",
            Mutation.Offset => $"+{Number(match.Groups[1]) + AccessBytes(line)}]",
            Mutation.Fragment => Swapped(match.Groups[1].Value.Split(','), turn),
            Mutation.Inverted => match.Groups[1].Value == "!" ? $"@{match.Groups[2].Value} " : $"@!{match.Groups[2].Value} ",
            Mutation.Constant => (Number(match) is var value && (turn % 2 == 0 || value == 0) ? value + 1 : value - 1).ToString(CultureInfo.InvariantCulture),
            Mutation.Comparison => Relations[Array.IndexOf(Relations, match.Value) ^ 1],
            Mutation.Extreme => match.Value == "min" ? "max" : "min",
            Mutation.Float => $"0f{BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle(Bits(match)) * 1.001f):X8}",
            Mutation.Addition => WithoutAddition(match),
            _ => "",
        };
        return line[..match.Index] + with + line[(match.Index + match.Length)..];
    }

    // Each beside the one that differs for equal values.
    private static readonly string[] Relations = ["lt", "le", "gt", "ge", "lo", "ls", "hi", "hs"];

    private static string WithoutAddition(Match match)
    {
        string to = match.Groups["to"].Value, left = match.Groups["left"].Value, right = match.Groups["right"].Value, type = match.Groups["type"].Value;
        return match.Groups["fused"].Success ? $"mul.rn.{type}\t{to}, {left}, {right};" : $"mov.{type.Replace('s', 'b')}\t{to}, {left};";
    }

    /// <summary>Where a line puts a zero in the place of what the next load under a predicate loads, that load; else -1.</summary>
    private static int LoadBehindZeros(string[] lines, int number)
    {
        if (!Zero().IsMatch(lines[number])) { return -1; }
        int next = Array.FindIndex(lines, number, line => !Zero().IsMatch(line));
        Match load = next < 0 ? Match.Empty : GuardedLoad().Match(lines[next]);
        return Register().Matches(load.Value).Any(register => register.Value == Register().Match(lines[number]).Value) ? next : -1;
    }

    /// <summary>Whether a line's predicate is a constant: Load4If(true, ...).</summary>
    private static bool IsAlwaysTrue(string[] lines, int number) =>
        Predicate().Match(lines[number]) is { Success: true } guard
        && Array.FindLastIndex(lines, number, line => line.EndsWith($"mov.pred\t{guard.Groups[2].Value}, 1;", StringComparison.Ordinal)) >= 0;

    private static string Plain(string line) => line.Trim().Replace('\t', ' ');

    private static Match At(MatchCollection matches, int turn) => matches.Count == 0 ? Match.Empty : matches[turn % matches.Count];

    private static string Swapped(string[] registers, int turn)
    {
        int at = turn % (registers.Length - 1);
        (registers[at], registers[at + 1]) = (registers[at + 1], registers[at]);
        return $"{{{string.Join(',', registers)}}}";
    }

    private static long AccessBytes(string line)
    {
        Match type = AccessType().Match(line);
        if (!type.Success) { return 16; } // ldmatrix, cp.async
        return (type.Groups[1].Success ? Number(type.Groups[1]) : 1) * Number(type.Groups[2]) / 8;
    }

    private static uint Bits(Match match) => uint.Parse(match.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static long Number(Group group) => long.Parse(group.Value, CultureInfo.InvariantCulture);

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

    // Not of 64 bits, which are pointers: a null is compared with zero.
    [GeneratedRegex(@"(?<=^\s(?:add|sub|mul|mad|and|or|xor|shl|shr|min|max|div|setp|mov|selp)\.(?:\w+\.)*[sub]32\s[^\[\{]*, )\d+(?=[;,])")]
    private static partial Regex Constant();

    [GeneratedRegex(@"(?<=\bsetp\.)(?:lt|le|gt|ge|lo|ls|hi|hs)(?=\.)")]
    private static partial Regex Comparison();

    [GeneratedRegex(@"(?<=^\s(?:@!?%\w+ )?)(?:min|max)(?=\.)")]
    private static partial Regex Extreme();

    [GeneratedRegex(@"(?<=^\s)mov\.[bf]32\s+%\w+, (?:0|0f00000000);")]
    private static partial Regex Zero();

    [GeneratedRegex(@"(?<=^\s@!?%\w+ ld\.global\.\S+ )(?:\{[^}]*\}|%\w+)")]
    private static partial Regex GuardedLoad();

    [GeneratedRegex(@"%\w+")]
    private static partial Regex Register();

    // Neither zero nor infinite.
    [GeneratedRegex(@"\b0f(?!00000000|80000000|7F800000|FF800000)([0-9A-F]{8})\b")]
    private static partial Regex Float();

    [GeneratedRegex(@"(?:add|(?<fused>fma))\.(?:rn\.)?(?<type>f32|s32|s64)\s+(?<to>%\w+), (?<left>%\w+), (?<right>[^,;]+)[^;]*;")]
    private static partial Regex Addition();
}
