namespace MiniLM.Compute;

/// <summary>One caller at a time on a device; whoever waits for its turn can be cancelled.</summary>
internal sealed class Gate
{
    private const int LookMilliseconds = 20;

    private readonly Lock _lock = new();

    /// <summary>Waits for the turn, which ends with the result's disposal.</summary>
    /// <exception cref="OperationCanceledException">Cancelled while another had it.</exception>
    internal Turn Enter(CancellationToken cancellation = default)
    {
        if (!cancellation.CanBeCanceled)
        {
            _lock.Enter();
            return new Turn(_lock);
        }
        while (!_lock.TryEnter(LookMilliseconds)) { cancellation.ThrowIfCancellationRequested(); }
        return new Turn(_lock);
    }

    internal readonly ref struct Turn(Lock held)
    {
        public void Dispose() => held.Exit();
    }
}
