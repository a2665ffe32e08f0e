using System.Reflection;
using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>A page of the program's own with data in it, as one HTML file that loads nothing: scripts and data are in its text.</summary>
internal static class HtmlPage
{
    private const string SourceMap = "//# sourceMappingURL=";

    /// <param name="page">The page's name among the program's resources.</param>
    /// <param name="json">What its script reads.</param>
    internal static string Make(string page, string json) => Resource(page)
        .Replace("{{page-head.html}}", Resource("page-head.html"), StringComparison.Ordinal)
        .Replace("{{page.css}}", Resource("page.css"), StringComparison.Ordinal)
        .Replace("{{page.js}}", Resource("page.js"), StringComparison.Ordinal)
        .Replace("{{chart.js}}", Script("chart-4.6.1.umd.min.js"), StringComparison.Ordinal)
        .Replace("{{chartjs-plugin-zoom}}", Script("chartjs-plugin-zoom-2.2.0.min.js"), StringComparison.Ordinal)
        // Last, so that nothing in it is taken for a marker. JSON has '<' in strings only; escaped, no string ends the script or opens a comment.
        .Replace("{{data}}", json.Replace("<", "\\u003c", StringComparison.Ordinal), StringComparison.Ordinal);

    /// <summary>Without the name of a map that is not there, which a browser's debugger would load.</summary>
    private static string Script(string name)
    {
        string text = Resource(name);
        int map = text.LastIndexOf(SourceMap, StringComparison.Ordinal);
        return map < 0 ? text : text[..map];
    }

    private static string Resource(string name) => CompressedResource.Text(Assembly.GetExecutingAssembly(), name);
}
