using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Embeddings;
using CrossEncoderLosses = MiniLM.Training.Losses.Logits;

namespace MiniLM.Tests.Training.Losses;

public sealed class LossNamesTests
{
    [Theory]
    [InlineData("MultipleNegativesRankingLoss")]
    [InlineData("MultipleNegativesRanking")]
    [InlineData("multiplenegativesranking")]
    public void Names_AreKnownWithAndWithoutLossInAnyCase(string name)
    {
        Assert.IsType<MultipleNegativesRankingLoss>(LossNames.FindBiEncoder(name));
        Assert.IsType<CrossEncoderLosses.MultipleNegativesRankingLoss>(LossNames.FindCrossEncoder(name));
    }

    [Fact]
    public void EveryName_GivesTheClassOfThatName()
    {
        Assert.NotEmpty(LossNames.BiEncoderNames);
        Assert.NotEmpty(LossNames.CrossEncoderNames);
        Assert.All(LossNames.BiEncoderNames, name => Assert.Equal(name, LossNames.FindBiEncoder(name).Name));
        Assert.All(LossNames.CrossEncoderNames, name => Assert.Equal(name, LossNames.FindCrossEncoder(name).Name));
    }

    [Theory]
    [InlineData("CosineSimilarty", "no loss of a bi-encoder is named 'CosineSimilarty'. Did you mean CosineSimilarityLoss?")]
    [InlineData("MNRL", "no loss of a bi-encoder is named 'MNRL'. It is one of ")]
    [InlineData("Lambda", "loss Lambda is for a cross-encoder, and this is a bi-encoder.")]
    [InlineData("Matryoshka2dLoss", "it needs the outputs of inner layers")]
    [InlineData("DenoisingAutoEncoder", "it needs a decoder")]
    [InlineData("matryoshka", "it goes around another loss")]
    public void OtherNames_AreRefusedWithAnAdvice(string name, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => LossNames.FindBiEncoder(name)).Message, StringComparison.Ordinal);

    [Fact]
    public void ABiEncodersLoss_IsNoneOfACrossEncoder() => Assert.Equal("loss CoSENT is for a bi-encoder, and this is a cross-encoder.",
        Assert.Throws<ArgumentException>(() => LossNames.FindCrossEncoder("CoSENT")).Message);
}
