using MiniLM.Weights;

namespace MiniLM.Model;

/// <summary>Where the tensors of a network come from, by name and shape: files, or new values.</summary>
internal abstract class TensorSource
{
    /// <summary>A weight that must be there, be a float and have this shape.</summary>
    internal abstract Tensor Require(string name, params ReadOnlySpan<Dimension> shape);

    internal Linear RequireLinear(string name, Dimension outputs, Dimension inputs) =>
        new(Require($"{name}.weight", outputs, inputs), Require($"{name}.bias", outputs));

    internal Norm RequireNorm(string name, Dimension hidden) =>
        new(Require($"{name}.weight", hidden), Require($"{name}.bias", hidden));
}
