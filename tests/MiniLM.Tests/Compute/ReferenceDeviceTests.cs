using MiniLM.Compute;
using MiniLM.Compute.Reference;

namespace MiniLM.Tests.Compute;

public sealed class ReferenceDeviceTests : DeviceContract
{
    protected override int MostRows => 64;

    protected override Device Open() => new ReferenceDevice();
}
