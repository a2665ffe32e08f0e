namespace MiniLM.Data.Pickle;

/// <summary>The bytes of a .pkl or .pkl.gz, within a limit of what compression may hide.</summary>
internal static class PickleBlob
{
    /// <summary>What any file may expand to; above it, <see cref="MaxRatio"/> times its size.</summary>
    internal const int AlwaysTaken = 1 << 24;

    /// <summary>Texts and numbers are compressed 2 to 20 times; a bomb 1,000 times.</summary>
    internal const int MaxRatio = 100;

    /// <exception cref="DataFormatException">There is no such file, it is damaged, or it is too large.</exception>
    internal static byte[] Read(string path, CancellationToken cancellation = default)
    {
        string name = DataFile.Name(path);
        DataFile.Require(path);
        using Stream stream = DataFile.Open(path, cancellation: cancellation);
        long onDisk = new FileInfo(path).Length, most = Math.Min(Array.MaxLength, Math.Max(AlwaysTaken, MaxRatio * onDisk));
        byte[] bytes = new byte[(int)Math.Min(most, onDisk + 1)];
        int length = 0;
        for (int read; (read = DataFile.Read(stream, bytes.AsSpan(length), name)) > 0;)
        {
            length += read;
            if (length < bytes.Length) { continue; }
            if (length == most)
            {
                throw new DataFormatException($"{name}: expands to {most} bytes and more from {onDisk}. Give it uncompressed, or as .jsonl.");
            }
            Array.Resize(ref bytes, (int)Math.Min(most, 2L * length));
        }
        Array.Resize(ref bytes, length);
        return bytes;
    }
}
