using System.IO.Compression;

namespace MiniLM.Data;

/// <summary>Opens data files: plain or .gz, by path, or standard input as <c>-</c>.</summary>
internal static class DataFile
{
    internal const string StandardInput = "-";

    private const string StrictValidation = "System.IO.Compression.UseStrictValidation";

    /// <summary>The name for messages.</summary>
    internal static string Name(string path) => path == StandardInput ? "standard input" : path;

    /// <summary>The suffix that says the format, in lower case, behind an outer .gz: ".jsonl"; empty for standard input.</summary>
    internal static string Suffix(string path)
    {
        if (path == StandardInput) { return ""; }
        string suffix = Path.GetExtension(path).ToLowerInvariant();
        return suffix == ".gz" ? Path.GetExtension(path[..^3]).ToLowerInvariant() : suffix;
    }

    /// <summary>Refuses what is no file, before anybody asks for its format.</summary>
    /// <exception cref="DataFormatException">There is no such file.</exception>
    internal static void Require(string path)
    {
        if (path == StandardInput) { return; }
        if (Directory.Exists(path)) { throw new DataFormatException($"{path}: is a folder. Give a file."); }
        if (!File.Exists(path)) { throw new DataFormatException($"{path}: no such file. Check the path."); }
    }

    /// <summary>Opens a file for one pass from its start.</summary>
    /// <param name="path">Path or <c>-</c>.</param>
    /// <param name="openStandardInput">Called for <c>-</c>; null: there is none.</param>
    /// <param name="cancellation">Ends what waits for a pipe or a device.</param>
    /// <exception cref="DataFormatException">There is no such file, or it cannot be read.</exception>
    internal static Stream Open(string path, Func<Stream>? openStandardInput = null, CancellationToken cancellation = default)
    {
        if (path == StandardInput)
        {
            return openStandardInput?.Invoke() ?? throw new DataFormatException("standard input is not available here. Give a file.");
        }
        Stream file = OpenBytes(path, cancellation);
        return path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? Decompress(file) : file;
    }

    /// <summary>Reads gzip. Whoever does so in this program comes here: .NET looks at the switch once, when the first is read.</summary>
    /// <param name="compressed">Disposed with the result.</param>
    internal static GZipStream Decompress(Stream compressed)
    {
        // Without it .NET takes a file that was cut off for one that ends there.
        if (!AppContext.TryGetSwitch(StrictValidation, out _)) { AppContext.SetSwitch(StrictValidation, true); }
        return new GZipStream(compressed, CompressionMode.Decompress);
    }

    /// <summary>Opens a file's own bytes, compressed or not.</summary>
    /// <exception cref="DataFormatException">There is no such file, or it cannot be read.</exception>
    internal static Stream OpenBytes(string path, CancellationToken cancellation = default) =>
        FileStatus.IsRegular(path) ? OpenFile(path) : InterruptibleInput.Open(() => OpenFile(path), cancellation);

    private static FileStream OpenFile(string path)
    {
        if (Directory.Exists(path)) { throw new DataFormatException($"{path}: is a folder. Give a file."); }
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, FileOptions.SequentialScan);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException or ArgumentException) // a zero byte in the path
        {
            throw new DataFormatException($"{path}: no such file. Check the path.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataFormatException($"{path}: cannot be opened ({error.Message.TrimEnd('.')}). Make it readable, or give another.", error);
        }
    }

    /// <summary>Which part of a file has been read, 0 to 1; null: it has no known end.</summary>
    /// <param name="stream">As <see cref="Open"/> gave it.</param>
    /// <param name="bytes">Of the text that are done with: what was read ahead is not counted, but in a .gz, whose own bytes count.</param>
    internal static double? ShareRead(Stream stream, long bytes) => stream switch
    {
        PeekedStream peeked => ShareRead(peeked.Inner, bytes),
        GZipStream { BaseStream: FileStream file } => Share(file.Position, file.Length),
        FileStream file => Share(bytes, file.Length),
        _ => null,
    };

    private static double Share(long bytes, long length) => bytes < length ? (double)bytes / length : 1;

    /// <summary>Reads, with damaged compression and failed reads said as one line.</summary>
    internal static int Read(Stream stream, Span<byte> buffer, string name)
    {
        try { return stream.Read(buffer); }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            throw new DataFormatException($"{name}: cannot be read on ({error.Message}). A damaged or incomplete file: copy it again.", error);
        }
    }
}
