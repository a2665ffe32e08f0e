using MiniLM.Data;

namespace MiniLM.Cli;

/// <summary>Standard input whose reads a signal ends: read(2) itself would wait for a terminal or a pipe that says nothing.</summary>
internal sealed class InterruptibleInput(Stream stream, CancellationToken cancellation) : SequentialStream
{
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _at, _count;

    public override bool CanRead => true;

    public override int Read(Span<byte> buffer)
    {
        if (_at == _count)
        {
            Task<int> reading = Task.Run(() => stream.Read(_buffer, 0, _buffer.Length), CancellationToken.None);
            Task.WaitAny([reading], cancellation);
            (_at, _count) = (0, reading.GetAwaiter().GetResult());
        }
        int count = Math.Min(buffer.Length, _count - _at);
        _buffer.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }
}
