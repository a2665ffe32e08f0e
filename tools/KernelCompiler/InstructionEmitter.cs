using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;
using MiniLM.Kernels;
using Registers = ILGPU.Backends.RegisterAllocator<ILGPU.Backends.PTX.PTXRegisterKind>;

namespace KernelCompiler;

/// <summary>Writes the text of an <see cref="InstructionAttribute"/> where its method is called.</summary>
internal static partial class InstructionEmitter
{
    internal static void Register(Context.Builder builder, Type instructions)
    {
        IntrinsicImplementationManager manager = builder.GetIntrinsicManager();
        foreach (MethodInfo method in instructions.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly))
        {
            if (method.IsDefined(typeof(InstructionAttribute)))
            {
                manager.RegisterMethod(method, new PTXIntrinsic(typeof(InstructionEmitter), nameof(Generate), IntrinsicImplementationMode.GenerateCode));
            }
        }
    }

    /// <summary>Called by ILGPU, which finds it by name and wants it public.</summary>
    public static void Generate(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        MethodCall call = (MethodCall)value;
        MethodInfo method = (MethodInfo)call.Target.Source;
        Registers.Register[] arguments = [.. Enumerable.Range(0, call.Count).Select(i => generator.Load(call[i]))];
        Registers.Register? result = method.ReturnType == typeof(void) ? null : generator.Allocate(value);
        Dictionary<string, string> scratch = [];
        string Expand(string hole)
        {
            if (!char.IsDigit(hole[0]) && hole[0] != 'd')
            {
                return scratch.TryGetValue(hole, out string? known) ? known : scratch[hole] = Name(generator, hole[0] switch
                {
                    'h' => generator.AllocateRegister(BasicValueType.Int16, PTXRegisterKind.Int16),
                    'p' => generator.AllocateRegister(BasicValueType.Int1, PTXRegisterKind.Predicate),
                    _ => generator.AllocateInt32Register(),
                });
            }
            string[] parts = hole.Split('.');
            return (parts[0] == "d" ? result! : arguments[int.Parse(parts[0], CultureInfo.InvariantCulture)]) switch
            {
                Registers.CompoundRegister vector when parts.Length > 1 => Name(generator, vector.Children[int.Parse(parts[1], CultureInfo.InvariantCulture)]),
                Registers.CompoundRegister vector => "{" + string.Join(",", vector.Children.Select(register => Name(generator, register))) + "}",
                Registers.ConstantRegister { BasicValueType: BasicValueType.Int32 } constant =>
                    constant.Value.Int32Value.ToString(CultureInfo.InvariantCulture),
                Registers.Register register => Name(generator, register),
            };
        }
        string text = method.GetCustomAttribute<InstructionAttribute>()!.Text;
        foreach (string instruction in Hole().Replace(text, match => Expand(match.Groups[1].Value)).Split(';'))
        {
            generator.Builder.Append('\t').Append(instruction.Trim()).Append(";\n");
        }
    }

    private static string Name(PTXCodeGenerator generator, Registers.Register register) =>
        "%" + PTXRegisterAllocator.GetStringRepresentation(generator.EnsureHardwareRegister((Registers.PrimitiveRegister)register));

    [GeneratedRegex(@"\{((?:d|\d+)(?:\.\d+)?|[hrp]\d+)\}")]
    private static partial Regex Hole();
}
