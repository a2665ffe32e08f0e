using System.Reflection;

namespace MiniLM;

/// <summary>Which build of the library this is.</summary>
internal static class LibraryVersion
{
    /// <summary>Version and, when the build knows it, the commit.</summary>
    internal static string Text { get; } =
        typeof(LibraryVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
}
