using System.Reflection;
using MiniLM.Cpu;

namespace MiniLM.Cli;

/// <summary>What --version prints.</summary>
internal static class VersionText
{
    internal static string Line => $"minilm {Version} ({Tier})";

    /// <summary>Version and, when the build knows it, the commit.</summary>
    internal static string Version =>
        typeof(VersionText).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private static string Tier
    {
        get
        {
            try { return $"cpu {CpuTiers.Name(CpuTiers.InForce())}"; }
            catch (ArgumentException error) { return error.Message; }
        }
    }
}
