using MiniLM.Compute.Reference;
using MiniLM.Model;
using MiniLM.Tests.Model;

namespace MiniLM.Tests;

/// <summary>What is done to embeddings behind the model, and which prompt stands before a text.</summary>
public sealed class BiEncoderTests : IDisposable
{
    private readonly ReferenceDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Embed_CutsAndThenNormalizes()
    {
        using EditedModel model = new EditedModel("bert").Write("config_sentence_transformers.json", """{"truncate_dim":6}""");
        using BiEncoder whole = BiEncoder.Open(DeviceContract.Fixture("models", "bert"), _device), stored = BiEncoder.Open(model.Path, _device);
        float[] all = whole.Embed("one two");
        Assert.Equal((32, 6), (whole.Dimension, stored.Dimension));
        Assert.Equal(all[..6], stored.Embed("one two"));
        Assert.Equal(all[..9], stored.Embed("one two", new() { Dimensions = 9 })); // before the stored number
        Assert.Equal(all[..3], whole.Embed("one two", new() { Dimensions = 3 }));
        Assert.Equal(all, whole.Embed("one two", new() { Dimensions = 100 })); // never more than there are
        double length = Math.Sqrt(all[..3].Sum(value => (double)value * value));
        float[] short_ = whole.Embed("one two", new() { Dimensions = 3, Normalize = true });
        for (int i = 0; i < 3; i++) { Assert.Equal(all[i] / length, short_[i], 1e-6); }
        Assert.Throws<ArgumentOutOfRangeException>(() => whole.Embed("one", new() { Dimensions = 0 }));
        Assert.Throws<ArgumentException>(() => whole.Embed(["one"], new float[32], new() { Dimensions = 3 }));
    }

    [Fact]
    public void Embed_OfSeveralCutsEachRow()
    {
        using BiEncoder encoder = BiEncoder.Open(DeviceContract.Fixture("models", "bert"), _device);
        float[] rows = new float[2 * 5];
        encoder.Embed(["one", "two three"], rows, new() { Dimensions = 5 });
        Assert.Equal([.. encoder.Embed("one")[..5], .. encoder.Embed("two three")[..5]], rows);
    }

    [Fact]
    public void Similarity_IsTheModelsUnlessAnotherIsAskedFor()
    {
        using EditedModel model = new EditedModel("bert").Write("config_sentence_transformers.json", """{"similarity_fn_name":"manhattan"}""");
        using BiEncoder encoder = BiEncoder.Open(model.Path, _device);
        Assert.Equal(-2, encoder.Similarity([3, 4], [4, 3]));
        Assert.Equal(24, encoder.Similarity([3, 4], [4, 3], SimilarityFunction.Dot));
        Assert.Throws<ArgumentException>(() => encoder.Similarity([3, 4], [4]));
    }

    [Theory]
    [InlineData("""{"query":"of ","document":"the "}""", null, EmbedTask.Query, "query")]
    [InlineData("""{"query":"of ","document":"the "}""", null, EmbedTask.Document, "document")]
    [InlineData("""{"query":"of ","passage":"the "}""", null, EmbedTask.Document, null)]
    [InlineData("""{"query":"of "}""", "query", EmbedTask.Document, null)] // the default is of texts that are neither
    [InlineData("""{"other":"of "}""", "other", EmbedTask.Query, null)]
    [InlineData("""{"query":"of "}""", "query", EmbedTask.Text, "query")]
    [InlineData("""{"query":"of "}""", null, EmbedTask.Text, null)]
    public void PromptName_IsThatOfTheTask(string prompts, string? byDefault, EmbedTask task, string? expected)
    {
        string name = byDefault is null ? "null" : $"\"{byDefault}\"";
        using EditedModel model = new EditedModel("bert")
            .Write("config_sentence_transformers.json", $$"""{"prompts":{{prompts}},"default_prompt_name":{{name}}}""");
        using BiEncoder encoder = BiEncoder.Open(model.Path, _device);
        Assert.Equal(expected, encoder.PromptName(new() { Task = task }));
        string? prompt = expected is null ? null : encoder.Folder.Prompts[expected];
        using BiEncoder plain = BiEncoder.Open(DeviceContract.Fixture("models", "bert"), _device);
        Assert.Equal(plain.Embed(prompt + "cat"), encoder.Embed("cat", new() { Task = task }));
        Assert.Equal(encoder.Folder.Prompts.Keys.First(), encoder.PromptName(new() { Task = task, PromptName = encoder.Folder.Prompts.Keys.First() }));
        Assert.Throws<ArgumentException>(() => encoder.PromptName(new() { PromptName = "none" }));
    }
}
