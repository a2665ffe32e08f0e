namespace Build;

/// <summary>The README's main job: Cranfield's abstracts embedded and indexed by the published program, and a query answered.</summary>
internal static class Sample
{
    internal static void Run(string query)
    {
        if (!File.Exists(Executable.File)) { Executable.Publish(); }
        string index = Path.Combine(Tool.Root, "out", "cranfield");
        if (!Directory.Exists(index))
        {
            Tool.Run(Executable.File, "index", "--dense", "--corpus", Path.Combine("samples", "cranfield", "corpus.jsonl"), "--output", index);
        }
        Tool.Run(Executable.File, "search", "--index", index, "--top-k", "5", query);
    }
}
