using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace MiniLM.Cli.Tests;

public sealed class ResumeTests : CommandTests
{
    private const int Rows = 30_000;

    [Theory]
    [InlineData("out.npy", "KILL", 137)]
    [InlineData("out.jsonl", "KILL", 137)]
    [InlineData("out.npy", "TERM", 143)]
    [InlineData("out.jsonl", "INT", 130)]
    public void Embed_EndsWithTheSameBytesAfterASignalAndResume(string name, string signal, int code)
    {
        string input = Write("in.jsonl", JsonTexts(Rows)), suffix = Path.GetExtension(name);
        string[] form = ["embed", "--model", BiEncoder, "--input", input, "--output", At(name)];
        int rows = Interrupt(form, name, signal, code);
        AssertOnly("in.jsonl", name + ".partial", name + ".partial.json");
        CommandLine.Run(form).AssertRefused(1, "left by an unfinished run");
        File.SetLastWriteTimeUtc(input, DateTime.UtcNow);
        CommandResult resumed = CommandLine.Run([.. form, "--resume"]).AssertDone();
        Assert.StartsWith($"minilm: {At(name)}: going on after ", resumed.Error);
        Assert.True(rows > 0);
        CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--output", At("whole" + suffix)).AssertDone();
        Assert.True(File.ReadAllBytes(At("whole" + suffix)).AsSpan().SequenceEqual(File.ReadAllBytes(At(name))), "other bytes");
        AssertOnly("in.jsonl", name, "whole" + suffix);
    }

    [Fact]
    public void Resume_RefusesWhatDiffersByName()
    {
        string input = Write("in.jsonl", JsonTexts(Rows));
        string[] form = ["embed", "--model", BiEncoder, "--input", input, "--output", At("out.npy")];
        Interrupt(form, "out.npy", "KILL", 137);
        byte[] partial = File.ReadAllBytes(At("out.npy.partial"));
        CommandLine.Run([.. form, "--resume", "--max-length", "20"]).AssertRefused(1, "max_length is unset there, 20 here");
        CommandLine.Run([.. form, "--resume", "--fix-text", "full"]).AssertRefused(1, "fix_text is none there, full here");
        CommandLine.Run([.. form, "--resume", "--device", "reference"]).AssertRefused(1, "device is cpu");
        // with the card, and the driver that compiles for it
        CommandLine.Run([.. form, "--resume", "--device", "emulated", "--quiet"]).AssertRefused(1, "emulated emulated sm_80 driver ");
        string state = At("out.npy.partial.json"), said = File.ReadAllText(state);
        File.WriteAllText(state, said.Replace("\"version\":\"", "\"version\":\"9"));
        CommandLine.Run([.. form, "--resume"]).AssertRefused(1, "version is 9");
        File.WriteAllText(state, said);
        string model = CopyModel(BiEncoder, "other");
        File.AppendAllText(Path.Combine(model, "config.json"), " ");
        form[2] = model;
        CommandLine.Run([.. form, "--resume"]).AssertRefused(1, "model_hash is");
        form[2] = BiEncoder;
        File.AppendAllText(input, "{\"text\":\"one more\"}\n");
        CommandLine.Run([.. form, "--resume"]).AssertRefused(1, "input_length is");
        Assert.Equal(partial, File.ReadAllBytes(At("out.npy.partial")));
        CommandLine.Run([.. form, "--overwrite"]).AssertDone();
        AssertOnly("in.jsonl", "other", "out.npy");
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"rows\":")]
    public void Resume_StartsAfreshWhenNothingWasDoneAndRefusesADamagedState(string state)
    {
        string input = Write("in.txt", "one\n");
        Write("out.npy.partial.json", state);
        CommandResult result = CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--output", At("out.npy"), "--resume");
        if (state.Length > 0) { result.AssertRefused(1, "is damaged"); }
        else { Assert.Contains("starting afresh", result.AssertDone().Error); }
    }

    [Fact]
    public void Resume_KeepsTheEarlierRowsWhenItFails()
    {
        string input = Write("in.jsonl", JsonTexts(Rows));
        File.AppendAllBytes(input, [.. "{\"text\":\"caf"u8, 0xE9, .. "\"}\n"u8]);
        string[] form = ["embed", "--model", BiEncoder, "--input", input, "--output", At("out.npy")];
        int rows = Interrupt(form, "out.npy", "KILL", 137);
        CommandResult failed = CommandLine.Run([.. form, "--resume", "--quiet"]);
        failed.AssertRefused(1, $"in.jsonl:{Rows + 1}: not UTF-8. Save the file as UTF-8. {At("out.npy.partial")} is kept with ");
        AssertOnly("in.jsonl", "out.npy.partial", "out.npy.partial.json");
        using (JsonDocument json = JsonDocument.Parse(File.ReadAllText(At("out.npy.partial.json"))))
        {
            Assert.True(json.RootElement.GetProperty("rows").GetInt32() >= rows);
        }
        CommandLine.Run([.. form, "--overwrite"]).AssertRefused(1, "not UTF-8");
        AssertOnly("in.jsonl");
    }

    [Theory]
    [InlineData(null, "is missing or empty. Use --overwrite")]
    [InlineData("  \n", "is missing or empty. Use --overwrite")]
    [InlineData("{\"command\":\"tokenize\"}", "is of another run")]
    public void Resume_RefusesRowsOfWhichNothingIsKnown(string? state, string part)
    {
        string input = Write("in.txt", "one\n");
        Write("out.npy.partial", "rows");
        if (state is not null) { Write("out.npy.partial.json", state); }
        CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--output", At("out.npy"), "--resume").AssertRefused(1, part);
        Assert.Equal("rows", File.ReadAllText(At("out.npy.partial")));
    }

    // A count that a disk has changed would give rows twice, or not at all.
    [Fact]
    public void Resume_RefusesAStateOfWhichABitIsWrong()
    {
        string input = Write("in.jsonl", JsonTexts(Rows));
        string[] form = ["embed", "--model", BiEncoder, "--input", input, "--output", At("out.jsonl")];
        Interrupt(form, "out.jsonl", "KILL", 137);
        byte[] partial = File.ReadAllBytes(At("out.jsonl.partial"));
        string state = At("out.jsonl.partial.json"), said = File.ReadAllText(state);
        foreach (string count in new[] { "schema", "rows", "bytes", "inputs", "truncated", "ties", "sha256" })
        {
            Match value = Regex.Match(said, $"\"{count}\":\"?(.)");
            Assert.True(value.Success, count);
            int at = value.Groups[1].Index;
            foreach (string damaged in new[] { $"{said[..at]}{(char)(said[at] ^ 1)}{said[(at + 1)..]}", said.Replace(value.Value[..^1], $"\"x\":") })
            {
                File.WriteAllText(state, damaged);
                CommandLine.Run([.. form, "--resume"]).AssertRefused(1, "out.jsonl.partial.json is damaged (");
            }
        }
        Assert.Equal(partial, File.ReadAllBytes(At("out.jsonl.partial")));
        File.WriteAllText(state, said);
        CommandLine.Run([.. form, "--resume"]).AssertDone();
    }

    // Nobody writes them; bytes below 0 would end in a message of the runtime, rows below 0 in rows twice.
    [Theory]
    [InlineData("rows")]
    [InlineData("bytes")]
    public void Resume_RefusesCountsBelowZeroWhateverTheirChecksum(string count)
    {
        string input = Write("in.jsonl", JsonTexts(Rows));
        string[] form = ["embed", "--model", BiEncoder, "--input", input, "--output", At("out.jsonl")];
        Interrupt(form, "out.jsonl", "KILL", 137);
        string state = At("out.jsonl.partial.json"), said = File.ReadAllText(state);
        string counts = said[..said.IndexOf(",\"sha256\"", StringComparison.Ordinal)].Replace($"\"{count}\":", $"\"{count}\":-");
        File.WriteAllText(state, $"{counts},\"sha256\":\"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(counts)))}\"}}");
        CommandLine.Run([.. form, "--resume"]).AssertRefused(1, $"is damaged ({count} is missing, below 0");
    }

    [Fact]
    public void Resume_NeedsAnOutput() => CommandLine.Run("embed", "--model", BiEncoder, "one", "--resume").AssertRefused(2, "--output FILE");

    [Fact]
    public void Resume_OfStandardInputIsRefused() =>
        CommandLine.RunWith(CancellationToken.None, "one", "embed", "--model", BiEncoder, "--input", "-", "--output", At("out.npy"), "--resume")
            .AssertRefused(2, "standard input");

    [Fact]
    public void Rerank_ResumesARun()
    {
        Write("q.tsv", string.Concat(Enumerable.Range(0, 300).Select(i => $"q{i}\tone two {i % 7}\n")));
        Write("corpus.jsonl", string.Concat(Enumerable.Range(0, 50).Select(i => $"{{\"_id\":\"d{i}\",\"title\":\"one\",\"text\":\"the {i % 9} two\"}}\n")));
        Write("in.run", string.Concat(Enumerable.Range(0, 300).SelectMany(q => Enumerable.Range(0, 50).Select(d => $"q{q} Q0 d{d} {d + 1} {50 - d} x\n"))));
        string[] form = ["rerank", "--model", CrossEncoder, "--queries", At("q.tsv"), "--corpus", At("corpus.jsonl"), "--run", At("in.run"), "--output"];
        Interrupt([.. form, At("out.run")], "out.run", "KILL", 137);
        CommandResult resumed = CommandLine.Run([.. form, At("out.run"), "--resume"]).AssertDone();
        CommandResult whole = CommandLine.Run([.. form, At("whole.run")]).AssertDone();
        Assert.Equal(File.ReadAllText(At("whole.run")), File.ReadAllText(At("out.run")));
        // The number of equal scores counts those of the first part too.
        Assert.Equal(whole.Error.Trim(), resumed.Error.Trim().Split('\n')[^1]);
    }

    [Fact]
    public void Rerank_ResumesLists()
    {
        Write("lists.jsonl", string.Concat(Enumerable.Range(0, 2000).Select(i => $"{{\"query\":\"one {i % 7}\",\"pos\":[\"two\",\"the {i % 9}\"],"
            + $"\"neg\":[{string.Join(',', Enumerable.Range(0, i % 4).Select(k => $"\"a {k}\""))}]}}\n")));
        string[] form = ["rerank", "--model", CrossEncoder, "--lists", At("lists.jsonl"), "--output"];
        Interrupt([.. form, At("out.jsonl")], "out.jsonl", "KILL", 137);
        CommandLine.Run([.. form, At("out.jsonl"), "--resume"]).AssertDone();
        CommandLine.Run([.. form, At("whole.jsonl")]).AssertDone();
        Assert.Equal(File.ReadAllText(At("whole.jsonl")), File.ReadAllText(At("out.jsonl")));
    }

    // The program has its files alone, as far as .NET goes: cat asks for no lock.
    private int RowsDone(string state)
    {
        if (CommandLine.Shell($"cat {state}", Folder).Output is not { Length: > 0 } text) { return 0; }
        using JsonDocument json = JsonDocument.Parse(text);
        return json.RootElement.GetProperty("rows").GetInt32();
    }

    // Starts the program and signals it when rows are done; gives their number.
    private int Interrupt(string[] arguments, string name, string signal, int code)
    {
        using AutoResetEvent changed = new(false);
        using FileSystemWatcher watcher = new(Folder, name + ".partial.json") { NotifyFilter = NotifyFilters.LastWrite };
        watcher.Changed += (_, _) => changed.Set();
        watcher.EnableRaisingEvents = true;
        using Process process = CommandLine.Start($"exec $MINILM {string.Join(' ', arguments)}", Folder);
        process.Exited += (_, _) => changed.Set();
        process.EnableRaisingEvents = true;
        int rows;
        do
        {
            Assert.True(changed.WaitOne(TimeSpan.FromMinutes(5)), "hangs");
            Assert.False(process.HasExited, "ended before it could be interrupted: " + (process.HasExited ? process.StandardError.ReadToEnd() : ""));
        }
        while ((rows = RowsDone(At(name + ".partial.json"))) == 0);
        using (Process kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
        {
            kill.WaitForExit();
        }
        process.WaitForExit();
        Assert.Equal(code, process.ExitCode);
        return rows;
    }
}
