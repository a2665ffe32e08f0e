using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Compute;

/// <summary>Refuses a network with a NaN or an infinity in it, before the first result.</summary>
internal static class FiniteWeights
{
    /// <param name="network">The weights.</param>
    /// <param name="members">How many share the reading.</param>
    /// <param name="run">Runs its argument once for each member.</param>
    /// <param name="checkpoint">Called between tensors; throws to end the check.</param>
    /// <exception cref="ModelFormatException">Names the file, the tensor and the place.</exception>
    internal static void Check(Network network, int members, Action<Action<int>> run, Action checkpoint)
    {
        Tensor[] tensors = [.. network.Tensors()];
        long[] bad = new long[tensors.Length];
        run(member =>
        {
            foreach ((Tensor tensor, int index) in tensors.Select((tensor, index) => (tensor, index)))
            {
                checkpoint();
                (long first, long end) = (tensor.Count * member / members, tensor.Count * (member + 1) / members);
                long found = FloatConversion.FirstNonFinite(tensor, first, end);
                if (found >= 0) { Interlocked.CompareExchange(ref bad[index], found + 1, 0); }
            }
        });
        int at = Array.FindIndex(bad, found => found != 0);
        if (at < 0) { return; }
        throw new ModelFormatException($"{tensors[at].File}: tensor '{tensors[at].Name}' has a NaN or an infinity at element {bad[at] - 1}. "
            + "The weights are damaged: take the model from its source again.");
    }
}
