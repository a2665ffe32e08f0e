using MiniLM.Training.Sampling;

namespace MiniLM.Training;

/// <summary>Which rows are a batch in a run, by its arguments.</summary>
internal static class TrainingSampler
{
    /// <param name="sets">At least one.</param>
    /// <param name="given">Numbers of rows of the only set, taken batch by batch; null: the sampler draws them.</param>
    /// <param name="arguments">Of the run.</param>
    /// <exception cref="ArgumentException">One line: what does not go together, or a row that there is not.</exception>
    internal static BatchSampler Of(IReadOnlyList<TrainingData> sets, int[]? given, TrainingArguments arguments)
    {
        if (arguments.BatchSampler == BatchSamplerKind.NoDuplicates && (given is not null || arguments.TrainSamplingStrategy != default))
        {
            throw new ArgumentException("batch_sampler no_duplicates: makes its batches in an order of its own, so that it does not go with "
                + $"{(given is null ? "another train_sampling_strategy than random" : "an order of rows (--data-order)")}. Leave one out.");
        }
        if (given is { } order)
        {
            if (arguments.TrainSamplingStrategy != default)
            {
                throw new ArgumentException("an order of rows (--data-order) and another train_sampling_strategy than random are two orders. Leave one out.");
            }
            if (sets.Count > 1) { throw new ArgumentException("an order of rows is of one data set, and there are several."); }
            if (order.Length == 0) { throw new ArgumentException("the order of rows names none."); }
            int wrong = Array.FindIndex(order, row => row < 0 || row >= sets[0].Count);
            if (wrong >= 0)
            {
                throw new ArgumentException($"the order of rows names row {order[wrong]}; {sets[0].Source} has rows 0 to {sets[0].Count - 1}.");
            }
            return new GivenOrderSampler(order, arguments.PerDeviceTrainBatchSize, arguments.DataloaderDropLast);
        }
        BatchSampler[] samplers = [.. sets.Select(set => Of(set, arguments))];
        return samplers.Length == 1 ? samplers[0] : arguments.MultiDatasetBatchSampler == MultiDatasetBatchSampler.RoundRobin
            ? new RoundRobinBatchSampler(samplers) : new ProportionalBatchSampler(samplers);
    }

    private static RowBatchSampler Of(TrainingData data, TrainingArguments arguments)
    {
        (int size, bool dropLast) = (arguments.PerDeviceTrainBatchSize, arguments.DataloaderDropLast);
        return arguments.TrainSamplingStrategy switch
        {
            TrainSamplingStrategy.Sequential => new GivenOrderSampler([.. Enumerable.Range(0, data.Count)], size, dropLast),
            TrainSamplingStrategy.GroupByLength => new LengthGroupedSampler(
                [.. Enumerable.Range(0, data.Count).Select(row => data.Rows.Tokens.Length(row))], size, dropLast, arguments.GradientAccumulationSteps),
            _ when arguments.BatchSampler == BatchSamplerKind.NoDuplicates => new NoDuplicatesBatchSampler(
                data.Texts ?? throw new ArgumentException($"batch_sampler no_duplicates: {data.Source} has lists; their texts are not compared."),
                size, dropLast),
            _ => new ShuffledBatchSampler(data.Count, size, dropLast),
        };
    }
}
