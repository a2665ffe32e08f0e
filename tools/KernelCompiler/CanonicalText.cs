using System.Globalization;
using System.Text.RegularExpressions;

namespace KernelCompiler;

/// <summary>ILGPU's text without what depends on its global counters, and with fp32 operations that must not be contracted.</summary>
internal static partial class CanonicalText
{
    /// <param name="ptx">What ILGPU wrote: the kernel, and empty functions of the intrinsics.</param>
    /// <param name="name">The kernel's name.</param>
    /// <exception cref="CompilationException">The text has local memory or a call.</exception>
    internal static string Of(string ptx, string name)
    {
        string[] lines = ptx.Replace("\r", "", StringComparison.Ordinal).Split('\n');
        int start = Array.FindIndex(lines, line => line.StartsWith(".visible .entry", StringComparison.Ordinal)),
            end = Array.FindIndex(lines, start, line => line == "}");
        Refuse(lines, lines.AsSpan(start, end - start), name);
        string[] header = [.. lines.Where(line => line.StartsWith(".version", StringComparison.Ordinal) || line.StartsWith(".target", StringComparison.Ordinal)
            || line.StartsWith(".address_size", StringComparison.Ordinal))];
        string text = string.Join('\n', lines[start..(end + 1)].Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal)));
        text = NumberedName().Replace(text, "$1"); // parameters: _a_2485
        text = KernelName().Replace(text, name);
        Dictionary<string, string> labels = [];
        text = Label().Replace(text, match => labels.TryGetValue(match.Value, out string? known) ? known
            : labels[match.Value] = string.Create(CultureInfo.InvariantCulture, $"L{labels.Count}"));
        text = BranchToNext().Replace(text, "\n\t$2:");
        // Without a rounding, ptxas may contract a product and a sum into one fma, and the emulator's bits would not be the GPU's.
        text = Contractible().Replace(text, "$1.rn.f32");
        text = Coalesce(WithoutUnreadMoves(text));
        return $"{string.Join('\n', header)}\n\n.extern .shared .align 16 .b8 smem[];\n\n{BlankLines().Replace(text, "\n")}\n";
    }

    /// <param name="files">Lines that number the source files, where there are any: .loc names them.</param>
    /// <param name="lines">The kernel.</param>
    /// <param name="name">Its name.</param>
    private static void Refuse(string[] files, ReadOnlySpan<string> lines, string name)
    {
        string place = name; // the nearest source line above
        string? declaration = null;
        foreach (string line in lines)
        {
            if (Place().Match(line) is { Success: true } at) { place = $"{name}: {FileName(files, at.Groups[1].Value)}:{at.Groups[2].Value}"; }
            else if (line.TrimStart().StartsWith(".local", StringComparison.Ordinal)) { declaration = line; }
            else if (LocalMemory().IsMatch(line)) { throw InLocalMemory(place, line); }
            else if (Call().IsMatch(line))
            {
                throw new CompilationException($"{place}: a call that was not resolved: use an instruction of Instructions.cs or write it out ({line.Trim()})");
            }
        }
        if (declaration is not null) { throw InLocalMemory(name, declaration); }
    }

    private static CompilationException InLocalMemory(string place, string line) =>
        new($"{place}: an array that is not in registers: every index must be a constant after unrolling ({line.Trim()})");

    private static string FileName(string[] files, string number)
    {
        string line = Array.Find(files, file => file.TrimStart().StartsWith($".file\t{number} ", StringComparison.Ordinal)
            || file.TrimStart().StartsWith($".file {number} ", StringComparison.Ordinal)) ?? "";
        return Path.GetFileName(line[(line.IndexOf('"', StringComparison.Ordinal) + 1)..].TrimEnd('"'));
    }

    private static string WithoutUnreadMoves(string text)
    {
        for (int before = -1; before != text.Length;)
        {
            before = text.Length;
            Dictionary<string, int> uses = Uses(text);
            text = Move().Replace(text, match => uses[match.Groups[1].Value] == 1 ? "" : match.Value);
        }
        return text;
    }

    private static Dictionary<string, int> Uses(string text) =>
        Register().Matches(text).GroupBy(match => match.Value).ToDictionary(group => group.Key, group => group.Count());

    /// <summary>
    /// Loop-carried values end a block as "mov phi, value". Where the value is only made for that, in the same block, and the phi is not
    /// touched in between, it is made in the phi's register at once. ptxas does the same; this is for shorter texts and a faster emulator.
    /// </summary>
    private static string Coalesce(string text)
    {
        List<string> lines = [.. text.Split('\n')];
        Dictionary<string, int> uses = Uses(text);
        for (int i = 0; i < lines.Count; i++)
        {
            Match move = RegisterMove().Match(lines[i]);
            if (!move.Success || Kind().Match(move.Groups[1].Value).Value != Kind().Match(move.Groups[2].Value).Value) { continue; }
            string phi = move.Groups[1].Value, value = move.Groups[2].Value;
            int at = i, left = uses[value] - 1; // back to where the value is first made
            while (left > 0 && --at > 0 && !EndOfBlock().IsMatch(lines[at]))
            {
                left -= Count(lines[at], value);
                if (left > 0 && Count(lines[at], phi) > 0) { break; }
            }
            Match made = Result().Match(lines[at]);
            if (left != 0 || !made.Success || made.Groups[1].Value.StartsWith("st.", StringComparison.Ordinal) || Count(made.Groups[2].Value, value) == 0
                || Count(made.Groups[2].Value, phi) > 0)
            {
                continue;
            }
            for (int j = at; j < i; j++) { lines[j] = Register().Replace(lines[j], match => match.Value == value ? phi : match.Value); }
            uses[phi] += uses[value] - 2;
            uses[value] = 0;
            lines.RemoveAt(i--);
        }
        return string.Join('\n', lines);
    }

    private static int Count(string line, string register)
    {
        int count = 0;
        foreach (ValueMatch match in Register().EnumerateMatches(line))
        {
            if (line.AsSpan(match.Index, match.Length).SequenceEqual(register)) { count++; }
        }
        return count;
    }

    [GeneratedRegex(@"\b_(\w+?)_\d+\b")]
    private static partial Regex NumberedName();

    [GeneratedRegex(@"\bKernel_\w+")]
    private static partial Regex KernelName();

    [GeneratedRegex(@"\bL_\d+\b")]
    private static partial Regex Label();

    [GeneratedRegex(@"\tbra(\.uni)?\t(L\d+);\n\n\t\2:")]
    private static partial Regex BranchToNext();

    [GeneratedRegex(@"\b(add|sub|mul)\.f32")]
    private static partial Regex Contractible();

    [GeneratedRegex(@"\n{2,}")]
    private static partial Regex BlankLines();

    [GeneratedRegex(@"^\s*\.loc\s+(\d+) (\d+)")]
    private static partial Regex Place();

    [GeneratedRegex(@"\.local\b")]
    private static partial Regex LocalMemory();

    [GeneratedRegex(@"\bcall\b")]
    private static partial Regex Call();

    [GeneratedRegex(@"%[a-z]+\d+")]
    private static partial Regex Register();

    [GeneratedRegex(@"^%[a-z]+")]
    private static partial Regex Kind();

    [GeneratedRegex(@"(?m)^\tmov\.\w+\t(%\w+), [^;]*;\n")]
    private static partial Regex Move();

    [GeneratedRegex(@"^\tmov\.\w+\t(%\w+), (%[a-z]+\d+);$")]
    private static partial Regex RegisterMove();

    [GeneratedRegex(@":$|\b(bra|ret)\b")]
    private static partial Regex EndOfBlock();

    [GeneratedRegex(@"^\t([a-z][\w.]*)\s+(\{[^}]*\}|%\w+), ")]
    private static partial Regex Result();
}
