namespace MiniLM.Cpu.Threading;

/// <summary>Threads of the engine's own that wait for work: they spin for a while after each piece, then sleep. The caller is member 0.</summary>
/// <remarks>Start and join cost .15-.7 us while the workers spin, 50-80 us when they sleep; idle costs nothing after the spin. One caller at a time.</remarks>
internal sealed class WorkerPool : IDisposable
{
    private const int SpinsBeforeSleep = 4_000; // about 100 us
    private const int Line = 16; // ints of a cache line

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _wake;
    private readonly int[] _asleep; // a cache line each: 1 = sleeping or about to
    private readonly int[] _ids;
    private Action<int>? _work;
    private Exception? _failure;
    private int _epoch, _running, _processor = -1;
    private bool _stop;

    /// <param name="size">Members, the caller included.</param>
    internal WorkerPool(int size)
    {
        All = new Team(size);
        _threads = new Thread[size - 1];
        _wake = new SemaphoreSlim[size - 1];
        _asleep = new int[Line * size];
        _ids = new int[size - 1];
        for (int i = 0; i < size - 1; i++)
        {
            int member = i + 1;
            _wake[i] = new SemaphoreSlim(0);
            _threads[i] = new Thread(() => Serve(member), maxStackSize: 256 << 10) { IsBackground = true, Name = $"minilm cpu {member}" };
            _threads[i].Start();
        }
    }

    internal Team All { get; }

    /// <summary>Runs <paramref name="work"/> once for each member, this thread as member 0, and waits for all. Rethrows what a member threw.</summary>
    internal void Run(Action<int> work)
    {
        if (_threads.Length == 0)
        {
            work(0);
            return;
        }
        int here = Processor.Current;
        if (here != _processor) { KeepWorkersOff(here); }
        _work = work;
        _running = _threads.Length;
        Interlocked.Increment(ref _epoch); // full fence: a worker either sees the new epoch or is seen asleep
        for (int i = 0; i < _threads.Length; i++)
        {
            if (Interlocked.Exchange(ref _asleep[Line * (i + 1)], 0) == 1) { _wake[i].Release(); }
        }
        try { work(0); }
        finally
        {
            for (int spins = 0; Volatile.Read(ref _running) != 0; spins++) { Spin.Once(spins); }
        }
        if (Interlocked.Exchange(ref _failure, null) is { } failure) { System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure); }
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

    private void Serve(int member)
    {
        Volatile.Write(ref _ids[member - 1], Processor.CurrentThread);
        ref int asleep = ref _asleep[Line * member];
        for (int seen = 0; ;)
        {
            for (int spins = 0; Volatile.Read(ref _epoch) == seen; spins++)
            {
                if (spins < SpinsBeforeSleep)
                {
                    Spin.Once(Math.Min(spins, 1_999));
                    continue;
                }
                Interlocked.Exchange(ref asleep, 1);
                if (Volatile.Read(ref _epoch) == seen || Interlocked.Exchange(ref asleep, 0) == 0) { _wake[member - 1].Wait(); }
            }
            seen++;
            if (_stop) { return; }
            try { _work!(member); }
            catch (Exception error) { Interlocked.CompareExchange(ref _failure, error, null); }
            Interlocked.Decrement(ref _running);
        }
    }

    public void Dispose()
    {
        _stop = true;
        Interlocked.Increment(ref _epoch);
        for (int i = 0; i < _threads.Length; i++)
        {
            _wake[i].Release();
            _threads[i].Join();
        }
        foreach (SemaphoreSlim semaphore in _wake) { semaphore.Dispose(); }
    }
}
