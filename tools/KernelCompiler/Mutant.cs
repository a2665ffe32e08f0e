namespace KernelCompiler;

/// <summary>What is wrong in a mutant.</summary>
internal enum Mutation
{
    /// <summary>A bar.sync or bar.warp.sync is dropped.</summary>
    Barrier,

    /// <summary>A cp.async.wait_group leaves one group more.</summary>
    Wait,

    /// <summary>The constant of an address is greater by what the access takes, so that alignment alone does not show it.</summary>
    Offset,

    /// <summary>Two neighbours of a fragment or vector are swapped.</summary>
    Fragment,

    /// <summary>A predicate is dropped: what it guarded is always done.</summary>
    Dropped,

    /// <summary>A predicate is inverted.</summary>
    Inverted,

    /// <summary>The constant of an instruction on integers is greater or less by one.</summary>
    Constant,

    /// <summary>A comparison takes equal values for the other side: less becomes less or equal, and so on.</summary>
    Comparison,

    /// <summary>A minimum becomes a maximum, or the other way round.</summary>
    Extreme,

    /// <summary>The zero is dropped that stands in a register when a predicate keeps a load away.</summary>
    ZeroFill,

    /// <summary>A floating-point constant is greater by a thousandth.</summary>
    Float,

    /// <summary>An addition gives its first operand, a fused one its product.</summary>
    Addition,
}

/// <summary>A kernel's text with one mistake.</summary>
/// <param name="Kernel">The kernel's name.</param>
/// <param name="Mutation">The mistake.</param>
/// <param name="Line">The line's number, from 1.</param>
/// <param name="Before">The line as it is committed, trimmed, tabs as blanks.</param>
/// <param name="After">The line with the mistake.</param>
/// <param name="Text">The whole text with the mistake.</param>
internal sealed record Mutant(string Kernel, Mutation Mutation, int Line, string Before, string After, string Text)
{
    public override string ToString() => $"{Kernel}:{Line} {Mutation}: {Before} -> {(After.Length == 0 ? "nothing" : After)}";
}
