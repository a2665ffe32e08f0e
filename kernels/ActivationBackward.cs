using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>Back through the activation of the head's dense modules; the feed-forward layer's is part of its product
/// (<see cref="GemmSimtTraining"/>).</summary>
/// <remarks>A thread an element. The grid is (rows, padded width / 128 rounded up).</remarks>
public static class ActivationBackward
{
    private const int Threads = 128;

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void ActivationBackwardGeluF32(ActivationBackwardArguments g) => Run<Gelu>(g);

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void ActivationBackwardGeluTanhF32(ActivationBackwardArguments g) => Run<GeluTanh>(g);

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void ActivationBackwardReluF32(ActivationBackwardArguments g) => Run<Relu>(g);

    [Kernel(60, Threads, TileColumns = Threads)]
    public static void ActivationBackwardTanhF32(ActivationBackwardArguments g) => Run<Tanh>(g);

    private static void Run<TActivation>(ActivationBackwardArguments g) where TActivation : struct, IActivation
    {
        uint column = (uint)Grid.IdxY * Threads + (uint)Group.IdxX;
        if (column >= g.Padded) { return; }
        ulong at = Wide((uint)Grid.IdxX, g.Stride) + Wide(column, 4);
        Store(g.Dy + at, 0, LoadFloat(g.Dy + at, 0) * TActivation.Slope(LoadFloat(g.X + at, 0)));
    }
}
