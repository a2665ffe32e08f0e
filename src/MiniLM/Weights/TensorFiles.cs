namespace MiniLM.Weights;

/// <summary>The files of some tensors, which stay mapped until this is disposed: whoever reads tensors while another may close their files holds one.</summary>
internal sealed class TensorFiles : IDisposable
{
    private readonly List<Lifetime.Inside> _inside = [];

    /// <exception cref="ObjectDisposedException">A file is closed.</exception>
    internal TensorFiles(IEnumerable<Tensor> tensors)
    {
        try
        {
            foreach (Lifetime file in tensors.Select(tensor => tensor.Lifetime).OfType<Lifetime>().Distinct()) { _inside.Add(file.Enter()); }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _inside.ForEach(inside => inside.Dispose());
}
