namespace MiniLM.Training.Losses.Logits;

/// <summary>Pairwise logistic loss (Burges et al. 2005): <see cref="LambdaLoss"/> in which every pair has weight 1.</summary>
internal sealed class RankNetLoss : LambdaLoss
{
    internal RankNetLoss() => Weighting = LambdaWeighting.None;
}
