using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace KernelCompiler;

/// <summary>
/// Integer division by a constant, which ILGPU 1.5.3 turns into an arithmetic shift where the constant is a power of two: wrong for negative
/// numbers and for unsigned ones from 2^31. It happens while ILGPU reads the IL, so the IL is where it can be seen.
/// </summary>
internal static class ConstantDivisions
{
    private static readonly Dictionary<short, OpCode> Codes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    /// <exception cref="CompilationException">A method divides by a constant, or by a constant property of a type parameter.</exception>
    internal static void Refuse(Assembly assembly)
    {
        foreach (Type type in assembly.GetTypes()) { Refuse(type); }
    }

    /// <exception cref="CompilationException">The same in the methods of one type.</exception>
    internal static void Refuse(Type type)
    {
        const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
        foreach (MethodInfo method in type.GetMethods(All))
        {
            if (method.GetMethodBody()?.GetILAsByteArray() is not { } il) { continue; }
            foreach (int offset in Offsets(method, il))
            {
                throw new CompilationException($"{method.DeclaringType!.Name}.{method.Name}: {Line(method, offset)}: a division by a constant, "
                    + "which ILGPU compiles to an arithmetic shift; write >> or &");
            }
        }
    }

    private static IEnumerable<int> Offsets(MethodInfo method, byte[] il)
    {
        bool constant = false;
        for (int at = 0; at < il.Length;)
        {
            int start = at;
            OpCode code = Codes[il[at] == 0xFE ? unchecked((short)(0xFE00 | il[at + 1])) : il[at]];
            at += code.Size;
            if (constant && (code == OpCodes.Div || code == OpCodes.Div_Un || code == OpCodes.Rem)) { yield return start; }
            bool converts = code.Name!.StartsWith("conv.", StringComparison.Ordinal);
            bool loads = code.Name.StartsWith("ldc.i", StringComparison.Ordinal)
                || (code == OpCodes.Call && IsIntegerProperty(method, BitConverter.ToInt32(il, at)));
            constant = loads || (constant && converts && code != OpCodes.Conv_R4 && code != OpCodes.Conv_R8);
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(il, at),
                _ => 4,
            };
        }
    }

    private static bool IsIntegerProperty(MethodInfo method, int token)
    {
        MethodBase? called = method.Module.ResolveMethod(token, method.DeclaringType!.GetGenericArguments(), method.GetGenericArguments());
        return called is MethodInfo { IsSpecialName: true, IsAbstract: true } property
            && (property.ReturnType == typeof(int) || property.ReturnType == typeof(uint));
    }

    private static string Line(MethodInfo method, int offset)
    {
        string pdb = Path.ChangeExtension(method.Module.FullyQualifiedName, ".pdb");
        using FileStream file = File.OpenRead(pdb);
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(file);
        MetadataReader reader = provider.GetMetadataReader();
        MethodDebugInformation debug = reader.GetMethodDebugInformation(MetadataTokens.MethodDefinitionHandle(method.MetadataToken & 0xFFFFFF));
        SequencePoint point = debug.GetSequencePoints().Last(point => point.Offset <= offset && !point.IsHidden);
        return $"{Path.GetFileName(reader.GetString(reader.GetDocument(point.Document).Name))}:{point.StartLine}";
    }
}
