using System.Reflection;

namespace MiniLM.Tests;

/// <summary>The public surface as a text, so that a review sees a change of it. To accept one: copy the test's
/// <c>PublicApi.actual.txt</c> over the file.</summary>
public sealed class PublicApiTests
{
    [Fact]
    public void PublicApi_IsTheOneWrittenDown()
    {
        var lines = new List<string>();
        foreach (Type type in typeof(BiEncoder).Assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            lines.Add(type.FullName!);
            if (type.IsEnum)
            {
                lines.AddRange(Enum.GetNames(type).Select(name => "    " + name));
                continue;
            }
            const BindingFlags Declared = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
            lines.AddRange(type.GetMembers(Declared)
                .Where(member => member is not MethodInfo { IsSpecialName: true } && member is not MethodBase { Name: "<Clone>$" or "PrintMembers" })
                .Select(member => "    " + member).Order(StringComparer.Ordinal));
        }
        string actual = string.Join('\n', lines) + "\n";
        string expected = Path.Combine(DeviceContract.Fixture(), "..", "MiniLM.Tests", "PublicApi.txt");
        if (!File.Exists(expected) || File.ReadAllText(expected) != actual)
        {
            string written = Path.Combine(AppContext.BaseDirectory, "PublicApi.actual.txt");
            File.WriteAllText(written, actual);
            Assert.Fail($"the public API has changed: compare {written} with tests/MiniLM.Tests/PublicApi.txt");
        }
    }
}
