using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cuda.Profiling;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Cuda.Report;

/// <summary>A shape's time on the device, beside what it should be.</summary>
/// <param name="IsTraining">A training step instead of a forward pass.</param>
/// <param name="Precision">Storage.</param>
/// <param name="Sequences">Of a batch.</param>
/// <param name="Length">Of each sequence.</param>
/// <param name="Seconds">Of each pass, sorted: one pair of events around it, transfers included; empty where there is no clock.</param>
/// <param name="Predictions">For this GPU where it is known; of the emulator for those that predictions are made for.</param>
/// <param name="Problem">What went wrong; null: nothing did.</param>
internal sealed record DeviceBenchmark(
    bool IsTraining, Precision Precision, int Sequences, int Length, double[] Seconds, GpuTime[] Predictions, string? Problem)
{
    internal const int Hidden = 384, Heads = 12, Inner = 1536, Layers = 6;

    internal bool IsGreen => Problem is null;

    internal double? Median => Seconds.Length > 0 ? Seconds[Seconds.Length / 2] : null;

    internal static DeviceBenchmark[] All(CudaDevice device, Action<string> say, CancellationToken cancellation)
    {
        (bool IsTraining, Precision Precision, int Sequences, int Length)[] shapes =
        [
            (false, Precision.Float32, 1, 16), (false, Precision.Float32, 32, 128),
            (false, Precision.Float16, 1, 16), (false, Precision.Float16, 32, 128), (false, Precision.Float16, 64, 200),
            (true, Precision.Float16, 32, 90),
        ];
        return [.. shapes.Select(shape =>
        {
            say($"{(shape.IsTraining ? "training step" : "forward pass")} of {shape.Sequences}x{shape.Length} ({DeviceChecks.Named(shape.Precision)})");
            DeviceBenchmark benchmark = new(shape.IsTraining, shape.Precision, shape.Sequences, shape.Length, [], [], null);
            try { return benchmark.Run(device, cancellation); }
            catch (Exception error) when (error is GpuException or NotSupportedException) { return benchmark with { Problem = error.Message }; }
        })];
    }

    internal DeviceBenchmark Run(CudaDevice device, CancellationToken cancellation)
    {
        double[] seconds = [];
        if (device.Gpu.Properties.HasClock)
        {
            On(device, Layers, pass => seconds = [.. PassProfile.Plain(device.Gpu, pass).Order()], cancellation);
        }
        GpuModel[] models = seconds.Length == 0 ? GpuModel.Predicted : GpuModel.Of(device.Gpu.Properties) is { IsKnown: true } known ? [known] : [];
        if (models.Length == 0) { return this with { Seconds = seconds }; }
        // All layers are alike: one and two are counted, and the difference is taken as often as there are more.
        (ProfiledLaunch[] one, ProfiledLaunch[] two) = (Count(device, 1, cancellation), Count(device, 2, cancellation));
        return this with { Seconds = seconds, Predictions = [.. models.Select(model => GpuTime.Of(model, one, two, Layers))] };
    }

    private ProfiledLaunch[] Count(CudaDevice device, int layers, CancellationToken cancellation)
    {
        using CudaDevice counting = device.AsEmulated(isCounted: true);
        ProfiledLaunch[] launches = [];
        On(counting, layers, pass => launches = PassProfile.Count(counting, pass), cancellation);
        return launches;
    }

    /// <summary>Gives <paramref name="use"/> the pass, or the step.</summary>
    private void On(CudaDevice device, int layers, Action<Action> use, CancellationToken cancellation)
    {
        using RandomNetwork random = new(Hidden, Heads, Inner, layers);
        Network network = random.Network.WithDropout(IsTraining ? .1f : 0);
        PackedBatch batch = RandomNetwork.Batch(network.Config, [.. Enumerable.Repeat(Length, Sequences)], seed: 1);
        float[] output = new float[batch.Sequences * network.OutputSize];
        if (!IsTraining)
        {
            using DeviceNetwork loaded = device.Load(network, Precision, cancellation);
            use(() => loaded.Forward(batch, output, cancellation));
            return;
        }
        using TrainingNetwork trained = device.LoadForTraining(network, Precision, new TrainingOptions(), cancellation);
        uint step = 0;
        use(() =>
        {
            trained.ForwardSaving(batch, 0, new StepDropout(1, step++, batch.Offsets), output, cancellation);
            trained.Backward(0, output, cancellation);
            trained.Step(new StepOptions(1e-6));
        });
    }
}

/// <summary>What a pass should take on a GPU.</summary>
/// <param name="Gpu">Its name.</param>
/// <param name="Seconds">By the model of docs/gpu.md.</param>
/// <param name="RoofSeconds">If it did nothing but reach the limit that it is nearest to.</param>
/// <param name="Bound">That limit.</param>
internal sealed record GpuTime(string Gpu, double Seconds, double RoofSeconds, Limit Bound)
{
    /// <param name="gpu">A GPU that is known.</param>
    /// <param name="one">Launches with one layer.</param>
    /// <param name="two">With two.</param>
    /// <param name="layers">How many there are.</param>
    internal static GpuTime Of(GpuModel gpu, ProfiledLaunch[] one, ProfiledLaunch[] two, int layers)
    {
        return new GpuTime(gpu.Name, Whole(launches => launches.Sum(launch => LaunchPrediction.Seconds(launch, gpu, out _))),
            Whole(launches => LaunchPrediction.SpeedOfLight(launches, gpu).Seconds), LaunchPrediction.SpeedOfLight(two, gpu).Bound);

        double Whole(Func<ProfiledLaunch[], double> of) => of(one) + (layers - 1) * (of(two) - of(one));
    }
}
