namespace MiniLM.Cuda.Ptx;

/// <summary>Names between two braces of a body: registers and labels. An inner scope sees the outer one's.</summary>
internal sealed class PtxScope(PtxScope? parent)
{
    private readonly Dictionary<string, PtxType> _registers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (int Count, PtxType Type)> _families = new(StringComparer.Ordinal);

    internal PtxScope? Parent => parent;

    internal int Depth { get; } = parent is null ? 0 : parent.Depth + 1;

    internal Dictionary<string, int> Labels { get; } = new(StringComparer.Ordinal);

    /// <summary>Index in the kernel's list of the registers of this scope that were used.</summary>
    internal Dictionary<string, int> Used { get; } = new(StringComparer.Ordinal);

    internal bool Declare(string name, PtxType type) => _registers.TryAdd(name, type);

    /// <summary>name0 .. name(count-1).</summary>
    internal bool DeclareFamily(string prefix, int count, PtxType type) => _families.TryAdd(prefix, (count, type));

    /// <summary>The scope that declares a register, with its type.</summary>
    internal PtxScope? Find(string name, out PtxType type)
    {
        int digits = name.Length;
        while (digits > 0 && char.IsAsciiDigit(name[digits - 1])) { digits--; }
        // %r007 is no member of %r<8>, and families whose own name ends in a digit are not looked for.
        int member = digits < name.Length && (name[digits] != '0' || digits == name.Length - 1)
            && int.TryParse(name.AsSpan(digits), out int value)
            ? value
            : -1;
        for (PtxScope? scope = this; scope is not null; scope = scope.Parent)
        {
            if (scope._registers.TryGetValue(name, out type)) { return scope; }
            if (member >= 0 && scope._families.TryGetValue(name[..digits], out (int Count, PtxType Type) family) && member < family.Count)
            {
                type = family.Type;
                return scope;
            }
        }
        type = PtxType.None;
        return null;
    }

    internal int FindLabel(string name)
    {
        for (PtxScope? scope = this; scope is not null; scope = scope.Parent)
        {
            if (scope.Labels.TryGetValue(name, out int at)) { return at; }
        }
        return -1;
    }
}
