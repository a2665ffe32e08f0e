namespace MiniLM.Training.Losses.Logits;

/// <summary>Likelihood of the right order (Xia et al. 2008): <see cref="PListMLELoss"/> without weights.</summary>
internal sealed class ListMLELoss : PListMLELoss
{
    internal ListMLELoss() => HasWeights = false;
}
