using System.Runtime.InteropServices;
using MiniLM.Compute;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Emulator;
using MiniLM.Cuda.Training;
using MiniLM.Kernels;
using MiniLM.Model;
using MiniLM.Retrieval;
using MiniLM.Training;

namespace MiniLM.Cuda;

/// <summary>Our own kernels on an NVIDIA GPU, or on the emulator.</summary>
/// <remarks>
/// Two tiers of kernels: G (from compute capability 6.0, any size, fp32 arithmetic, fp32 and fp16 storage) and A (from 8.0, tensor cores, fp16 and
/// bf16 storage). docs/gpu.md says what runs where.
/// </remarks>
public sealed class CudaDevice : Device
{
    private readonly string _name;
    private readonly Action<string>? _notify;
    private readonly HashSet<string> _said = [];
    private bool _refusesTensorCores;

    internal CudaDevice(Gpu gpu, string name, Action<string>? notify = null, Func<string, string>? ptx = null)
    {
        (Gpu, _name, _notify) = (gpu, name, notify);
        if (gpu.Properties.Capability < 60)
        {
            throw new NoGpuException($"{gpu.Properties.Name} has compute capability {Capability}; the kernels need 6.0 or newer");
        }
        Launcher = new KernelLauncher(gpu, ptx);
    }

    /// <summary>A GPU of this machine.</summary>
    /// <param name="index">From 0.</param>
    /// <param name="notify">Takes lines for people: what runs slower than it could, and what had to be made smaller.</param>
    /// <exception cref="GpuException">No driver, no such GPU, or one that is too old; the message says which.</exception>
    public static CudaDevice Open(int index = 0, Action<string>? notify = null)
    {
        CudaGpu gpu = new(CudaApi.OfThisMachine(), index);
        try { return new CudaDevice(gpu, $"cuda:{index}", notify); }
        catch
        {
            gpu.Dispose();
            throw;
        }
    }

    /// <summary>The kernels' PTX, interpreted on the CPU: for tests and for looking at kernels, not for speed.</summary>
    /// <param name="capability">Compute capability that is played: 60, 80, 90 ...</param>
    /// <param name="notify">As for <see cref="Open"/>.</param>
    public static CudaDevice Emulate(int capability = 80, Action<string>? notify = null) =>
        new(new EmulatedGpu(new EmulatedGpuOptions { Capability = capability }), capability == 80 ? "emulated" : $"emulated:sm_{capability}", notify);

    /// <summary>The emulator with the committed kernels of those that run here.</summary>
    /// <param name="isCounted">Whether launches are counted.</param>
    /// <param name="notify">As for <see cref="Open"/>.</param>
    internal CudaDevice AsEmulated(bool isCounted, Action<string>? notify = null) =>
        new(new EmulatedGpu(new EmulatedGpuOptions { Capability = NewestTarget, IsCounted = isCounted }), Name, notify)
        {
            _refusesTensorCores = _refusesTensorCores,
        };

    /// <summary>GPUs of this machine.</summary>
    /// <exception cref="GpuException">There are none; the message says why.</exception>
    public static int Count() => CudaGpu.Count(CudaApi.OfThisMachine(), out _);

    /// <inheritdoc/>
    public override string Name => _name;

    internal override string Identity => $"{Name} {Gpu.Properties.Name} driver {Gpu.Properties.DriverVersion}";

    /// <inheritdoc/>
    public override string Description =>
        $"{Gpu.Properties.Name}, compute capability {Capability}, "
            + $"tier {(HasTensorCores ? "A (float16 and bfloat16 on tensor cores) and G" : "G (no tensor cores)")}, {Gpu.Properties.TotalBytes >> 20:N0} MB";

    /// <inheritdoc/>
    public override bool Supports(Precision precision) =>
        precision is Precision.Float32 or Precision.Float16 || (precision == Precision.BFloat16 && IsAmpere); // bf16's conversions are sm_80's too

    /// <summary>Whole waves: the kernel with the fewest blocks has one of them for <c>TileRows</c> tokens, one a multiprocessor.</summary>
    internal override int BatchTokens
    {
        get
        {
            int wave = KernelInfo.All["GemmLayerNorm384F16"].TileRows * Gpu.Properties.Multiprocessors;
            return wave * Math.Max(1, (base.BatchTokens + wave / 2) / wave);
        }
    }

    internal Gpu Gpu { get; }

    internal KernelLauncher Launcher { get; }

    /// <summary>One forward pass at a time.</summary>
    internal Gate Gate { get; } = new();

    /// <summary>Whether the kernels of tier A run here; no longer once the driver has refused one of them.</summary>
    internal bool HasTensorCores => IsAmpere && !_refusesTensorCores;

    /// <summary>Newest target of kernels that this GPU and its driver know: sm_80 needs ISA 7.0, CUDA 11.</summary>
    internal int NewestTarget => Gpu.Properties.DriverVersion >= 11000 ? Gpu.Properties.Capability : Math.Min(Gpu.Properties.Capability, 75);

    private bool IsAmpere => NewestTarget >= 80;

    private string Capability => $"{Gpu.Properties.Capability / 10}.{Gpu.Properties.Capability % 10}";

    /// <summary>Says a line, once.</summary>
    internal void Notify(string line)
    {
        lock (_said) // a load may say something beside a pass
        {
            if (!_said.Add(line)) { return; }
        }
        _notify?.Invoke(line);
    }

    /// <summary>The kernels of a network. Those of tier A are compiled here, so that tier G can take their place where the driver refuses one.</summary>
    /// <param name="network">Whose.</param>
    /// <param name="precision">Storage.</param>
    /// <param name="trains">Whether those of a training step are among them.</param>
    internal CudaPlan Plan(Network network, Precision precision, bool trains)
    {
        CudaPlan plan = new(this, network, precision);
        try
        {
            foreach (string kernel in plan.TensorCoreKernels(trains)) { Launcher.Prepare(kernel); }
            return plan;
        }
        catch (KernelRefusedException refused)
        {
            _refusesTensorCores = true;
            Notify($"{refused.Message} Going on without tensor cores.");
            return new CudaPlan(this, network, precision);
        }
    }

    private protected override DeviceNetwork Prepare(Network network, Precision precision, CancellationToken cancellation)
    {
        Check(network, precision);
        return Loaded<DeviceNetwork>(() => new CudaNetwork(this, network, precision, trains: false, cancellation), cancellation);
    }

    private T Loaded<T>(Func<T> load, CancellationToken cancellation) where T : DeviceNetwork
    {
        using Gate.Turn turn = Gate.Enter(cancellation);
        using Gpu.Cancelling until = Gpu.Until(cancellation);
        T? loaded = null;
        try { MakeRoomFor(() => loaded = load()); }
        catch (GpuOutOfMemoryException error) { throw new GpuOutOfMemoryException($"{error.Message}; the model does not fit. Use --device cpu."); }
        return loaded!;
    }

    /// <summary>Refuses a precision; says what of a network will be slow.</summary>
    private void Check(Network network, Precision precision)
    {
        if (!Supports(precision))
        {
            throw new NotSupportedException($"the {Name} device has no {precision} kernels on {Gpu.Properties.Name}; use float32 or float16");
        }
        if (precision == Precision.Float32 && HasTensorCores && CudaPlan.FitsTensorCores(network.Config))
        {
            Notify($"float32 runs without tensor cores on {Gpu.Properties.Name}; --precision float16 uses them");
        }
        if (precision != Precision.Float32 && HasTensorCores && CudaPlan.WithoutTensorCores(network) is { } slower)
        {
            Notify($"{slower} runs without tensor cores on {Gpu.Properties.Name}");
        }
    }

    private protected override TrainingNetwork PrepareForTraining(
        ParameterBlock parameters, Precision precision, TrainingOptions options, CancellationToken cancellation)
    {
        Check(parameters.Network, precision);
        if (options.RecomputesInner)
        {
            Notify($"gradient_checkpointing changes nothing on {Gpu.Properties.Name}: outputs of activations are made anew in any case");
        }
        return Loaded<TrainingNetwork>(() => new CudaTrainingNetwork(this, parameters, precision, options, cancellation), cancellation);
    }

    /// <summary>The fp32 GEMM over rows padded to its tile: every pair is one sum in a fixed order.</summary>
    internal override void Similarity(
        ReadOnlySpan<float> queries, ReadOnlySpan<float> documents, int width, Span<float> scores, CancellationToken cancellation = default)
    {
        using Lifetime.Inside inside = Lifetime.Enter();
        if (scores.IsEmpty) { return; }
        KernelInfo gemm = KernelInfo.All["GemmSimtF32"];
        int queryCount = queries.Length / width, documentCount = documents.Length / width;
        int depth = RoundUp(width, gemm.TileDepth), columns = RoundUp(documentCount, gemm.TileColumns);
        using (Gate.Enter(cancellation))
        {
            using Gpu.Cancelling until = Gpu.Until(cancellation);
            using GpuArena arena = new(Gpu);
            long a = arena.Plan(4L * queryCount * depth), b = arena.Plan(4L * columns * depth),
                c = arena.Plan(4L * queryCount * columns), bias = arena.Plan(4L * columns);
            MakeRoomFor(arena.Commit);
            Upload(arena.At(a), queries, width, depth);
            Upload(arena.At(b), documents, width, depth);
            Products(arena.At(a), arena.At(b), arena.At(bias), arena.At(c), queryCount, columns, depth);
            Download(arena.At(c), scores, documentCount, columns);
        }
    }

    /// <summary>Scalar products of padded rows on the GPU.</summary>
    /// <param name="queries">[rows, depth].</param>
    /// <param name="documents">[columns, depth].</param>
    /// <param name="zeros">[columns].</param>
    /// <param name="scores">[rows, columns].</param>
    /// <param name="rows">Any number.</param>
    /// <param name="columns">A multiple of the GEMM's tile.</param>
    /// <param name="depth">A multiple of its step.</param>
    internal void Products(ulong queries, ulong documents, ulong zeros, ulong scores, int rows, int columns, int depth)
    {
        GemmArguments arguments = new()
        {
            A = queries,
            B = documents,
            C = scores,
            Bias = zeros,
            StrideA = (uint)depth * 4,
            StrideB = (uint)depth * 4,
            StrideC = (uint)columns * 4,
            Rows = (uint)rows,
        };
        Launcher.Gemm("GemmSimtF32", arguments, columns, depth);
    }

    internal override DocumentSearch Hold(DocumentRows documents) => new CudaDocuments(this, documents);

    /// <summary>Documents that hold memory; looked at inside the gate.</summary>
    internal HashSet<CudaDocuments> Held { get; } = [];

    /// <summary>Takes memory that can't be done without, inside the gate: if there is none, that of the documents.</summary>
    internal void MakeRoomFor(Action take)
    {
        try
        {
            take();
            return;
        }
        catch (GpuOutOfMemoryException)
        {
            if (!ReleaseDocuments()) { throw; }
        }
        take();
    }

    /// <summary>Gives the memory of all documents back, inside the gate; the next search uploads them. False: they had none.</summary>
    internal bool ReleaseDocuments()
    {
        CudaDocuments[] held = [.. Held];
        foreach (CudaDocuments documents in held) { documents.Release(); }
        return held.Length > 0;
    }

    internal static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    /// <summary>Rows of <paramref name="width"/> floats to rows of <paramref name="padded"/>, zeros behind.</summary>
    internal void Upload(ulong to, ReadOnlySpan<float> rows, int width, int padded)
    {
        if (width == padded)
        {
            Gpu.Upload(to, MemoryMarshal.AsBytes(rows));
            return;
        }
        float[] wide = new float[rows.Length / width * padded];
        for (int row = 0; row < rows.Length / width; row++) { rows.Slice(row * width, width).CopyTo(wide.AsSpan(row * padded)); }
        Gpu.Upload(to, MemoryMarshal.AsBytes<float>(wide));
    }

    /// <summary>Rows of <paramref name="padded"/> floats to rows of <paramref name="width"/>.</summary>
    internal void Download(ulong from, Span<float> rows, int width, int padded)
    {
        if (width == padded)
        {
            Gpu.Download(from, MemoryMarshal.AsBytes(rows));
            return;
        }
        float[] wide = new float[rows.Length / width * padded];
        Gpu.Download(from, MemoryMarshal.AsBytes(wide.AsSpan()));
        for (int row = 0; row < rows.Length / width; row++) { wide.AsSpan(row * padded, width).CopyTo(rows[(row * width)..]); }
    }

    private protected override void Free()
    {
        using (Gate.Enter())
        {
            ReleaseDocuments();
            Launcher.Dispose();
            Gpu.Dispose();
        }
    }
}
