namespace MiniLM.Cuda.Ptx;

/// <summary>A PTX text that cannot be used; the message is one line, "file:line: what".</summary>
internal sealed class PtxException(string file, int line, string what) : Exception($"{file}:{line}: {what}")
{
    /// <summary>Line of the text, from 1.</summary>
    internal int Line => line;

    /// <summary>The message without its place.</summary>
    internal string What => what;
}
