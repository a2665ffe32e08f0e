namespace MiniLM.Cli.Tests;

public sealed class ProcessTests : CommandTests
{
    [Fact]
    public void Embed_EndsQuietlyWhenThePipeIsClosed()
    {
        string input = Write("in.jsonl", JsonTexts(20_000));
        CommandResult result = CommandLine.Shell($"$MINILM embed --model {BiEncoder} --input {input} | head -n 1 | wc -l; echo ${{PIPESTATUS[0]}}", Folder);
        Assert.Equal("1\n0\n", result.Output);
        Assert.Empty(result.Error);
    }

    [Fact]
    public void Embed_LeavesNothingWhenTheDiskIsFull()
    {
        string input = Write("in.jsonl", JsonTexts(2_000));
        CommandResult result = CommandLine.Shell($"ulimit -f 64; $MINILM embed --model {BiEncoder} --input {input} --output out.npy; echo $?", Folder);
        Assert.Equal("1\n", result.Output);
        Assert.Contains("out.npy.partial: cannot be written (File too large). Nothing is kept of it: make room, or choose another place.\n", result.Error);
        AssertOnly("in.jsonl");
    }

    [Theory]
    [InlineData("2> /dev/full")]
    [InlineData("2>&-")]
    public void Runs_KeepTheirExitCodeWhenStandardErrorFails(string redirection)
    {
        CommandResult result = CommandLine.Shell($"$MINILM embed --model nosuch a {redirection}; echo $?; $MINILM nosuch {redirection}; echo $?; "
            + $"$MINILM embed --model {BiEncoder} --max-length 3 'one two three' --output a.npy {redirection}; echo $?", Folder);
        Assert.Equal("1\n2\n0\n", result.Output);
        AssertOnly("a.npy");
    }

    [Fact]
    public void Embed_SaysThatStandardInputOrOutputIsClosed()
    {
        CommandResult result = CommandLine.Shell(
            $"$MINILM embed --model {BiEncoder} --input - <&-; echo $?; $MINILM embed --model {BiEncoder} one >&-; echo $?", Folder);
        Assert.Equal("1\n1\n", result.Output);
        Assert.Matches("^minilm: standard input is closed[^\n]*\nminilm: standard output: is closed[^\n]*\n$", result.Error);
    }

    [Fact]
    public void Embed_SaysThatStandardOutputIsFull()
    {
        CommandResult result = CommandLine.Shell($"$MINILM embed --model {BiEncoder} one > /dev/full; echo $?", Folder);
        Assert.Equal("minilm: standard output: No space left on device\n", result.Error);
        Assert.Equal("1\n", result.Output);
    }

    [Fact]
    public void Embed_RefusesAReadOnlyPlace()
    {
        // /proc is one that every Linux has: nothing can be created there.
        CommandLine.Run("embed", "--model", BiEncoder, "one", "--output", "/proc/out.npy").AssertRefused(1, "/proc/out.npy: cannot be written");
    }

    [Fact]
    public void Embed_RefusesAReadOnlyMount()
    {
        CommandResult result = ShellWithMount("1m", $"mount -o remount,ro m && $MINILM embed --model {BiEncoder} one --output m/out.npy; echo $?; ls m");
        Assert.Equal("1\n", result.Output);
        Assert.Contains("m/out.npy: cannot be written (Read-only file system", result.Error);
    }

    [Fact]
    public void Embed_LeavesNothingOnASmallFullDisk()
    {
        string input = Write("in.jsonl", JsonTexts(2_000));
        CommandResult result = ShellWithMount("64k", $"$MINILM embed --model {BiEncoder} --input {input} --output m/out.npy; echo $?; ls m");
        Assert.Equal("1\n", result.Output);
        Assert.Contains("m/out.npy.partial: cannot be written (No space left on device", result.Error);
    }

    [Fact]
    public void Embed_GivesALineOutBeforeTheInputEnds()
    {
        // The second line is sent only when the first result is there.
        CommandResult result = CommandLine.Shell($"mkfifo in; $MINILM embed --model {BiEncoder} --flush --input - < in > out & exec 3> in; echo one >&3; "
            + "while [ ! -s out ] && kill -0 $!; do sleep .1; done; wc -l < out; echo two >&3; exec 3>&-; wait; wc -l < out", Folder);
        Assert.Equal("1\n2\n", result.Output);
    }

    [Fact]
    public void Runs_AppendToOneRedirection()
    {
        CommandResult result = CommandLine.Shell(
            $"($MINILM tokenize --model {BiEncoder} one; $MINILM tokenize --model {BiEncoder} two) > both; cat both", Folder);
        Assert.Equal("[CLS] one [SEP]\n[CLS] two [SEP]\n", result.Output);
    }

    [Fact]
    public void Embed_IsInterruptedWhileItWaitsForInput()
    {
        CommandResult result = CommandLine.Shell($"mkfifo in; exec 3<> in; (exec $MINILM embed --model {BiEncoder} --input - --output out.jsonl < in) & p=$!; "
            + "sleep 3; kill -TERM $p; wait $p; echo $?", Folder);
        Assert.Equal("143\n", result.Output);
        AssertOnly("in");
    }

    [Fact]
    public void Embed_IsInterruptedWhileANamedPipeSaysNothing()
    {
        CommandResult result = CommandLine.Shell($"mkfifo in; exec 3<> in; (exec $MINILM embed --model {BiEncoder} --input in --format txt --output out.jsonl) "
            + "& p=$!; while [ ! -e out.jsonl.partial ] && kill -0 $p; do sleep .1; done; kill -INT $p; wait $p; echo $?", Folder);
        Assert.Equal("130\n", result.Output);
        AssertOnly("in");
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public void Tokenize_IsInterruptedWhileNobodyReads(string signal, int code)
    {
        string input = Write("in.jsonl", JsonTexts(20_000));
        CommandResult result = CommandLine.Shell(
            $"mkfifo out; exec 3<> out; (exec $MINILM tokenize --model {BiEncoder} --input {input} --json > out) & p=$!; "
            + $"while ! read -t 0 -u 3 && kill -0 $p; do sleep .1; done; kill -{signal} $p; wait $p; echo $?", Folder);
        Assert.Equal($"{code}\n", result.Output);
    }

    [Fact]
    public void Embed_OpensANamedPipeOnce()
    {
        // Opened again, it would wait for a second writer.
        CommandResult result = CommandLine.Shell(
            $"mkfifo in; echo one > in & $MINILM embed --model {BiEncoder} --input in --format txt --output out.jsonl; echo $?; wc -l < out.jsonl", Folder);
        Assert.Equal("0\n1\n", result.Output);
    }
}
