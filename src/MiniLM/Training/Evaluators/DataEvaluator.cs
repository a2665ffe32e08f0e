namespace MiniLM.Training.Evaluators;

/// <summary>Measures by the outputs of all sequences of a data set; several evaluators of one set share them.</summary>
/// <param name="name">Of the set.</param>
/// <param name="data">The set.</param>
internal abstract class DataEvaluator(string name, TrainingData data) : Evaluator(name)
{
    private protected TrainingData Data => data;

    /// <summary>Numbers in the order of <see cref="Evaluator.Metrics"/>; NaN where the data leave one undefined.</summary>
    internal abstract double[] Values(SequenceOutputs outputs, CancellationToken cancellation);

    /// <summary>The single label of every row.</summary>
    private protected double[] Labels() => Array.ConvertAll(data.Rows.Labels!, labels => labels[0]);
}
