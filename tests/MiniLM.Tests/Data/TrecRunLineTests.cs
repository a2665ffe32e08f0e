using System.Text;
using MiniLM.Data;

namespace MiniLM.Tests.Data;

public sealed class TrecRunLineTests
{
    [Fact]
    public void WriteRunLine_IsReadBackWithTheSameScores()
    {
        float[] scores = [1, 0.1f, -0f, 1e-30f, float.MaxValue, MathF.BitIncrement(0.5f), 0.5f];
        using MemoryStream stream = new();
        using Utf8Writer writer = new(stream);
        for (int i = 0; i < scores.Length; i++) { writer.WriteRunLine("Größe", $"d{i}", i + 1, scores[i]); }
        writer.Flush();
        string text = Encoding.UTF8.GetString(stream.ToArray());
        Assert.StartsWith("Größe Q0 d0 1 1 minilm\nGröße Q0 d1 2 0.1 minilm\n", text, StringComparison.Ordinal);
        TrecRun run = TrecRun.Read("-", () => new MemoryStream(stream.ToArray()));
        Assert.Equal(["Größe"], run.Queries);
        Assert.Equal(scores, run.Lines[0].Select(line => (float)line.Score));
    }

    [Fact]
    public void WriteRunLine_TakesATagAndDoubles()
    {
        using MemoryStream stream = new();
        using Utf8Writer writer = new(stream);
        writer.WriteRunLine("q", "d", 12, 0.1 + 0.2, "fused");
        writer.Flush();
        Assert.Equal("q Q0 d 12 0.30000000000000004 fused\n", Encoding.UTF8.GetString(stream.ToArray()));
    }
}
