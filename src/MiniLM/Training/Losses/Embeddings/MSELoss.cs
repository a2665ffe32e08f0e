namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Mean squared difference from a teacher's embeddings; columns are a text and translations (Reimers and Gurevych 2020, arXiv:2004.09813).</summary>
internal sealed class MSELoss : EmbedDistillLoss
{
    internal MSELoss() => Metric = DistillMetric.Mse;
}
