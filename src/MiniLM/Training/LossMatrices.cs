using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MiniLM.Model;
using MiniLM.Training.Losses;
using MiniLM.Weights;

namespace MiniLM.Training;

/// <summary>The matrices that a loss trains beside the model: values, gradients, and the optimiser's state.</summary>
/// <remarks>
/// As in sentence-transformers they take the model's learning rate and weight decay, but no part in the norm that gradients are cut to; a step in which the
/// loss was not computed leaves them alone. A checkpoint keeps them, the trained model does not.
/// </remarks>
internal sealed class LossMatrices
{
    // Pinned: tensors of a checkpoint point into them.
    private sealed class Matrix(LossParameter parameter)
    {
        internal LossParameter Of { get; } = parameter;
        internal float[] Values { get; } = Zeros(parameter);
        internal float[] Gradient { get; } = Zeros(parameter);
        internal float[] First { get; } = Zeros(parameter);
        internal float[] Second { get; } = Zeros(parameter);

        private static float[] Zeros(LossParameter parameter) => GC.AllocateArray<float>(checked(parameter.Rows * parameter.Width), pinned: true);
    }

    private static readonly Func<string, bool> Decays = new TrainingOptions().Decays; // the model's rule

    private readonly Matrix[] _matrices;
    private readonly float[] _steps = GC.AllocateArray<float>(1, pinned: true); // as Adam counts them
    private bool _hasGradient;

    /// <param name="parameters">Of the loss.</param>
    /// <param name="seed">Of what they begin with.</param>
    internal LossMatrices(IReadOnlyList<LossParameter> parameters, ulong seed)
    {
        _matrices = [.. parameters.Select(parameter => new Matrix(parameter))];
        foreach (Matrix matrix in _matrices)
        {
            SeededNumbers.FillUniform(seed, matrix.Of.Name, matrix.Of.Start, matrix.Of.Spread, matrix.Values);
        }
    }

    /// <summary>Their values, with gradients of 0 beside them.</summary>
    internal Column<float>[] Columns() => [.. _matrices.Select(matrix => new Column<float>(matrix.Values, matrix.Of.Width))];

    /// <summary>Adds gradients, each times the weight.</summary>
    internal void AddGradients(IReadOnlyList<Column<float>> columns, double weight)
    {
        for (int i = 0; i < _matrices.Length; i++)
        {
            Span<float> sum = _matrices[i].Gradient;
            ReadOnlySpan<float> gradient = columns[i].Gradient;
            for (int at = 0; at < sum.Length; at++) { sum[at] += (float)(gradient[at] * weight); }
        }
        _hasGradient = true;
    }

    /// <summary>Moves the values by the gradients since the last step.</summary>
    /// <param name="options">As for the model.</param>
    /// <param name="isTaken">False: only the gradients are forgotten.</param>
    internal void Step(StepOptions options, bool isTaken)
    {
        if (!_hasGradient) { return; }
        if (isTaken) { _steps[0]++; }
        foreach (Matrix matrix in _matrices)
        {
            if (isTaken)
            {
                AdamW.Coefficients<float> by = AdamW.For<float>(options, (int)_steps[0], Decays(matrix.Of.Name), 1 / options.LossScale);
                AdamW.Update<float>(by, matrix.Values, matrix.Gradient, matrix.First, matrix.Second);
            }
            Array.Clear(matrix.Gradient);
        }
        _hasGradient = false;
    }

    /// <summary>What a checkpoint keeps, under the names of the model's moments.</summary>
    /// <param name="loss">Before each name.</param>
    internal List<StoredTensor> Tensors(string loss)
    {
        List<StoredTensor> tensors = [];
        foreach ((string name, float[] values, long[] shape) in State(loss)) { tensors.Add(new StoredTensor(Over(name, values, shape))); }
        return tensors;
    }

    /// <summary>Puts them where a checkpoint was.</summary>
    /// <param name="loss">As it was written.</param>
    /// <param name="file">Of the optimiser.</param>
    /// <exception cref="ModelFormatException">The file lacks one.</exception>
    internal void Read(string loss, SafetensorsFile file)
    {
        foreach ((string name, float[] values, _) in State(loss)) { Checkpoint.Require(file, name, values.Length).ToFloats().CopyTo(values, 0); }
    }

    private IEnumerable<(string Name, float[] Values, long[] Shape)> State(string loss)
    {
        foreach (Matrix matrix in _matrices)
        {
            string name = $"{loss}.{matrix.Of.Name}";
            long[] shape = [matrix.Of.Rows, matrix.Of.Width];
            yield return (name, matrix.Values, shape);
            yield return ($"{Checkpoint.FirstMoment}.{name}", matrix.First, shape);
            yield return ($"{Checkpoint.SecondMoment}.{name}", matrix.Second, shape);
        }
        yield return ($"step.{loss}", _steps, [1]);
    }

    private static unsafe Tensor Over(string name, float[] pinned, long[] shape) => new(name, ElementType.F32, shape,
        (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned)), pinned.Length * sizeof(float), "a loss");
}
