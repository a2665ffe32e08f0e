using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MiniLM.Compute.Reference;
using MiniLM.Data;
using MiniLM.Retrieval;
using MiniLM.Tests.Weights;

namespace MiniLM.Tests.Retrieval;

public sealed class VectorIndexTests : IDisposable
{
    private const int Count = 50, Dimension = 8;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_GivesBackWhatWasWritten()
    {
        using VectorIndex index = VectorIndex.Open(Write());
        Assert.Equal((Count, Dimension, Count, "model", "hash"), (index.Count, index.Dimension, index.Documents.Count, index.Model, index.ModelHash));
        float[] vector = new float[Dimension];
        for (int i = 0; i < Count; i++)
        {
            Assert.Equal(DocumentOf(i), index.Documents.Read(i));
            index.CopyVector(i, vector);
            Assert.Equal(VectorOf(i), vector);
        }
    }

    [Fact]
    public void Calls_OutsideTheIndexAreRefused()
    {
        using VectorIndex index = VectorIndex.Open(Write());
        Assert.Throws<ArgumentOutOfRangeException>(() => index.Documents.Read(Count));
        Assert.Throws<ArgumentOutOfRangeException>(() => index.Documents.Read(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => index.CopyVector(Count, new float[Dimension]));
        Assert.Throws<ArgumentException>(() => index.CopyVector(0, new float[Dimension + 1]));
    }

    [Fact]
    public void Calls_AfterDisposeAreRefused()
    {
        using ReferenceDevice device = new();
        VectorIndex index = VectorIndex.Open(Write());
        index.Dispose();
        index.Dispose();
        Assert.Throws<ObjectDisposedException>(() => index.Search(VectorOf(0), 1, device));
        Assert.Throws<ObjectDisposedException>(() => index.CopyVector(0, new float[Dimension]));
        Assert.Throws<ObjectDisposedException>(() => index.Documents.Read(0));
    }

    [Fact]
    public void Open_RefusesOffsetsThatAreNone()
    {
        string folder = Write(), offsets = Path.Combine(folder, DocumentStore.OffsetsFile);
        byte[] bytes = File.ReadAllBytes(offsets);
        byte[] Ending(long last) => [.. bytes[..^8], .. BitConverter.GetBytes(last)];
        foreach (byte[] damaged in new[] { [], bytes[..^1], bytes[..^8], Ending(-1), Ending(long.MaxValue) })
        {
            File.WriteAllBytes(offsets, damaged);
            Assert.Contains("Make the index again.", Assert.Throws<IndexFormatException>(() => VectorIndex.Open(folder)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("model")]
    [InlineData("model_hash")]
    public void Open_RefusesANullWhereATextIsNeeded(string name)
    {
        string folder = Write(), header = Path.Combine(folder, VectorIndexHeader.HeaderFile);
        JsonObject json = JsonNode.Parse(File.ReadAllText(header))!.AsObject();
        json[name] = null;
        File.WriteAllText(header, json.ToJsonString());
        Assert.Contains($"{name} is null", Assert.Throws<IndexFormatException>(() => VectorIndex.Open(folder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("_id")]
    [InlineData("title")]
    [InlineData("text")]
    public void Read_RefusesANullWhereATextIsNeeded(string name)
    {
        string folder = Write(), documents = Path.Combine(folder, DocumentStore.DocumentsFile);
        // In the second document all three are long enough for a null in their place.
        string[] lines = File.ReadAllText(documents, Encoding.Latin1).Split('\n');
        lines[1] = Regex.Replace(lines[1], $@"(?<=""{name}"":)""(\\.|[^""\\])*""", match => "null".PadLeft(match.Length));
        File.WriteAllText(documents, string.Join('\n', lines), Encoding.Latin1);
        using VectorIndex index = VectorIndex.Open(folder);
        Assert.Equal(DocumentOf(0), index.Documents.Read(0));
        Assert.Contains("document 1", Assert.Throws<IndexFormatException>(() => index.Documents.Read(1)).Message, StringComparison.Ordinal);
    }

    /// <summary>A thousand times four threads call while a fifth disposes. Memory that is freed under one of them would end the process.</summary>
    [Fact]
    public void Dispose_BesideCallsLetsThemFinishOrRefusesThem()
    {
        const int Rounds = 1000;
        string folder = Write();
        using ReferenceDevice device = new();
        ConcurrentQueue<Exception> failures = [];
        VectorIndex index = null!;
        Action<int>[] calls =
        [
            i => Assert.Equal(i, index.Search(VectorOf(i), 1, device)[0][0].Document),
            i => Assert.Equal(DocumentOf(i), index.Documents.Read(i)),
            i =>
            {
                float[] vector = new float[Dimension];
                index.CopyVector(i, vector);
                Assert.Equal(VectorOf(i), vector);
            },
            i => Assert.Equal(2, index.Search([.. VectorOf(i), .. VectorOf(0)], 3, device).Length),
        ];
        using Barrier begin = new(calls.Length + 1), end = new(calls.Length + 1);
        using CountdownEvent called = new(calls.Length);
        Thread[] callers = [.. calls.Select(call => new Thread(() => Call(call)))];
        foreach (Thread caller in callers) { caller.Start(); }
        for (int round = 0; round < Rounds; round++)
        {
            index = VectorIndex.Open(folder);
            called.Reset();
            begin.SignalAndWait();
            called.Wait(); // every thread is past its first call of this round, and calls on
            Thread.SpinWait(round % 50 * 20);
            index.Dispose();
            end.SignalAndWait();
        }
        foreach (Thread caller in callers) { caller.Join(); }
        Assert.Empty(failures);

        void Call(Action<int> call)
        {
            for (int round = 0; round < Rounds; round++)
            {
                begin.SignalAndWait();
                bool isFirst = true;
                try
                {
                    for (int i = 0; ; i = (i + 1) % Count)
                    {
                        call(i);
                        if (isFirst) { called.Signal(); }
                        isFirst = false;
                        Thread.Yield(); // there may be fewer processors than threads: the one that disposes must come to its turn
                    }
                }
                catch (ObjectDisposedException) when (!isFirst) { }
                catch (Exception error)
                {
                    failures.Enqueue(error);
                    if (isFirst) { called.Signal(); }
                }
                end.SignalAndWait();
            }
        }
    }

    private string Write()
    {
        string folder = _folder.File("index");
        using VectorIndexWriter writer = new(folder, Dimension);
        for (int i = 0; i < Count; i++) { writer.Add(DocumentOf(i), VectorOf(i)); }
        writer.Complete("model", "hash");
        return folder;
    }

    private static Document DocumentOf(int i) => new($"d{i}", i % 3 == 0 ? "" : $"title \"{i}\"", $"text {i}\n\u2028 Größe");

    // Of length 1 exactly, and nearest to itself.
    private static float[] VectorOf(int i)
    {
        float[] vector = new float[Dimension];
        double angle = Math.PI * i / Count;
        (vector[1], vector[5]) = ((float)Math.Cos(angle), (float)Math.Sin(angle));
        MiniLM.Compute.UnitLength.Normalize(vector);
        MiniLM.Compute.UnitLength.Normalize(vector);
        return vector;
    }
}
