using System.IO.Pipes;

namespace MiniLM.Cli.Tests;

public sealed class StandardOutputTests : IDisposable
{
    // The client's end is inheritable, as a shell's standard output is.
    private readonly AnonymousPipeServerStream _reader = new(PipeDirection.In, HandleInheritability.Inheritable);

    public void Dispose()
    {
        _reader.ClientSafePipeHandle.Dispose();
        _reader.Dispose();
    }

    [Fact]
    public void Write_IsInterruptedWhileNobodyReads()
    {
        using StandardOutput output = Open(new CancellationToken(canceled: true));
        output.Write(new byte[4096]); // there is room: the token is not looked at
        Assert.Throws<OperationCanceledException>(() => output.Write(new byte[1 << 21])); // more than any pipe holds
    }

    [Fact]
    public async Task Write_PassesOnEveryByte()
    {
        byte[] sent = new byte[300_001];
        new Random(1).NextBytes(sent);
        Task writing = Task.Run(() =>
        {
            using (_reader.ClientSafePipeHandle)
            {
                using StandardOutput output = Open(CancellationToken.None);
                output.Write(sent.AsSpan(0, 1_000));
                output.Write(sent.AsSpan(1_000));
            }
        }, TestContext.Current.CancellationToken);
        using MemoryStream got = new();
        await _reader.CopyToAsync(got, TestContext.Current.CancellationToken);
        await writing;
        Assert.Equal(sent, got.ToArray());
    }

    [Fact]
    public void Write_SaysThatTheReaderIsGone()
    {
        using StandardOutput output = Open(CancellationToken.None);
        _reader.Dispose();
        Assert.Throws<ClosedPipeException>(() => output.Write([1]));
    }

    private StandardOutput Open(CancellationToken cancellation) => new((int)_reader.ClientSafePipeHandle.DangerousGetHandle(), cancellation);
}
