using System.Globalization;

namespace MiniLM.Cpu.Threading;

/// <summary>How many threads to use: the processors this process may run on, within the quota of its control group.</summary>
internal static class ThreadCount
{
    internal static int Default() => Default("/sys/fs/cgroup", "/proc/self/cgroup");

    /// <summary>The whole processors of the tightest quota from this process's group up to the root, at least 1.</summary>
    internal static int Default(string root, string self)
    {
        double quota = double.PositiveInfinity;
        if (File.Exists(self))
        {
            foreach (string line in File.ReadLines(self))
            {
                string[] parts = line.Split(':', 3); // 0::/path (version 2) or 4:cpu,cpuacct:/path (version 1)
                if (parts.Length != 3) { continue; }
                bool second = parts[0] == "0" && parts[1].Length == 0;
                if (!second && !parts[1].Split(',').Contains("cpu")) { continue; }
                string mount = second ? root : Path.Combine(root, parts[1]);
                // In a container the path may be the host's, and only the mount's root is there.
                for (string? group = parts[2]; group is not null; group = group == "/" ? null : Path.GetDirectoryName(group))
                {
                    quota = Math.Min(quota, second ? ReadMax(mount + group) : ReadQuota(mount + group));
                }
            }
        }
        double processors = Math.Min(quota, Processor.Count);
        return Math.Max(1, (int)Math.Floor(processors));
    }

    private static double ReadMax(string group)
    {
        string[] fields = ReadFields(Path.Combine(group, "cpu.max"));
        return fields.Length == 2 && TryParse(fields[0], out double quota) && TryParse(fields[1], out double period) && period > 0
            ? quota / period
            : double.PositiveInfinity;
    }

    private static double ReadQuota(string group)
    {
        string[] quota = ReadFields(Path.Combine(group, "cpu.cfs_quota_us")), period = ReadFields(Path.Combine(group, "cpu.cfs_period_us"));
        return quota.Length == 1 && period.Length == 1 && TryParse(quota[0], out double q) && TryParse(period[0], out double p) && q > 0 && p > 0
            ? q / p
            : double.PositiveInfinity;
    }

    private static string[] ReadFields(string file)
    {
        try { return File.Exists(file) ? File.ReadAllText(file).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) : []; }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException) { return []; } // no quota that we may read
    }

    private static bool TryParse(string text, out double value) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
}
