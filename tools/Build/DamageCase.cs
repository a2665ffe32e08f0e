namespace Build;

/// <summary>A command and the files that it reads, which a campaign damages.</summary>
/// <param name="Command">Its words; one that is the name of a file of the campaign's folder is read.</param>
/// <param name="Files">Those that are damaged, of the campaign's folder.</param>
internal sealed record DamageCase(string[] Command, params string[] Files)
{
    /// <summary>What the names of outputs begin with, which a command that fails must not leave.</summary>
    internal const string Output = "output";

    /// <summary>What a killed run left of the output, and the file that has it for the campaign: the command goes on with it, and may leave it.</summary>
    internal (string File, string Left)[] Unfinished { get; init; } = [];

    /// <summary>A file that has what the command must end in if it does not refuse, and its output.</summary>
    internal (string File, string Output)? Whole { get; init; }

    /// <summary>Every file that the engine reads, by a command that reads it.</summary>
    internal static readonly DamageCase[] All =
    [
        new(["embed", "--model", "encoder", "--input", "texts.txt", "--output", Output + ".jsonl"], "encoder/config.json", "encoder/modules.json",
            "encoder/1_Pooling/config.json", "encoder/sentence_bert_config.json", "encoder/config_sentence_transformers.json", "encoder/tokenizer.json",
            "encoder/tokenizer_config.json", "encoder/special_tokens_map.json", "encoder/vocab.txt", "encoder/model.safetensors", "texts.txt"),
        new(["tokenize", "--model", "vocabulary", "--input", "rows.jsonl", "--column", "text"], "vocabulary/vocab.txt", "vocabulary/tokenizer_config.json",
            "vocabulary/added_tokens.json", "vocabulary/special_tokens_map.json", "rows.jsonl"),
        new(["embed", "--model", "dense", "--input", "texts.txt", "--output", Output + ".jsonl"], "dense/modules.json", "dense/2_Dense/*"),
        new(["inspect", "encoder", "--json"], "encoder/model.safetensors", "encoder/config.json", "encoder/modules.json"),
        new(["inspect", "sharded"], "sharded/model.safetensors.index.json", "sharded/model-00001-of-00002.safetensors"),
        new(["inspect", "index"], "index/index.json"),
        new(["convert", "--model", "encoder", "--dtype", "float16", "--output", Output], "encoder/model.safetensors", "encoder/config.json",
            "encoder/modules.json", "encoder/tokenizer.json"),
        new(["create", "--config", "config.json", "--vocab", "vocab.txt", "--seed", "1", "--output", Output], "config.json", "vocab.txt"),
        new(["similarity", "--model", "encoder", "--input", "pairs.csv", "--columns", "a,b", "--output", Output + ".jsonl"], "pairs.csv"),
        new(["embed", "--model", "encoder", "--input", "array.json", "--column", "text", "--output", Output + ".jsonl"], "array.json"),
        new(["embed", "--model", "encoder", "--input", "texts.txt.gz", "--output", Output + ".jsonl"], "texts.txt.gz"),
        new(["embed", "--model", "encoder", "--input", "many.txt", "--output", Output + ".npy", "--resume"], "unfinished/rows.json")
        {
            Unfinished = [("unfinished/rows.npy", Output + ".npy.partial"), ("unfinished/rows.json", Output + ".npy.partial.json")],
            Whole = ("unfinished/whole.npy", Output + ".npy"),
        },
        new(["index", "--dense", "--model", "encoder", "--corpus", "corpus.jsonl", "--output", Output], "corpus.jsonl"),
        new(["index", "--dense", "--model", "encoder", "--corpus", "corpus.tsv", "--fix-text", "full", "--output", Output], "corpus.tsv"),
        new(["search", "--index", "index", "--queries", "queries.tsv", "--output", Output + ".run"], "index/*", "queries.tsv"),
        new(["search", "--index", "index", "a text"], "index/*"),
        new(["rerank", "--model", "classifier", "--pairs", "pairs.csv", "--columns", "a,b", "--score", "calibrated", "--output", Output + ".jsonl"],
            "classifier/calibration.json", "classifier/config.json", "classifier/model.safetensors"),
        new(["rerank", "--model", "classifier", "--queries", "queries.tsv", "--corpus", "corpus.jsonl", "--run", "a.run", "--output", Output + ".run"],
            "a.run", "queries.tsv", "corpus.jsonl"),
        new(["rerank", "--model", "classifier", "--lists", "lists.jsonl", "--output", Output + ".jsonl"], "lists.jsonl"),
        new(["fuse", "a.run", "b.run", "--output", Output + ".run"], "a.run", "b.run"),
        new(["evaluate", "run", "--qrels", "qrels.txt", "--run", "a.run", "--run", "b.run", "--measures", "all_trec", "--json"], "qrels.txt", "a.run"),
        new(["evaluate", "run", "--qrels", "qrels.tsv", "--run", "msmarco.run"], "qrels.tsv", "msmarco.run"),
        new(["evaluate", "pairs", "--scores", "scores.jsonl", "--labels", "labels.tsv"], "scores.jsonl", "labels.tsv"),
        new(["evaluate", "sts", "--scores", "scores.jsonl", "--labels", "labels.tsv"], "scores.jsonl", "labels.tsv"),
        new(["evaluate", "run", "--qrels", "qrels.json", "--run", "a.run"], "qrels.json"),
        new(["evaluate", "reranking", "--scores", "listed.jsonl", "--lists", "lists.jsonl"], "listed.jsonl", "lists.jsonl"),
        new(["evaluate", "checkthat", "--predictions", "predictions.tsv", "--gold", "tweets.tsv"], "predictions.tsv", "tweets.tsv"),
        new(["submit", "checkthat", "--run", "a.run", "--output", Output + ".tsv"], "a.run"),
        new(["calibrate", "--model", "fitted", "--scores", "scores.jsonl", "--labels", "labels.tsv", "--overwrite"], "scores.jsonl", "labels.tsv"),
        new(["explain-run", "--qrels", "qrels.txt", "--first", "a.run", "--run", "b.run", "--corpus", "corpus.jsonl", "--queries", "queries.tsv"],
            "qrels.txt", "a.run", "b.run", "corpus.jsonl", "queries.tsv"),
        new(["mine", "--model", "encoder", "--queries", "queries.tsv", "--corpus", "corpus.jsonl", "--qrels", "qrels.txt", "--num-negatives", "2", "--output",
            Output + ".jsonl"], "queries.tsv", "corpus.jsonl", "qrels.txt"),
        new(["data", "leakage", "--train", "rows.jsonl", "--test", "test.jsonl", "--columns", "text"], "rows.jsonl", "test.jsonl"),
        new(["data", "deduplicate", "--input", "rows.jsonl", "--column", "text", "--output", Output + ".jsonl"], "rows.jsonl"),
        new(["data", "split", "--input", "pairs.csv", "--stratify", "label", "--sizes", "6,2,2", "--seed", "1", "--output", Output], "pairs.csv"),
        new(["data", "checkthat", "--collection", "collection.jsonl", "--tweets", "tweets.tsv", "--output", Output], "tweets.tsv", "collection.jsonl"),
        new(["data", "checkthat", "--collection", "collection.pkl", "--tweets", "tweets.tsv", "--output", Output], "collection.pkl"),
        new(["train", "--config", "run.json", "--output-dir", Output], "run.json", "order.txt", "pairs.csv"),
        new(["train", "--config", "run.yaml", "--output-dir", Output], "run.yaml"),
        new(["train", "--config", "run.json", "--output-dir", Output, "--resume-from-checkpoint", "trained/checkpoint-2"], "trained/checkpoint-2/*"),
        new(["profile", "--compare", "before.json", "after.json"], "before.json", "after.json"),
        new(["ptx", "check", "kernel.ptx"], "kernel.ptx"),
    ];
}
