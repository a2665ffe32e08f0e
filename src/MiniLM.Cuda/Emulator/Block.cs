using System.Runtime.InteropServices;
using MiniLM.Cuda.Driver;

namespace MiniLM.Cuda.Emulator;

/// <summary>What all blocks of a launch share.</summary>
internal sealed unsafe class LaunchState
{
    internal required LaunchShape Shape { get; init; }

    internal required byte[] Parameters { get; init; }

    internal required GlobalMemory Memory { get; init; }

    internal required uint JitterSeed { get; init; }

    internal required int Capability { get; init; }

    /// <summary>Branches a warp may take.</summary>
    internal required long Budget { get; init; }

    /// <summary>Looked at between blocks.</summary>
    internal required CancellationToken Cancellation { get; init; }

    /// <summary>Who touched which word of global memory; only with checks.</summary>
    internal required GlobalShadow? Shadow { get; init; }
}

/// <summary>What the warps of the block that runs on one CPU thread share. Reused from block to block.</summary>
internal sealed unsafe class Block : IDisposable
{
    internal KernelProgram Program { get; }

    internal LaunchState Launch { get; }

    internal uint X { get; set; }

    internal uint Y { get; set; }

    /// <summary>Number of the block in the launch.</summary>
    internal uint Number => Y * Launch.Shape.GridX + X;

    internal byte* Shared { get; }

    /// <summary>Declared and dynamic shared memory.</summary>
    internal uint SharedBytes { get; }

    internal byte* Parameters { get; }

    /// <summary>Local memory of all threads, thread after thread.</summary>
    internal byte* Local { get; }

    internal AccessCache* Caches { get; }

    /// <summary>Counters of each instruction; null without counting.</summary>
    internal LineCounts* Lines { get; }

    internal uint JitterSeed { get; }

    internal SharedShadow? Shadow { get; }

    internal GlobalMemory Memory => Launch.Memory;

    internal Block(KernelProgram program, LaunchState launch, bool isChecked, bool isCounted)
    {
        (Program, Launch, JitterSeed) = (program, launch, launch.JitterSeed);
        SharedBytes = (uint)program.StaticSharedBytes + launch.Shape.SharedBytes;
        Shared = (byte*)NativeMemory.AlignedAlloc(SharedBytes + 64, 64);
        Parameters = (byte*)NativeMemory.AlignedAlloc((nuint)launch.Parameters.Length + 64, 64);
        launch.Parameters.CopyTo(new Span<byte>(Parameters, launch.Parameters.Length));
        Local = (byte*)NativeMemory.AlignedAlloc((nuint)program.LocalStride * launch.Shape.Threads + 64, 64);
        Caches = (AccessCache*)NativeMemory.AllocZeroed((nuint)program.Length, (nuint)sizeof(AccessCache));
        if (isCounted) { Lines = (LineCounts*)NativeMemory.AllocZeroed((nuint)program.Length, (nuint)sizeof(LineCounts)); }
        if (isChecked) { Shadow = new SharedShadow((int)SharedBytes); }
    }

    /// <summary>Memory of a new block: poison everywhere.</summary>
    internal void Start(uint x, uint y)
    {
        (X, Y) = (x, y);
        NativeMemory.Fill(Shared, SharedBytes, GlobalMemory.Poison);
        NativeMemory.Fill(Local, (nuint)Program.LocalStride * Launch.Shape.Threads, GlobalMemory.Poison);
        Shadow?.Start();
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Shared);
        NativeMemory.AlignedFree(Parameters);
        NativeMemory.AlignedFree(Local);
        NativeMemory.Free(Caches);
        NativeMemory.Free(Lines);
    }
}
