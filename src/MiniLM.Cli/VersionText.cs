using MiniLM.Cpu;

namespace MiniLM.Cli;

/// <summary>What --version prints.</summary>
internal static class VersionText
{
    internal static string Line => $"minilm {Version} ({Tier})";

    internal static string Version => LibraryVersion.Text;

    private static string Tier
    {
        get
        {
            try { return $"cpu {CpuTiers.Name(CpuTiers.InForce())}"; }
            catch (ArgumentException error) { return error.Message; }
        }
    }
}
