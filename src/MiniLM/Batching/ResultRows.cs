namespace MiniLM.Batching;

/// <summary>Puts the results of a batch back where its sequences came from.</summary>
internal static class ResultRows
{
    /// <summary>Row i of <paramref name="rows"/> becomes row <paramref name="places"/>[i] of <paramref name="output"/>.</summary>
    /// <param name="rows">[places, size].</param>
    /// <param name="places">Rows of <paramref name="output"/>.</param>
    /// <param name="output">[any, size].</param>
    /// <param name="size">Width of a row.</param>
    /// <exception cref="NonFiniteResultException">A value is NaN or infinite: it names the place, and its row is not written.</exception>
    internal static void PutBack(ReadOnlySpan<float> rows, ReadOnlySpan<int> places, Span<float> output, int size)
    {
        for (int i = 0; i < places.Length; i++)
        {
            ReadOnlySpan<float> row = rows.Slice(i * size, size);
            foreach (float value in row)
            {
                if (!float.IsFinite(value)) { throw new NonFiniteResultException(places[i]); }
            }
            row.CopyTo(output.Slice(places[i] * size, size));
        }
    }
}
