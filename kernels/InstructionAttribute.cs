namespace MiniLM.Kernels;

/// <summary>The PTX that an intrinsic stands for; the kernel compiler writes it where the method is called.</summary>
/// <param name="text">
/// {d} is the result, {0}, {1}, ... are the arguments (constants as immediates). A struct becomes a vector; {0.1} is its second field.
/// {h0}, {r0}, {p0} are scratch registers of 16 and 32 bits and predicates.
/// </param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class InstructionAttribute(string text) : Attribute
{
    /// <summary>The instructions, with holes, separated by semicolons.</summary>
    public string Text => text;
}
