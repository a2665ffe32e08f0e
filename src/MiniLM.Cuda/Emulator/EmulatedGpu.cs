using System.Runtime.InteropServices;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator;

/// <summary>A GPU without a GPU: runs the PTX of kernels/ptx, block by block on the cores of this machine.</summary>
/// <remarks>Everything is done when a call returns. A kernel that does what it must not do ends in a <see cref="KernelFaultException"/>; unlike on
/// hardware the GPU stays usable, with whatever the kernel had written.</remarks>
internal sealed unsafe class EmulatedGpu : Gpu
{
    /// <summary>A PTX ISA version newer than this is refused, as a driver of CUDA 13.0 would.</summary>
    private const int DriverVersion = 13000, NewestPtx = 90;

    private readonly EmulatedGpuOptions _options;
    private readonly GlobalMemory _memory;
    private readonly Modes _modes;
    private uint _launches;

    /// <param name="options">What it is; an sm_80 without checks if null.</param>
    internal EmulatedGpu(EmulatedGpuOptions? options = null)
    {
        _options = options ?? new EmulatedGpuOptions();
        _memory = new GlobalMemory(_options.TotalBytes, _options.IsChecked, _options.IsCounted);
        _modes = Modes.Create(_options.IsChecked, _options.IsCounted, _options.JitterSeed, _options.Mma);
        int capability = _options.Capability;
        Properties = new GpuProperties($"emulated sm_{capability}", capability, DriverVersion, _options.Multiprocessors, _options.TotalBytes,
            _options.SharedBytesPerBlock);
    }

    /// <summary>Told after each launch, when launches are counted: entry point, shape, counts.</summary>
    internal Action<string, LaunchShape, LaunchCounts>? LaunchCounted { get; set; }

    internal override GpuProperties Properties { get; }

    internal override ulong Allocate(long bytes) => _memory.Allocate(bytes);

    internal override void Free(ulong address) => _memory.Free(address);

    internal override void Upload(ulong to, ReadOnlySpan<byte> from)
    {
        if (from.Length == 0) { return; }
        Allocation allocation = _memory.Require(to, from.Length, "an upload");
        long offset = (long)(to - allocation.Start);
        from.CopyTo(new Span<byte>(allocation.Host + offset, from.Length));
        allocation.MarkInitialized(offset, from.Length);
    }

    internal override void Clear(ulong at, long bytes)
    {
        if (bytes == 0) { return; }
        Allocation allocation = _memory.Require(at, bytes, "a clear");
        long offset = (long)(at - allocation.Start);
        NativeMemory.Clear(allocation.Host + offset, (nuint)bytes);
        allocation.MarkInitialized(offset, bytes);
    }

    internal override void Download(ulong from, Span<byte> to)
    {
        if (to.Length == 0) { return; }
        Allocation allocation = _memory.Require(from, to.Length, "a download");
        new ReadOnlySpan<byte>(allocation.Host + (from - allocation.Start), to.Length).CopyTo(to);
    }

    /// <summary>Allocations so far, a place for <see cref="Forget"/>.</summary>
    internal int AllocationCount => _memory.Allocations.Count;

    /// <summary>Makes what launches have stored in allocations unknown, so that whoever reads it before it is stored anew is caught: what a pass leaves
    /// in a workspace is nothing for the next one. Zeros stay, and what the host wrote where no launch has stored since. With checks only.</summary>
    /// <param name="from">Allocations before this one keep everything: weights, which launches have converted.</param>
    internal void Forget(int from)
    {
        foreach (Allocation allocation in _memory.Allocations.Skip(from)) { allocation.ForgetStores(); }
    }

    internal override GpuKernel Load(string name, string ptx)
    {
        try
        {
            PtxModule module = PtxParser.Parse(name, ptx);
            CheckTarget(module);
            if (module.Kernels.Count != 1) { throw new GpuException($"{name}: {module.Kernels.Count} kernels (.entry) in one text; exactly one is expected"); }
            return new EmulatedKernel(this, module.Kernels[0].Name, new Lowering(module, module.Kernels[0], _modes, Globals(module)).Lower());
        }
        catch (PtxException wrong) { throw new KernelRefusedException(wrong.Message); }
    }

    private void CheckTarget(PtxModule module)
    {
        int capability = _options.Capability;
        if (module.Version > NewestPtx)
        {
            throw new GpuException($"{module.File}: .version {module.Version / 10}.{module.Version % 10} is newer "
                + $"than the {NewestPtx / 10}.{NewestPtx % 10} of the emulated driver");
        }
        if (module.Target > capability)
        {
            throw new GpuException($"{module.File}: .target sm_{module.Target} is newer than the emulated GPU, an sm_{capability}");
        }
        if (module.TargetSuffix.Length > 0 && module.Target != capability)
        {
            throw new GpuException($"{module.File}: .target sm_{module.Target}{module.TargetSuffix} runs on no other GPU, and this is an sm_{capability}");
        }
        if (module.AddressSize != 64) { throw new GpuException($"{module.File}: .address_size {module.AddressSize}; 64 is expected"); }
    }

    /// <summary>Memory of the text's global and constant variables, zero where nothing is said.</summary>
    private Dictionary<string, ulong> Globals(PtxModule module)
    {
        var addresses = new Dictionary<string, ulong>(StringComparer.Ordinal);
        foreach (PtxVariable variable in module.Variables.Concat(module.Kernels[0].Variables))
        {
            if (variable.Space is not (PtxSpace.Global or PtxSpace.Const)) { continue; }
            if (variable.IsExtern) { throw new PtxException(module.File, variable.Line, $"{variable.Name} is extern, and there is no other module"); }
            if (variable.Alignment > 256)
            {
                throw new PtxException(module.File, variable.Line, $"{variable.Name} is aligned to {variable.Alignment}; at most 256 is possible");
            }
            ulong address = _memory.Allocate(variable.Bytes);
            byte[] contents = new byte[variable.Bytes];
            variable.Initial?.CopyTo(contents, 0);
            Upload(address, contents);
            addresses[variable.Name] = address;
        }
        return addresses;
    }

    internal override void Launch(GpuKernel kernel, LaunchShape shape, ReadOnlySpan<byte> parameters)
    {
        if (kernel is not EmulatedKernel { Program: { } program } emulated || emulated.Owner != this)
        {
            throw new GpuException($"{kernel.Name} was not loaded by this GPU");
        }
        CheckLaunch(program, shape, parameters.Length);
        long blocks = (long)shape.GridX * shape.GridY;
        GlobalShadow? shadow = null;
        if (_options.IsChecked)
        {
            if (++_launches == GlobalShadow.MostLaunches)
            {
                foreach (Allocation allocation in _memory.Allocations) { allocation.ForgetUsers(); }
                _launches = 1;
            }
            shadow = new GlobalShadow(_memory, _launches, blocks);
            shadow.Prepare();
        }
        var launch = new LaunchState
        {
            Shape = shape,
            Parameters = parameters.ToArray(),
            Memory = _memory,
            JitterSeed = _options.JitterSeed,
            Capability = _options.Capability,
            Budget = _options.BranchBudget,
            Shadow = shadow,
            Cancellation = Cancellation,
        };
        int threads = _options.Threads > 0 ? _options.Threads : Environment.ProcessorCount;
        LineCounts[] lines = new LaunchRun(program, launch, _modes).Run(program.HasGlobalAtomics ? 1 : (int)Math.Min(threads, blocks));
        if (!_options.IsCounted) { return; }
        (long Read, long Written) distinct = _memory.TakeTouched(); // also of a launch that nobody is told of
        LaunchCounted?.Invoke(program.Name, shape, new LaunchCounts(program.Kernel, lines, distinct));
    }

    private void CheckLaunch(KernelProgram program, LaunchShape shape, int parameterBytes)
    {
        PtxKernel kernel = program.Kernel;
        string name = kernel.Name;
        if (shape.GridX is 0 or > int.MaxValue || shape.GridY is 0 or > 65535)
        {
            throw new GpuException($"{name}: a grid of {shape.GridX} x {shape.GridY} blocks; 1 to 2147483647 x 1 to 65535 are possible");
        }
        if (shape.Threads is 0 or > 1024) { throw new GpuException($"{name}: {shape.Threads} threads a block; 1 to 1024 are possible"); }
        if (kernel.MaxThreads > 0 && shape.Threads > kernel.MaxThreads)
        {
            throw new GpuException($"{name}: {shape.Threads} threads a block; the kernel is made for {kernel.MaxThreads} (.maxntid)");
        }
        if (kernel.RequiredThreads > 0 && shape.Threads != kernel.RequiredThreads)
        {
            throw new GpuException($"{name}: {shape.Threads} threads a block; the kernel needs {kernel.RequiredThreads} (.reqntid)");
        }
        long shared = program.StaticSharedBytes + (long)shape.SharedBytes;
        if (shared > Properties.SharedBytesPerBlock)
        {
            throw new GpuException($"{name}: {shared} bytes of shared memory; a block of an sm_{Properties.Capability} has {Properties.SharedBytesPerBlock}");
        }
        if (parameterBytes != kernel.ParameterBytes)
        {
            throw new GpuException($"{name}: {parameterBytes} bytes of parameters; the kernel has {kernel.ParameterBytes}");
        }
    }

    internal override void Synchronize()
    {
    }

    internal override nint RecordEvent() => 0;

    internal override double Elapsed(nint start, nint end) => 0;

    public override void Dispose() => _memory.Dispose();
}

/// <summary>A decoded kernel.</summary>
internal sealed class EmulatedKernel(EmulatedGpu owner, string name, KernelProgram program) : GpuKernel(name)
{
    internal EmulatedGpu Owner => owner;

    /// <summary>Null after Dispose.</summary>
    internal KernelProgram? Program { get; private set; } = program;

    public override void Dispose() => Program = null;
}
