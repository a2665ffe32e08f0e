namespace MiniLM.Training.Sampling;

/// <summary>Each data set gives a batch in turn until one is at its end: all count alike, and not all rows of the larger ones are used.</summary>
internal sealed class RoundRobinBatchSampler(IReadOnlyList<BatchSampler> samplers) : DataSetsBatchSampler(samplers)
{
    internal override int Count => checked(Samplers.Min(sampler => sampler.Count) * Samplers.Count);

    protected override bool EndsWithTheFirst => true;

    protected override IEnumerable<int> Turns(Func<int, int[]> permute)
    {
        for (int turn = 0; ; turn = (turn + 1) % Samplers.Count) { yield return turn; }
    }
}
