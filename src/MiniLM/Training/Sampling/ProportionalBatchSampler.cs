namespace MiniLM.Training.Sampling;

/// <summary>Each data set gives as many batches as it has, in random order: every row is used, where no batch sampler leaves one out.</summary>
internal sealed class ProportionalBatchSampler(IReadOnlyList<BatchSampler> samplers) : DataSetsBatchSampler(samplers)
{
    internal override int Count => Samplers.Sum(sampler => sampler.Count);

    protected override bool EndsWithTheFirst => false;

    protected override IEnumerable<int> Turns(Func<int, int[]> permute)
    {
        int[] turns = [.. Samplers.SelectMany((sampler, dataSet) => Enumerable.Repeat(dataSet, sampler.Count))];
        return permute(turns.Length).Select(place => turns[place]);
    }
}
