using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Transformations;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using MiniLM.Kernels;

namespace KernelCompiler;

/// <summary>One kernel from C# to canonical PTX.</summary>
internal static partial class Compiler
{
    /// <summary>Loops of at most so many constant steps are unrolled.</summary>
    internal const int UnrollLimit = 64;

    /// <summary>The kernels of an assembly, by name.</summary>
    internal static MethodInfo[] Kernels(Assembly assembly)
    {
        const BindingFlags Static = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.DeclaredOnly;
        return [.. assembly.GetTypes().SelectMany(type => type.GetMethods(Static)).Where(method => method.IsDefined(typeof(KernelAttribute)))
            .OrderBy(method => method.Name, StringComparer.Ordinal)];
    }

    /// <exception cref="CompilationException">The kernel uses what ILGPU would compile wrongly or slowly; names kernel and line.</exception>
    internal static string Compile(MethodInfo method)
    {
        try { return Compile(method, DebugSymbolsMode.Disabled); }
        catch (CompilationException)
        {
            // Once more with symbols, for the line: they would change the text (", debug" in .target, other labels).
            Compile(method, DebugSymbolsMode.KernelSourceAnnotations);
            throw;
        }
    }

    private static string Compile(MethodInfo method, DebugSymbolsMode symbols)
    {
        KernelAttribute kernel = method.GetCustomAttribute<KernelAttribute>()!;
        CudaArchitecture architecture = new(kernel.Target / 10, kernel.Target % 10);
        // The oldest ISA that has the tier's instructions: it decides which drivers take the text (gpu.md 2.1).
        CudaInstructionSet isa = kernel.Target >= 80 ? CudaInstructionSet.ISA_70 : CudaInstructionSet.ISA_60;
        // A context for each kernel: in a used one helpers are inlined in another order, and after an error it is unusable.
        // O1 is the last level that keeps memory accesses and intrinsics in program order.
        Context.Builder builder = Context.Create().Optimize(OptimizationLevel.O1).Inlining(InliningMode.Aggressive);
        // Builder.DebugSymbols of ILGPU 1.5.3 only checks its argument; the property's setter is not public.
        typeof(ContextProperties).GetProperty(nameof(ContextProperties.DebugSymbolsMode))!.SetValue(builder, symbols);
        InstructionEmitter.Register(builder, typeof(Instructions));
        using Context context = builder.ToContext();
        using PTXBackend backend = new(context, new CudaCapabilityContext(architecture), architecture, isa, null);
        try
        {
            var compiled = (PTXCompiledKernel)backend.Compile(
                EntryPointDescription.FromExplicitlyGroupedKernel(method), new KernelSpecialization(kernel.Threads, 1), new UnrollFirst());
            return CanonicalText.Of(compiled.PTXAssembly, method.Name);
        }
        catch (Exception error) when (error is not CompilationException)
        {
            Exception cause = error.GetBaseException();
            string place = Place().Match(error.Message) is { Success: true } at ? $"{Path.GetFileName(at.Groups[1].Value)}:{at.Groups[2].Value}: " : "";
            throw new CompilationException($"{method.Name}: {(cause is CompilationException ? "" : place)}{cause.Message.ReplaceLineEndings(" ")}");
        }
    }

    /// <summary>
    /// Runs before ILGPU turns local arrays into registers, which it does where every index is a constant: that is what unrolling provides.
    /// ILGPU's own unroller ships switched off and miscompiles constant loops under an if (its issue 1330).
    /// </summary>
    private readonly struct UnrollFirst : IBackendHook
    {
        public void FinishedCodeGeneration(IRContext context, Method entryPoint) { }

        public void InitializedKernelContext(IRContext context, Method kernelMethod)
        {
            Transformer.Builder builder = Transformer.CreateBuilder(TransformerConfiguration.Empty);
            UnrollConstantLoop unroll = new(UnrollLimit);
            builder.Add(unroll);
            builder.Add(new UnreachableCodeElimination());
            builder.Add(new DeadCodeElimination());
            builder.Add(new SimplifyControlFlow());
            Transformer pass = builder.ToTransformer();
            do
            {
                unroll.Changed = false;
                context.Transform(pass);
            }
            while (unroll.Changed);
            RolledLoops.Refuse(kernelMethod, UnrollLimit);
        }

        public void OptimizedKernelContext(IRContext context, Method kernelMethod) { }
    }

    [GeneratedRegex(@"in file '(.*)', line (\d+)")]
    private static partial Regex Place();
}

/// <summary>A kernel that must not be compiled; the message is one line with kernel, C# line and remedy.</summary>
internal sealed class CompilationException(string message) : Exception(message);
