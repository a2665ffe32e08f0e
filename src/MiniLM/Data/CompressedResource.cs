using System.IO.Compression;
using System.Reflection;

namespace MiniLM.Data;

/// <summary>Texts that a build embeds compressed (CompressedResources.targets).</summary>
internal static class CompressedResource
{
    /// <summary>The text of the file <paramref name="name"/>.</summary>
    internal static string Text(Assembly assembly, string name)
    {
        using Stream stream = assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not in this build");
        using GZipStream text = DataFile.Decompress(stream);
        using StreamReader reader = new(text);
        return reader.ReadToEnd();
    }
}
