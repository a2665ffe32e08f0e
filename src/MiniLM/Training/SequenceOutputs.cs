using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;

namespace MiniLM.Training;

/// <summary>What a network makes of all sequences of some rows, without dropout, by the weights of the moment.</summary>
/// <remarks>[sequences, size] in memory: 1.5 GB for a million embeddings of 384.</remarks>
internal sealed class SequenceOutputs
{
    private const int TokensOfABatch = 8192;

    private readonly TokenizedRows _rows;
    private readonly float[] _values;

    private SequenceOutputs(TokenizedRows rows, float[] values, int size) => (_rows, _values, Size) = (rows, values, size);

    /// <summary>Width of an output.</summary>
    internal int Size { get; }

    /// <summary>All of them, in the order of the rows, a row's sequences one behind the other.</summary>
    internal float[] Values => _values;

    /// <summary>Of one sequence of a row.</summary>
    internal ReadOnlySpan<float> this[int row, int column] => _values.AsSpan((_rows.FirstSequence(row) + column) * Size, Size);

    /// <summary>Runs the network, the longest sequences first.</summary>
    /// <param name="network">That is trained.</param>
    /// <param name="model">Its configuration.</param>
    /// <param name="rows">Any number.</param>
    /// <param name="cancellation">Looked at all along.</param>
    /// <exception cref="NonFiniteResultException">An output is NaN or infinite.</exception>
    internal static SequenceOutputs Compute(DeviceNetwork network, Network model, TokenizedRows rows, CancellationToken cancellation)
    {
        int size = model.OutputSize;
        float[] values = new float[checked(rows.Sequences * size)];
        (int[] rowOf, int[] columnOf, int[] lengths) = (new int[rows.Sequences], new int[rows.Sequences], new int[rows.Sequences]);
        for (int row = 0, sequence = 0; row < rows.Count; row++)
        {
            for (int column = 0; column < rows.Columns(row); column++, sequence++)
            {
                (rowOf[sequence], columnOf[sequence], lengths[sequence]) = (row, column, rows.Length(row, column));
            }
        }
        new LongestFirst(network).Run(lengths, (batch, place) => rows.AddTo(batch, rowOf[place], columnOf[place], model.Config.Architecture), TokensOfABatch,
            promptRows: 0, values, size, cancellation);
        return new SequenceOutputs(rows, values, size);
    }
}
