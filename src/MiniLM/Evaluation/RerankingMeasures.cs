namespace MiniLM.Evaluation;

/// <summary>Means of a reranker's lists as C-MTEB and sentence-transformers' RerankingEvaluator report them.</summary>
/// <remarks>A list is its documents' scores with whether each is a positive. Those without positives or without negatives are dropped.</remarks>
internal sealed class RerankingMeasures
{
    private readonly List<ScoredLabels> _lists = [];

    /// <summary>Lists that count.</summary>
    internal int Lists => _lists.Count;

    /// <summary>Lists that were dropped.</summary>
    internal int Dropped { get; private set; }

    internal void Add(ScoredLabels list)
    {
        if (list.Positives == 0 || list.Negatives == 0) { Dropped++; }
        else { _lists.Add(list); }
    }

    /// <summary>NaN, like the others, when no list counts.</summary>
    internal double Map => Mean(list => list.AveragePrecision);

    internal double MrrAt(int k) => Mean(list => ReciprocalRank(list, k));

    internal double NdcgAt(int k) => Mean(list => Ndcg(list, k));

    /// <summary>1 / rank of the first positive among the first k, else 0; of equal scores the earlier document is first.</summary>
    internal static double ReciprocalRank(ScoredLabels list, int k)
    {
        int rank = Array.FindIndex(list.Order, list.Label);
        return rank >= 0 && rank < k ? 1.0 / (rank + 1) : 0;
    }

    /// <summary>DCG of the first k over the ideal one, discount log2(rank + 1); documents of equal scores share their gains (McSherry and Najork
    /// 2008). 0 without positives.</summary>
    internal static double Ndcg(ScoredLabels list, int k)
    {
        if (list.Positives == 0) { return 0; }
        double gain = 0;
        int start = 0, before = 0;
        foreach (ScoredLabels.Step step in list.Steps)
        {
            int end = step.TruePositives + step.FalsePositives;
            gain += (double)(step.TruePositives - before) / (end - start) * Discounts(start, Math.Min(end, k));
            (start, before) = (end, step.TruePositives);
        }
        return gain / Discounts(0, Math.Min(list.Positives, k));
    }

    /// <summary>Sum of the discounts of ranks start + 1 to end.</summary>
    private static double Discounts(int start, int end)
    {
        double sum = 0;
        for (int i = start; i < end; i++) { sum += 1 / Math.Log2(i + 2); }
        return sum;
    }

    private double Mean(Func<ScoredLabels, double> measure) => _lists.Select(measure).DefaultIfEmpty(double.NaN).Average();
}
