using MiniLM.Compute;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

/// <summary>The device contract under each tier; one that this machine has not is skipped.</summary>
public abstract class CpuDeviceTests(CpuTier tier, int mostRows) : DeviceContract
{
    protected override int MostRows => mostRows;

    protected override Device Open()
    {
        Assert.SkipUnless(CpuTiers.Supported.Contains(tier), $"skipped: this CPU has no {tier}");
        return new CpuDevice(2, tier);
    }
}

public sealed class CpuAvx512Tests() : CpuDeviceTests(CpuTier.Avx512, int.MaxValue);

public sealed class CpuAvx2Tests() : CpuDeviceTests(CpuTier.Avx2, int.MaxValue);

public sealed class CpuVector128Tests() : CpuDeviceTests(CpuTier.Vector128, int.MaxValue);

public sealed class CpuScalarTests() : CpuDeviceTests(CpuTier.Scalar, 200);
