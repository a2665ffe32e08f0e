using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Build;

/// <summary>Small files of every kind that the program reads, made with it where they are its own.</summary>
internal static class DamageFiles
{
    private static readonly string[] Words = ["wing", "heat", "air", "stream", "lift", "shock", "wave", "speed", "layer"];

    private static string Text(int i) => $"{Words[i % 9]} of {Words[i / 9 % 9]} {Words[i * 5 % 9]}";

    /// <summary>Makes them in a new folder.</summary>
    internal static void Make(string program, string folder)
    {
        string fixture = Path.Combine(Tool.Root, "tests", "Fixtures", "models", "bert");
        Directory.CreateDirectory(folder);
        Tool.CopyFolder(fixture, Path.Combine(folder, "encoder"));
        File.Delete(Path.Combine(folder, "encoder", "expected.safetensors"));
        WriteTexts(folder);
        WriteModelFiles(folder);
        foreach (string name in new[] { "config.json", "vocab.txt" }) { File.Copy(Path.Combine(fixture, name), Path.Combine(folder, name)); }
        File.Copy(Path.Combine(Tool.Root, "tests", "Fixtures", "ptx", "PatternArray.sm_60.ptx"), Path.Combine(folder, "kernel.ptx"));
        Run("convert", "--model", "encoder", "--num-labels", "1", "--seed", "1", "--output", "classifier");
        Run("convert", "--model", "encoder", "--num-labels", "1", "--seed", "1", "--output", "fitted");
        Run("convert", "--model", "encoder", "--max-shard-bytes", "80000", "--output", "sharded");
        Run("index", "--dense", "--model", "encoder", "--corpus", "corpus.jsonl", "--output", "index");
        Run("calibrate", "--model", "classifier", "--scores", "scores.jsonl", "--labels", "labels.tsv");
        Run("train", "--config", "run.json", "--output-dir", "trained");
        foreach (string file in new[] { "before.json", "after.json" })
        {
            File.WriteAllText(Path.Combine(folder, file), Run("profile", "--model", "encoder", "--shapes", "1x4", "--json"));
        }
        MakeUnfinished(program, folder);
        Run("embed", "--model", "encoder", "--input", "many.txt", "--output", "unfinished/whole.npy");

        string Run(params string[] arguments)
        {
            (int code, string output, string error) = Tool.Capture(program, folder, arguments);
            return code == 0 ? output : throw new BuildException($"minilm {string.Join(' ', arguments)}: {error}");
        }
    }

    // What a killed run leaves: rows, and the state that says how many. The run has it locked, for .NET; cat reads it all the same.
    private static void MakeUnfinished(string program, string folder)
    {
        string rows = Path.Combine(folder, "rows.npy.partial"), state = rows + ".json", kept = Path.Combine(folder, "unfinished");
        string[] command = ["embed", "--model", "encoder", "--input", "many.txt", "--output", "rows.npy", "--quiet"];
        using Process process = Process.Start(new ProcessStartInfo(program, command) { WorkingDirectory = folder })!;
        while (Tool.Capture("/bin/cat", folder, state).Output is var said && (said.Length == 0 || said.Contains("\"rows\":0,", StringComparison.Ordinal)))
        {
            if (process.HasExited) { throw new BuildException("embed of many.txt ended before it could be killed"); }
        }
        process.Kill();
        process.WaitForExit();
        Directory.CreateDirectory(kept);
        File.Move(rows, Path.Combine(kept, "rows.npy"));
        File.Move(state, Path.Combine(kept, "rows.json"));
    }

    private static void WriteTexts(string folder)
    {
        int[] rows = [.. Enumerable.Range(0, 10)];
        Write("texts.txt", rows.Select(Text));
        using (GZipStream zip = new(File.Create(Path.Combine(folder, "texts.txt.gz")), CompressionLevel.Optimal))
        {
            zip.Write(Encoding.UTF8.GetBytes(string.Join('\n', rows.Select(Text))));
        }
        Write("many.txt", Enumerable.Range(0, 30_000).Select(Text));
        Write("rows.jsonl", rows.Select(i => $$"""{"id":{{i}},"text":"{{Text(i)}}"}"""));
        Write("test.jsonl", rows.Select(i => $$"""{"text":"{{Text(i + 7)}}"}"""));
        Write("array.json", [$"[{string.Join(",\n", rows.Select(i => $$"""{"text": "{{Text(i)}}"}"""))}]"]);
        Write("pairs.csv", rows.Select(i => $"{Text(i)},\"{Text(i + 4)}\",{i % 2}").Prepend("a,b,label"));
        Write("corpus.jsonl", rows.Select(i => $$"""{"_id":"d{{i}}","title":"{{Words[i % 9]}}","text":"{{Text(i)}}"}"""));
        Write("corpus.tsv", rows.Select(i => $"d{i}\t{Text(i)} Ã¼ &amp;"));
        Write("queries.tsv", rows.Take(3).Select(i => $"q{i}\t{Text(i)}"));
        Write("a.run", rows.Select(i => $"q{i % 3} Q0 d{i} {1 + i / 3} {9 - i}.5 a"));
        Write("b.run", rows.Select(i => $"q{i % 3} Q0 d{i} {1 + i / 3} {i}.25 b"));
        Write("msmarco.run", rows.Select(i => $"q{i % 3}\td{i}\t{1 + i / 3}"));
        Write("qrels.txt", rows.Select(i => $"q{i % 3} 0 d{i} {i % 2}"));
        Write("qrels.tsv", rows.Select(i => $"q{i % 3}\td{i}\t{i % 2}").Prepend("query-id\tcorpus-id\tscore"));
        Write("qrels.json", ["""{"q0": {"d0": 1, "d3": 0}, "q1": {"d1": 2}, "q2": {"d8": -1}}"""]);
        Write("lists.jsonl", rows.Take(4).Select(i => $$"""{"query":"{{Text(i)}}","pos":["{{Text(i + 1)}}"],"neg":["{{Text(i + 2)}}","{{Text(i + 3)}}"]}"""));
        Write("scores.jsonl", rows.Select(i => $$"""{"index":{{i}},"score":{{i}}.5}"""));
        Write("listed.jsonl", Enumerable.Range(0, 12).Select(i => $$"""{"index":{{i}},"score":{{i % 5}}.5}"""));
        Write("labels.tsv", rows.Select(i => $"{i}\t{i % 2}").Prepend("index\tlabel"));
        Write("tweets.tsv", rows.Select(i => $"{i}\t{Text(i)}\tp{i}").Prepend("post_id\ttweet_text\tcord_uid"));
        Write("predictions.tsv", rows.Select(i => $"{i}\t['p{i}', \"p{i + 1}\"]").Prepend("post_id\tpreds"));
        Write("collection.jsonl", rows.Select(i => $$"""{"cord_uid":"p{{i}}","title":"{{Words[i % 9]}}","abstract":"{{Text(i)}}"}"""));
        File.WriteAllBytes(Path.Combine(folder, "collection.pkl"),
            DataFramePickle.Of(["cord_uid", "title", "abstract"], [.. rows.Select(i => $"p{i}"), .. rows.Select(i => Words[i % 9]), .. rows.Select(Text)]));
        Write("order.txt", rows.Select(i => $"{9 - i}"));
        Write("run.json", ["""
            {"task": "bi-encoder", "model": "encoder", "train": "pairs.csv", "columns": "a,b,label", "loss": "CosineSimilarityLoss", "max_steps": 3,
             "save_steps": 2, "learning_rate": 1e-4, "data_order": "order.txt", "per_device_train_batch_size": 4, "ignore_warnings": "truncated"}
            """]);
        Write("run.yaml", ["task: bi-encoder", "model: encoder", "train: pairs.csv", "columns: a,b,label", "loss: CosineSimilarityLoss", "max_steps: 1",
            "per_device_train_batch_size: 4", "learning_rate: 1e-4"]);

        void Write(string name, IEnumerable<string> lines) => File.WriteAllText(Path.Combine(folder, name), string.Join('\n', lines) + "\n");
    }

    // What a folder of sentence-transformers has beside the weights.
    private static void WriteModelFiles(string folder)
    {
        Write("encoder/modules.json", """
            [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
             {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
            """);
        Write("encoder/1_Pooling/config.json", """{"word_embedding_dimension": 32, "pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}""");
        Write("encoder/sentence_bert_config.json", """{"max_seq_length": 32, "do_lower_case": true}""");
        Write("encoder/config_sentence_transformers.json",
            """{"similarity_fn_name": "dot", "prompts": {"query": "a ", "document": "the "}, "default_prompt_name": null}""");
        string[] vocabulary = File.ReadAllLines(Path.Combine(folder, "encoder", "vocab.txt"));
        (int sep, int cls) = (Array.IndexOf(vocabulary, "[SEP]"), Array.IndexOf(vocabulary, "[CLS]"));
        string ids = string.Join(", ", vocabulary.Select((token, id) => $"{JsonSerializer.Serialize(token)}: {id}"));
        Write("encoder/tokenizer.json", $$$"""
            {"version": "1.0", "added_tokens": [{"id": 1, "content": "[UNK]", "special": true}], "normalizer": {"type": "BertNormalizer", "lowercase": true},
             "pre_tokenizer": {"type": "BertPreTokenizer"},
             "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", {{{sep}}}], "cls": ["[CLS]", {{{cls}}}]},
             "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
             "vocab": { {{{ids}}} } } }
            """);
        Write("encoder/tokenizer_config.json", """{"do_lower_case": true, "model_max_length": 64, "tokenizer_class": "BertTokenizer", "unk_token": "[UNK]"}""");
        Write("encoder/special_tokens_map.json", """{"unk_token": "[UNK]", "sep_token": "[SEP]", "cls_token": {"content": "[CLS]", "lstrip": false}}""");
        Directory.CreateDirectory(Path.Combine(folder, "vocabulary"));
        File.Copy(Path.Combine(folder, "encoder", "vocab.txt"), Path.Combine(folder, "vocabulary", "vocab.txt"));
        Write("vocabulary/tokenizer_config.json", """{"do_lower_case": false, "truncation_side": "left", "strip_accents": null}""");
        Write("vocabulary/special_tokens_map.json", """{"unk_token": "[UNK]"}""");
        Write("vocabulary/added_tokens.json", $$"""{"<wing>": {{vocabulary.Length}}}""");
        Tool.CopyFolder(Path.Combine(folder, "encoder"), Path.Combine(folder, "dense"));
        Write("dense/modules.json", """
            [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
             {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
             {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}]
            """);
        Write("dense/2_Dense/config.json",
            """{"in_features": 32, "out_features": 8, "bias": true, "activation_function": "torch.nn.modules.activation.Tanh"}""");
        WriteDense(Path.Combine(folder, "dense", "2_Dense", "model.safetensors"));

        void Write(string name, string text)
        {
            string path = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }
    }

    private static void WriteDense(string path)
    {
        byte[] header = """
            {"linear.weight":{"dtype":"F32","shape":[8,32],"data_offsets":[0,1024]},"linear.bias":{"dtype":"F32","shape":[8],"data_offsets":[1024,1056]}}
            """u8.ToArray();
        float[] values = [.. Enumerable.Range(0, 264).Select(i => i % 7 * .1f)];
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)header.Length), .. header, .. MemoryMarshal.AsBytes<float>(values)]);
    }
}
