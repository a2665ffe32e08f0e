namespace MiniLM.Retrieval;

/// <summary>Documents to be searched, where they lie.</summary>
/// <param name="Count">How many.</param>
/// <param name="Width">Length of a vector.</param>
/// <param name="Vectors">[Count, Width].</param>
/// <param name="Lengths">[Count]: what vectors of length 1 have lost, for all but the cosine. Null: vectors are as they were.</param>
internal sealed record DocumentRows(int Count, int Width, DocumentRows.Floats Vectors, DocumentRows.Floats? Lengths = null)
{
    /// <summary>Those of documents <paramref name="first"/>, first + 1, ...; a span holds no more than 2^31 floats, so they come in blocks.</summary>
    internal delegate ReadOnlySpan<float> Floats(int first, int count);

    /// <summary>Number of the first: what is found is numbered from it.</summary>
    internal int First { get; init; }

    /// <summary>Vectors in memory, [any number, width].</summary>
    internal static DocumentRows Of(ReadOnlyMemory<float> vectors, int width) =>
        new(vectors.Length / width, width, (first, count) => vectors.Span.Slice(first * width, count * width));
}
