using System.Reflection;
using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Cuda;

/// <summary>What the manifest says of a kernel: all that a launch must know besides its arguments.</summary>
/// <param name="Name">Entry point, and the PTX text's name.</param>
/// <param name="Target">Oldest compute capability.</param>
/// <param name="Threads">Threads of a block.</param>
/// <param name="TileRows">Rows of the result that a block computes.</param>
/// <param name="TileColumns">Columns of the result that a block computes.</param>
/// <param name="TileDepth">Depth of a k step.</param>
/// <param name="SharedBytes">Dynamic shared memory.</param>
/// <param name="SharedBytesPerUnit">Further shared memory for each resident key or element of a row.</param>
internal sealed record KernelInfo(string Name, int Target, int Threads, int TileRows, int TileColumns, int TileDepth, int SharedBytes, int SharedBytesPerUnit)
{
    /// <summary>Every kernel of kernels/ptx, by name.</summary>
    internal static IReadOnlyDictionary<string, KernelInfo> All { get; } = Read();

    /// <summary>A kernel's committed text.</summary>
    internal static string Ptx(string name) => PtxText.Numbered(Resource(name + ".ptx"));

    private static Dictionary<string, KernelInfo> Read()
    {
        using JsonDocument manifest = JsonDocument.Parse(Resource("manifest.json"));
        Dictionary<string, KernelInfo> kernels = [];
        foreach (JsonElement kernel in manifest.RootElement.GetProperty("kernels").EnumerateArray())
        {
            int Number(string name) => kernel.GetProperty(name).GetInt32();
            string name = kernel.GetProperty("name").GetString()!;
            kernels[name] = new KernelInfo(
                name, Number("target"), Number("threads"), Number("tile_rows"), Number("tile_columns"), Number("tile_depth"), Number("shared_bytes"),
                Number("shared_bytes_per_unit"));
        }
        return kernels;
    }

    internal static string Resource(string name) => CompressedResource.Text(Assembly.GetExecutingAssembly(), name);
}
