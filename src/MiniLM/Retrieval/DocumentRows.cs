namespace MiniLM.Retrieval;

/// <summary>Documents to be searched, where they lie.</summary>
/// <param name="count">How many.</param>
/// <param name="width">Length of a vector.</param>
/// <param name="vectors">[count, width].</param>
/// <param name="lengths">[count]: what vectors of length 1 have lost, for all but the cosine. Null: vectors are as they were.</param>
/// <param name="first">Number of the first: what is found is numbered from it.</param>
internal sealed class DocumentRows(int count, int width, DocumentRows.Floats vectors, DocumentRows.Floats? lengths = null, int first = 0)
{
    /// <summary>Those of documents <paramref name="first"/>, first + 1, ...; a span holds no more than 2^31 floats, so they come in blocks.</summary>
    internal delegate ReadOnlySpan<float> Floats(int first, int count);

    internal int Count => count;
    internal int Width => width;
    internal Floats Vectors => vectors;
    internal Floats? Lengths => lengths;
    internal int First => first;

    /// <summary>Vectors in memory, [any number, width].</summary>
    internal static DocumentRows Of(ReadOnlyMemory<float> vectors, int width, Floats? lengths = null, int first = 0) =>
        new(vectors.Length / width, width, (from, count) => vectors.Span.Slice(from * width, count * width), lengths, first);
}
