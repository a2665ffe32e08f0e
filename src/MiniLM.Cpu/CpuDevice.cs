using MiniLM.Compute;
using MiniLM.Cpu.Threading;
using MiniLM.Model;

namespace MiniLM.Cpu;

/// <summary>The CPU device: kernels of the processor's best tier, threads of its own.</summary>
public sealed unsafe class CpuDevice : Device
{
    private readonly WorkerPool _pool;

    /// <param name="threads">Threads that compute, the caller's included; null: the processors that affinity and the control group's quota allow.</param>
    /// <exception cref="ArgumentException"><c>MINILM_CPU</c> names a tier that this machine has not.</exception>
    public CpuDevice(int? threads = null) : this(threads, CpuTiers.InForce()) { }

    internal CpuDevice(int? threads, CpuTier tier)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads ?? 1, nameof(threads));
        Tier = tier;
        Kernels = CpuKernels.For(tier);
        _pool = new WorkerPool(threads ?? ThreadCount.Default());
    }

    /// <summary>The tier in force.</summary>
    public CpuTier Tier { get; }

    /// <summary>Threads that compute.</summary>
    public int Threads => _pool.All.Size;

    /// <inheritdoc/>
    public override string Name => "cpu";

    /// <inheritdoc/>
    public override string Description
    {
        get
        {
            string forced = Environment.GetEnvironmentVariable(CpuTiers.Variable) is { Length: > 0 } ? $" (forced by {CpuTiers.Variable})" : " (the fastest of this CPU)";
            return $"{CpuTiers.Name(Tier)}{forced}, {Threads} thread{(Threads == 1 ? "" : "s")}; tiers here: {string.Join(", ", CpuTiers.Supported.Select(CpuTiers.Name))}";
        }
    }

    /// <inheritdoc/>
    public override bool Supports(Precision precision) => precision == Precision.Float32;

    internal CpuKernels Kernels { get; }

    /// <summary>One piece of work at a time: networks of one device take turns on its threads.</summary>
    internal Lock Gate { get; } = new();

    internal WorkerPool Pool => _pool;

    internal override DeviceNetwork Load(Network network, Precision precision)
    {
        if (!Supports(precision)) { throw new NotSupportedException($"the cpu device has no {precision} kernels yet; use float32"); }
        return new CpuNetwork(this, network);
    }

    internal override void Similarity(ReadOnlySpan<float> queries, ReadOnlySpan<float> documents, int width, Span<float> scores)
    {
        (int queryCount, int documentCount) = (queries.Length / width, documents.Length / width);
        fixed (float* q = queries, d = documents, s = scores)
        {
            (nint from, nint with, nint to) = ((nint)q, (nint)d, (nint)s); // a lambda may not hold pointers of a fixed statement
            lock (Gate)
            {
                _pool.Run(member =>
                {
                    (int first, int end) = _pool.All.Share(documentCount, member);
                    Kernels.Similarity((float*)from, queryCount, (float*)with, first, end, width, (float*)to, documentCount);
                });
            }
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _pool.Dispose();
        base.Dispose();
    }
}
