using MiniLM.Compute;
using MiniLM.Cuda.Emulator;
using MiniLM.Tests;

namespace MiniLM.Cuda.Tests;

/// <summary>The device contract in fp32 (tier G) on the emulator, as a Pascal card and as an Ampere card would run it.</summary>
public abstract class CudaDeviceTests(int capability, int mostRows) : DeviceContract
{
    protected override int MostRows => mostRows;

    protected override Device Open() => new CudaDevice(new EmulatedGpu(new EmulatedGpuOptions { Capability = capability }), "emulated");
}

public sealed class CudaTierGTests() : CudaDeviceTests(60, 600);

/// <summary>fp32 runs on the same kernels there: of the real model the shortest input will do.</summary>
public sealed class CudaTierATests() : CudaDeviceTests(80, 16);
