using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Profiling;
using MiniLM.Model;
using MiniLM.Retrieval;
using MiniLM.Tests;
using MiniLM.Training;

namespace MiniLM.Cuda.Tests;

/// <summary>What the driver's answers become: messages that say what to do, and launches as they were asked for.</summary>
[Collection(nameof(FakeDriver))]
public sealed class CudaDriverTests
{
    public CudaDriverTests() => FakeDriver.Reset();

    private static CudaGpu Open(int index = 0) => new(FakeDriver.Api(), index);

    private static string Refusal(Func<object?> act) => Assert.ThrowsAny<GpuException>(act).Message;

    [Fact]
    public void AMissingEntryPoint_IsNamed()
    {
        FakeDriver.Missing = "cuMemGetInfo_v2";
        Assert.Contains("has no cuMemGetInfo_v2: it is too old", Refusal(FakeDriver.Api), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100, "the driver sees no GPU. Use --device cpu"), InlineData(34, "the toolkit's stub"),
        InlineData(803, "restart the machine or update the driver")]
    public void AFailureToStart_SaysWhatToDo(int status, string says)
    {
        FakeDriver.InitStatus = status;
        string message = Refusal(() => Open());
        Assert.StartsWith($"cuInit: CUDA_ERROR_FAKE ({status})", message, StringComparison.Ordinal);
        Assert.Contains(says, message, StringComparison.Ordinal);
    }

    [Fact]
    public void ADriverOlderThanCuda9_IsRefused()
    {
        FakeDriver.Version = 8000;
        Assert.Contains("for CUDA 8.0; 9.0 or newer is needed", Refusal(() => Open()), StringComparison.Ordinal);
    }

    [Fact]
    public void AnIndexBeyondTheGpus_IsRefused() => Assert.Contains("cuda:1: this machine has 1 GPU,", Refusal(() => Open(1)), StringComparison.Ordinal);

    [Fact]
    public void TheProperties_AreTheDrivers()
    {
        using CudaGpu gpu = Open();
        Assert.Equal(new GpuProperties("Fake GPU", 86, 13000, 82, 24L << 30, 99 << 10, 1.7e9, 936e9), gpu.Properties);
    }

    [Fact]
    public void OutOfMemory_SaysWhatIsFreeAndWhatIsNeeded()
    {
        FakeDriver.AllocateStatus = 2;
        using CudaGpu gpu = Open();
        string message = Assert.Throws<GpuOutOfMemoryException>(() => gpu.Allocate(3000L << 20)).Message;
        Assert.Equal("Fake GPU has 1,500 of 24,576 MB free, 3,000 MB are needed", message);
    }

    [Fact]
    public void ATextThatTheDriverRefuses_IsNamedWithTheLog()
    {
        (FakeDriver.LoadStatus, FakeDriver.Log) = (218, "ptxas fatal:\nunknown instruction");
        using CudaGpu gpu = Open();
        string message = Refusal(() => gpu.Load("GemmMmaF16", ".version 7.0"));
        Assert.Contains("GemmMmaF16: ptxas fatal: unknown instruction", message, StringComparison.Ordinal);
        Assert.Contains("can't compile the kernels", message, StringComparison.Ordinal);
    }

    [Fact]
    public void MoreSharedMemoryThan48KB_IsOptedIntoOnce()
    {
        using CudaGpu gpu = Open();
        using GpuKernel kernel = gpu.Load("k", "");
        gpu.Launch(kernel, new LaunchShape(1, 1, 32, 48 << 10), []);
        Assert.Empty(FakeDriver.FunctionAttributes);
        gpu.Launch(kernel, new LaunchShape(1, 1, 32, 64 << 10), []);
        gpu.Launch(kernel, new LaunchShape(1, 1, 32, 64 << 10), []);
        Assert.Equal([(8, 64 << 10)], FakeDriver.FunctionAttributes); // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    }

    [Fact]
    public void MoreSharedMemoryThanTheGpuHas_IsRefused()
    {
        using CudaGpu gpu = Open();
        using GpuKernel kernel = gpu.Load("k", "");
        Assert.Contains("Fake GPU has 101376 a block", Assert.Throws<GpuException>(() => gpu.Launch(kernel, new LaunchShape(1, 1, 32, 100 << 10), [])).Message,
            StringComparison.Ordinal);
        Assert.Empty(FakeDriver.Shape);
    }

    [Fact]
    public void ALaunch_ArrivesWithItsShapeAndItsParametersByteForByte()
    {
        byte[] parameters = [.. Enumerable.Range(0, 93).Select(i => (byte)(i * 7))];
        using CudaGpu gpu = Open();
        using GpuKernel kernel = gpu.Load("k", "");
        gpu.Launch(kernel, new LaunchShape(5, 7, 128, 1024), parameters);
        Assert.Equal(new uint[] { 5, 7, 1, 128, 1, 1, 1024 }, FakeDriver.Shape);
        Assert.Equal(parameters, FakeDriver.Parameters);
    }

    [Fact]
    public void ALostContext_IsSaid()
    {
        FakeDriver.LaunchStatus = 700;
        using CudaGpu gpu = Open();
        using GpuKernel kernel = gpu.Load("k", "");
        string message = Assert.Throws<GpuException>(() => gpu.Launch(kernel, new LaunchShape(1, 1, 32, 0), [])).Message;
        Assert.Contains("k, grid 1 x 1, 32 threads", message, StringComparison.Ordinal);
        Assert.Contains("the GPU's context is lost", message, StringComparison.Ordinal);
    }

    // A lost context fails every later call too, giving memory back among them.
    [Fact]
    public void ALostContext_IsSaid_AlsoWhereCleaningUpFailsBehindIt()
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        PackedBatch batch = DeviceContract.RandomBatch(folder.Network.Config, [5, 9], seed: 2);
        CudaDevice device = new(Open(), "cuda:0");
        DeviceNetwork network = device.Load(folder.Network, Precision.Float32);
        (FakeDriver.LaunchStatus, FakeDriver.FreeStatus) = (700, 700);
        string forward = Assert.Throws<GpuException>(() => network.Forward(batch, new float[2 * folder.OutputSize])).Message;
        Assert.Contains("cuLaunchKernel", forward, StringComparison.Ordinal);
        string similarity = Assert.Throws<GpuException>(() => device.Similarity([1f, 2f], [3f, 4f], 2, new float[1])).Message;
        Assert.Contains("cuLaunchKernel", similarity, StringComparison.Ordinal);
        Assert.Equal(1, FakeDriver.Freed); // similarity's
        network.Dispose();
        Assert.Equal(3, FakeDriver.Freed); // the workspace and the weights
        device.Dispose();
    }

    [Fact]
    public void AFaultThatComesLater_SaysHowToFindItsKernel_AndThenNamesItWithItsArguments()
    {
        using CudaGpu gpu = Open();
        FakeDriver.SynchronizeStatus = 700;
        string message = Refusal(() => { gpu.Synchronize(); return null; });
        Assert.Equal("cuStreamSynchronize: CUDA_ERROR_FAKE (700): the GPU's context is lost; nothing more can be computed in this process."
            + " A kernel that was started before may be the cause: MINILM_CUDA_SYNC=1 names it.", message);
        FakeDriver.IsSynchronous = true;
        using CudaGpu waiting = Open();
        using GpuKernel kernel = waiting.Load("GemmMmaF16", "");
        byte[] arguments = [0, 1, 0, 0, 0, 0, 0, 0x12, 0xff, 3];
        message = Refusal(() => { waiting.Launch(kernel, new LaunchShape(5, 7, 128, 1024), arguments); return null; });
        Assert.Equal("cuStreamSynchronize (GemmMmaF16, grid 5 x 7, 128 threads, 1024 bytes of shared memory, arguments 00000100 12000000 000003ff):"
            + " CUDA_ERROR_FAKE (700): the GPU's context is lost; nothing more can be computed in this process.", message);
    }

    // The fake driver reads the host's memory at the last moment that the real one may.
    [Fact]
    public void AnUploadedBuffer_MayBeChangedAtOnce()
    {
        using CudaGpu gpu = Open();
        byte[] expected = new byte[3 * PinnedRing.Chunks * PinnedRing.ChunkBytes], buffer = new byte[PinnedRing.ChunkBytes + 4321];
        FakeDriver.Memory = new byte[expected.Length];
        new Random(1).NextBytes(expected);
        // Pieces of all sizes: less than a chunk, no multiple of the ring's alignment, more than a chunk, empty.
        for (int at = 0, next = 1; at < expected.Length; next = next * 5 % 2_200_003)
        {
            int count = Math.Min(Math.Min(next, buffer.Length), expected.Length - at);
            expected.AsSpan(at, count).CopyTo(buffer);
            gpu.Upload(256 + (ulong)at, buffer.AsSpan(0, count));
            Array.Clear(buffer);
            gpu.Upload(256, []);
            at += count;
        }
        gpu.Synchronize();
        Assert.True(FakeDriver.Memory.AsSpan().SequenceEqual(expected));
    }

    [Fact]
    public void Marks_AreMadeAhead_TakenAgain_AndGivenBack()
    {
        CudaGpu gpu = Open();
        gpu.MakeEvents(4);
        Assert.Equal(4, FakeDriver.EventsMade);
        for (int i = 0; i < 3; i++)
        {
            (nint start, nint end) = (gpu.RecordEvent(), gpu.RecordEvent());
            Assert.NotEqual(start, end);
            Assert.Equal(0.5e-3, gpu.Elapsed(start, end));
        }
        Assert.Equal(4, FakeDriver.EventsMade);
        gpu.Dispose();
        Assert.Equal(0, FakeDriver.Events);
    }

    // Not where memory is reserved: that is there.
    [Fact]
    public void ALaunchThatRunsOutOfMemory_HalvesTheBatch()
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        PackedBatch batch = DeviceContract.RandomBatch(folder.Network.Config, [5, 9, 6, 4], seed: 2);
        List<string> said = [];
        FakeDriver.Capability = 75;
        using CudaDevice device = new(Open(), "cuda:0", said.Add);
        using DeviceNetwork network = device.Load(folder.Network, Precision.Float32);
        int before = FakeDriver.Launches, freed = FakeDriver.Freed;
        network.Forward(batch, new float[4 * folder.OutputSize]);
        int whole = FakeDriver.Launches - before;
        (FakeDriver.LaunchStatus, FakeDriver.LaunchFailures) = (2, 1);
        network.Forward(batch, new float[4 * folder.OutputSize]);
        Assert.EndsWith("going on with batches of at most 12 tokens", Assert.Single(said), StringComparison.Ordinal);
        Assert.Equal(before + whole + 1 + 3 * whole, FakeDriver.Launches); // the one that failed, and three parts: 5, 9, 6 + 4
        Assert.Equal(freed + 3, FakeDriver.Freed); // the workspace of all four, then that of 5 for 9, that of 9 for 10
        (FakeDriver.LaunchStatus, FakeDriver.LaunchFailures) = (2, int.MaxValue);
        Assert.Contains("one sequence of 5 tokens does not fit",
            Assert.Throws<GpuOutOfMemoryException>(() => network.Forward(batch, new float[4 * folder.OutputSize])).Message, StringComparison.Ordinal);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void AModelThatDoesNotFit_SaysWhatToDo(bool trains)
    {
        using RandomNetwork random = new(36, 2, 35, 1);
        using CudaDevice device = new(Open(), "cuda:0");
        FakeDriver.AllocateStatus = 2;
        Assert.EndsWith(" MB are needed; the model does not fit. Use --device cpu.", Refusal(() => trains
            ? device.LoadForTraining(random.Network, Precision.Float32, new TrainingOptions())
            : device.Load(random.Network, Precision.Float32)), StringComparison.Ordinal);
    }

    // A kernel is compiled at its first launch, behind what a batch reserves.
    [Fact]
    public void ATrainingLaunchThatRunsOutOfMemory_TakesThatOfDocuments_OrSaysWhatToDo()
    {
        using RandomNetwork random = new(36, 2, 35, 1);
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [5, 9], seed: 2);
        float[] output = new float[2 * random.Network.OutputSize];
        using CudaDevice device = new(Open(), "cuda:0");
        using TrainingNetwork trained = device.LoadForTraining(random.Network, Precision.Float32, new TrainingOptions());
        using DocumentSearch search = device.Hold(DocumentRows.Of(new float[4], 4));
        search.Search(new float[4], SimilarityFunction.Cosine, [new TopDocuments(1)]);
        Assert.Single(device.Held);
        (FakeDriver.LaunchStatus, FakeDriver.LaunchFailures) = (2, 1);
        trained.ForwardSaving(batch, 0, null, output);
        Assert.Empty(device.Held);
        (FakeDriver.LaunchStatus, FakeDriver.LaunchFailures) = (2, int.MaxValue);
        foreach (Action pass in new Action[] { () => trained.Backward(0, output), () => trained.ForwardSaving(batch, 0, null, output) })
        {
            Assert.EndsWith("a batch of 14 tokens does not fit. Make micro_batch_tokens less, or use --device cpu.",
                Assert.Throws<GpuOutOfMemoryException>(pass).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(209), InlineData(218), InlineData(221), InlineData(222)]
    public void ATensorCoreKernelThatTheDriverRefuses_LeavesTierG(int status)
    {
        using RandomNetwork random = new(128, 4, 256, 1);
        (FakeDriver.LoadStatus, FakeDriver.Refused, FakeDriver.Log) = (status, ".entry AttentionMma32", "no");
        List<string> said = [];
        using CudaDevice device = new(Open(), "cuda:0", said.Add);
        Assert.True(device.HasTensorCores);
        for (int i = 0; i < 2; i++)
        {
            using DeviceNetwork network = device.Load(random.Network, i == 0 ? Precision.Float16 : Precision.BFloat16);
            network.Forward(DeviceContract.RandomBatch(random.Network.Config, [3], seed: 1), new float[128]);
        }
        Assert.False(device.HasTensorCores);
        Assert.Matches($"^cuModuleLoadDataEx \\(AttentionMma32F16: no\\): CUDA_ERROR_FAKE \\({status}\\): .* Going on without tensor cores.$", said[0]);
        Assert.DoesNotContain(device.Launcher.Loaded, kernel => kernel.StartsWith("Attention", StringComparison.Ordinal) && kernel.Contains("Mma"));
        Assert.Contains("AttentionSimt32F16", device.Launcher.Loaded);
        Assert.Contains("AttentionSimt32BF16", device.Launcher.Loaded);
        FakeDriver.Refused = ".entry AttentionSimt32F32";
        using DeviceNetwork none = device.Load(random.Network, Precision.Float32);
        Assert.Throws<KernelRefusedException>(() => none.Forward(DeviceContract.RandomBatch(random.Network.Config, [3], seed: 1), new float[128]));
    }

    [Fact]
    public void ADeviceThatIsDisposed_WaitsForWhoHasTheGpu()
    {
        CudaDevice device = new(Open(), "cuda:0");
        Thread disposing = new(device.Dispose);
        using (device.Gate.Enter())
        {
            disposing.Start();
            while (disposing.IsAlive && !disposing.ThreadState.HasFlag(ThreadState.WaitSleepJoin)) { Thread.Yield(); }
            Assert.Equal(0, FakeDriver.Released);
        }
        disposing.Join();
        Assert.Equal(1, FakeDriver.Released);
    }

    [Fact]
    public void AGpuThatCannotBeOpened_GivesItsContextBack()
    {
        FakeDriver.StreamStatus = 2;
        Assert.Throws<GpuOutOfMemoryException>(() => Open());
        Assert.Equal(1, FakeDriver.Released);
    }

    [Fact]
    public void MemoryThatCannotBeCleared_IsGivenBack()
    {
        using CudaGpu gpu = Open();
        using GpuArena arena = new(gpu);
        FakeDriver.ClearStatus = 700;
        Assert.Contains("cuMemsetD8Async", Assert.Throws<GpuException>(arena.Commit).Message, StringComparison.Ordinal);
        Assert.Equal(1, FakeDriver.Freed);
        arena.Dispose();
        Assert.Equal(1, FakeDriver.Freed);
    }

    [Fact]
    public void AGpuOlderThanPascal_IsRefused()
    {
        FakeDriver.Capability = 52;
        using CudaGpu gpu = Open();
        Assert.Contains("compute capability 5.2; the kernels need 6.0", Refusal(() => new CudaDevice(gpu, "cuda:0")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10000, 80, false), InlineData(11000, 80, true), InlineData(13000, 75, false)]
    public void TensorCores_NeedTheGpuAndADriverOfCuda11(int version, int capability, bool expected)
    {
        (FakeDriver.Version, FakeDriver.Capability) = (version, capability);
        using CudaDevice device = new(Open(), "cuda:0");
        Assert.Equal(expected, device.HasTensorCores);
    }

    // An A100's 108 blocks of 64 tokens are one wave; of a small GPU's more fit.
    [Theory]
    [InlineData(108, 6912), InlineData(132, 8448), InlineData(82, 10496), InlineData(58, 7424), InlineData(1, 8192), InlineData(300, 19200)]
    public void ABatch_IsWholeWavesOfTheMultiprocessors(int multiprocessors, int tokens)
    {
        FakeDriver.Multiprocessors = multiprocessors;
        using CudaDevice device = new(Open(), "cuda:0");
        Assert.Equal(tokens, device.BatchTokens);
    }

    [Fact]
    public void AnArchitectureThatIsNotKnown_HasNoRatesButItsMemorys()
    {
        FakeDriver.Capability = 120;
        using CudaGpu gpu = Open();
        GpuModel model = GpuModel.Of(gpu.Properties);
        Assert.False(model.IsKnown);
        Assert.Equal(936e9, model.PerSecond(Limit.Dram));
        foreach (Limit limit in Enum.GetValues<Limit>().Where(limit => limit != Limit.Dram)) { Assert.Equal(0, model.PerSecond(limit)); }
        Assert.All(GpuModel.Predicted, known => Assert.True(known.IsKnown));
    }

    [Fact]
    public void WithAClock_LaunchesAreTimedAndTheCompilersRegistersAreKept()
    {
        using CudaDevice device = new(Open(), "cuda:0");
        PassProfile profile = ProfilingTests.Run(device, Precision.Float16, 20);
        Assert.Equal(0.5e-3, profile.PassSeconds);
        Assert.Equal(2 * profile.Launches.Length + PinnedRing.Chunks, FakeDriver.EventsMade); // none in a pass that is timed
        Assert.All(profile.Launches, launch => Assert.Equal((0.5e-3, (96, 0)), (launch.Seconds, launch.Compiled)));
        GpuModel gpu = GpuModel.Of(device.Gpu.Properties);
        Assert.Equal((82 * 1.7e9 * 1024, 936e9), (gpu.PerSecond(Limit.Tensor), gpu.PerSecond(Limit.Dram)));
    }
}
