using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace KernelCompiler.Tests.Patterns;

/// <summary>What the kernels of all patterns do: thread i puts the pattern's value of input i at place i.</summary>
internal static class PatternKernel
{
    /// <summary>Inputs of a pattern, one a lane of a warp.</summary>
    internal const int Inputs = 32;

    /// <summary>Input i: the low and the high bits differ between neighbours.</summary>
    internal static uint Input(uint i) => i * 2654435761u;

    /// <summary>This thread's input.</summary>
    internal static uint Input() => Input((uint)Group.IdxX);

    /// <summary>This thread's value.</summary>
    internal static void Put(ulong to, uint value) => Store(to + Wide((uint)Group.IdxX, 4), 0, value);
}
