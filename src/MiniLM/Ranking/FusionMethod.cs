namespace MiniLM.Ranking;

/// <summary>How the lists of several runs become one. Weights multiply what each list adds; a list without the document adds nothing.</summary>
internal enum FusionMethod
{
    /// <summary>Reciprocal rank fusion (Cormack, Clarke, Buettcher 2009): the sum of 1 / (k + rank), ranks from 1.</summary>
    Rrf,

    /// <summary>The sum of (score - min) / (max - min) of the list; a list of equal scores becomes 1.</summary>
    MinMax,

    /// <summary>The sum of (score - mean) / standard deviation (divided by n) of the list; a list of equal scores becomes 0.</summary>
    ZScore,

    /// <summary>CombSUM (Fox, Shaw 1994): the sum of the scores as they are, for runs whose scores are of one scale.</summary>
    CombSum,

    /// <summary>CombMNZ (Fox, Shaw 1994): CombSUM times the number of lists that have the document.</summary>
    CombMnz,
}
