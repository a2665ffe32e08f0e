using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Mutation;

/// <summary>Every mistake that a source file has a place for, by its syntax alone: some do not compile.</summary>
internal static partial class Mutants
{
    private static readonly Dictionary<SyntaxKind, string> Operators = new()
    {
        [SyntaxKind.PlusToken] = "-",
        [SyntaxKind.MinusToken] = "+",
        [SyntaxKind.AsteriskToken] = "/",
        [SyntaxKind.SlashToken] = "*",
        [SyntaxKind.PercentToken] = "/",
        [SyntaxKind.LessThanLessThanToken] = ">>",
        [SyntaxKind.GreaterThanGreaterThanToken] = "<<",
        [SyntaxKind.AmpersandToken] = "|",
        [SyntaxKind.BarToken] = "&",
        [SyntaxKind.AmpersandAmpersandToken] = "||",
        [SyntaxKind.BarBarToken] = "&&",
        [SyntaxKind.PlusEqualsToken] = "-=",
        [SyntaxKind.MinusEqualsToken] = "+=",
        [SyntaxKind.AsteriskEqualsToken] = "/=",
        [SyntaxKind.SlashEqualsToken] = "*=",
    };

    private static readonly Dictionary<SyntaxKind, string> Comparisons = new()
    {
        [SyntaxKind.LessThanToken] = "<=",
        [SyntaxKind.LessThanEqualsToken] = "<",
        [SyntaxKind.GreaterThanToken] = ">=",
        [SyntaxKind.GreaterThanEqualsToken] = ">",
        [SyntaxKind.EqualsEqualsToken] = "!=",
        [SyntaxKind.ExclamationEqualsToken] = "==",
    };

    private static readonly Dictionary<string, string> Selections = new()
    {
        ["Min"] = "Max",
        ["Max"] = "Min",
        ["UnpackLow"] = "UnpackHigh",
        ["UnpackHigh"] = "UnpackLow",
        ["GetLower"] = "GetUpper",
        ["GetUpper"] = "GetLower",
    };

    private static readonly Dictionary<string, string> Instructions = new()
    {
        ["vaddps"] = "vsubps",
        ["vsubps"] = "vaddps",
        ["vmulps"] = "vaddps",
        ["vdivps"] = "vmulps",
        ["vmaxps"] = "vminps",
        ["vminps"] = "vmaxps",
        ["vpandd"] = "vpord",
        ["vpxord"] = "vpord",
        ["vfmadd213ps"] = "vfmadd231ps",
        ["vfmadd231ps"] = "vfnmadd231ps",
        ["vfnmadd231ps"] = "vfmadd231ps",
        ["vscalefps"] = "vmulps",
        ["add"] = "sub",
        ["sub"] = "add",
        ["dec"] = "inc",
        ["shr"] = "shl",
        ["and"] = "or",
        ["jz"] = "jnz",
        ["jnz"] = "jz",
    };

    private static readonly string[] GeneralRegisters = ["rax", "rcx", "rdx", "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r14"];

    /// <param name="file">The file's name in its project.</param>
    /// <param name="text">Its text.</param>
    /// <returns>In the order of the text.</returns>
    internal static List<Mutant> Of(string file, SourceText text)
    {
        List<Mutant> mutants = [];
        foreach (SyntaxNode node in CSharpSyntaxTree.ParseText(text).GetRoot().DescendantNodes(IsComputation).Where(IsComputation))
        {
            foreach ((Mistake mistake, TextSpan span, string with) in Changes(node))
            {
                LinePosition start = text.Lines.GetLinePosition(span.Start);
                TextSpan lines = TextSpan.FromBounds(text.Lines[start.Line].Start, text.Lines.GetLineFromPosition(span.End).End);
                string before = text.ToString(lines), after = before[..(span.Start - lines.Start)] + with + before[(span.End - lines.Start)..];
                mutants.Add(new Mutant(file, mistake, new TextChange(span, with), start.Line + 1, Plain(before), Plain(after)));
            }
        }
        return mutants;
    }

    // Attributes place fields and hint the compiler; assertions are not in what is tested; a message is not what a kernel computes; and tests have the
    // values of constants that they see compiled in.
    private static bool IsComputation(SyntaxNode node) => node switch
    {
        AttributeListSyntax or ThrowExpressionSyntax or ThrowStatementSyntax => false,
        ExpressionStatementSyntax { Expression: InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax call } } =>
            call.Expression is not IdentifierNameSyntax { Identifier.Text: "Debug" },
        FieldDeclarationSyntax field => !field.Modifiers.Any(SyntaxKind.ConstKeyword) || field.Modifiers.Any(SyntaxKind.PrivateKeyword),
        _ => true,
    };

    private static IEnumerable<(Mistake Mistake, TextSpan Span, string With)> Changes(SyntaxNode node)
    {
        switch (node)
        {
            case BinaryExpressionSyntax { Parent: ForStatementSyntax loop } end when Comparisons.TryGetValue(end.OperatorToken.Kind(), out string? other):
                yield return (Mistake.Bound, end.OperatorToken.Span, other);
                // Of a loop in greater steps one less is mostly the same: both are multiples of the step.
                if (loop.Incrementors.Any(step => step.IsKind(SyntaxKind.PostIncrementExpression)))
                {
                    yield return (Mistake.Bound, end.Right.Span, $"({end.Right}) - 1");
                }
                break;
            case BinaryExpressionSyntax compared when Comparisons.TryGetValue(compared.OperatorToken.Kind(), out string? other):
                yield return (Mistake.Comparison, compared.OperatorToken.Span, other);
                break;
            case BinaryExpressionSyntax computed when Operators.TryGetValue(computed.OperatorToken.Kind(), out string? other):
                yield return (Mistake.Operator, computed.OperatorToken.Span, other);
                break;
            case PostfixUnaryExpressionSyntax { Parent: ForStatementSyntax } step when step.IsKind(SyntaxKind.PostIncrementExpression):
                yield return (Mistake.Bound, step.Span, $"{step.Operand} += 2");
                break;
            case AssignmentExpressionSyntax { Parent: ForStatementSyntax } step when step.IsKind(SyntaxKind.AddAssignmentExpression):
                yield return (Mistake.Bound, step.Right.Span, $"2 * ({step.Right})");
                break;
            case AssignmentExpressionSyntax assigned when Operators.TryGetValue(assigned.OperatorToken.Kind(), out string? other):
                yield return (Mistake.Operator, assigned.OperatorToken.Span, other);
                break;
            case PrefixUnaryExpressionSyntax minus when minus.IsKind(SyntaxKind.UnaryMinusExpression):
                yield return (Mistake.Constant, minus.OperatorToken.Span, "");
                break;
            case LiteralExpressionSyntax literal when literal.IsKind(SyntaxKind.NumericLiteralExpression):
                foreach (string other in OtherNumbers(literal.Token)) { yield return (Mistake.Constant, literal.Span, other); }
                break;
            case IfStatementSyntax choice:
                yield return (Mistake.Condition, choice.Condition.Span, $"!({choice.Condition})");
                break;
            case ConditionalExpressionSyntax choice:
                yield return (Mistake.Condition, choice.Condition.Span, $"!({choice.Condition})");
                break;
            case ExpressionStatementSyntax statement:
                yield return (Mistake.Dropped, statement.Span, ";");
                break;
            case InvocationExpressionSyntax call:
                foreach (var change in OfCall(call)) { yield return change; }
                break;
            case IdentifierNameSyntax name when NextRegister(name.Identifier.Text) is { } other:
                yield return (Mistake.Register, name.Span, other);
                break;
            case ElementAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: ['_', '_', ..] } } operand
                when operand.ArgumentList.Arguments is [{ Expression: BinaryExpressionSyntax address }]:
                yield return (Mistake.Offset, address.Span, $"{address} + 4");
                break;
            default: break;
        }
    }

    private static IEnumerable<(Mistake Mistake, TextSpan Span, string With)> OfCall(InvocationExpressionSyntax call)
    {
        SimpleNameSyntax? name = call.Expression as SimpleNameSyntax ?? (call.Expression as MemberAccessExpressionSyntax)?.Name;
        if (name is null) { yield break; }
        if (Selections.TryGetValue(name.Identifier.Text, out string? other)) { yield return (Mistake.Selection, name.Span, other); }
        if (Instructions.TryGetValue(name.Identifier.Text, out other)) { yield return (Mistake.Instruction, name.Span, other); }
        if (!Emitted().IsMatch(name.Identifier.Text)) { yield break; }
        // Registers that bear names: operands of one instruction are mostly of one class.
        IdentifierNameSyntax[] registers = [.. call.ArgumentList.Arguments.Select(argument => argument.Expression).OfType<IdentifierNameSyntax>()
            .Where(register => NextRegister(register.Identifier.Text) is null)];
        foreach (IdentifierNameSyntax register in registers)
        {
            IdentifierNameSyntax? another = registers.FirstOrDefault(another => another.Identifier.Text != register.Identifier.Text);
            if (another is not null) { yield return (Mistake.Register, register.Span, another.Identifier.Text); }
        }
    }

    private static IEnumerable<string> OtherNumbers(SyntaxToken literal)
    {
        switch (literal.Value)
        {
            case int or uint or long:
                decimal whole = Convert.ToDecimal(literal.Value, CultureInfo.InvariantCulture);
                string suffix = literal.Value switch { uint => "u", long => "L", _ => "" };
                yield return $"{whole + 1}{suffix}";
                if (whole > 0) { yield return $"{whole - 1}{suffix}"; }
                break;
            case float number:
                yield return $"{(number == 0 ? 1 : number * 1.001f).ToString("R", CultureInfo.InvariantCulture)}f";
                break;
            case double number:
                yield return $"{(number == 0 ? 1 : number * 1.001).ToString("R", CultureInfo.InvariantCulture)}d";
                break;
            default: break;
        }
    }

    private static string? NextRegister(string name)
    {
        int at = Array.IndexOf(GeneralRegisters, name);
        if (at >= 0) { return GeneralRegisters[(at + 1) % GeneralRegisters.Length]; }
        Match vector = VectorRegister().Match(name);
        if (!vector.Success) { return null; }
        int count = vector.Groups[1].Value == "zmm" ? 32 : 16;
        return $"{vector.Groups[1].Value}{(int.Parse(vector.Groups[2].Value, CultureInfo.InvariantCulture) + 1) % count}";
    }

    private static string Plain(string lines) => Blanks().Replace(lines, " ").Trim();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();

    [GeneratedRegex("^[a-z][a-z0-9]+$")]
    private static partial Regex Emitted();

    [GeneratedRegex("^([xz]mm)([0-9]+)$")]
    private static partial Regex VectorRegister();
}
