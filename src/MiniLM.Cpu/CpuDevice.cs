using MiniLM.Compute;
using MiniLM.Cpu.Threading;
using MiniLM.Cpu.Training;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Cpu;

/// <summary>The CPU device: kernels of the processor's best tier, threads of its own.</summary>
public sealed unsafe class CpuDevice : Device
{
    /// <summary>More threads than this have not been thought of.</summary>
    internal const int MostThreads = 1024;

    /// <param name="threads">
    /// Threads that compute, the caller's included, up to 1,024; more than there are processors only cost time. Null: the processors that affinity and
    /// the control group's quota allow.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1 or more than 1,024 threads.</exception>
    /// <exception cref="ArgumentException"><c>MINILM_CPU</c> names a tier that this machine has not.</exception>
    public CpuDevice(int? threads = null) : this(threads, CpuTiers.InForce()) { }

    /// <param name="threads">As above.</param>
    /// <param name="tier">One of this machine's.</param>
    /// <param name="ownThreads">Compute on threads that the device made, never on the caller's: for kernels that need a thread prepared (AMX).</param>
    internal CpuDevice(int? threads, CpuTier tier, bool ownThreads = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads ?? 1, nameof(threads));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads ?? 1, MostThreads, nameof(threads));
        Tier = tier;
        Kernels = CpuKernels.For(tier);
        Pool = new WorkerPool(threads ?? ThreadCount.Default(), callerComputes: !ownThreads);
    }

    /// <summary>The tier in force.</summary>
    public CpuTier Tier { get; }

    /// <summary>Threads that compute.</summary>
    public int Threads => Pool.All.Size;

    /// <inheritdoc/>
    public override string Name => "cpu";

    internal override string Identity => $"{Name} {CpuTiers.Name(Tier)}{(MultipliesBFloat16 ? " bf16" : "")}";

    /// <inheritdoc/>
    public override string Description
    {
        get
        {
            string forced = Environment.GetEnvironmentVariable(CpuTiers.Variable) is { Length: > 0 }
                ? $" (forced by {CpuTiers.Variable})"
                : CpuTiers.WithoutAvx512 is null ? " (the fastest of this CPU)" : " (the fastest without executable memory)";
            return $"{CpuTiers.Name(Tier)}{forced}, {Threads} thread{(Threads == 1 ? "" : "s")}; "
                + $"bfloat16 {(MultipliesBFloat16 ? "by AVX512-BF16" : "rounded, at float32's speed")}; "
                + $"tiers here: {string.Join(", ", CpuTiers.Supported.Select(CpuTiers.Name))}"
                + (CpuTiers.WithoutAvx512 is { } reason ? $"; no avx512: {reason}" : "");
        }
    }

    /// <inheritdoc/>
    public override bool Supports(Precision precision) => precision is Precision.Float32 or Precision.BFloat16 or Precision.Float16;

    /// <summary>Of float32.</summary>
    internal CpuKernels Kernels { get; init; }

    /// <summary>Whether products of bfloat16 are an instruction's; else their operands are rounded floats, and bits differ.</summary>
    internal bool MultipliesBFloat16 => ProductKernels.For(Tier, Precision.BFloat16).Group == 2;

    internal CpuKernels KernelsOf(Precision precision) => precision == Precision.Float32 ? Kernels : CpuKernels.For(Tier, precision);

    /// <summary>One piece of work at a time: networks of one device take turns on its threads.</summary>
    internal Gate Gate { get; } = new();

    internal WorkerPool Pool { get; }

    private protected override DeviceNetwork Prepare(Network network, Precision precision, CancellationToken cancellation)
    {
        if (!Supports(precision)) { throw new NotSupportedException($"the cpu device has no {precision} kernels; use float32, bfloat16 or float16"); }
        return new CpuNetwork(this, network, precision, cancellation);
    }

    private protected override TrainingNetwork PrepareForTraining(
        ParameterBlock parameters, Precision precision, TrainingOptions options, CancellationToken cancellation)
    {
        if (!Supports(precision)) { throw new NotSupportedException($"the cpu device has no {precision} kernels; use float32, bfloat16 or float16"); }
        return new CpuTrainingNetwork(this, parameters, precision, options, cancellation);
    }

    internal override void Similarity(ReadOnlySpan<float> queries, ReadOnlySpan<float> documents, int width, Span<float> scores,
        CancellationToken cancellation = default)
    {
        (int queryCount, int documentCount) = (queries.Length / width, documents.Length / width);
        fixed (float* q = queries, d = documents, s = scores)
        {
            (nint from, nint with, nint to) = ((nint)q, (nint)d, (nint)s); // a lambda may not hold pointers of a fixed statement
            ByDocuments(documentCount, (first, end) =>
                Kernels.Similarity((float*)from, queryCount, (float*)with, first, end, width, (float*)to, documentCount), cancellation);
        }
    }

    internal override void NegativeDistances(SimilarityFunction function, ReadOnlySpan<float> queries, ReadOnlySpan<float> documents, int width,
        Span<float> scores, CancellationToken cancellation = default)
    {
        (int queryCount, int documentCount) = (queries.Length / width, documents.Length / width);
        bool isEuclidean = function == SimilarityFunction.Euclidean;
        fixed (float* q = queries, d = documents, s = scores)
        {
            (nint from, nint with, nint to) = ((nint)q, (nint)d, (nint)s);
            ByDocuments(documentCount, (first, end) =>
                Kernels.NegativeDistances(isEuclidean, (float*)from, queryCount, (float*)with, first, end, width, (float*)to, documentCount), cancellation);
        }
    }

    /// <summary>Shares documents out among the threads; <paramref name="work"/> takes those from the first to before the second.</summary>
    private void ByDocuments(int count, Action<int, int> work, CancellationToken cancellation)
    {
        const int Between = 256; // documents between two looks at the cancellation
        using Lifetime.Inside inside = Lifetime.Enter();
        using (Gate.Enter(cancellation))
        {
            Pool.Run(
                member =>
                {
                    (int first, int end) = Pool.All.Share(count, member);
                    for (int document = first; document < end; document += Between)
                    {
                        Pool.Checkpoint();
                        work(document, Math.Min(document + Between, end));
                    }
                },
                cancellation);
        }
    }

    private protected override void Free() => Pool.Dispose();
}
