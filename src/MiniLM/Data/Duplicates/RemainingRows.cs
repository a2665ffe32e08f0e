namespace MiniLM.Data.Duplicates;

/// <summary>A file without the rows that repeat earlier ones.</summary>
internal static class RemainingRows
{
    /// <summary>Counts what <see cref="FindRemoved"/> needs of the same rows.</summary>
    /// <param name="reader">The text's column, from its first row.</param>
    /// <param name="report">Takes the rows so far; null: nobody.</param>
    /// <param name="cancellation">Looked at for every row.</param>
    internal static ShingleCounts Count(RowReader reader, Action<long>? report = null, CancellationToken cancellation = default)
    {
        ShingleCounts counts = new();
        Read(reader, (text, _, _) => counts.Add(text), report, cancellation);
        return counts;
    }

    /// <summary>Finds, and counts in <paramref name="deduplication"/>, the rows whose text goes.</summary>
    /// <param name="reader">The text's column, from its first row.</param>
    /// <param name="deduplication">Decides.</param>
    /// <param name="report">Takes the rows so far; null: nobody.</param>
    /// <param name="cancellation">Looked at for every row.</param>
    /// <returns>Where the bytes of those rows are in the uncompressed file, in order.</returns>
    internal static List<(long Start, long End)> FindRemoved(
        RowReader reader, Deduplication deduplication, Action<long>? report = null, CancellationToken cancellation = default)
    {
        List<(long Start, long End)> removed = [];
        Read(reader, (text, start, end) =>
        {
            if (!deduplication.Keep(text)) { removed.Add((start, end)); }
        }, report, cancellation);
        return removed;
    }

    private static void Read(RowReader reader, Action<string, long, long> take, Action<long>? report, CancellationToken cancellation)
    {
        string[] text = new string[1];
        long rows = 0;
        for (long start = reader.Position; reader.Read(text); start = reader.Position)
        {
            cancellation.ThrowIfCancellationRequested();
            take(text[0], start, reader.Position);
            report?.Invoke(++rows);
        }
    }

    /// <summary>Copies a file's bytes but for some ranges.</summary>
    /// <exception cref="DataFormatException">The file cannot be read.</exception>
    internal static void Copy(string path, IReadOnlyList<(long Start, long End)> removed, Stream output, CancellationToken cancellation = default)
    {
        using Stream input = DataFile.Open(path, cancellation: cancellation);
        byte[] buffer = new byte[1 << 16];
        long at = 0;
        foreach ((long start, long end) in removed)
        {
            Pass(start, output);
            Pass(end, Stream.Null);
        }
        Pass(long.MaxValue, output);

        void Pass(long until, Stream target)
        {
            while (at < until)
            {
                cancellation.ThrowIfCancellationRequested();
                int read = DataFile.Read(input, buffer.AsSpan(0, (int)Math.Min(buffer.Length, until - at)), DataFile.Name(path));
                if (read == 0) { return; }
                target.Write(buffer.AsSpan(0, read));
                at += read;
            }
        }
    }
}
