using System.Text.Json;
using MiniLM.Training;
using MiniLM.Training.Sampling;

namespace MiniLM.Tests.Training;

/// <summary>Samplers against those of transformers and sentence-transformers, given their permutations.</summary>
public sealed class BatchSamplerGoldenTests
{
    [Fact]
    public void LengthGroupedOrders()
    {
        foreach (JsonElement test in TrainingJson.Read("samplers.json").Cases("length_grouped"))
        {
            int[] permutation = test.GetProperty("permutation").Integers(), expected = test.GetProperty("indices").Integers();
            LengthGroupedSampler sampler = new(test.GetProperty("lengths").Integers(), test.Integer("per_device_batch_size"), dropLast: false,
                test.Integer("gradient_accumulation_steps"), test.IsNull("mega_batch_mult_given") ? null : test.Integer("mega_batch_mult_given"));
            Assert.Equal(expected, sampler.Order(permutation));
            Assert.Equal(expected, sampler.Epoch(_ => permutation).SelectMany(batch => batch.Rows));
        }
    }

    [Fact]
    public void NoDuplicates()
    {
        foreach (JsonElement test in TrainingJson.Read("samplers.json").Cases("no_duplicates"))
        {
            string[][] rows = [.. test.Cases("rows").Select(row => row.EnumerateArray().Select(text => text.GetString()!).ToArray())];
            MiniLM.Data.TextNumbers numbers = new();
            int[][] texts = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Select(row => numbers.Of(row[column])).ToArray())];
            Queue<int[]> permutations = new(test.Cases("permutations").Select(permutation => permutation.Integers()));
            NoDuplicatesBatchSampler sampler = new(texts, test.Integer("batch_size"), test.GetProperty("drop_last").GetBoolean());
            Assert.Equal(test.Integer("expected_len"), sampler.Count);
            Assert.Equal(test.GetProperty("batches").EnumerateArray().Select(batch => batch.Integers()),
                sampler.Epoch(_ => permutations.Dequeue()).Select(batch => batch.Rows));
            Assert.Empty(permutations);
        }
    }

    private static TrainingArguments Accumulating(int batches) => new() { GradientAccumulationSteps = batches };

    [Theory]
    [InlineData(0, 3, 1)]
    [InlineData(0, 1, 1)] // as transformers has it
    [InlineData(1, 3, 1)]
    [InlineData(3, 3, 1)]
    [InlineData(4, 3, 2)]
    [InlineData(7, 1, 7)]
    public void StepsPerEpoch_CountTheLastHoweverShort(int microBatches, int accumulation, int expected) =>
        Assert.Equal(expected, Accumulating(accumulation).StepsPerEpoch(microBatches));

    [Fact]
    public void Batching()
    {
        JsonElement json = TrainingJson.Read("samplers.json");
        string[] columns = [.. json.Cases("batching_columns").Select(name => name.GetString()!)];
        foreach (JsonElement row in json.Cases("batching"))
        {
            Dictionary<string, JsonElement> test = columns.Zip(row.EnumerateArray()).ToDictionary();
            int rows = test["n"].GetInt32(), batchSize = test["batch_size"].GetInt32(), accumulation = test["gradient_accumulation_steps"].GetInt32();
            ShuffledBatchSampler sampler = new(rows, batchSize, test["drop_last"].GetBoolean());
            RowBatch[] batches = [.. sampler.Epoch(new Permutations(1, 0).Next)];
            int last = batches.Length == 0 ? 0 : batches[^1].Rows.Length;
            Assert.Equal((test["micro_batches"].GetInt32(), test["micro_batches"].GetInt32(), test["size_of_last"].GetInt32()),
                (sampler.Count, batches.Length, last));
            Assert.All(batches.SkipLast(1), batch => Assert.Equal(batchSize, batch.Rows.Length));
            Assert.Equal(test["optimizer_steps_per_epoch"].GetInt32(), Accumulating(accumulation).StepsPerEpoch(batches.Length));
        }
    }
}
