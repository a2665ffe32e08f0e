using Microsoft.CodeAnalysis.Text;

namespace Mutation;

/// <summary>What is wrong in a mutant.</summary>
internal enum Mistake
{
    /// <summary>Another arithmetic or logical operator.</summary>
    Operator,

    /// <summary>A comparison that takes its bound in, or leaves it out, or is inverted.</summary>
    Comparison,

    /// <summary>A loop of one turn more, one less, or that leaves out every second.</summary>
    Bound,

    /// <summary>An integer greater or less by one, a fraction greater by a thousandth, another sign.</summary>
    Constant,

    /// <summary>The other branch is taken.</summary>
    Condition,

    /// <summary>The least for the greatest, the low half for the high one.</summary>
    Selection,

    /// <summary>A statement is dropped: an assignment, a call, an emitted instruction.</summary>
    Dropped,

    /// <summary>Another emitted instruction of the same operands.</summary>
    Instruction,

    /// <summary>Another register of the same class.</summary>
    Register,

    /// <summary>A memory operand four bytes further on.</summary>
    Offset,
}

/// <summary>A source file with one mistake.</summary>
/// <param name="File">The file's name in its project, with slashes.</param>
/// <param name="Mistake">The mistake.</param>
/// <param name="Change">What is written over what.</param>
/// <param name="Line">The number of the line where it begins, from 1.</param>
/// <param name="Before">The changed lines as they are, blanks as one.</param>
/// <param name="After">The same lines with the mistake.</param>
internal sealed record Mutant(string File, Mistake Mistake, TextChange Change, int Line, string Before, string After)
{
    public override string ToString() => $"{File}:{Line} {Mistake}: {Before} -> {After}";
}
