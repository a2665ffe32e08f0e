using System.Diagnostics;
using System.Text;

namespace MiniLM.Cli.Tests;

/// <summary>What a run of the program said.</summary>
/// <param name="Code">Its exit code.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record CommandResult(int Code, string Output, string Error)
{
    internal string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Refused with one line and nothing on standard output.</summary>
    internal void AssertRefused(int code, string part)
    {
        Assert.Equal(code, Code);
        Assert.Empty(Output);
        string[] lines = Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length == (code == 2 ? 2 : 1), Error);
        Assert.StartsWith("minilm: ", lines[0]);
        Assert.Contains(part, lines[0]);
        Assert.DoesNotContain("internal error", lines[0]);
    }

    internal CommandResult AssertDone()
    {
        Assert.True(Code == 0, Error);
        return this;
    }
}

/// <summary>Runs the program in process, or as a process of its own where signals and limits matter.</summary>
internal static class CommandLine
{
    internal static CommandResult Run(params string[] arguments) => RunWith(CancellationToken.None, "", arguments);

    internal static CommandResult RunWith(CancellationToken cancellation, string input, params string[] arguments) =>
        RunWith(cancellation, Encoding.UTF8.GetBytes(input), arguments);

    internal static CommandResult RunWith(CancellationToken cancellation, byte[] input, params string[] arguments)
    {
        using MemoryStream output = new();
        using StringWriter error = new() { NewLine = "\n" };
        int code = Program.Run(arguments, new Session(() => new MemoryStream(input), output, error, cancellation));
        return new CommandResult(code, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }

    /// <summary>A shell line in which $MINILM runs the program.</summary>
    internal static Process Start(string script, string folder)
    {
        ProcessStartInfo start = new("bash", ["-c", script]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        // With the tests' own configuration: after a publish the program's own is that of a self-contained one.
        string tests = Path.Combine(AppContext.BaseDirectory, "MiniLM.Cli.Tests");
        // A shell lets its background jobs ignore SIGINT, and with them all that they start, these tests too.
        start.Environment["MINILM"] = $"env --default-signal=INT dotnet exec --runtimeconfig {tests}.runtimeconfig.json --depsfile {tests}.deps.json "
            + Path.Combine(AppContext.BaseDirectory, "minilm.dll");
        // Under a limit of file sizes the runtime cannot make its double mapping.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        return Process.Start(start)!;
    }

    /// <summary>Runs a shell line to its end.</summary>
    internal static CommandResult Shell(string script, string folder)
    {
        using Process process = Start(script, folder);
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new CommandResult(process.ExitCode, output, error.Result);
    }
}

/// <summary>A folder of its own for each test.</summary>
public abstract class CommandTests : IDisposable
{
    protected string Folder { get; } = Directory.CreateTempSubdirectory("minilm-cli-").FullName;

    /// <summary>tests/Fixtures/models/bert: a bi-encoder of 32 dimensions and 64 positions with random weights.</summary>
    protected static string BiEncoder { get; } = Fixture("bert");

    /// <summary>What is said of it: it has no modules.</summary>
    protected static string AssumesMean { get; } = $"minilm: {BiEncoder}: has no modules.json: mean pooling is assumed\n";

    /// <summary>A classifier of the same size.</summary>
    protected static string CrossEncoder { get; } = Fixture("bert_prefix");

    public virtual void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected string At(string name) => Path.Combine(Folder, name);

    protected string Write(string name, string content)
    {
        File.WriteAllText(At(name), content, new UTF8Encoding(false));
        return At(name);
    }

    /// <summary>A copy of a model folder, to be spoilt.</summary>
    protected string CopyModel(string model, string name)
    {
        Directory.CreateDirectory(At(name));
        foreach (string file in Directory.EnumerateFiles(model)) { File.Copy(file, Path.Combine(At(name), Path.GetFileName(file))); }
        return At(name);
    }

    /// <summary>A copy of the bi-encoder with another setting in its config.json.</summary>
    protected string CopyWithSetting(string setting, string other)
    {
        string model = CopyModel(BiEncoder, "other"), config = Path.Combine(model, "config.json"), text = File.ReadAllText(config);
        Assert.Contains(setting, text);
        File.WriteAllText(config, text.Replace(setting, other));
        return model;
    }

    /// <summary>Runs shell lines with a tmpfs of a size at m; skips the test where nothing can be mounted.</summary>
    private protected CommandResult ShellWithMount(string size, string lines)
    {
        CommandResult result = CommandLine.Shell($"unshare -m bash -c 'mkdir m && mount -t tmpfs -o size={size} tmpfs m || exit 77; {lines}'", Folder);
        Assert.SkipWhen(result.Code != 0, $"skipped: no mounts here ({result.Error.Trim()})");
        return result;
    }

    /// <summary>Texts of the fixture's vocabulary.</summary>
    protected static string JsonTexts(int count)
    {
        string[] words = ["one", "two", "three", "a", "of", "the"];
        StringBuilder lines = new();
        for (int i = 0; i < count; i++)
        {
            lines.Append("{\"text\":\"").AppendJoin(' ', Enumerable.Range(0, i % 7 + i % 3).Select(k => words[(i * (k + 3) + k) % words.Length]))
                .Append("\"}\n");
        }
        return lines.ToString();
    }

    protected void AssertOnly(params string[] names) =>
        Assert.Equal(names.Order(), Directory.EnumerateFileSystemEntries(Folder).Select(path => Path.GetFileName(path)!).Order());

    private static string Fixture(string name)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "tests", "Fixtures", "models", name);
            if (Directory.Exists(candidate)) { return candidate; }
        }
        throw new DirectoryNotFoundException($"tests/Fixtures/models/{name}");
    }
}
