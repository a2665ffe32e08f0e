using MiniLM.Compute;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

/// <summary>The device contract under each tier; but for AVX-512, which is interpreted then, one that this machine has not is skipped.</summary>
public abstract class CpuDeviceTests(CpuTier tier) : DeviceContract
{
    protected override int MostRows => tier == CpuTier.Scalar || !CpuTiers.Supported.Contains(tier) ? 200 : int.MaxValue;

    protected override Device Open()
    {
        Assert.SkipUnless(Tiers.Tested.Contains(tier), $"skipped: this CPU has no {tier}");
        return new CpuDevice(2, tier);
    }
}

public sealed class CpuAvx512Tests() : CpuDeviceTests(CpuTier.Avx512);

public sealed class CpuAvx2Tests() : CpuDeviceTests(CpuTier.Avx2);

public sealed class CpuVector128Tests() : CpuDeviceTests(CpuTier.Vector128);

public sealed class CpuScalarTests() : CpuDeviceTests(CpuTier.Scalar);
