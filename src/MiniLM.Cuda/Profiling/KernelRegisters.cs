using System.Text.Json;

namespace MiniLM.Cuda.Profiling;

/// <summary>Registers of a thread of each kernel, as ptxas chose them (kernels/ptx/registers.json;
/// no kernel spills, or the file would not have been written).</summary>
internal static class KernelRegisters
{
    private static readonly Dictionary<string, SortedDictionary<int, int>> Known = Read();

    /// <summary>Of the newest target that is not newer than the GPU, or else of the oldest; null: ptxas has not seen the kernel yet.</summary>
    internal static int? Of(string kernel, int capability)
    {
        if (!Known.TryGetValue(kernel, out SortedDictionary<int, int>? targets)) { return null; }
        return targets.LastOrDefault(target => target.Key <= capability, targets.First()).Value;
    }

    private static Dictionary<string, SortedDictionary<int, int>> Read()
    {
        using JsonDocument document = JsonDocument.Parse(KernelInfo.Resource("registers.json"));
        Dictionary<string, SortedDictionary<int, int>> known = [];
        foreach (JsonProperty kernel in document.RootElement.GetProperty("registers").EnumerateObject())
        {
            known[kernel.Name] = new(kernel.Value.EnumerateObject().ToDictionary(target => int.Parse(target.Name.AsSpan("sm_".Length)),
                target => target.Value.GetInt32()));
        }
        return known;
    }
}
