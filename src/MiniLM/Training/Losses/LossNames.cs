using MiniLM.Training.Losses.Embeddings;
using CrossEncoderLosses = MiniLM.Training.Losses.Logits;

namespace MiniLM.Training.Losses;

/// <summary>Losses by their names in sentence-transformers, with or without "Loss", in any case.</summary>
internal static class LossNames
{
    private static readonly Dictionary<string, Func<BiEncoderLoss>> BiEncoder = new(StringComparer.OrdinalIgnoreCase)
    {
        ["AnglELoss"] = () => new AnglELoss(),
        ["BatchAllTripletLoss"] = () => new BatchAllTripletLoss(),
        ["BatchHardSoftMarginTripletLoss"] = () => new BatchHardSoftMarginTripletLoss(),
        ["BatchHardTripletLoss"] = () => new BatchHardTripletLoss(),
        ["BatchSemiHardTripletLoss"] = () => new BatchSemiHardTripletLoss(),
        ["CachedGISTEmbedLoss"] = () => new CachedGISTEmbedLoss(),
        ["CachedMultipleNegativesRankingLoss"] = () => new CachedMultipleNegativesRankingLoss(),
        ["CachedMultipleNegativesSymmetricRankingLoss"] = () => new CachedMultipleNegativesSymmetricRankingLoss(),
        ["CoSENTLoss"] = () => new CoSENTLoss(),
        ["ContrastiveLoss"] = () => new ContrastiveLoss(),
        ["ContrastiveTensionLoss"] = () => new ContrastiveTensionLoss(),
        ["ContrastiveTensionLossInBatchNegatives"] = () => new ContrastiveTensionLossInBatchNegatives(),
        ["CosineSimilarityLoss"] = () => new CosineSimilarityLoss(),
        ["DistillKLDivLoss"] = () => new DistillKLDivLoss(),
        ["EmbedDistillLoss"] = () => new EmbedDistillLoss(),
        ["GISTEmbedLoss"] = () => new GISTEmbedLoss(),
        ["GlobalOrthogonalRegularizationLoss"] = () => new GlobalOrthogonalRegularizationLoss(),
        ["MSELoss"] = () => new MSELoss(),
        ["MarginMSELoss"] = () => new MarginMSELoss(),
        ["MegaBatchMarginLoss"] = () => new MegaBatchMarginLoss(),
        ["MultipleNegativesRankingLoss"] = () => new MultipleNegativesRankingLoss(),
        ["MultipleNegativesSymmetricRankingLoss"] = () => new MultipleNegativesSymmetricRankingLoss(),
        ["OnlineContrastiveLoss"] = () => new OnlineContrastiveLoss(),
        ["SoftmaxLoss"] = () => new SoftmaxLoss(),
        ["TripletLoss"] = () => new TripletLoss(),
    };

    private static readonly Dictionary<string, Func<CrossEncoderLoss>> CrossEncoder = new(StringComparer.OrdinalIgnoreCase)
    {
        ["ADRMSELoss"] = () => new CrossEncoderLosses.ADRMSELoss(),
        ["BinaryCrossEntropyLoss"] = () => new CrossEncoderLosses.BinaryCrossEntropyLoss(),
        ["CachedMultipleNegativesRankingLoss"] = () => new CrossEncoderLosses.CachedMultipleNegativesRankingLoss(),
        ["CircleLoss"] = () => new CrossEncoderLosses.CircleLoss(),
        ["CrossEntropyLoss"] = () => new CrossEncoderLosses.CrossEntropyLoss(),
        ["LambdaLoss"] = () => new CrossEncoderLosses.LambdaLoss(),
        ["ListMLELoss"] = () => new CrossEncoderLosses.ListMLELoss(),
        ["ListNetLoss"] = () => new CrossEncoderLosses.ListNetLoss(),
        ["MSELoss"] = () => new CrossEncoderLosses.MSELoss(),
        ["MarginMSELoss"] = () => new CrossEncoderLosses.MarginMSELoss(),
        ["MultipleNegativesRankingLoss"] = () => new CrossEncoderLosses.MultipleNegativesRankingLoss(),
        ["PListMLELoss"] = () => new CrossEncoderLosses.PListMLELoss(),
        ["RankNetLoss"] = () => new CrossEncoderLosses.RankNetLoss(),
    };

    // What sentence-transformers has beside these, and why a name does not give it.
    private static readonly Dictionary<string, string> Unnamed = new(StringComparer.OrdinalIgnoreCase)
    {
        ["AdaptiveLayerLoss"] = "it needs the outputs of inner layers, which training does not keep",
        ["Matryoshka2dLoss"] = "it needs the outputs of inner layers, which training does not keep",
        ["DenoisingAutoEncoderLoss"] = "it needs a decoder",
        ["MatryoshkaLoss"] = "it goes around another loss; name that one, and the dimensions beside it",
    };

    internal static IReadOnlyCollection<string> BiEncoderNames => BiEncoder.Keys;

    internal static IReadOnlyCollection<string> CrossEncoderNames => CrossEncoder.Keys;

    /// <summary>A bi-encoder's loss with the settings it has by default.</summary>
    /// <exception cref="ArgumentException">One line: there is none of that name; these are near.</exception>
    internal static BiEncoderLoss FindBiEncoder(string name) => Find(name, BiEncoder, CrossEncoder.Keys, "bi-encoder", "cross-encoder");

    /// <summary>A cross-encoder's loss with the settings it has by default.</summary>
    /// <exception cref="ArgumentException">One line: there is none of that name; these are near.</exception>
    internal static CrossEncoderLoss FindCrossEncoder(string name) => Find(name, CrossEncoder, BiEncoder.Keys, "cross-encoder", "bi-encoder");

    private static TLoss Find<TLoss>(string name, Dictionary<string, Func<TLoss>> known, IEnumerable<string> others, string kind, string otherKind)
    {
        string[] spellings = [name, name + "Loss"];
        foreach (string spelling in spellings)
        {
            if (known.TryGetValue(spelling, out Func<TLoss>? make)) { return make(); }
            if (Unnamed.TryGetValue(spelling, out string? why)) { throw new ArgumentException($"loss {name} cannot be had by its name: {why}."); }
            if (others.Contains(spelling, StringComparer.OrdinalIgnoreCase))
            {
                throw new ArgumentException($"loss {name} is for a {otherKind}, and this is a {kind}.");
            }
        }
        throw new ArgumentException($"no loss of a {kind} is named {Quoted.Text(name)}.{NearNames.Suggest(name, known.Keys)}");
    }
}
