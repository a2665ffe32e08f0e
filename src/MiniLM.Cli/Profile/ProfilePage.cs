using System.Reflection;
using MiniLM.Data;

namespace MiniLM.Cli.Profile;

/// <summary>Profiles as one HTML file with a roofline plot, tables and a comparison. It loads nothing: scripts and data are in its text.</summary>
internal static class ProfilePage
{
    private const string SourceMap = "//# sourceMappingURL=";

    /// <param name="profiles">JSON objects, as <c>minilm profile --json</c> writes them; the first is what others are compared with.</param>
    internal static string Make(IReadOnlyList<string> profiles) => Resource("page.html")
        .Replace("{{chart.js}}", Script("chart-4.6.1.umd.min.js"), StringComparison.Ordinal)
        .Replace("{{chartjs-plugin-zoom}}", Script("chartjs-plugin-zoom-2.2.0.min.js"), StringComparison.Ordinal)
        // Last, so that nothing in it is taken for a marker. JSON has '<' in strings only; escaped, no string ends the script or opens a comment.
        .Replace("{{profiles}}", $"[{string.Join(",\n", profiles)}]".Replace("<", "\\u003c", StringComparison.Ordinal), StringComparison.Ordinal);

    /// <summary>Without the name of a map that is not there, which a browser's debugger would load.</summary>
    private static string Script(string name)
    {
        string text = Resource(name);
        int map = text.LastIndexOf(SourceMap, StringComparison.Ordinal);
        return map < 0 ? text : text[..map];
    }

    private static string Resource(string name) => CompressedResource.Text(Assembly.GetExecutingAssembly(), name);
}
