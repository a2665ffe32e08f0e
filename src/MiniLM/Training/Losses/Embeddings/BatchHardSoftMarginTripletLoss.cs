namespace MiniLM.Training.Losses.Embeddings;

/// <summary>As BatchHardTripletLoss with log(1 + exp(difference)) in place of a margin; as torch has it, that is the difference itself above 20.</summary>
internal sealed class BatchHardSoftMarginTripletLoss : BatchHardTripletLoss
{
    private protected override (double Loss, double Slope) Penalty(double difference) => Logistic.TorchPlus(difference);
}
