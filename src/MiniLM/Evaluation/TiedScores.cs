namespace MiniLM.Evaluation;

/// <summary>Documents of a ranking that share their score with another.</summary>
internal static class TiedScores
{
    /// <param name="ordered">Scores as float32, which trec_eval compares; equal ones stand together.</param>
    internal static int Count(ReadOnlySpan<float> ordered)
    {
        int ties = 0;
        for (int i = 0; i < ordered.Length; i++)
        {
            if ((i > 0 && ordered[i - 1] == ordered[i]) || (i + 1 < ordered.Length && ordered[i + 1] == ordered[i])) { ties++; }
        }
        return ties;
    }
}
