namespace MiniLM.Training.Sampling;

/// <summary>Where a run is in its data: all that a checkpoint keeps to go on with exactly the batches that would have come.</summary>
/// <param name="Seed">Of the run.</param>
/// <param name="Epoch">From 0.</param>
/// <param name="Batches">Of the epoch that were taken.</param>
internal readonly record struct SamplerState(ulong Seed, int Epoch, int Batches);

/// <summary>The batches of a run, epoch after epoch.</summary>
/// <param name="sampler">The same as when the state was read: another gives other batches.</param>
/// <param name="state">Where to begin.</param>
internal sealed class BatchStream(BatchSampler sampler, SamplerState state)
{
    private IEnumerator<RowBatch>? _epoch;
    private RowBatch? _next; // looked at, not taken

    internal SamplerState State { get; private set; } = state;

    /// <summary>Whether the epoch has no more batches.</summary>
    internal bool IsAtEpochEnd => Next() is null;

    /// <summary>The next batch; false at an epoch's end, behind which the next one begins.</summary>
    /// <exception cref="ModelFormatException">The state is further into its epoch than the epoch is long.</exception>
    internal bool TryNext(out RowBatch batch)
    {
        RowBatch? next = Next();
        (batch, _next) = (next.GetValueOrDefault(), null);
        if (next is not null) { State = State with { Batches = State.Batches + 1 }; }
        else
        {
            (_epoch, State) = (null, new SamplerState(State.Seed, State.Epoch + 1, 0));
        }
        return next is not null;
    }

    private RowBatch? Next()
    {
        _epoch ??= Begin();
        return _next ??= _epoch.MoveNext() ? _epoch.Current : null;
    }

    // What was taken is made again and passed over: orders are a function of seed and epoch.
    private IEnumerator<RowBatch> Begin()
    {
        IEnumerator<RowBatch> epoch = sampler.Epoch(new Permutations(State.Seed, State.Epoch).Next).GetEnumerator();
        for (int batch = 0; batch < State.Batches; batch++)
        {
            if (epoch.MoveNext()) { continue; }
            throw new ModelFormatException($"{TrainingFiles.State}: is damaged (batches_of_epoch {State.Batches}: epoch {State.Epoch} has {batch}). "
                + "Resume from another checkpoint.");
        }
        return epoch;
    }
}
