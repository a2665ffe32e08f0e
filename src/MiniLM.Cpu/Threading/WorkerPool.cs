using System.Runtime.ExceptionServices;

namespace MiniLM.Cpu.Threading;

/// <summary>Threads of the engine's own that wait for work: they spin for a while after each piece, then sleep.</summary>
/// <remarks>
/// Start and join cost .15-.7 us while the workers spin, 50-80 us when they sleep; idle costs nothing after the spin. One caller at a time.
/// A member that throws, wherever it is, ends the run: members that wait for it are released, the others end at their next
/// <see cref="Checkpoint"/> or with their work, and the first exception is thrown by <see cref="Run"/>. The pool is then as good as new.
/// </remarks>
internal sealed class WorkerPool : IDisposable
{
    private const int SpinsBeforeSleep = 4_000; // about 100 us, 1 ms of yielding
    private const int Line = 16; // ints of a cache line

    private readonly bool _callerComputes;
    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _wake;
    private readonly ManualResetEventSlim _done = new(); // no semaphore: one whose waiter is interrupted as it is woken forgets a later wake
    private readonly int[] _asleep; // a cache line each: 1 = sleeping or about to
    private readonly int[] _ids;
    private readonly Team[] _teams;
    private Action<int>? _work;
    private CancellationToken _cancellation;
    private Exception? _failure;
    private int _started, _epoch, _running, _processor = -1;
    private bool _stop;

    /// <param name="size">Members.</param>
    /// <param name="callerComputes">
    /// Whether the caller of <see cref="Run"/> is member 0. If not it sleeps meanwhile, and all that is computed is computed on threads that
    /// this pool made: what a processor's state needs prepared (AMX) can be prepared there.
    /// </param>
    /// <param name="start">Starts a thread; null: as threads start.</param>
    /// <exception cref="OutOfMemoryException">The system gives no further thread; those that ran have ended.</exception>
    internal WorkerPool(int size, bool callerComputes = true, Action<Thread>? start = null)
    {
        _callerComputes = callerComputes;
        (All, Alone) = (new Team(this), new Team(this));
        All.Form(size);
        _teams = [.. Enumerable.Range(0, size).Select(_ => new Team(this))];
        int count = callerComputes ? size - 1 : size;
        _threads = new Thread[count];
        _wake = [.. Enumerable.Range(0, count).Select(_ => new SemaphoreSlim(0))];
        _asleep = new int[Line * (count + 1)];
        _ids = new int[count];
        try
        {
            for (; _started < count; _started++)
            {
                int thread = _started, member = size - count + thread;
                // The deepest frame is that of OuterProduct: copies of 156 KB.
                _threads[thread] = new Thread(() => Serve(thread, member), maxStackSize: 512 << 10) { IsBackground = true, Name = $"minilm cpu {member}" };
                if (start is null) { _threads[thread].Start(); } else { start(_threads[thread]); }
            }
        }
        catch
        {
            Dispose(); // else those that run would wait for work for ever
            throw;
        }
    }

    /// <summary>Every member.</summary>
    internal Team All { get; }

    /// <summary>Of one member: whoever takes a piece of work alone.</summary>
    internal Team Alone { get; }

    /// <summary>As many as members, to be given sizes before a run.</summary>
    internal ReadOnlySpan<Team> Teams => _teams;

    /// <summary>Whether a member of this run has thrown.</summary>
    internal bool HasFailed => Volatile.Read(ref _failure) is not null;

    /// <summary>Runs <paramref name="work"/> once for each member and waits for all.</summary>
    /// <param name="work">Given the member, from 0.</param>
    /// <param name="cancellation">Looked at by <see cref="Checkpoint"/>.</param>
    /// <exception cref="Exception">The first that a member threw.</exception>
    internal void Run(Action<int> work, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        (_work, _cancellation) = (work, cancellation);
        if (!_callerComputes) { _done.Reset(); }
        if (_threads.Length > 0) { WakeAll(); }
        if (_callerComputes)
        {
            Execute(0);
            for (int spins = 0; Volatile.Read(ref _running) != 0; spins++) { Spin.Once(spins); }
        }
        else { Uninterrupted(_done, static done => done.Wait(CancellationToken.None)); }
        (_work, _cancellation) = (null, default);
        if (Interlocked.Exchange(ref _failure, null) is not { } failure) { return; }
        All.Form(All.Size);
        ExceptionDispatchInfo.Throw(failure);
    }

    // An interrupted caller must not leave while members are woken, or work in its buffers: it is interrupted at its next wait.
    private static void Uninterrupted<T>(T on, Action<T> wait)
    {
        bool isInterrupted = false;
        for (bool isDone = false; !isDone;)
        {
            try
            {
                wait(on);
                isDone = true;
            }
            catch (ThreadInterruptedException) { isInterrupted = true; }
        }
        if (isInterrupted) { Thread.CurrentThread.Interrupt(); }
    }

    /// <summary>Called by members between two pieces of work: ends the run where it was cancelled or another member failed.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="RunEndedException">Another member failed.</exception>
    internal void Checkpoint()
    {
        _cancellation.ThrowIfCancellationRequested();
        if (HasFailed) { throw new RunEndedException(); }
    }

    private void WakeAll()
    {
        if (_callerComputes)
        {
            int here = Processor.Current;
            if (here != _processor) { KeepWorkersOff(here); }
        }
        _running = _threads.Length;
        Interlocked.Increment(ref _epoch); // full fence: a worker either sees the new epoch or is seen asleep
        for (int i = 0; i < _threads.Length; i++)
        {
            if (Interlocked.Exchange(ref _asleep[Line * (i + 1)], 0) == 1) { Wake(i); }
        }
    }

    // Its lock is a wait too.
    private void Wake(int thread) => Uninterrupted(_wake[thread], static wake => wake.Release());

    private void Execute(int member)
    {
        try { _work!(member); }
        catch (Exception error) { Interlocked.CompareExchange(ref _failure, error, null); }
    }

    private void KeepWorkersOff(int processor)
    {
        bool known = true;
        for (int i = 0; i < _ids.Length; i++)
        {
            int id = Volatile.Read(ref _ids[i]);
            known &= id != 0;
            if (id != 0) { Processor.KeepOff(id, processor); }
        }
        if (known) { _processor = processor; }
    }

    private void Serve(int thread, int member)
    {
        Volatile.Write(ref _ids[thread], Processor.CurrentThread);
        // Else two may be woken on one processor while the caller still holds the other, and stay there for a time slice.
        if (!_callerComputes && _threads.Length == Processor.Count) { Processor.KeepTo(thread); }
        ref int asleep = ref _asleep[Line * (thread + 1)];
        for (int seen = 0; ;)
        {
            for (int spins = 0; Volatile.Read(ref _epoch) == seen; spins++)
            {
                if (spins < SpinsBeforeSleep)
                {
                    // A caller that sleeps needs a processor at once when the run ends: there a waiting worker gives way.
                    if (_callerComputes) { Spin.Once(Math.Min(spins, 1_999)); } else { Thread.Yield(); }
                    continue;
                }
                Interlocked.Exchange(ref asleep, 1);
                if (Volatile.Read(ref _epoch) == seen || Interlocked.Exchange(ref asleep, 0) == 0) { _wake[thread].Wait(); }
            }
            seen++;
            if (_stop) { return; }
            Execute(member);
            if (Interlocked.Decrement(ref _running) == 0 && !_callerComputes) { _done.Set(); }
        }
    }

    public void Dispose()
    {
        _stop = true;
        Interlocked.Increment(ref _epoch);
        for (int i = 0; i < _started; i++)
        {
            Wake(i);
            Uninterrupted(_threads[i], static thread => thread.Join());
        }
        foreach (SemaphoreSlim semaphore in _wake) { semaphore.Dispose(); }
        _done.Dispose();
    }
}

/// <summary>Takes a member out of a run that has ended already: another's exception is the one that is told.</summary>
internal sealed class RunEndedException() : Exception("another member of this run has failed");
