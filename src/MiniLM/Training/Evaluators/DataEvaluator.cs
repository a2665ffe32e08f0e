using MiniLM.Compute;
using MiniLM.Model;

namespace MiniLM.Training.Evaluators;

/// <summary>Measures by the outputs of all sequences of a data set; several evaluators of one set share them.</summary>
/// <param name="name">Of the set.</param>
/// <param name="data">The set.</param>
/// <param name="model">Of the network.</param>
internal abstract class DataEvaluator(string name, TrainingData data, Network model) : Evaluator(name)
{
    private protected TrainingData Data => data;

    private protected override double[] Values(DeviceNetwork network, CancellationToken cancellation) =>
        Values(SequenceOutputs.Compute(network, model, data.Rows.Tokens, cancellation));

    /// <summary>Numbers in the order of <see cref="Evaluator.Metrics"/>.</summary>
    internal abstract double[] Values(SequenceOutputs outputs);

    /// <summary>The single label of every row.</summary>
    private protected double[] Labels() => Array.ConvertAll(data.Rows.Labels!, labels => labels[0]);
}
