using System.Text.RegularExpressions;
using MiniLM.Model;
using MiniLM.Tests.Weights;
using MiniLM.Training.Records;

namespace MiniLM.Tests.Training.Records;

public sealed partial class ModelCardTests
{
    private const string Hostile = "a | b\r\n---\n```\n<script>alert(1)</script> \"quoted\" 'x' \\n [l](u) **b** $x$ & &amp; `c` # h\tt"
        + "\u2028\u0085\u0000\ud800 \U0001F600";

    private static readonly CardColumn[] Pair =
    [
        new("sentence1", new RangeStatistics(RangeOf.Tokens, 6, 10.0625, 28)),
        new("sentence2", new RangeStatistics(RangeOf.Tokens, 5, 9, 25)),
        new("label", new ClassStatistics([new("0", .629), new("1", .371)])),
    ];

    private static ModelCardContents Contents() => new()
    {
        Kind = ModelKind.BiEncoder,
        BaseModel = "models/all-MiniLM-L6-v2",
        BaseModelId = "sentence-transformers/all-MiniLM-L6-v2",
        Terms = new("apache-2.0", ["en"]),
        MaxSequenceLength = 256,
        OutputSize = 384,
        TrainingSets = [new("quora", 7998, Pair, [["One?", "Two?", "0"], ["Three?", "One?", "1"]], "CosineSimilarityLoss", [new("scale", "20.0")])],
        Evaluations =
        [
            new("dev", "binary-classification", "quora dev",
                [new("cosine_ap", .5, .75), new("cosine_f1", .4, .625), new("cosine_mcc", .1, double.NaN)], "cosine_ap"),
        ],
        Settings = [new("learning_rate", "2e-05", false), new("seed", "42", true)],
        Log =
        [
            new(100, .4, [new("loss", .3), new("learning_rate", 2e-5)]),
            new(100, .4, [new("eval_loss", .25), new("eval_dev_cosine_ap", .7)]),
            new(200, .8, [new("loss", .2), new("eval_dev_cosine_ap", double.NaN)]),
            new(250, 1, [new("train_runtime", 61)]),
        ],
        BestStep = 100,
        TrainingSeconds = 90,
        Versions = [new("minilm", "1.0")],
    };

    private static ModelCardContents Classifier(int labels) =>
        Contents() with { Kind = ModelKind.CrossEncoder, OutputSize = labels, Pairs = [("One?", "Two?"), ("Three?", "One?")] };

    /// <summary>The front matter's lines as (path, value), read by rules stricter than YAML's: anything else fails.</summary>
    private static List<(string Path, string Value)> FrontMatter(string card)
    {
        string[] lines = card.Split('\n');
        Assert.Equal("---", lines[0]);
        int end = Array.IndexOf(lines, "---", 1);
        List<(string, string)> values = [];
        List<(int Indent, string Key)> open = [];
        foreach (string line in lines[1..end])
        {
            Match match = FrontMatterLine().Match(line);
            Assert.True(match.Success, line);
            string marker = match.Groups["dash"].Value, key = match.Groups["key"].Value, value = match.Groups["value"].Value;
            int indent = match.Groups["indent"].Length + marker.Length;
            open.RemoveAll(parent => parent.Indent >= indent && !(marker.Length > 0 && parent.Indent == indent - 2));
            if (key.Length > 0) { open.Add((indent, key)); }
            if (value.Length > 0) { values.Add((string.Join('/', open.Select(parent => parent.Key)), value[0] == '"' ? Unquoted(value[1..^1]) : value)); }
        }
        return values;
    }

    [GeneratedRegex("""
        ^(?<indent>([ ]{2})*)(?<dash>-[ ])?((?<key>[a-z_-]+):([ ]|$))?
        (?<value>[A-Za-z][A-Za-z0-9_./:@-]*|-?[0-9]+\.[0-9]+|"([^"\\\p{Cc}]|\\.)*")?$
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex FrontMatterLine();

    private static string Unquoted(string text) => EscapeSequence().Replace(text, match => match.Value[1] switch
    {
        'n' => "\n",
        'r' => "\r",
        't' => "\t",
        'x' or 'u' => ((char)Convert.ToInt32(match.Value[2..], 16)).ToString(),
        _ => match.Value[1..],
    });

    [GeneratedRegex("""\\(x[0-9a-f]{2}|u[0-9a-f]{4}|[nrt"\\])""")]
    private static partial Regex EscapeSequence();

    private static string[] Of(List<(string Path, string Value)> matter, string path) =>
        [.. matter.Where(line => line.Path == path).Select(line => line.Value)];

    [Fact]
    public void FrontMatter_OfABiEncoderIsSentenceTransformers()
    {
        List<(string, string)> matter = FrontMatter(ModelCard.Write(Contents()));
        Assert.Equal(["sentence-transformers", "sentence-similarity", "feature-extraction", "dense", "generated_from_trainer", "dataset_size:7998",
            "loss:CosineSimilarityLoss"], Of(matter, "tags"));
        Assert.Equal(["sentence-transformers/all-MiniLM-L6-v2"], Of(matter, "base_model"));
        Assert.Equal(["sentence-similarity", "sentence-transformers"], Of(matter, "pipeline_tag").Concat(Of(matter, "library_name")));
        Assert.Equal(["apache-2.0", "en"], Of(matter, "license").Concat(Of(matter, "language")));
        Assert.Equal(["One?", "Two?", "Three?"], Of(matter, "widget/source_sentence").Concat(Of(matter, "widget/sentences")));
        Assert.Equal(["cosine_ap", "cosine_f1"], Of(matter, "metrics")); // an undefined number is no result
        Assert.Equal(["SentenceTransformer based on sentence-transformers/all-MiniLM-L6-v2"], Of(matter, "model-index/name"));
        const string Results = "model-index/results/";
        Assert.Equal(["binary-classification", "Binary Classification"], Of(matter, Results + "task/type").Concat(Of(matter, Results + "task/name")));
        Assert.Equal(["quora dev", "dev"], Of(matter, Results + "dataset/name").Concat(Of(matter, Results + "dataset/type")));
        Assert.Equal(["cosine_ap", "cosine_f1"], Of(matter, Results + "metrics/type"));
        Assert.Equal(["0.75", "0.625"], Of(matter, Results + "metrics/value"));
        Assert.Equal(["Cosine Ap", "Cosine F1"], Of(matter, Results + "metrics/name"));
    }

    [Theory]
    [InlineData(1, "text-ranking")]
    [InlineData(3, "text-classification")]
    public void FrontMatter_OfACrossEncoderIsSentenceTransformers(int labels, string pipeline)
    {
        List<(string, string)> matter = FrontMatter(ModelCard.Write(Classifier(labels)));
        Assert.Equal(["sentence-transformers", "cross-encoder", "reranker", "generated_from_trainer", "dataset_size:7998", "loss:CosineSimilarityLoss"],
            Of(matter, "tags"));
        Assert.Equal([pipeline], Of(matter, "pipeline_tag"));
        Assert.Empty(Of(matter, "widget/source_sentence"));
    }

    [Fact]
    public void FrontMatter_LeavesOutWhatIsNotKnown()
    {
        List<(string Path, string)> matter = FrontMatter(ModelCard.Write(Contents() with { BaseModelId = null, Terms = new(null, []), Evaluations = [] }));
        string[] paths = ["library_name", "pipeline_tag", "tags", "widget/sentences", "widget/source_sentence"];
        Assert.Equal(paths, matter.Select(line => line.Path).Distinct().Order());
    }

    [Fact]
    public void FrontMatter_SumsDataSets()
    {
        CardDataSet one = Contents().TrainingSets[0];
        CardDataSet[] sets = [one, one with { Size = 2, Loss = "TripletLoss" }, one with { Size = 10 }];
        List<(string, string)> matter = FrontMatter(ModelCard.Write(Contents() with { TrainingSets = sets }));
        Assert.Equal(["dataset_size:8010", "loss:CosineSimilarityLoss", "loss:TripletLoss"], Of(matter, "tags")[^3..]);
    }

    [Theory]
    [InlineData("no", "\"no\"")] // Norwegian is not false
    [InlineData("en", "en")]
    [InlineData("NULL", "\"NULL\"")]
    [InlineData("", "\"\"")]
    [InlineData("1e5", "\"1e5\"")]
    [InlineData("a: b", "\"a: b\"")]
    [InlineData("a:", "\"a:\"")]
    [InlineData("- a", "\"- a\"")]
    [InlineData("ndcg@10", "ndcg@10")]
    [InlineData("---", "\"---\"")]
    [InlineData("é", "\"é\"")]
    public void Yaml_IsPlainOnlyWhereItCanBeNothingElse(string text, string yaml) => Assert.Equal(yaml, CardText.Yaml(text));

    [Fact]
    public void Quoted_IsOneLineThatReadsBack()
    {
        string quoted = CardText.Quoted(Hostile);
        Assert.DoesNotContain(quoted, c => char.IsControl(c) || c is '\u2028' or '\u2029');
        Assert.Equal(Hostile.Replace("\ud800", "\uFFFD"), Unquoted(quoted[1..^1]));
        Assert.Equal("\"\\xad\"".Replace("\\xad", "\u00ad"), CardText.Quoted("\u00ad"));
        Assert.Equal("\"\\x7f\\u2029\\ufeff\"", CardText.Quoted("\u007f\u2029\ufeff"));
    }

    [Fact]
    public void Markdown_IsOneLineWithoutMarkup()
    {
        string text = CardText.Markdown(Hostile);
        Assert.DoesNotContain(text.Replace("<br>", ""), c => "<>|\\`*_[]$~\"\n\r\t".Contains(c) || char.IsControl(c));
        Assert.StartsWith("a &#124; b<br>---<br>&#96;&#96;&#96;<br>&#60;script&#62;alert(1)", text, StringComparison.Ordinal);
        Assert.Contains("&#38; &#38;amp;", text, StringComparison.Ordinal);
        Assert.Equal("eval_dev_loss &#95;a&#95; b&#95;", CardText.Markdown("eval_dev_loss _a_ b_"));
        Assert.Equal("plain, text: (1/2) - fine!", CardText.Markdown("plain, text: (1/2) - fine!"));
    }

    [Fact]
    public void Texts_AreCutAtAThousandCharactersBetweenThem()
    {
        Assert.Equal(new string('a', 1000), CardText.Markdown(new string('a', 1000)));
        Assert.Equal(new string('a', 1000) + "...", CardText.Markdown(new string('a', 1001)));
        Assert.Equal(new string('a', 999) + "...", CardText.Markdown(new string('a', 999) + "\U0001F600\U0001F600"));
    }

    [Fact]
    public void Card_OfHostileDataKeepsItsShape()
    {
        CardDataSet data = new(Hostile, 1, [new(Hostile, new RangeStatistics(RangeOf.Tokens, 1, 1, 1)), new("label", new ClassStatistics([new(Hostile, 1)]))],
            [[Hostile, "1"], ["other", "0"]], "CosineSimilarityLoss", [new(Hostile, "1")]);
        ModelCardContents hostile = Contents() with
        {
            BaseModel = Hostile,
            BaseModelId = null,
            Terms = new(Hostile, [Hostile]),
            TrainingSets = [data],
            EvaluationSets = [data],
            Evaluations = [new(Hostile, Hostile, Hostile, [new(Hostile, 1, 1)], Hostile)],
            Settings = [new(Hostile, Hostile, false)],
            Versions = [new(Hostile, Hostile)],
        };
        ModelCardContents calm = hostile with
        {
            BaseModel = "x",
            Terms = new("x", ["x"]),
            TrainingSets = [data with { Name = "x", Columns = Renamed(data), Samples = [["x", "1"], ["other", "0"]], LossParameters = [new("x", "1")] }],
            EvaluationSets = [data with { Name = "x", Columns = Renamed(data), Samples = [["x", "1"], ["other", "0"]], LossParameters = [new("x", "1")] }],
            Evaluations = [new("x", "x", "x", [new("x", 1, 1)], "x")],
            Settings = [new("x", "x", false)],
            Versions = [new("x", "x")],
        };
        string card = ModelCard.Write(hostile), other = ModelCard.Write(calm);
        FrontMatter(card);
        Assert.Equal(other.Count(c => c == '\n'), card.Count(c => c == '\n'));
        Assert.Equal(Shape(other), Shape(card));
        Assert.DoesNotContain("<script>", card.Split("```")[0], StringComparison.Ordinal);

        static CardColumn[] Renamed(CardDataSet data) => [data.Columns[0] with { Name = "x" }, new("label", new ClassStatistics([new("x", 1)]))];
        // How a line begins; of a table's row, how many cells it has.
        static string[] Shape(string card) => [.. card.Split('\n').Select(line => line.TrimStart()).Select(line =>
            line.StartsWith('|') ? $"{line.Count(c => c == '|')}" : line.Length > 0 ? line[..1] : "")];
    }

    [Fact]
    public void Body_HasDataResultsAndLog()
    {
        string card = ModelCard.Write(Contents());
        string[] lines = card.Split('\n');
        Assert.Contains("# SentenceTransformer based on sentence-transformers/all-MiniLM-L6-v2", lines);
        Assert.Contains("- **Base model:** [sentence-transformers/all-MiniLM-L6-v2](https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2)", lines);
        Assert.Contains("- **Maximum Sequence Length:** 256 tokens", lines);
        Assert.Contains("- **Output Dimensionality:** 384 dimensions", lines);
        Assert.Contains("- **Similarity Function:** Cosine Similarity", lines);
        Assert.Contains("- **License:** apache-2.0", lines);
        Assert.Contains("| **cosine_ap** | **0.5000** | **0.7500** |", lines);
        Assert.Contains("| cosine_f1 | 0.4000 | 0.6250 |", lines);
        Assert.Contains("| cosine_mcc | 0.1000 | - |", lines);
        Assert.Contains("* Size: 7,998 training samples", lines);
        Assert.Contains("* Columns: <code>sentence1</code>, <code>sentence2</code> and <code>label</code>", lines);
        Assert.Contains("  | type | string | string | int |", lines);
        Assert.Contains("  | details | <ul><li>min: 6 tokens</li><li>mean: 10.06 tokens</li><li>max: 28 tokens</li></ul> "
            + "| <ul><li>min: 5 tokens</li><li>mean: 9.0 tokens</li><li>max: 25 tokens</li></ul> | <ul><li>0: ~62.90%</li><li>1: ~37.10%</li></ul> |", lines);
        Assert.Contains("  | <code>Three?</code> | <code>One?</code> | <code>1</code> |", lines);
        Assert.Contains("* Loss: <code>CosineSimilarityLoss</code> with these parameters:\n  ```json\n  {\n      \"scale\": 20.0\n  }\n  ```\n", card,
            StringComparison.Ordinal);
        Assert.Contains("| Epoch | Step | Training Loss | Validation Loss | dev_cosine_ap |", lines);
        Assert.Contains("| **0.4** | **100** | **0.3000** | **0.2500** | **0.7000** |", lines);
        Assert.Contains("| 0.8 | 200 | 0.2000 | - | - |", lines);
        Assert.DoesNotContain(lines, line => line.Contains("| 250 |", StringComparison.Ordinal));
        Assert.Contains("- **Training**: 1.5 minutes", lines);
        Assert.Contains("- minilm: 1.0", lines);
        Assert.Single(lines, line => line == "- <code>seed</code>: 42");
        Assert.Equal(2, lines.Count(line => line == "- <code>learning_rate</code>: 2e-05"));
        Assert.Contains("# (3, 384)", lines);
        Assert.DoesNotContain("minilm rerank", card, StringComparison.Ordinal);
    }

    [Fact]
    public void Body_OfACrossEncoderSaysPairsAndLabels()
    {
        string one = ModelCard.Write(Classifier(1)), three = ModelCard.Write(Classifier(3));
        Assert.Contains("- **Number of Output Labels:** 1 label\n", one, StringComparison.Ordinal);
        Assert.Contains("pairs = [\n    (\"One?\", \"Two?\"),\n    (\"Three?\", \"One?\"),\n]\n", one, StringComparison.Ordinal);
        Assert.Contains("# (2,)\n", one, StringComparison.Ordinal);
        Assert.Contains("# (2, 3)\n", three, StringComparison.Ordinal);
        Assert.DoesNotContain("Similarity Function", one, StringComparison.Ordinal);
        Assert.DoesNotContain("minilm embed", one, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(59.9, "59.9 seconds")]
    [InlineData(60, "1.0 minutes")]
    [InlineData(3599, "60.0 minutes")]
    [InlineData(5400, "1.5 hours")]
    public void Body_SaysHowLongItTook(double seconds, string text) =>
        Assert.Contains($"- **Training**: {text}\n", ModelCard.Write(Contents() with { TrainingSeconds = seconds }), StringComparison.Ordinal);

    [Fact]
    public void Body_OfNumbersAndListsSaysTheirRanges()
    {
        CardColumn[] columns = [new("docs", new RangeStatistics(RangeOf.Elements, 2, 3.5, 5)), new("score", new RangeStatistics(RangeOf.Numbers, 0, .25, 1))];
        CardDataSet data = new("d", 3, columns, [["[\"a\"]", "0.5"]], "ListNetLoss", []);
        string card = ModelCard.Write(Classifier(1) with
        {
            TrainingSets = [data],
            EvaluationSets = [data with { Loss = null }], // measured otherwise
            Evaluations = [],
            Log = [],
            BestStep = null,
        });
        Assert.Contains("| type | list | float |", card, StringComparison.Ordinal);
        Assert.Contains("| <ul><li>min: 2 elements</li><li>mean: 3.5 elements</li><li>max: 5 elements</li></ul> "
            + "| <ul><li>min: 0.0</li><li>mean: 0.25</li><li>max: 1.0</li></ul> |", card, StringComparison.Ordinal);
        Assert.Contains("* Loss: <code>ListNetLoss</code>\n\n", card, StringComparison.Ordinal);
        Assert.Equal(2, card.Split("* Loss: ").Length);
        Assert.DoesNotContain("Training Logs", card, StringComparison.Ordinal);
        Assert.DoesNotContain("## Evaluation\n", card, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("---\nlanguage: en\nlicense: apache-2.0\n---\nlicense: mit\n", "apache-2.0", "en")]
    [InlineData("---\nlicense: \"mit\"\nlanguage:\n- en\n-  de\ntags:\n- x\n---\n", "mit", "en,de")]
    [InlineData("---\nlanguage: [en, 'no']\n---\n", null, "en,no")]
    [InlineData("license: mit\n", null, "")]
    [InlineData("---\nlicense: mit\n", null, "")]
    [InlineData("", null, "")]
    public void BaseModelTerms_AreThoseOfItsFrontMatter(string readme, string? license, string languages)
    {
        using TemporaryFolder folder = new();
        Assert.Empty(BaseModelTerms.Read(folder.Path).Languages);
        File.WriteAllText(folder.File("README.md"), readme);
        BaseModelTerms terms = BaseModelTerms.Read(folder.Path);
        Assert.Equal((license, languages), (terms.License, string.Join(',', terms.Languages)));
    }

    [Fact]
    public void BaseModelTerms_OfTheRealModelAreItsOwn()
    {
        BaseModelTerms terms = BaseModelTerms.Read(SharedFolder.Require("models", "all-MiniLM-L6-v2"));
        Assert.Equal(("apache-2.0", "en"), (terms.License, terms.Languages.Single()));
    }
}
