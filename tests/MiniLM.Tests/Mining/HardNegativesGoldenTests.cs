using System.Text.Json;
using MiniLM.Compute.Reference;
using MiniLM.Mining;

namespace MiniLM.Tests.Mining;

/// <summary>Rows of sentence-transformers' mine_hard_negatives for every parameter set and format, and the sets that it refuses.</summary>
public sealed class HardNegativesGoldenTests
{
    private static readonly string[] Formats = ["triplet", "n-tuple", "labeled-pair", "labeled-list"];
    private static readonly ReferenceDevice Device = new();

    [Fact]
    public void Rows_AreTheLibrarys()
    {
        JsonElement golden = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "retrieval", "mining", "mining.json"))).RootElement;
        using Golden embeddings = new(SharedFolder.Require("golden", "retrieval", "mining", "embeddings.safetensors"));
        int compared = 0;
        foreach (JsonElement sample in golden.GetProperty("cases").EnumerateArray())
        {
            MiningFormat format = (MiningFormat)Array.IndexOf(Formats, sample.GetProperty("format").GetString());
            MiningOptions options = Options(sample.GetProperty("parameters"));
            if (sample.TryGetProperty("error", out _))
            {
                Assert.Throws<ArgumentException>(options.Check);
                continue;
            }
            Sample mined = new(golden, embeddings, sample.GetProperty("parameters"), options);
            MinedRow[] rows = [.. mined.Negatives.Mine().SelectMany(query => query.Rows(format, options.NumNegatives))];
            JsonElement[] expected = [.. sample.GetProperty("rows").EnumerateArray()];
            string what = $"{sample.GetProperty("parameters")} {format}";
            Assert.True(expected.Length == rows.Length, $"{what}: {rows.Length} rows, not {expected.Length}");
            for (int i = 0; i < rows.Length; i++) { AssertRow(expected[i], rows[i], mined, $"{what}: row {i}"); }
            compared += rows.Length;
        }
        Assert.True(compared > 0, "nothing compared");
    }

    private static void AssertRow(JsonElement expected, MinedRow row, Sample mined, string what)
    {
        JsonElement[] cells = [.. expected.EnumerateArray()];
        string[] texts = [.. cells[1..^1].SelectMany(Elements).Select(cell => cell.GetString()!)];
        float[] scores = [.. Elements(cells[^1]).Select(cell => cell.GetSingle())];
        Assert.Equal(cells[0].GetString(), mined.Queries[row.Query]);
        Assert.Equal(texts, row.Documents.Select(hit => mined.Documents[hit.Document]));
        for (int i = 0; i < scores.Length; i++)
        {
            Assert.True(Math.Abs(scores[i] - row.Documents[i].Score) <= 1e-6 * Math.Max(1, Math.Abs(scores[i])),
                $"{what}: {row.Documents[i]}, not {scores[i]}");
        }

        static IEnumerable<JsonElement> Elements(JsonElement cell) => cell.ValueKind == JsonValueKind.Array ? cell.EnumerateArray() : [cell];
    }

    private static MiningOptions Options(JsonElement parameters)
    {
        MiningOptions options = new();
        foreach (JsonProperty parameter in parameters.EnumerateObject())
        {
            options = parameter.Name switch
            {
                "num_negatives" => options with { NumNegatives = parameter.Value.GetInt32() },
                "range_min" => options with { RangeMin = parameter.Value.GetInt32() },
                "range_max" => options with { RangeMax = parameter.Value.GetInt32() },
                "max_score" => options with { MaxScore = parameter.Value.GetSingle() },
                "min_score" => options with { MinScore = parameter.Value.GetSingle() },
                "absolute_margin" => options with { AbsoluteMargin = parameter.Value.GetSingle() },
                "relative_margin" => options with { RelativeMargin = parameter.Value.GetSingle() },
                "include_positives" => options with { IncludePositives = parameter.Value.GetBoolean() },
                "cross" or "use_corpus" => options,
                _ => throw new NotSupportedException(parameter.Name),
            };
        }
        return options;
    }

    /// <summary>One parameter set with its documents embedded, in two blocks.</summary>
    private sealed class Sample
    {
        internal Sample(JsonElement golden, Golden embeddings, JsonElement parameters, MiningOptions options)
        {
            Queries = Texts(golden.GetProperty("queries"));
            string[] all = Texts(golden.GetProperty("documents"));
            (string Query, string Document)[] pairs = [.. golden.GetProperty("pairs").EnumerateArray().Select(Texts).Select(pair => (pair[0], pair[1]))];
            Documents = [.. (IsTrue(parameters, "use_corpus") ? all : []).Concat(pairs.Select(pair => pair.Document)).Distinct()];
            int width = (int)embeddings.Shape("queries")[1];
            float[] vectors = embeddings.Floats("documents");
            float[] chosen = [.. Documents.SelectMany(document => vectors.AsSpan(Array.IndexOf(all, document) * width, width).ToArray())];
            JsonElement table = golden.GetProperty("cross_encoder_scores");
            void Judge(int query, ReadOnlySpan<int> documents, Span<float> scores)
            {
                for (int i = 0; i < scores.Length; i++) { scores[i] = table[query][Array.IndexOf(all, Documents[documents[i]])].GetSingle(); }
            }
            Negatives = new HardNegatives(options, embeddings.Floats("queries"), width,
                [.. pairs.Select(pair => (Array.IndexOf(Queries, pair.Query), Array.IndexOf(Documents, pair.Document)))], Documents.Length, Device,
                IsTrue(parameters, "cross") ? Judge : null);
            int half = Documents.Length / 2 * width;
            Negatives.Add(chosen.AsMemory(0, half));
            Negatives.Add(chosen.AsMemory(half));
        }

        internal HardNegatives Negatives { get; }

        internal string[] Queries { get; }

        internal string[] Documents { get; }

        private static bool IsTrue(JsonElement parameters, string name) => parameters.TryGetProperty(name, out JsonElement value) && value.GetBoolean();

        private static string[] Texts(JsonElement array) => [.. array.EnumerateArray().Select(text => text.GetString()!)];
    }
}
