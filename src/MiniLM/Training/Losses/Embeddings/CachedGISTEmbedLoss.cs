namespace MiniLM.Training.Losses.Embeddings;

/// <summary>GISTEmbedLoss for big batches, embedded part by part; it takes any number of negatives.</summary>
internal sealed class CachedGISTEmbedLoss : GISTEmbedLoss
{
    internal CachedGISTEmbedLoss() => MiniBatchSize = 32;

    internal override BiEncoderInputs Requires => base.Requires with { Texts = BiEncoderInputs.Tuples, MaxColumns = BiEncoderInputs.Any };
}
