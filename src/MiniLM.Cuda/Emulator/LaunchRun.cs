namespace MiniLM.Cuda.Emulator;

/// <summary>The blocks of one launch, spread over CPU threads: each takes the next block that nobody has.</summary>
/// <remarks>Of several faults the one of the lowest block is reported: blocks below a fault are still run.
/// Sums of counters do not depend on who ran what.</remarks>
internal sealed unsafe class LaunchRun(KernelProgram program, LaunchState launch, Modes modes)
{
    private readonly long _blocks = (long)launch.Shape.GridX * launch.Shape.GridY;
    private readonly LineCounts[] _lines = new LineCounts[program.Length];
    private readonly Lock _gate = new();
    private long _next = -1;
    private long _lowestFault = long.MaxValue;
    private Exception? _fault;

    /// <summary>Runs all blocks and returns the counters of each instruction.</summary>
    internal LineCounts[] Run(int threads)
    {
        if (threads <= 1) { Work(); }
        else { Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, _ => Work()); }
        launch.Cancellation.ThrowIfCancellationRequested();
        if (_fault is not null) { System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_fault); }
        return _lines;
    }

    private void Work()
    {
        using BlockRunner runner = modes.Runner(program, launch);
        while (!launch.Cancellation.IsCancellationRequested)
        {
            long block = Interlocked.Increment(ref _next);
            if (block >= _blocks || block > Volatile.Read(ref _lowestFault)) { break; }
            try { runner.Run((uint)(block % launch.Shape.GridX), (uint)(block / launch.Shape.GridX)); }
            catch (KernelFaultException fault)
            {
                lock (_gate)
                {
                    if (block < _lowestFault) { (_lowestFault, _fault) = (block, fault); }
                }
            }
        }
        LineCounts* lines = runner.Block.Lines;
        if (lines == null) { return; }
        lock (_gate)
        {
            for (int pc = 0; pc < _lines.Length; pc++) { _lines[pc].Add(in lines[pc]); }
        }
    }
}
