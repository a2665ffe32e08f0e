using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MiniLM.Training;

namespace MiniLM.Cpu.Training;

/// <summary>One step of the optimiser.</summary>
internal sealed unsafe partial class CpuTrainingNetwork
{
    protected override StepResult StepInside(StepOptions options)
    {
        StartLogs(CpuPhase.Step);
        Run(_square);
        double norm = 0; // in the parameters' order
        foreach (double squares in _squares) { norm += squares; }
        norm = Math.Sqrt(norm) / options.LossScale;
        if (double.IsFinite(norm))
        {
            Steps++;
            (_options, _gradientFactor) = (options, options.GradientFactor(norm));
            Run(_update);
            Parameters.Changed();
            _inference.Repack();
            Run(_pack);
        }
        ClearGradientsInside();
        return new StepResult(norm, double.IsFinite(norm));
    }

    /// <summary>Squares of the trained parameters' gradients, summed in double.</summary>
    private void Square(int member)
    {
        long values = 0;
        for (int index; (index = Next()) < _squares.Length;)
        {
            Parameter parameter = Parameters.Parameters[index];
            if (!IsTrained(parameter.Tensor)) { continue; }
            _squares[index] = Squares(Gradient(parameter.Tensor), parameter.Count);
            values += parameter.Count;
        }
        Logs?[member].AddValues(CpuOperation.GradientNorm, values);
    }

    private static double Squares(float* x, int count)
    {
        Vector256<double> s0 = default, s1 = default;
        int i = 0;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
        {
            (Vector256<double> low, Vector256<double> high) = Vector256.Widen(Vector256.Load(x + i));
            (s0, s1) = (s0 + low * low, s1 + high * high);
        }
        double sum = Vector256.Sum(s0 + s1);
        for (; i < count; i++) { sum += (double)x[i] * x[i]; }
        return sum;
    }

    private void Update(int member)
    {
        long values = 0;
        for (int index = 0; index < Parameters.Parameters.Count; index++) // an enumerator would be allocated
        {
            Parameter parameter = Parameters.Parameters[index];
            if (!IsTrained(parameter.Tensor)) { continue; }
            (int first, int end) = _pool.All.Share(parameter.Count, member);
            long offset = parameter.Offset + first;
            int count = end - first;
            AdamW.Coefficients<float> by = AdamW.For<float>(_options, Steps, Options.Decays(parameter.Name), _gradientFactor);
            AdamW.Update(by, new Span<float>(Parameters.Values + offset, count),
                new ReadOnlySpan<float>(_gradients.Floats + offset, count), new Span<float>(_first.Floats + offset, count),
                new Span<float>(_second.Floats + offset, count));
            values += count;
        }
        Logs?[member].AddValues(CpuOperation.AdamW, values);
    }

    protected override void ClearGradientsInside() => Run(_clear);

    private void Clear(int member)
    {
        long first = Parameters.Length * member / _pool.All.Size, end = Parameters.Length * (member + 1) / _pool.All.Size;
        NativeMemory.Clear(_gradients.Floats + first, (nuint)((end - first) * sizeof(float)));
        Logs?[member].AddValues(CpuOperation.Clearing, end - first);
    }
}
