using MiniLM.Data;
using MiniLM.Evaluation.Statistics;

namespace MiniLM.Ranking;

/// <summary>Scores without a model, which show what a measure is worth when nothing is understood.</summary>
internal enum SanityScorer
{
    /// <summary>Uniform numbers from 0 to 1.</summary>
    Random,

    /// <summary>All 0: the run's order stays.</summary>
    Constant,

    /// <summary>The run's own scores, dealt out anew within each query.</summary>
    Shuffle,
}

/// <summary>A run's documents by scores that know nothing of their texts.</summary>
internal sealed class SanityReranking : RunReranking
{
    private readonly SanityScorer _scorer;
    private readonly ulong[] _seeds; // of each query, so that a run that goes on ends as one that was never stopped

    /// <param name="run">The run.</param>
    /// <param name="scorer">Which scores.</param>
    /// <param name="seed">The same seed gives the same scores.</param>
    internal SanityReranking(TrecRun run, SanityScorer scorer, ulong seed) : base(run)
    {
        SplitMix64 seeds = new(seed);
        (_scorer, _seeds) = (scorer, [.. run.Queries.Select(_ => seeds.Next())]);
    }

    protected override float[][] Score(int first, int end, out EncodingStatistics statistics, CancellationToken cancellation)
    {
        statistics = default;
        return [.. Enumerable.Range(first, end - first).Select(Score)];
    }

    private float[] Score(int query)
    {
        SplitMix64 random = new(_seeds[query]);
        float[] scores = new float[Run.Lines[query].Count];
        if (_scorer == SanityScorer.Random)
        {
            for (int i = 0; i < scores.Length; i++) { scores[i] = (random.Next() >> 40) * (1f / (1 << 24)); } // the 24 bits that a float holds
        }
        if (_scorer == SanityScorer.Shuffle)
        {
            for (int i = 0; i < scores.Length; i++) // Fisher and Yates, inside out
            {
                int other = random.Next(i + 1);
                (scores[i], scores[other]) = (scores[other], (float)Run.Lines[query][i].Score);
            }
        }
        return scores;
    }
}
