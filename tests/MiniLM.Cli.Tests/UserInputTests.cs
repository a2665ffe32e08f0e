using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace MiniLM.Cli.Tests;

/// <summary>What users of such programs do, and what they meet: similarities, tables, shorter vectors, prompts, and mistakes with their remedies.</summary>
public sealed class UserInputTests : CommandTests
{
    private const string Corpus = "{\"_id\":\"a\",\"text\":\"one two three\"}\n{\"_id\":\"b\",\"text\":\"of the a\"}\n{\"_id\":\"c\",\"text\":\"red\"}\n";

    [Theory]
    [InlineData("cosine")]
    [InlineData("dot")]
    [InlineData("euclidean")]
    [InlineData("manhattan")]
    public void Similarity_IsTheSameInEveryCommand(string function)
    {
        string stored = Configured($$"""{"similarity_fn_name":"{{function}}"}""");
        string pairs = Write("pairs.tsv", "a\tb\nriver bank\tone two three\nriver bank\tof the a\nriver bank\tred\n");
        double[] asked = Scores("similarity", "--model", BiEncoder, "--input", pairs, "--columns", "a,b", "--similarity", function);
        Assert.Equal(asked, Scores("similarity", "--model", stored, "--input", pairs, "--columns", "a,b"));
        Assert.Equal(asked, Scores("rerank", "--model", stored, "--pairs", pairs, "--columns", "a,b"));
        Assert.Equal(asked[..1], Scores("similarity", "--model", stored, "river bank", "one two three"));
        string corpus = Write("corpus.jsonl", Corpus), queries = Write("q.tsv", "q\triver bank\n");
        string run = Write("in.run", "q Q0 a 1 3 x\nq Q0 b 2 2 x\nq Q0 c 3 1 x\n");
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", corpus, "--output", At("index")).AssertDone();
        string[][] found = Run("search", "--index", At("index"), "--queries", queries, "--similarity", function);
        string[][] ranked = Run("rerank", "--model", stored, "--queries", queries, "--corpus", corpus, "--run", run);
        double[] scores = [.. "abc".Select(id => found.Single(line => line[2] == $"{id}")).Select(line => double.Parse(line[4]))];
        for (int i = 0; i < 3; i++) { Assert.Equal(asked[i], scores[i], 2e-6 * Math.Max(1, Math.Abs(asked[i]))); }
        Assert.Equal(ranked.Select(line => line[2]), found.Select(line => line[2]));
        Assert.Equal(found.Select(line => double.Parse(line[4])).OrderDescending(), found.Select(line => double.Parse(line[4])));
    }

    // By the formulas, of what embed prints.
    [Theory]
    [InlineData("cosine")]
    [InlineData("dot")]
    [InlineData("euclidean")]
    [InlineData("manhattan")]
    public void Similarity_IsThatOfTheEmbeddings(string function)
    {
        string model = Configured($$"""{"similarity_fn_name":"{{function}}"}""");
        foreach (string other in new[] { "one two three", "of the", "" })
        {
            (double x, double y)[] both = [.. Embedding(model, "river bank").Zip(Embedding(model, other))];
            double dot = both.Sum(at => at.x * at.y), lengths = Math.Sqrt(both.Sum(at => at.x * at.x)) * Math.Sqrt(both.Sum(at => at.y * at.y));
            double expected = function switch
            {
                "cosine" => dot / lengths,
                "dot" => dot,
                "euclidean" => -Math.Sqrt(both.Sum(at => (at.x - at.y) * (at.x - at.y))),
                _ => -both.Sum(at => Math.Abs(at.x - at.y)),
            };
            Assert.Equal(expected, Scores("similarity", "--model", model, "river bank", other).Single(), 2e-6 * Math.Max(1, Math.Abs(expected)));
        }
    }

    [Fact]
    public void Similarity_OfTwoTextsOrOfAFile()
    {
        CommandLine.Run("similarity", "--model", BiEncoder, "one").AssertRefused(2, "one text: give two");
        CommandLine.Run("similarity", "--model", BiEncoder).AssertRefused(2, "nothing to compare");
        CommandLine.Run("similarity", "--model", BiEncoder, "one", "two", "--input", "x").AssertRefused(2, "texts and --input");
        CommandLine.Run("rerank", "--model", CrossEncoder, "--pairs", Write("p.tsv", "a\tb\nx\ty\n"), "--columns", "a,b", "--similarity", "dot")
            .AssertRefused(2, "--similarity: a cross-encoder has no embeddings");
        CommandLine.Run("similarity", "--model", BiEncoder, "a", "b", "--similarity", "dots").AssertRefused(2, "Did you mean dot?");
    }

    [Fact]
    public void Index_TakesColumnsOfATable()
    {
        string table = Write("c.tsv", "pid\tbody\thead\na\tthree\tone two\n");
        string plain = Write("c.jsonl", "{\"_id\":\"a\",\"title\":\"one two\",\"text\":\"three\"}\n");
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", table, "--columns", "pid,head,body", "--output", At("table")).AssertDone();
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", plain, "--output", At("plain")).AssertDone();
        Assert.Equal(File.ReadAllBytes(At("plain/vectors.f32")), File.ReadAllBytes(At("table/vectors.f32")));
        Assert.Equal(File.ReadAllText(At("plain/documents.jsonl")), File.ReadAllText(At("table/documents.jsonl")));
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", table, "--output", At("x")).AssertRefused(1, "has 3 fields; without names");
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", table, "--columns", "pid", "--output", At("x"))
            .AssertRefused(2, "--columns pid: name id and text");
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", table, "--columns", "a,b,c,d", "--output", At("x")).AssertRefused(2, "--columns");
    }

    [Theory]
    [InlineData("a.csv", "id;text\n1;one\n", "--delimiter ';'")]
    [InlineData("a.csv", "id|text\n1|one\n", "--delimiter '|'")]
    [InlineData("a.tsv", "id;text\n1;one\n", "--delimiter ';'")]
    [InlineData("a.csv", "id\ttext\n1\tone\n", "--delimiter 'tab'")]
    public void Embed_OfOneColumnThatLooksLikeSeveralAsksForTheDelimiter(string name, string content, string hint)
    {
        string input = Write(name, content);
        CommandLine.Run("embed", "--model", BiEncoder, "--input", input).AssertRefused(1, hint);
        string[] lines = CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--delimiter", hint[13..^1]).AssertDone().Lines;
        Assert.Equal(CommandLine.Run("embed", "--model", BiEncoder, "one").AssertDone().Lines, lines);
        string header = content.Split('\n')[0]; // of one column
        Assert.Single(CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--column", header).AssertDone().Lines);
    }

    [Fact]
    public void Embed_OfLinesOfTextRefusesADelimiter()
    {
        const string Table = "id;text\n1;one\n";
        CommandLine.Run("embed", "--model", BiEncoder, "--input", Write("a.txt", Table), "--delimiter", ";")
            .AssertRefused(1, "a.txt: lines of text have one column, 'text'. For ';' say --format tsv, csv or jsonl.");
        string[] lines = CommandLine.RunWith(default, Table, "embed", "--model", BiEncoder, "--input", "-", "--delimiter", ";").AssertDone().Lines;
        Assert.Equal(CommandLine.Run("embed", "--model", BiEncoder, "one").AssertDone().Lines, lines);
    }

    [Fact]
    public void Tables_ThatLookLikeSeveralColumnsAskForTheDelimiterWhereOthersAreMissing()
    {
        string pairs = Write("pairs.csv", "a;b\nx;y\n"), corpus = Write("corpus.tsv", "id|text\n1|one\n");
        CommandLine.Run("similarity", "--model", BiEncoder, "--input", pairs, "--columns", "a,b").AssertRefused(1, "no column 'a', it has 'a;b'. Say what "
            + "separates its columns: --delimiter ';'.");
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", corpus, "--output", At("index"))
            .AssertRefused(1, "corpus.tsv:1: has no tab: a line is id, tab, text. Say what separates its columns: --delimiter '|'.");
    }

    [Fact]
    public void Embed_TakesJsonAsPeoplePipeIt()
    {
        string expected = CommandLine.Run("embed", "--model", BiEncoder, "--input", Write("t.txt", "one\nred cat\n")).AssertDone().Output;
        string blank = new('\n', 100);
        string[] forms = ["[\"one\",\"red cat\"]", $"{blank}[{blank}\"one\",\"red cat\"]", "[\n {\"text\": \"one\"},\n {\"text\": \"red cat\"}\n]",
            "{\n\"text\":\"one\"\n}\n{\"text\":\"red cat\"}"];
        foreach (string json in forms)
        {
            Assert.Equal(expected, CommandLine.RunWith(default, json, "embed", "--model", BiEncoder, "--input", "-").AssertDone().Output);
            Assert.Equal(expected, CommandLine.Run("embed", "--model", BiEncoder, "--input", Write("a.json", json)).AssertDone().Output);
        }
        string text = "[note] one\n";
        Assert.Equal(CommandLine.Run("embed", "--model", BiEncoder, "[note] one").AssertDone().Output,
            CommandLine.RunWith(default, text, "embed", "--model", BiEncoder, "--input", "-").AssertDone().Output);
        string rows = Write("rows.json", "[{\"a\":1},{\"a\":2}]");
        CommandLine.Run("data", "split", "--input", rows, "--sizes", "1,1", "--output", At("split")).AssertRefused(1, "one JSON array");
    }

    [Fact]
    public void Dimensions_HoldForIndexAndSearch()
    {
        string corpus = Write("corpus.jsonl", Corpus);
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", corpus, "--dimensions", "8", "--normalize", "--output", At("index")).AssertDone();
        using (JsonDocument header = JsonDocument.Parse(File.ReadAllText(At("index/index.json"))))
        {
            Assert.Equal((8, true), (header.RootElement.GetProperty("dimension").GetInt32(), header.RootElement.GetProperty("normalize").GetBoolean()));
        }
        // Queries are cut and normalized as the documents were: of vectors of length 1 dot and cosine are one.
        string[] scores = [.. new[] { "dot", "cosine" }.Select(function => Run("search", "--index", At("index"), "--queries", Write("q.tsv", "q\tred\n"),
            "--similarity", function)[0][4])];
        Assert.All(scores, score => Assert.Equal(1, double.Parse(score), 1e-6));
        CommandLine.Run("search", "--index", At("index"), "red", "--dimensions", "9").AssertRefused(1, "gives 9 floats");
        Assert.Equal(8, Embedding(BiEncoder, "red", "--dimensions", "8").Length);
        Assert.Equal(1, Embedding(BiEncoder, "red", "--normalize", "--dimensions", "8").Sum(value => value * value), 1e-6);
        CommandLine.Run("embed", "--model", BiEncoder, "red", "--dimensions", "0").AssertRefused(2, "--dimensions 0");
    }

    [Fact]
    public void Prompts_OfQueriesAndDocumentsAreTakenAndSaid()
    {
        string model = Configured("""{"prompts":{"query":"one ","document":"two ","other":"x "},"default_prompt_name":"other"}""");
        string corpus = Write("corpus.jsonl", Corpus);
        CommandResult made = CommandLine.Run("index", "--dense", "--model", model, "--corpus", corpus, "--output", At("index")).AssertDone();
        Assert.Contains("before the documents stands the model's prompt 'document': 'two '", made.Error);
        Assert.Contains("\"prompt_name\": \"document\"", File.ReadAllText(At("index/index.json")));
        CommandResult found = CommandLine.Run("search", "--index", At("index"), "--top-k", "1", "--json", "red").AssertDone();
        Assert.Contains("before the queries stands the model's prompt 'query': 'one '", found.Error);
        double expected = Scores("similarity", "--model", BiEncoder, "one red", "two red").Single();
        double[] scores = [.. CommandLine.Run("search", "--index", At("index"), "--json", "red").AssertDone().Lines
            .Select(line => JsonDocument.Parse(line).RootElement).Where(hit => hit.GetProperty("id").GetString() == "c")
            .Select(hit => hit.GetProperty("score").GetDouble())];
        Assert.Equal(expected, scores.Single(), 2e-6);
        Assert.DoesNotContain("prompt", CommandLine.Run("search", "--index", At("index"), "--prompt-name", "other", "red").AssertDone().Error);
    }

    [Fact]
    public void Dashes_BeginNoText()
    {
        CommandLine.Run("embed", "-m", BiEncoder, "one").AssertRefused(2, "unknown option -m. Did you mean --model or --max-length?");
        CommandLine.Run("embed", "-model", BiEncoder, "one").AssertRefused(2, "unknown option -model. Did you mean --model?");
        CommandLine.Run("embed", "--model", BiEncoder, "-x").AssertRefused(2, "unknown option -x. Options have two dashes");
        CommandLine.Run("embed", "--model", BiEncoder, "-5").AssertDone();
        CommandLine.Run("embed", "--model", BiEncoder, "-one two").AssertDone();
        CommandLine.Run("embed", "--model", BiEncoder, "--", "-x").AssertDone();
        CommandLine.Run("embed", "--model", BiEncoder, "--input", Write("a.tsv", "-x\ny\n"), "--column", "-x").AssertDone();
    }

    [Fact]
    public void Messages_SayWhatIsMeant()
    {
        string file = Path.Combine(BiEncoder, "model.safetensors"), corpus = Write("corpus.jsonl", Corpus);
        CommandLine.Run("embed", "--model", file, "one").AssertRefused(1, $"model.safetensors: is a file. Give the folder that it lies in, {BiEncoder}.");
        CommandLine.Run("embed", "--model", BiEncoder, "--device", "gpu", "one").AssertRefused(2, "Did you mean cuda?");
        CommandLine.Run("search", "--index", corpus, "one").AssertRefused(1, "corpus.jsonl: is a file, not an index");
        CommandLine.Run("help", "serach").AssertRefused(2, "unknown command 'serach'. Did you mean search?");
        foreach (string name in new[] { "model.safetensors", "config.json", "tokenizer_config.json" })
        {
            string model = CopyModel(BiEncoder, "lfs-" + name);
            File.WriteAllText(Path.Combine(model, name), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
            CommandLine.Run("embed", "--model", model, "one").AssertRefused(1, $"{name}: is a git-lfs pointer");
        }
    }

    [Theory]
    [InlineData("a.txt", "one\n")]
    [InlineData("a.csv", "id,text\n1,one\n")]
    [InlineData("a.jsonl", "{\"text\":\"one\"}\n")]
    public void Utf16_IsNamedWithTheRemedy(string name, string content)
    {
        foreach (Encoding encoding in new[] { Encoding.Unicode, Encoding.BigEndianUnicode })
        {
            foreach (byte[] bytes in new byte[][] { [.. encoding.GetPreamble(), .. encoding.GetBytes(content)], encoding.GetBytes(content) })
            {
                File.WriteAllBytes(At(name), bytes);
                CommandLine.Run("embed", "--model", BiEncoder, "--input", At(name)).AssertRefused(1, $"{name}: is UTF-16, not UTF-8. Convert it: iconv");
            }
        }
    }

    [Theory]
    [InlineData("a.txt")]
    [InlineData("a.csv")]
    [InlineData("a.jsonl")]
    public void Gzip_UnderAnotherNameIsNamedWithTheRemedy(string name)
    {
        using (GZipStream file = new(File.Create(At(name)), CompressionLevel.Fastest)) { file.Write("one\n"u8); }
        CommandLine.Run("embed", "--model", BiEncoder, "--input", At(name))
            .AssertRefused(1, $"{name}: is compressed by gzip. Call it .gz, or expand it: gunzip.");
    }

    private string Configured(string settings)
    {
        string model = CopyModel(BiEncoder, "configured");
        File.WriteAllText(Path.Combine(model, "config_sentence_transformers.json"), settings);
        return model;
    }

    private static double[] Scores(params string[] arguments) =>
        [.. CommandLine.Run(arguments).AssertDone().Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("score").GetDouble())];

    private static double[] Embedding(string model, params string[] arguments) => [.. JsonDocument
        .Parse(CommandLine.Run(["embed", "--model", model, .. arguments]).AssertDone().Output).RootElement
        .GetProperty("embedding").EnumerateArray().Select(value => value.GetDouble())];

    private static string[][] Run(params string[] arguments) => [.. CommandLine.Run(arguments).AssertDone().Lines.Select(line => line.Split(' '))];
}
