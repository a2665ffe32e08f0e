namespace MiniLM.Evaluation;

/// <summary>Logits of several classes: what a classifier predicts, and how far its softmax is from the labels.</summary>
/// <param name="logits">[rows][classes].</param>
/// <param name="labels">[rows], from 0.</param>
internal sealed class ClassLogits(double[][] logits, int[] labels)
{
    /// <summary>The class of the greatest logit, the first of equal ones.</summary>
    internal int Predicted(int row) => Array.IndexOf(logits[row], logits[row].Max());

    internal ConfusionMatrix Confusion()
    {
        ConfusionMatrix counts = new(logits[0].Length);
        for (int row = 0; row < labels.Length; row++) { counts.Add(labels[row], Predicted(row)); }
        return counts;
    }

    /// <summary>Mean of -ln softmax(logits)[label], in double.</summary>
    internal double LogLoss() => Enumerable.Range(0, labels.Length).Average(row =>
    {
        double most = logits[row].Max();
        return Math.Log(logits[row].Sum(logit => Math.Exp(logit - most))) - (logits[row][labels[row]] - most);
    });

    /// <summary>The share of rows whose label is among the k greatest logits; of equal ones the first class is the greater.</summary>
    internal double TopAccuracy(int k) => Enumerable.Range(0, labels.Length).Average(row =>
    {
        double own = logits[row][labels[row]];
        int before = logits[row].Where((logit, label) => logit > own || (logit == own && label < labels[row])).Count();
        return before < k ? 1.0 : 0;
    });
}
