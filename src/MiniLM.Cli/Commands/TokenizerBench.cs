using System.Diagnostics;
using System.Globalization;
using System.Text;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM.Cli.Commands;

/// <summary>Passes of some threads over the texts of a file, each over its share, whole texts to ids.</summary>
internal sealed class TokenizerBench
{
    private readonly WordPieceTokenizer _tokenizer;
    private readonly string[] _texts;
    private readonly long[] _tokens;
    private volatile bool _go, _stop;
    private int _ready, _done;

    private TokenizerBench(WordPieceTokenizer tokenizer, string[] texts, int threads) => (_tokenizer, _texts, _tokens) = (tokenizer, texts, new long[threads]);

    internal static void Run(string folder, string input, string? column, int threads, bool json, Session session)
    {
        WordPieceTokenizer tokenizer = Open(folder);
        string[] texts = Read(input, column, session);
        TokenizerBench bench = new(tokenizer, texts, Math.Min(threads, texts.Length));
        (double seconds, long allocated, long[] passes) = bench.Measure(session.Cancellation);
        long tokens = bench._tokens.Sum(), bytes = texts.Sum(text => (long)Encoding.UTF8.GetByteCount(text));
        double tokensPerSecond = bench._tokens.Zip(passes, (inShare, times) => (double)inShare * times).Sum() / seconds;
        double bytesPerSecond = passes.Select((times, thread) => (double)times * bench.Share(thread).Sum(Encoding.UTF8.GetByteCount)).Sum() / seconds;
        if (json)
        {
            JsonLine.Write(session.OutputText, members =>
            {
                members.WriteNumber("texts", texts.Length);
                members.WriteNumber("tokens", tokens);
                members.WriteNumber("tokens_per_s", tokensPerSecond);
                members.WriteNumber("bytes_per_s", bytesPerSecond);
                members.WriteNumber("threads", bench._tokens.Length);
                members.WriteNumber("allocated_bytes", allocated);
            });
            return;
        }
        CultureInfo culture = CultureInfo.InvariantCulture;
        session.OutputText.WriteLine(string.Create(culture,
            $"{texts.Length:#,0} texts, {bytes:#,0} bytes, {tokens:#,0} tokens, {bench._tokens.Length} thread(s)"));
        session.OutputText.WriteLine(string.Create(culture,
            $"{tokensPerSecond / 1e6:f2} M tokens/s, {bytesPerSecond / 1e6:f1} MB/s, {allocated} bytes allocated"));
    }

    // Weights are not needed; only an old sentence-transformers folder says elsewhere where its tokenizer is.
    private static WordPieceTokenizer Open(string folder)
    {
        if (File.Exists(Path.Combine(folder, "tokenizer.json")) || File.Exists(Path.Combine(folder, "vocab.txt"))) { return WordPieceTokenizer.Load(folder); }
        using ModelFolder model = ModelFolder.Open(folder);
        return WordPieceTokenizer.Load(model.TransformerPath);
    }

    private static string[] Read(string input, string? column, Session session)
    {
        List<string> texts = [];
        string[] row = new string[1];
        RowFormat format = new() { Columns = column is null ? [] : [column], Options = ["--column"] };
        using RowReader rows = RowReader.Open(input, format, session.OpenInput, session.Cancellation);
        while (rows.Read(row)) { texts.Add(row[0]); }
        return texts.Count > 0 ? [.. texts] : throw new DataFormatException($"{DataFile.Name(input)}: has no texts. Give a file with at least one.");
    }

    private IEnumerable<string> Share(int thread) => _texts.Where((_, i) => i % _tokens.Length == thread);

    private (double Seconds, long Allocated, long[] Passes) Measure(CancellationToken cancellation)
    {
        long[] passes = new long[_tokens.Length];
        Thread[] threads = [.. Enumerable.Range(0, passes.Length).Select(thread => new Thread(() => Work(thread, passes)) { IsBackground = true })];
        foreach (Thread thread in threads) { thread.Start(); }
        while (Volatile.Read(ref _ready) < threads.Length) { Thread.Sleep(1); }
        GC.Collect();
        GC.WaitForPendingFinalizers(); // what they allocate is not the work that is measured
        long before = GC.GetTotalAllocatedBytes(precise: true), start = Stopwatch.GetTimestamp();
        _go = true;
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < 1 && !cancellation.IsCancellationRequested) { Thread.Sleep(10); }
        _stop = true;
        while (Volatile.Read(ref _done) < threads.Length) { Thread.Sleep(0); }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        long allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        cancellation.ThrowIfCancellationRequested();
        return (seconds, allocated, passes);
    }

    // Warm-up finds how long the ids get; a thread stops at the end of a pass, so that a rate is of whole passes.
    private void Work(int thread, long[] passes)
    {
        string[] texts = [.. Share(thread)];
        int[] ids = new int[1024];
        for (int pass = 0; pass < 3; pass++)
        {
            foreach (string text in texts)
            {
                while (true)
                {
                    _tokenizer.Encode(text, ids.Length, ids, out bool truncated);
                    if (!truncated) { break; }
                    ids = new int[2 * ids.Length];
                }
            }
        }
        Interlocked.Increment(ref _ready);
        while (!_go) { Thread.SpinWait(20); }
        long count = 0;
        do
        {
            long tokens = 0;
            foreach (string text in texts) { tokens += _tokenizer.Encode(text, ids.Length, ids, out _); }
            _tokens[thread] = tokens;
            count++;
        } while (!_stop);
        passes[thread] = count;
        Interlocked.Increment(ref _done);
    }
}
