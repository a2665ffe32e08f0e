using System.Globalization;
using MiniLM.Cli.Commands;
using MiniLM.Data;

namespace MiniLM.Cli.Profile;

/// <summary>Two profiles side by side: what became faster, what moves fewer bytes.</summary>
/// <param name="Before">The first.</param>
/// <param name="After">The second, of the same shape.</param>
internal sealed record ProfileComparison(SavedProfile Before, SavedProfile After)
{
    private static readonly SavedKernel None = new("", 0, 0, 0, 0);

    /// <summary>Profiles of the shapes that both files have.</summary>
    /// <param name="before">A file.</param>
    /// <param name="after">Another.</param>
    /// <param name="say">Told of shapes that are left out.</param>
    /// <param name="cancellation">Ends what waits for a pipe.</param>
    /// <exception cref="DataFormatException">They have none in common.</exception>
    internal static ProfileComparison[] Of(string before, string after, Action<string> say, CancellationToken cancellation = default)
    {
        SavedProfile[] first = SavedProfile.Read(before, cancellation), second = SavedProfile.Read(after, cancellation);
        ProfileComparison[] both = [.. first.Join(second, profile => profile.Shape, profile => profile.Shape,
            (one, other) => new ProfileComparison(one, other))];
        if (both.Length == 0)
        {
            throw new DataFormatException($"{before} and {after}: no shape is in both ({Shapes(first)}; {Shapes(second)}). Give --shapes that they share.");
        }
        SavedProfile[] alone = [.. first.Concat(second).Where(profile => both.All(pair => pair.Before.Shape != profile.Shape))];
        if (alone.Length > 0) { say($"in one file only, and left out: {Shapes(alone)}"); }
        return both;
    }

    private static string Shapes(SavedProfile[] profiles) => string.Join(", ", profiles.Select(profile => profile.Shape));

    private IEnumerable<(string Name, SavedKernel Before, SavedKernel After)> Kernels() =>
        Before.Kernels.Concat(After.Kernels).Select(kernel => kernel.Name).Distinct().Select(name => (name, Find(Before, name), Find(After, name)));

    private static SavedKernel Find(SavedProfile profile, string name) => profile.Kernels.FirstOrDefault(kernel => kernel.Name == name, None);

    internal void WriteTable(TextWriter output)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        output.WriteLine($"{Before.Shape}: {Before.Title} -> {After.Title}");
        TextTable table = new("kernel", ">launches", ">MFLOP", ">MB", ">us before", ">us after", ">after/before");
        foreach ((string name, SavedKernel before, SavedKernel after) in Kernels())
        {
            table.Add(name, $"{before.Launches} -> {after.Launches}", Change(before.Flop, after.Flop), Change(before.Bytes, after.Bytes),
                before.Micro.ToString("f1", culture), after.Micro.ToString("f1", culture), Ratio(before.Micro, after.Micro));
        }
        table.Add("all", "", "", "", Before.Micro.ToString("f1", culture), After.Micro.ToString("f1", culture), Ratio(Before.Micro, After.Micro));
        table.Write(output);
        string Change(long before, long after) => string.Create(culture, $"{before / 1e6:f1} -> {after / 1e6:f1}");
        string Ratio(double before, double after) => before > 0 && after > 0 ? (after / before).ToString("f3", culture) : "-";
    }

    internal void WriteJson(TextWriter output) => JsonLine.Write(output, json =>
    {
        json.WriteNumber("schema", 1);
        json.WriteNumber("batch", Before.Shape.Batch);
        json.WriteNumber("seq", Before.Shape.Length);
        json.WriteString("before", Before.Title);
        json.WriteString("after", After.Title);
        json.WriteNumber("before_us", Before.Micro);
        json.WriteNumber("after_us", After.Micro);
        json.WriteStartArray("kernels");
        foreach ((string name, SavedKernel before, SavedKernel after) in Kernels())
        {
            json.WriteStartObject();
            json.WriteString("kernel", name);
            json.WriteNumber("before_launches", before.Launches);
            json.WriteNumber("after_launches", after.Launches);
            json.WriteNumber("before_flop", before.Flop);
            json.WriteNumber("after_flop", after.Flop);
            json.WriteNumber("before_bytes", before.Bytes);
            json.WriteNumber("after_bytes", after.Bytes);
            json.WriteNumber("before_us", before.Micro);
            json.WriteNumber("after_us", after.Micro);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });
}
