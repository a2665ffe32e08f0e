using System.Text.Json;
using MiniLM.Batching;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Tests.Training;

public sealed class PaddingTests
{
    private static readonly int[] Lengths = [3, 7, 5, 5];

    [Fact]
    public void PaddedBatches_AreTheGoldens()
    {
        foreach (JsonElement test in TrainingJson.Read("samplers.json").Cases("collator"))
        {
            PackedBatch batch = new();
            foreach (JsonElement sequence in test.Cases("features"))
            {
                batch.Add(sequence.GetProperty("input_ids").Integers(), Bytes(sequence.GetProperty("token_type_ids")), Architecture.Bert);
            }
            int multiple = test.IsNull("pad_to_multiple_of") ? 1 : test.Integer("pad_to_multiple_of");
            PaddedBatch padded = PaddedBatch.Of(batch, padTokenId: 0, multiple);
            Assert.Equal(test.Integer("padded_length"), padded.Length);
            Assert.Equal(test.Cases("input_ids").SelectMany(row => row.Integers()), padded.TokenIds);
            Assert.Equal(test.Cases("token_type_ids").SelectMany(Bytes), padded.TypeIds);
            Assert.Equal(test.Cases("attention_mask").SelectMany(Bytes), padded.AttentionMask);
            int[] lengths = [.. Enumerable.Range(0, batch.Sequences).Select(batch.Length)];
            Assert.Equal(new PaddingCount(padded.AttentionMask.Sum(mask => mask), padded.TokenIds.Length), PaddingCount.Dynamic(lengths, multiple));
        }
    }

    private static byte[] Bytes(JsonElement list) => [.. list.EnumerateArray().Select(value => value.GetByte())];

    [Fact]
    public void PaddedBatch_ByHand()
    {
        PackedBatch batch = new();
        batch.Add([5, 6, 7], [0, 1, 1], Architecture.Bert);
        batch.Add([8], [], Architecture.Bert);
        PaddedBatch padded = PaddedBatch.Of(batch, padTokenId: 9, multipleOf: 2);
        Assert.Equal(4, padded.Length);
        Assert.Equal([5, 6, 7, 9, 8, 9, 9, 9], padded.TokenIds);
        Assert.Equal([0, 1, 1, 0, 0, 0, 0, 0], padded.TypeIds);
        Assert.Equal([1, 1, 1, 0, 1, 0, 0, 0], padded.AttentionMask);
        Assert.Equal(3, PaddedBatch.Of(batch, 9, 1).Length);
        Assert.Equal(0, PaddedBatch.Of(new PackedBatch(), 9, 8).Length);
        batch.Add([1, 2, 3, 4, 5], [], Architecture.Bert);
        Assert.Equal(5, PaddedBatch.Of(batch, 9, 1).Length);
    }

    [Fact]
    public void Counts_OfEachWayOfBatching()
    {
        Assert.Equal(new PaddingCount(20, 20), PaddingCount.Packed(Lengths));
        Assert.Equal(new PaddingCount(20, 28), PaddingCount.Dynamic(Lengths, multipleOf: 1));
        Assert.Equal(new PaddingCount(20, 32), PaddingCount.Dynamic(Lengths, multipleOf: 8));
        Assert.Equal(new PaddingCount(20, 40), PaddingCount.Fixed(Lengths, 10));
    }

    // Longest first: 7 | 5 5 | 3, then 7 5 | 5 3, then each alone, then all together.
    [Theory]
    [InlineData(10, 7 + 10 + 3)]
    [InlineData(14, 14 + 10)]
    [InlineData(13, 7 + 10 + 3)]
    [InlineData(2, 20)]
    [InlineData(28, 28)]
    [InlineData(27, 21 + 3)]
    public void ATokenBudget_BoundsPaddedTokens(int budget, int computed) =>
        Assert.Equal(new PaddingCount(20, computed), PaddingCount.TokenBudget(Lengths, budget));

    [Fact]
    public void PaddingShare_IsOfWhatIsComputed_AndAddsUpOverSteps()
    {
        PaddingCount run = PaddingCount.Fixed([5, 5], 10) + PaddingCount.Fixed([20], 20);
        Assert.Equal(new PaddingCount(30, 40), run);
        Assert.Equal(.25, run.PaddingShare);
        Assert.Equal(0, PaddingCount.Packed(Lengths).PaddingShare);
    }

    [Fact]
    public void NoTokens_HaveNoShare()
    {
        Assert.Null(default(PaddingCount).PaddingShare);
        Assert.Equal(default, PaddingCount.Dynamic([], 8));
        Assert.Equal(default, PaddingCount.TokenBudget([0, 0], 5));
    }
}
