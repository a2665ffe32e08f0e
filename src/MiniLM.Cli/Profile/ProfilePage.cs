using MiniLM.Cli.Output;

namespace MiniLM.Cli.Profile;

/// <summary>Profiles as one HTML file with a roofline plot, tables and a comparison.</summary>
internal static class ProfilePage
{
    /// <param name="profiles">JSON objects, as <c>minilm profile --json</c> writes them; the first is what others are compared with.</param>
    internal static string Make(IReadOnlyList<string> profiles) => HtmlPage.Make("page.html", $"[{string.Join(",\n", profiles)}]");
}
