namespace MiniLM.Training.Sampling;

/// <summary>Batches of several data sets in one run, each batch of one of them, as sentence-transformers has it for multiple data sets.</summary>
/// <param name="samplers">Of each data set.</param>
internal abstract class DataSetsBatchSampler(IReadOnlyList<BatchSampler> samplers) : BatchSampler
{
    protected IReadOnlyList<BatchSampler> Samplers { get; } = samplers.Count > 0 ? samplers : throw new ArgumentException("no data set", nameof(samplers));

    internal override IEnumerable<RowBatch> Epoch(Func<int, int[]> permute)
    {
        IEnumerator<RowBatch>[] batches = [.. Samplers.Select(sampler => sampler.Epoch(permute).GetEnumerator())];
        try
        {
            foreach (int dataSet in Turns(permute))
            {
                if (batches[dataSet].MoveNext()) { yield return batches[dataSet].Current with { DataSet = dataSet }; }
                else if (EndsWithTheFirst) { yield break; }
            }
        }
        finally
        {
            foreach (IEnumerator<RowBatch> of in batches) { of.Dispose(); }
        }
    }

    /// <summary>Which data set gives a batch, one after the other.</summary>
    protected abstract IEnumerable<int> Turns(Func<int, int[]> permute);

    /// <summary>Whether the epoch ends with the first data set that has no more batches; else such a one is passed over.</summary>
    protected abstract bool EndsWithTheFirst { get; }
}

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

/// <summary>Each data set gives as many batches as it has, in random order: every row is used.</summary>
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
