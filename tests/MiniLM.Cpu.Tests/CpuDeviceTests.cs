using MiniLM.Compute;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

public sealed class CpuDeviceTests : DeviceContract
{
    protected override int MostRows => int.MaxValue;

    protected override Device Open() => new CpuDevice(2);
}
