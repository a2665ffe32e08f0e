using MiniLM.Training.Sampling;

namespace MiniLM.Tests.Training;

public sealed class BatchSamplerTests
{
    private static readonly int[] Lengths = [.. Enumerable.Range(0, 101).Select(row => row * 37 % 23)];

    // Seven texts in two columns, so that rows meet often.
    private static readonly int[][] Texts =
        [[.. Enumerable.Range(0, 60).Select(row => row % 7)], [.. Enumerable.Range(0, 60).Select(row => 7 + row * 5 % 13)]];

    private static Func<int, int[]> Seeded(int epoch = 0) => new Permutations(42, epoch).Next;

    private static int[][] Rows(BatchSampler sampler, Func<int, int[]> permute) => [.. sampler.Epoch(permute).Select(batch => batch.Rows)];

    private static Func<int, int[]> Given(params int[][] orders)
    {
        Queue<int[]> queue = new(orders);
        return count => queue.Dequeue() is var order && order.Length == count ? order : throw new ArgumentException($"an order of {count} was asked for");
    }

    private static int[] Count(int count) => [.. Enumerable.Range(0, count)];

    public static TheoryData<string> Kinds() => ["shuffled", "grouped", "distinct", "proportional"];

    private static (BatchSampler Sampler, int Rows) Sampler(string kind) => kind switch
    {
        "shuffled" => (new ShuffledBatchSampler(101, 8, dropLast: false), 101),
        "grouped" => (new LengthGroupedSampler(Lengths, 4, dropLast: false, gradientAccumulationSteps: 2), 101),
        "distinct" => (new NoDuplicatesBatchSampler(Texts, 4, dropLast: false), 60),
        _ => (new ProportionalBatchSampler([new ShuffledBatchSampler(33, 4, false), new LengthGroupedSampler(Lengths, 8, false, 1)]), 134),
    };

    [Theory, MemberData(nameof(Kinds))]
    public void EveryRow_IsThereOncePerEpoch(string kind)
    {
        (BatchSampler sampler, int rows) = Sampler(kind);
        for (int epoch = 0; epoch < 3; epoch++)
        {
            (int, int)[] all = [.. sampler.Epoch(Seeded(epoch)).SelectMany(batch => batch.Rows.Select(row => (batch.DataSet, row)))];
            Assert.Equal(rows, all.Length);
            Assert.Equal(rows, all.Distinct().Count());
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void ARunThatGoesOn_GetsTheBatchesThatWouldHaveCome(string kind)
    {
        BatchSampler sampler = Sampler(kind).Sampler;
        List<(SamplerState Before, int DataSet, int[] Rows)> whole = [];
        BatchStream stream = new(sampler, new SamplerState(7, 0, 0));
        for (int epoch = 0; epoch < 2; epoch++)
        {
            SamplerState before = stream.State;
            while (stream.TryNext(out RowBatch batch))
            {
                whole.Add((before, batch.DataSet, batch.Rows));
                before = stream.State;
            }
        }
        Assert.Equal(new SamplerState(7, 2, 0), stream.State);
        Assert.NotEqual(whole[0].Rows, whole[whole.Count / 2].Rows);
        for (int from = 0; from < whole.Count; from += 3)
        {
            BatchStream resumed = new(sampler, whole[from].Before);
            List<(int, int[])> rest = [];
            while (resumed.State.Epoch < 2)
            {
                if (resumed.TryNext(out RowBatch batch)) { rest.Add((batch.DataSet, batch.Rows)); }
            }
            Assert.Equal(whole[from..].Select(batch => (batch.DataSet, batch.Rows)), rest);
        }
    }

    [Fact]
    public void AStateAtAnEpochsEnd_EndsItFirst()
    {
        ShuffledBatchSampler sampler = new(6, 2, false);
        BatchStream stream = new(sampler, new SamplerState(7, 0, 3));
        Assert.False(stream.TryNext(out _));
        Assert.True(stream.TryNext(out RowBatch batch));
        Assert.Equal(new SamplerState(7, 1, 1), stream.State);
        Assert.Equal(Rows(sampler, new Permutations(7, 1).Next)[0], batch.Rows);
    }

    [Fact]
    public void AStateOfOtherData_IsRefused()
    {
        BatchStream stream = new(new ShuffledBatchSampler(6, 2, false), new SamplerState(7, 2, 4));
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => stream.TryNext(out _));
        Assert.StartsWith("training_state.json: is damaged (batches_of_epoch 4: epoch 2 has 3)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SeedsAndEpochs_GiveOrdersOfTheirOwn()
    {
        (ulong Seed, int Epoch)[] all = [(1, 0), (1, 1), (2, 0), (1UL << 32, 0)];
        int[][] orders = [.. all.Select(one => new Permutations(one.Seed, one.Epoch).Next(50))];
        Assert.Equal(4, orders.Select(order => string.Join(' ', order)).Distinct().Count());
        Assert.Equal(orders[0], new Permutations(1, 0).Next(50));
    }

    // Computed apart from the code, in Python, by what its comment says.
    [Fact]
    public void Orders_AreThoseOfTheDocumentedGenerator()
    {
        Permutations permutations = new(seed: 5_000_000_001, epoch: 2);
        Assert.Equal([1, 7, 6, 2, 3, 0, 4, 5, 8], permutations.Next(9));
        Assert.Equal([2, 7, 1, 4, 3, 8, 5, 6, 0], permutations.Next(9));
        Assert.Equal([3, 2, 1, 0], new Permutations(1, 0).Next(4));
        Assert.Empty(permutations.Next(0));
        Assert.Equal([0], permutations.Next(1));
    }

    // 6,000 orders of 4: each number at each place in a quarter, 1,500, within five standard deviations.
    [Fact]
    public void EveryNumber_IsAtEveryPlaceEquallyOften()
    {
        int[,] counts = new int[4, 4];
        for (int epoch = 0; epoch < 6000; epoch++)
        {
            int[] order = new Permutations(3, epoch).Next(4);
            for (int place = 0; place < 4; place++) { counts[place, order[place]]++; }
        }
        Assert.All(counts.Cast<int>(), count => Assert.InRange(count, 1500 - 168, 1500 + 168));
    }

    [Fact]
    public void Shuffled_CutsTheOrder()
    {
        int[] order = [4, 2, 0, 1, 3];
        Assert.Equal([[4, 2], [0, 1], [3]], Rows(new ShuffledBatchSampler(5, 2, dropLast: false), Given(order)));
        Assert.Equal([[4, 2], [0, 1]], Rows(new ShuffledBatchSampler(5, 2, dropLast: true), Given(order)));
        Assert.Equal([[4, 2, 0, 1, 3]], Rows(new ShuffledBatchSampler(5, 5, dropLast: true), Given(order)));
        Assert.Empty(Rows(new ShuffledBatchSampler(0, 2, dropLast: false), Given(Count(0))));
    }

    // Mega-batches of two steps of two rows: [0 1 2 3] sorted is 1 3 0 2, [4 5 6 7] is 6 4 5 7; the longest, 6, changes places with 1.
    [Fact]
    public void Grouped_ByHand()
    {
        int[] lengths = [5, 8, 1, 8, 6, 6, 9, 2];
        LengthGroupedSampler sampler = new(lengths, 1, dropLast: false, gradientAccumulationSteps: 2, megaBatchSteps: 2);
        Assert.Equal([6, 3, 0, 2, 1, 4, 5, 7], sampler.Order(Count(8)));
        Assert.Equal([1, 3, 0, 2], new LengthGroupedSampler(lengths[..4], 1, false, 1, megaBatchSteps: 100).Order(Count(4)));
        Assert.Equal([[6, 0, 2], [3, 4, 5]], Rows(new LengthGroupedSampler(lengths, 3, dropLast: true, 1, megaBatchSteps: 1), Given(Count(8))));
        Assert.Equal([1, 0, 2, 3], new LengthGroupedSampler([1, 9, 9, 1], 2, false, 1, megaBatchSteps: 1).Order(Count(4))); // the first of the longest
        Assert.Empty(new LengthGroupedSampler([], 4, false, 1).Order([]));
    }

    // A mega-batch is a quarter of the steps, one step at least and 50 at most: rows within it are sorted, over its end they are not.
    [Theory]
    [InlineData(15, 2, 1, 2)] // 15 / 8 = 1 step
    [InlineData(16, 2, 1, 4)] // 2 steps
    [InlineData(7, 2, 1, 2)]
    [InlineData(24, 2, 3, 6)] // steps of 6 rows
    [InlineData(900, 2, 1, 100)]
    [InlineData(400, 2, 1, 100)]
    [InlineData(392, 2, 1, 98)]
    public void MegaBatches_AreAQuarterOfTheEpoch(int rows, int batchSize, int accumulation, int megaBatch)
    {
        int[] ascending = Count(rows);
        int[] order = new LengthGroupedSampler(ascending, batchSize, false, accumulation).Order(ascending);
        int[] expected = [.. ascending.Chunk(megaBatch).SelectMany(part => part.Reverse())];
        int longest = Array.IndexOf(expected, rows - 1);
        (expected[0], expected[longest]) = (expected[longest], expected[0]);
        Assert.Equal(expected, order);
    }

    [Fact]
    public void Distinct_DefersRowsThatMeet()
    {
        int[][] texts = [[0, 0, 1, 2, 3], [9, 8, 8, 7, 3]]; // row 1 meets 0 and 2; row 4 is the same text twice, which is no conflict
        Assert.Equal([[0, 2], [1, 3], [4]], Rows(new NoDuplicatesBatchSampler(texts, 2, dropLast: false), Given(Count(5))));
        Assert.Equal([[0, 2, 3], [1, 4]], Rows(new NoDuplicatesBatchSampler(texts, 3, dropLast: false), Given(Count(5))));
        Assert.Equal([[0, 2, 3, 4], [1]], Rows(new NoDuplicatesBatchSampler(texts, 4, dropLast: false), Given(Count(5))));
        Assert.Equal([[4, 1, 3], [2, 0]], Rows(new NoDuplicatesBatchSampler(texts, 3, dropLast: false), Given([4, 1, 2, 0, 3])));
    }

    [Fact]
    public void Distinct_ComparesAcrossColumns() =>
        Assert.Equal([[0], [1]], Rows(new NoDuplicatesBatchSampler([[1, 2], [2, 3]], 2, dropLast: false), Given(Count(2))));

    [Fact]
    public void Distinct_DrawsOrdersForBatchesThatAreMissing()
    {
        // Text 0 three times: of six rows an order gives one batch of three; one that begins with three others gives it too.
        int[][] texts = [[0, 0, 0, 1, 2, 3]];
        NoDuplicatesBatchSampler sampler = new(texts, 3, dropLast: true);
        Assert.Equal(2, sampler.Count);
        Assert.Equal([[0, 3, 4], [3, 4, 5]], Rows(sampler, Given(Count(6), [3, 4, 5, 0, 1, 2])));
        // No more than are missing, though this order has two.
        Assert.Equal([[2, 3], [0, 2]], Rows(new NoDuplicatesBatchSampler([[0, 0, 1, 2]], 2, dropLast: true), Given([2, 3, 0, 1], [0, 2, 1, 3])));
        // Two more orders at most, and none behind one that gave nothing.
        NoDuplicatesBatchSampler four = new([[0, 0, 0, 0, 0, 0, 0, 1]], 2, dropLast: true);
        Assert.Equal(4, four.Count);
        Assert.Equal([[0, 7], [6, 7], [3, 7]], Rows(four, Given(Count(8), [6, 5, 4, 3, 2, 1, 0, 7], [3, 0, 1, 2, 4, 5, 6, 7])));
        Assert.Empty(Rows(new NoDuplicatesBatchSampler([[0, 0, 0]], 2, dropLast: true), Given(Count(3))));
    }

    [Fact]
    public void Distinct_KeepsAllBatchesOfTheFirstOrder() =>
        Assert.Equal([[1], [0], [2]], Rows(new NoDuplicatesBatchSampler([[0, 0, 0]], 2, dropLast: false), Given([1, 0, 2])));

    [Fact]
    public void Distinct_NeverHasATextTwiceInABatch()
    {
        foreach (int[] rows in Rows(new NoDuplicatesBatchSampler(Texts, 5, dropLast: true), Seeded()))
        {
            Assert.Equal(5, rows.Length);
            Assert.Equal(10, rows.SelectMany(row => Texts.Select(column => column[row])).Distinct().Count());
        }
    }

    [Fact]
    public void Proportional_DealsOutBatchesInTheDrawnOrder()
    {
        // Three batches of the first (0 0 0), two of the second (1 1), in the order of places 3 0 4 1 2.
        ProportionalBatchSampler sampler = new([new ShuffledBatchSampler(5, 2, false), new ShuffledBatchSampler(2, 1, false)]);
        Assert.Equal(5, sampler.Count);
        RowBatch[] batches = [.. sampler.Epoch(Given(Count(5), [1, 0], [3, 0, 4, 1, 2]))];
        Assert.Equal([1, 0, 1, 0, 0], batches.Select(batch => batch.DataSet));
        Assert.Equal([[1], [0, 1], [0], [2, 3], [4]], batches.Select(batch => batch.Rows));
    }

    [Fact]
    public void Proportional_PassesOverADataSetThatHasFewerThanItCounted()
    {
        ProportionalBatchSampler sampler = new([new NoDuplicatesBatchSampler([[0, 0, 0, 0]], 2, true), new ShuffledBatchSampler(2, 1, false)]);
        Assert.Equal(4, sampler.Count);
        Assert.Equal([1, 1], sampler.Epoch(Seeded()).Select(batch => batch.DataSet));
    }

    [Fact]
    public void OneDataSet_GivesItsBatches()
    {
        ShuffledBatchSampler only = new(5, 2, false);
        Assert.Equal(Rows(only, Given([4, 2, 0, 1, 3])), Rows(new ProportionalBatchSampler([only]), Given([4, 2, 0, 1, 3], [2, 1, 0])));
        Assert.Equal(Rows(only, Given([4, 2, 0, 1, 3])), Rows(new RoundRobinBatchSampler([only]), Given([4, 2, 0, 1, 3])));
    }

    [Fact]
    public void RoundRobin_EndsWithTheFirstThatIsAtItsEnd()
    {
        RoundRobinBatchSampler sampler = new(
            [new ShuffledBatchSampler(6, 2, false), new ShuffledBatchSampler(2, 1, false), new ShuffledBatchSampler(9, 3, false)]);
        Assert.Equal(6, sampler.Count);
        RowBatch[] batches = [.. sampler.Epoch(Given(Count(6), Count(2), Count(9)))];
        Assert.Equal([0, 1, 2, 0, 1, 2, 0], batches.Select(batch => batch.DataSet)); // the second is found at its end in its third turn
        Assert.Equal([[0, 1], [0], [0, 1, 2], [2, 3], [1], [3, 4, 5], [4, 5]], batches.Select(batch => batch.Rows));
    }

    [Fact]
    public void Settings_ThatMeanNothing_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ShuffledBatchSampler(5, 0, false));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ShuffledBatchSampler(-1, 1, false));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LengthGroupedSampler([1], 1, false, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LengthGroupedSampler([1], 1, false, 1, 0));
        Assert.Throws<ArgumentException>(() => new NoDuplicatesBatchSampler([[1, 2], [1]], 1, false));
        Assert.Throws<ArgumentException>(() => new RoundRobinBatchSampler([]));
    }
}
