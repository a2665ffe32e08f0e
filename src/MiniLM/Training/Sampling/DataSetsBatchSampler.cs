namespace MiniLM.Training.Sampling;

/// <summary>Batches of several data sets in one run, each batch of one of them, as sentence-transformers has it for multiple data sets.</summary>
/// <param name="samplers">Of each data set.</param>
internal abstract class DataSetsBatchSampler(IReadOnlyList<BatchSampler> samplers) : BatchSampler
{
    protected IReadOnlyList<BatchSampler> Samplers { get; } = samplers.Count > 0 ? samplers : throw new ArgumentException("no data set", nameof(samplers));

    internal override IEnumerable<RowBatch> Epoch(Func<int, int[]> permute)
    {
        IEnumerator<RowBatch>[] batches = [.. Samplers.Select(sampler => sampler.Epoch(permute).GetEnumerator())];
        foreach (int dataSet in Turns(permute))
        {
            if (batches[dataSet].MoveNext()) { yield return batches[dataSet].Current with { DataSet = dataSet }; }
            else if (EndsWithTheFirst) { yield break; }
        }
    }

    /// <summary>Which data set gives a batch, one after the other.</summary>
    protected abstract IEnumerable<int> Turns(Func<int, int[]> permute);

    /// <summary>Whether the epoch ends with the first data set that has no more batches; else such a one is passed over.</summary>
    protected abstract bool EndsWithTheFirst { get; }
}
