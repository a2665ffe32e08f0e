namespace Build;

/// <summary>The published program where there is no OpenSSL, without which .NET's own hashes end a process: the same hashes.</summary>
internal static class WithoutOpenSsl
{
    // Libraries of these names that are none are found first.
    private static readonly string[] Names = ["libssl.so.3", "libssl.so.1.1"];

    /// <param name="program">The program.</param>
    /// <param name="model">A model for it.</param>
    /// <param name="folder">Where the smoke test left its index.</param>
    internal static void Run(string program, string model, string folder)
    {
        if (!OperatingSystem.IsLinux()) { return; }
        string hidden = Directory.CreateDirectory(Path.Combine(folder, "no-openssl")).FullName;
        foreach (string name in Names) { File.WriteAllText(Path.Combine(hidden, name), ""); }
        Environment.SetEnvironmentVariable("LD_LIBRARY_PATH", hidden);
        try
        {
            new SmokeCase("search", "--index", "index", "heat", "--json") { Prints = "\"rank\":1", OutputLines = 3 }.Check(program, folder);
            // Its unfinished file ends with a hash.
            new SmokeCase("embed", "--model", model, "--input", "texts.jsonl", "--column", "text", "--output", "hashed.jsonl")
            {
                Writes = ("hashed.jsonl", null),
            }.Check(program, folder);
            Console.WriteLine("ok without OpenSSL");
        }
        finally { Environment.SetEnvironmentVariable("LD_LIBRARY_PATH", null); }
    }
}
