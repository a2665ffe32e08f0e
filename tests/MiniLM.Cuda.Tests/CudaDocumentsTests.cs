using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Emulator;
using MiniLM.Data;
using MiniLM.Mining;
using MiniLM.Model;
using MiniLM.Retrieval;
using MiniLM.Tests;
using MiniLM.Training;
using MiniLM.Training.Evaluators;

namespace MiniLM.Cuda.Tests;

/// <summary>Documents on a device: what is found, what is uploaded, and when the memory is given back.</summary>
[Collection(nameof(FakeDriver))]
public sealed class CudaDocumentsTests : IDisposable
{
    private const int Width = 20, Padded = 32;

    private readonly string _folder = Directory.CreateTempSubdirectory("minilm-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static float[] Values(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - .5f)];
    }

    /// <summary>An index of vectors of many lengths, of which some are there several times.</summary>
    private VectorIndex Index(int count)
    {
        string folder = Path.Combine(_folder, $"{count}");
        if (!Directory.Exists(folder))
        {
            float[] vectors = Values(count * Width, seed: 1);
            using VectorIndexWriter writer = new(folder, Width);
            for (int i = 0; i < count; i++)
            {
                int from = i % 97 == 0 ? 0 : i;
                writer.Add(new Document($"{i}", "", ""), [.. vectors.AsSpan(from * Width, Width).ToArray().Select(value => value * (1 + from % 5))]);
            }
            writer.Complete("model", "hash");
        }
        return VectorIndex.Open(folder);
    }

    private static void AssertSame(SearchHit[][] expected, SearchHit[][] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int query = 0; query < expected.Length; query++)
        {
            Assert.Equal(expected[query].Select(hit => hit.Document), actual[query].Select(hit => hit.Document));
            Assert.All(expected[query].Zip(actual[query]), hits => Assert.Equal(hits.First.Score, hits.Second.Score, tolerance));
        }
    }

    // Two blocks, and more queries than share a pass; a query that is a document which is there again and again.
    [Theory]
    [InlineData(SimilarityFunction.Cosine), InlineData(SimilarityFunction.Dot)]
    [InlineData(SimilarityFunction.Euclidean), InlineData(SimilarityFunction.Manhattan)]
    public void Search_FindsWhatTheReferenceFinds(SimilarityFunction function)
    {
        using VectorIndex index = Index(DocumentSearch.Block + 700);
        using ReferenceDevice reference = new();
        using CudaDevice device = new(new EmulatedGpu(), "emulated");
        float[] queries = [.. Values(515 * Width, seed: 2), .. Values(Width, seed: 1)];
        AssertSame(index.Search(queries.AsSpan(500 * Width), 150, reference, function),
            [.. index.Search(queries, 150, device, function).Skip(500)], function == SimilarityFunction.Cosine ? 2e-6 : 2e-5);
        Assert.Empty(index.Search([], 3, device, function));
        SearchHit[] all = index.Search(queries.AsSpan(0, Width), 100_000, device, function)[0];
        Assert.Equal(index.Count, all.Length);
    }

    [Fact]
    public void AnEmptyIndex_IsSearchedForNothing()
    {
        using VectorIndex index = Index(0);
        using CudaDevice device = new(new EmulatedGpu(), "emulated");
        Assert.Empty(Assert.Single(index.Search(Values(Width, seed: 1), 3, device)));
    }

    // Five blocks of a megabyte each: all fit; half of the memory holds two; another has taken the most. A search of more queries makes blocks give way.
    [Theory]
    [InlineData(64, 0, 5, 64, 5), InlineData(5, 0, 2, 64, 1), InlineData(12, 8, 2, 64, 0), InlineData(12, 10, 0, 16, 0)]
    public void DocumentsThatDoNotFit_PassThroughAtEachSearch(int megabytes, int taken, int held, int more, int heldThen)
    {
        using VectorIndex index = Index(4 * DocumentSearch.Block + 123);
        using CudaDevice large = new(new EmulatedGpu(), "emulated");
        List<string> said = [];
        EmulatedGpu gpu = new(new EmulatedGpuOptions { TotalBytes = megabytes << 20 });
        using CudaDevice device = new(gpu, "emulated", said.Add);
        if (taken > 0) { gpu.Allocate(taken << 20); }
        float[] queries = Values(3 * Width, seed: 2);
        foreach (SimilarityFunction function in new[] { SimilarityFunction.Cosine, SimilarityFunction.Dot })
        {
            SearchHit[][] expected = index.Search(queries, 20, large, function);
            for (int repeat = 0; repeat < 2; repeat++) { AssertSame(expected, index.Search(queries, 20, device, function), 0); }
        }
        Assert.Equal(held, device.Held.Single().HeldBytes >> 20);
        string stays = $"{held * DocumentSearch.Block:N0} of {index.Count:N0} documents stay in the memory of emulated sm_80";
        Assert.Equal(held < 5, said.Any(line => line.StartsWith(stays, StringComparison.Ordinal)));
        AssertSame(index.Search(Values(more * Width, seed: 3), 20, large), index.Search(Values(more * Width, seed: 3), 20, device), 0);
        Assert.Equal(heldThen, device.Held.Single().HeldBytes >> 20);
        index.Search(queries, 20, device);
        Assert.Equal(held, device.Held.Single().HeldBytes >> 20); // they have come back
        index.Dispose();
        Assert.Equal(taken > 0 ? 1 : 0, gpu.AllocationCount);
    }

    [Fact]
    public void MemoryThatNothingFitsInto_IsSaid()
    {
        using VectorIndex index = Index(DocumentSearch.Block + 1);
        using CudaDevice device = new(new EmulatedGpu(new EmulatedGpuOptions { TotalBytes = 1 << 20 }), "emulated");
        string said = Assert.Throws<GpuOutOfMemoryException>(() => index.Search(Values(Width, seed: 1), 1, device)).Message;
        Assert.EndsWith("a search does not fit. Use --device cpu.", said, StringComparison.Ordinal);
        Assert.Empty(index.Search([], 1, device));
    }

    // Documents that are held have taken the most, others the rest.
    [Theory]
    [InlineData("a pass"), InlineData("a network"), InlineData("a training pass"), InlineData("a network to train"), InlineData("similarity")]
    [InlineData("a search")]
    public void DocumentsGiveTheirMemory_ToWhatCannotDoWithout(string need)
    {
        using VectorIndex index = Index(4 * DocumentSearch.Block + 123), other = Index(600);
        using RandomNetwork random = new(36, 2, 35, 1);
        List<string> said = [];
        EmulatedGpu gpu = new(new EmulatedGpuOptions { TotalBytes = 32 << 20 });
        using CudaDevice device = new(gpu, "emulated", said.Add);
        using DeviceNetwork network = device.Load(random.Network, Precision.Float32);
        using TrainingNetwork trained = device.LoadForTraining(random.Network, Precision.Float32, new TrainingOptions());
        PackedBatch batch = DeviceContract.RandomBatch(random.Network.Config, [200, 200], seed: 1);
        float[] query = Values(Width, seed: 2), output = new float[batch.Sequences * random.Network.OutputSize];
        SearchHit[][] expected = index.Search(query, 20, device);
        long held = device.Held.Single().HeldBytes;
        ulong left = gpu.Allocate(need.StartsWith("a network", StringComparison.Ordinal) ? 8 << 20 : 1); // which is more than the documents
        Fill();
        gpu.Free(left);
        switch (need)
        {
            case "a pass": network.Forward(batch, output); break;
            case "a network": device.Load(random.Network, Precision.Float32).Dispose(); break;
            case "a training pass": trained.ForwardSaving(batch, 0, null, output); break;
            case "a network to train": device.LoadForTraining(random.Network, Precision.Float32, new TrainingOptions()).Dispose(); break;
            case "similarity": device.Similarity(Values(100 * Width, seed: 1), Values(900 * Width, seed: 2), Width, new float[100 * 900]); break;
            default: Assert.Single(other.Search(query, 1, device)); break;
        }
        Assert.InRange(device.Held.Sum(documents => documents.HeldBytes), need == "a search" ? 1 : 0, need == "a search" ? held - 1 : 0);
        AssertSame(expected, index.Search(query, 20, device), 0);
        Assert.DoesNotContain(said, line => line.Contains("going on", StringComparison.Ordinal));

        void Fill()
        {
            try
            {
                while (true) { gpu.Allocate(1 << 12); }
            }
            catch (GpuOutOfMemoryException) { }
        }
    }

    [Fact]
    public void ASecondSearch_UploadsItsQueriesAlone()
    {
        FakeDriver.Reset();
        using VectorIndex index = Index(DocumentSearch.Block + 700);
        using CudaDevice device = new(new CudaGpu(FakeDriver.Api(), 0), "cuda:0");
        long before = FakeDriver.Uploaded;
        index.Search(Values(3 * Width, seed: 2), 10, device);
        Assert.Equal(4L * (3 * Padded + index.Count * (Padded + 1)), FakeDriver.Uploaded - before); // vectors, and lengths for another search
        before = FakeDriver.Uploaded;
        index.Search(Values(7 * Width, seed: 2), 10, device, SimilarityFunction.Dot);
        Assert.Equal(4L * 7 * Padded, FakeDriver.Uploaded - before);
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public void TheMemory_IsGivenBackWithTheIndexOrTheDevice(bool indexFirst)
    {
        FakeDriver.Reset();
        VectorIndex index = Index(DocumentSearch.Block + 700);
        CudaDevice device = new(new CudaGpu(FakeDriver.Api(), 0), "cuda:0");
        index.Search(Values(Width, seed: 2), 10, device);
        Assert.Equal((3, 1), (FakeDriver.Allocated, FakeDriver.Freed)); // two blocks are held
        if (indexFirst) { index.Dispose(); } else { device.Dispose(); }
        Assert.Equal((3, indexFirst ? 0 : 1), (FakeDriver.Freed, FakeDriver.Released));
        Assert.Throws<ObjectDisposedException>(() => index.Search(Values(Width, seed: 2), 10, device));
        if (indexFirst) { device.Dispose(); } else { index.Dispose(); }
        Assert.Equal((3, 3, 1), (FakeDriver.Allocated, FakeDriver.Freed, FakeDriver.Released));
    }

    [Fact]
    public void ACancelledSearch_LeavesWhatIsHeld_AndTheNextOneFinds()
    {
        using VectorIndex index = Index(DocumentSearch.Block + 700);
        using CudaDevice device = new(new EmulatedGpu(), "emulated");
        float[] query = Values(Width, seed: 2);
        SearchHit[][] expected = index.Search(query, 10, device);
        for (int launches = 1; launches < 4; launches++)
        {
            using VectorIndex again = Index(index.Count);
            using CancellationTokenSource source = new();
            int left = launches;
            device.Launcher.Launched = (_, _, _, _) =>
            {
                if (--left == 0) { source.Cancel(); }
            };
            Assert.Throws<OperationCanceledException>(() => again.Search(query, 10, device, cancellation: source.Token));
            device.Launcher.Launched = null;
            AssertSame(expected, again.Search(query, 10, device), 0);
        }
        Assert.Single(device.Held);
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public async Task Dispose_BesideSearchesLetsThemFinishOrRefusesThem(bool indexFirst)
    {
        const int Rounds = 15, Callers = 3;
        float[] query = Values(Width, seed: 2);
        using CudaDevice calm = new(new EmulatedGpu(), "emulated");
        using VectorIndex whole = Index(600);
        SearchHit[] expected = whole.Search(query, 5, calm)[0];
        for (int round = 0; round < Rounds; round++)
        {
            using VectorIndex index = Index(600);
            using CudaDevice device = new(new EmulatedGpu(new EmulatedGpuOptions { Threads = 1 }), "emulated");
            using ManualResetEventSlim running = new();
            Task[] callers = [.. Enumerable.Range(0, Callers).Select(_ => Task.Run(() =>
            {
                try
                {
                    while (true)
                    {
                        Assert.Equal(expected, index.Search(query, 5, device)[0]);
                        running.Set();
                    }
                }
                catch (ObjectDisposedException) { }
            }))];
            running.Wait();
            if (indexFirst) { index.Dispose(); } else { device.Dispose(); }
            await Task.WhenAll(callers);
        }
    }

    // Numbers that are exact in every order; documents in windows, the last one cut.
    [Fact]
    public void Mining_FindsWhatTheReferenceMines()
    {
        const int Count = 300, Queries = 70, Window = 128;
        Random random = new(5);
        float[] documents = [.. Enumerable.Range(0, Count * Width).Select(_ => random.Next(-4, 5) / 4f)],
            queries = [.. Enumerable.Range(0, Queries * Width).Select(_ => random.Next(-4, 5) / 4f)];
        (int, int)[] pairs = [.. Enumerable.Range(0, Queries).Select(query => (query, random.Next(Count))), (3, Count - 1), (3, 0), (4, 17)];
        MinedQuery[] Mined(Device device)
        {
            HardNegatives negatives = new(new MiningOptions { NumNegatives = 6, RangeMin = 1, AbsoluteMargin = .25f }, queries, Width, pairs, Count, device);
            for (int at = 0; at < Count; at += Window) { negatives.Add(documents.AsMemory(at * Width, Math.Min(Window, Count - at) * Width)); }
            return [.. negatives.Mine()];
        }
        using ReferenceDevice reference = new();
        EmulatedGpu gpu = new();
        using CudaDevice device = new(gpu, "emulated");
        MinedQuery[] expected = Mined(reference), actual = Mined(device);
        for (int query = 0; query < Queries; query++)
        {
            Assert.Equal(expected[query].Positives, actual[query].Positives);
            Assert.Equal(expected[query].Negatives, actual[query].Negatives);
        }
        Assert.Equal(0, gpu.AllocationCount);
    }

    [Theory]
    [InlineData(SimilarityFunction.Cosine), InlineData(SimilarityFunction.Dot)]
    public void AnEvaluation_MeasuresWhatTheReferenceDoes(SimilarityFunction function)
    {
        const int Count = 400, Queries = 66;
        string[] ids = [.. Enumerable.Range(0, Count).Select(i => $"{i}")];
        IReadOnlySet<string>[] relevant = [.. Enumerable.Range(0, Queries).Select(i => new HashSet<string> { ids[i * 5 % Count], ids[i * 7 % Count] })];
        double[] Measured(Device device) => new EmbeddingRanking(function, device)
            .Measure(Values(Queries * Width, seed: 1), Values(Count * Width, seed: 2), Width, ids, relevant, CancellationToken.None);
        using ReferenceDevice reference = new();
        EmulatedGpu gpu = new();
        using CudaDevice device = new(gpu, "emulated");
        double[] expected = Measured(reference);
        Assert.Contains(expected, value => value is > 0 and < 1);
        Assert.Equal(expected, Measured(device));
        Assert.Equal(0, gpu.AllocationCount);
    }
}
