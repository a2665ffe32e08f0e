namespace MiniLM.Data;

/// <summary>Standard input, a pipe or a device whose reads a signal ends: read(2) itself would wait for one that says nothing.</summary>
/// <param name="stream">Disposed with this one; a read that was given up may still wait in it.</param>
/// <param name="cancellation">Ends a read.</param>
internal sealed class InterruptibleInput(Stream stream, CancellationToken cancellation) : SequentialStream
{
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _at, _count;

    public override bool CanRead => true;

    /// <summary>Opens what may wait to be opened, as a named pipe does for its writer.</summary>
    internal static InterruptibleInput Open(Func<Stream> open, CancellationToken cancellation) => new(Wait(open, cancellation), cancellation);

    public override int Read(Span<byte> buffer)
    {
        if (_at == _count) { (_at, _count) = (0, Wait(() => stream.Read(_buffer, 0, _buffer.Length), cancellation)); }
        int count = Math.Min(buffer.Length, _count - _at);
        _buffer.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) { stream.Dispose(); }
        base.Dispose(disposing);
    }

    // The thread that waits in the system is given up: no call ends it, and the process does not wait for it.
    private static T Wait<T>(Func<T> call, CancellationToken cancellation)
    {
        Task<T> waiting = Task.Run(call, CancellationToken.None);
        Task.WaitAny([waiting], cancellation);
        return waiting.GetAwaiter().GetResult();
    }
}
