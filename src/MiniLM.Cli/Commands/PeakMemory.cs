using System.Globalization;

namespace MiniLM.Cli.Commands;

/// <summary>The most memory that this process was resident with.</summary>
internal static class PeakMemory
{
    /// <summary>In bytes; where the system does not tell the peak, what is resident now.</summary>
    internal static long Bytes
    {
        get
        {
            const string Status = "/proc/self/status", Peak = "VmHWM:";
            if (OperatingSystem.IsLinux() && File.Exists(Status))
            {
                foreach (string line in File.ReadLines(Status))
                {
                    if (!line.StartsWith(Peak, StringComparison.Ordinal)) { continue; }
                    ReadOnlySpan<char> number = line.AsSpan(Peak.Length).Trim().TrimEnd(" kB");
                    if (long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes)) { return kibibytes * 1024; }
                }
            }
            return Environment.WorkingSet;
        }
    }
}
