namespace MiniLM;

/// <summary>The calls inside a disposable and its end: after <see cref="Close"/> no call comes in,
/// and what it holds is freed when the last one has left.</summary>
/// <remarks>
/// The rule of SafeHandle. Nobody waits for a call, so that a Dispose from within one, or from a callback of one, cannot deadlock; the last to leave frees.
/// </remarks>
/// <param name="owner">Named by the ObjectDisposedException.</param>
/// <param name="free">Called once, by whoever is last; must not throw.</param>
internal sealed class Lifetime(object owner, Action free)
{
    private const int Closed = 1, Call = 2;

    private int _state; // Closed, and Call for each that is inside

    /// <summary>Whether <see cref="Close"/> was called; calls may still be inside.</summary>
    internal bool IsClosed => (Volatile.Read(ref _state) & Closed) != 0;

    /// <summary>Begins a call; disposing what comes back ends it.</summary>
    /// <exception cref="ObjectDisposedException">The owner is closed.</exception>
    internal Inside Enter()
    {
        for (int state = Volatile.Read(ref _state); ;)
        {
            ObjectDisposedException.ThrowIf((state & Closed) != 0, owner);
            int seen = Interlocked.CompareExchange(ref _state, state + Call, state);
            if (seen == state) { return new Inside(this); }
            state = seen;
        }
    }

    /// <summary>No further calls. Frees now if nobody is inside; a second time does nothing.</summary>
    internal void Close()
    {
        if (Interlocked.Or(ref _state, Closed) == 0) { free(); }
    }

    private void Leave()
    {
        if (Interlocked.Add(ref _state, -Call) == Closed) { free(); }
    }

    /// <summary>A call inside, or something that lives as long as it uses the owner. Disposed exactly once.</summary>
    internal readonly struct Inside(Lifetime lifetime) : IDisposable
    {
        /// <summary>Ends it.</summary>
        public void Dispose() => lifetime.Leave();
    }
}
