namespace MiniLM.Cuda.Driver;

/// <summary>What kernels run on: the driver of an NVIDIA GPU, or the emulator. One stream: work runs in the order it is given.</summary>
/// <remarks>Addresses are the GPU's own. Not thread-safe: the device takes turns.</remarks>
internal abstract class Gpu : IDisposable
{
    /// <summary>What the hardware is, or plays.</summary>
    internal abstract GpuProperties Properties { get; }

    /// <summary>Ends the work: looked at before each launch and upload of weights, and by the emulator between two blocks of a launch.</summary>
    internal CancellationToken Cancellation { get; private set; }

    /// <summary>Until what comes back is disposed, work can be cancelled.</summary>
    internal Cancelling Until(CancellationToken cancellation)
    {
        Cancellation = cancellation;
        return new Cancelling(this);
    }

    /// <summary>Memory, 256-byte aligned, contents undefined.</summary>
    /// <exception cref="GpuOutOfMemoryException">Not that much is free.</exception>
    internal abstract ulong Allocate(long bytes);

    /// <summary>Gives back what <see cref="Allocate"/> gave. A GPU that is lost throws nothing here: the call that lost it has thrown already.</summary>
    internal abstract void Free(ulong address);

    /// <summary>Host to GPU; <paramref name="from"/> may be changed when this returns.</summary>
    internal abstract void Upload(ulong to, ReadOnlySpan<byte> from);

    /// <summary>Sets bytes to zero.</summary>
    internal abstract void Clear(ulong at, long bytes);

    /// <summary>GPU to host, after all work given before.</summary>
    internal abstract void Download(ulong from, Span<byte> to);

    /// <summary>Prepares the kernel of one PTX text (a file of kernels/ptx has exactly one).</summary>
    /// <param name="name">The text's name, for messages.</param>
    /// <param name="ptx">The text.</param>
    /// <exception cref="KernelRefusedException">The text is refused; the message holds the compiler's log.</exception>
    internal abstract GpuKernel Load(string name, string ptx);

    /// <summary>Starts a kernel.</summary>
    /// <param name="kernel">From <see cref="Load"/> of this GPU.</param>
    /// <param name="shape">Blocks, threads a block, dynamic shared memory.</param>
    /// <param name="parameters">The kernel's parameters in order, each at its natural alignment.</param>
    internal abstract void Launch(GpuKernel kernel, LaunchShape shape, ReadOnlySpan<byte> parameters);

    /// <summary>Waits for all work given.</summary>
    internal abstract void Synchronize();

    /// <summary>Makes marks ahead, so that taking as many costs no more than recording them.</summary>
    internal virtual void MakeEvents(int count)
    {
    }

    /// <summary>A mark in the stream, for <see cref="Elapsed"/>; 0 where the properties say that there is no clock.</summary>
    internal abstract nint RecordEvent();

    /// <summary>Seconds between two marks, which are given back.</summary>
    internal abstract double Elapsed(nint start, nint end);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>A stretch of work that can be cancelled.</summary>
    internal readonly struct Cancelling(Gpu gpu) : IDisposable
    {
        /// <summary>What follows can not.</summary>
        public void Dispose() => gpu.Cancellation = default;
    }
}

/// <summary>A kernel that is ready to be launched.</summary>
/// <param name="name">Entry point.</param>
internal abstract class GpuKernel(string name) : IDisposable
{
    /// <summary>Entry point.</summary>
    internal string Name => name;

    /// <summary>Registers of a thread, and bytes of its local memory (spills), as the driver's compiler chose; null where nothing is compiled.</summary>
    internal virtual (int Registers, int LocalBytes)? Compiled => null;

    /// <summary>Gives back the module.</summary>
    public abstract void Dispose();
}

/// <summary>Blocks of a launch, threads of a block (one-dimensional), bytes of dynamic shared memory.</summary>
internal readonly record struct LaunchShape(uint GridX, uint GridY, uint Threads, uint SharedBytes);

/// <summary>What a GPU is.</summary>
/// <param name="Name">As the driver gives it.</param>
/// <param name="Capability">Compute capability, major * 10 + minor: 80 for 8.0.</param>
/// <param name="DriverVersion">CUDA version of the driver, 1000 * major + 10 * minor.</param>
/// <param name="Multiprocessors">Streaming multiprocessors.</param>
/// <param name="TotalBytes">Global memory.</param>
/// <param name="SharedBytesPerBlock">Largest dynamic shared memory of a block, after opting in.</param>
/// <param name="Hertz">Highest clock of the multiprocessors; 0 where there is none, and then <see cref="Gpu.Elapsed"/> means nothing.</param>
/// <param name="MemoryBytesPerSecond">Of global memory, as its clock and bus allow.</param>
internal sealed record GpuProperties(
    string Name, int Capability, int DriverVersion, int Multiprocessors, long TotalBytes, int SharedBytesPerBlock, double Hertz = 0,
    double MemoryBytesPerSecond = 0)
{
    /// <summary>Whether <see cref="Gpu.Elapsed"/> means something.</summary>
    internal bool HasClock => Hertz > 0;
}
