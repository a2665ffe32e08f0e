using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace KernelCompiler;

/// <summary>NVIDIA's assembler over every text, for every GPU that its tier covers: registers, and no spills. Optional: it is no part of a build.</summary>
/// <remarks><c>PTXAS</c> names it, else it is looked for on the path. cuobjdump beside it counts the machine instructions of the main loop.</remarks>
internal static partial class Ptxas
{
    private static readonly int[] Targets = [75, 80, 86, 89, 90];

    /// <returns>The exit code: 1 when a kernel is refused or spills.</returns>
    internal static int Run(string folder)
    {
        string ptxas = Environment.GetEnvironmentVariable("PTXAS") is { Length: > 0 } given ? given : "ptxas";
        string? version;
        try { version = Version().Match(Start(ptxas, "--version").Output).Groups[1].Value; }
        catch (System.ComponentModel.Win32Exception)
        {
            Console.Error.WriteLine($"ptxas: '{ptxas}' can't be run; set PTXAS to the one of a CUDA toolkit (Debian: nvidia-cuda-toolkit in non-free; "
                + "apt-get download and dpkg -x suffice)");
            return 1;
        }
        int wrong = 0;
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteString("ptxas", version);
            json.WriteStartObject("registers");
            foreach (string path in Directory.GetFiles(folder, "*.ptx").Order(StringComparer.Ordinal)) { wrong += Assemble(ptxas, path, json); }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        File.WriteAllText(Path.Combine(folder, "registers.json"), Encoding.UTF8.GetString(stream.ToArray()) + "\n");
        Console.WriteLine(wrong == 0
            ? $"every kernel assembles for sm_{string.Join(", ", Targets)} without spills (ptxas {version})"
            : $"{wrong} refused or spilled");
        return wrong == 0 ? 0 : 1;
    }

    private static int Assemble(string ptxas, string path, Utf8JsonWriter json)
    {
        int oldest = int.Parse(Target().Match(File.ReadAllText(path)).Groups[1].Value, CultureInfo.InvariantCulture), wrong = 0;
        string name = Path.GetFileNameWithoutExtension(path), line = "";
        json.WriteStartObject(name);
        foreach (int target in Targets.Where(target => target >= oldest))
        {
            string cubin = Path.Combine(Path.GetTempPath(), $"{name}.{Environment.ProcessId}.cubin");
            (int code, string output) = Start(ptxas, "-v", $"-arch=sm_{target}", path, "-o", cubin);
            long spilled = Spilled().Matches(output).Sum(match => long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
            if (code != 0 || spilled > 0)
            {
                wrong++;
                Console.Error.WriteLine($"{name} sm_{target}: {(code != 0 ? output.Trim() : $"{spilled} bytes of stack and spills")}");
            }
            else
            {
                int registers = int.Parse(Registers().Match(output).Groups[1].Value, CultureInfo.InvariantCulture), loop = MainLoop(ptxas, cubin);
                json.WriteNumber($"sm_{target}", registers);
                line += $"  sm_{target} {registers}{(loop > 0 ? $" ({loop} in the main loop)" : "")}";
            }
            File.Delete(cubin);
        }
        json.WriteEndObject();
        Console.WriteLine($"{name,-26}{line}");
        return wrong;
    }

    /// <summary>Machine instructions of the innermost loop with the most tensor-core or multiply-add instructions;
    /// 0 without cuobjdump or such a loop.</summary>
    private static int MainLoop(string ptxas, string cubin)
    {
        string cuobjdump = Path.Combine(Path.GetDirectoryName(ptxas) ?? "", "cuobjdump");
        string text;
        try { text = Start(cuobjdump, "-sass", cubin).Output; }
        catch (System.ComponentModel.Win32Exception) { return 0; }
        (long Address, string Text)[] code = [.. Sass().Matches(text)
            .Select(match => (long.Parse(match.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture), match.Groups[2].Value))];
        (int most, int length) = (0, 0);
        foreach ((long address, string instruction) in code)
        {
            Match branch = Backward().Match(instruction);
            if (!branch.Success || long.Parse(branch.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture) is var target && target >= address)
            {
                continue;
            }
            string[] body = [.. code.Where(line => line.Address >= target && line.Address <= address).Select(line => line.Text)];
            int hot = body.Count(line => line.Contains("HMMA", StringComparison.Ordinal) || line.Contains("FFMA", StringComparison.Ordinal));
            if (hot > most || (hot == most && hot > 0 && body.Length < length)) { (most, length) = (hot, body.Length); }
        }
        return length;
    }

    private static (int Code, string Output) Start(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + error.Result);
    }

    [GeneratedRegex(@"release [\d.]+, V([\d.]+)")]
    private static partial Regex Version();

    [GeneratedRegex(@"\.target sm_(\d+)")]
    private static partial Regex Target();

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex Registers();

    [GeneratedRegex(@"(\d+) bytes (?:stack frame|spill stores|spill loads)")]
    private static partial Regex Spilled();

    [GeneratedRegex(@"/\*([0-9a-f]{4,5})\*/\s+([^;]+);")]
    private static partial Regex Sass();

    [GeneratedRegex(@"\bBRA\b.* 0x([0-9a-f]+)")]
    private static partial Regex Backward();
}
