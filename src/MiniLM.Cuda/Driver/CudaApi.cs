using System.Runtime.InteropServices;

namespace MiniLM.Cuda.Driver;

/// <summary>The driver's entry points that the engine calls, looked up by name: no import library, so the executable starts where there is no driver.</summary>
internal sealed unsafe class CudaApi
{
    internal readonly delegate* unmanaged<uint, int> Init;
    internal readonly delegate* unmanaged<int*, int> DriverGetVersion;
    internal readonly delegate* unmanaged<int, byte**, int> GetErrorName;
    internal readonly delegate* unmanaged<int*, int> DeviceGetCount;
    internal readonly delegate* unmanaged<int*, int, int> DeviceGet;
    internal readonly delegate* unmanaged<byte*, int, int, int> DeviceGetName;
    internal readonly delegate* unmanaged<int*, int, int, int> DeviceGetAttribute;
    internal readonly delegate* unmanaged<nuint*, int, int> DeviceTotalMem;
    internal readonly delegate* unmanaged<nint*, int, int> PrimaryContextRetain;
    internal readonly delegate* unmanaged<int, int> PrimaryContextRelease;
    internal readonly delegate* unmanaged<nint, int> ContextSetCurrent;
    internal readonly delegate* unmanaged<nint*, byte*, uint, int*, void**, int> ModuleLoadDataEx;
    internal readonly delegate* unmanaged<nint, int> ModuleUnload;
    internal readonly delegate* unmanaged<nint*, nint, byte*, int> ModuleGetFunction;
    internal readonly delegate* unmanaged<int*, int, nint, int> FunctionGetAttribute;
    internal readonly delegate* unmanaged<nint, int, int, int> FunctionSetAttribute;
    internal readonly delegate* unmanaged<ulong*, nuint, int> MemAlloc;
    internal readonly delegate* unmanaged<ulong, int> MemFree;
    internal readonly delegate* unmanaged<nuint*, nuint*, int> MemGetInfo;
    internal readonly delegate* unmanaged<void**, nuint, uint, int> MemHostAlloc;
    internal readonly delegate* unmanaged<void*, int> MemFreeHost;
    internal readonly delegate* unmanaged<ulong, void*, nuint, nint, int> MemcpyHostToDeviceAsync;
    internal readonly delegate* unmanaged<void*, ulong, nuint, nint, int> MemcpyDeviceToHostAsync;
    internal readonly delegate* unmanaged<ulong, byte, nuint, nint, int> MemsetAsync;
    internal readonly delegate* unmanaged<nint*, uint, int> StreamCreate;
    internal readonly delegate* unmanaged<nint, int> StreamDestroy;
    internal readonly delegate* unmanaged<nint, int> StreamSynchronize;
    internal readonly delegate* unmanaged<nint*, uint, int> EventCreate;
    internal readonly delegate* unmanaged<nint, nint, int> EventRecord;
    internal readonly delegate* unmanaged<nint, int> EventSynchronize;
    internal readonly delegate* unmanaged<float*, nint, nint, int> EventElapsedTime;
    internal readonly delegate* unmanaged<nint, int> EventDestroy;
    internal readonly delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int> LaunchKernel;

    private const string Synchronous = "MINILM_CUDA_SYNC";

    /// <param name="export">Address of an entry point, 0 when there is none of that name.</param>
    /// <param name="isSynchronous">See <see cref="IsSynchronous"/>.</param>
    /// <exception cref="GpuException">An entry point is missing.</exception>
    internal CudaApi(Func<string, nint> export, bool isSynchronous = false)
    {
        IsSynchronous = isSynchronous;
        void* Get(string name)
        {
            nint address = export(name);
            return address != 0
                ? (void*)address
                : throw new NoGpuException($"the NVIDIA driver has no {name}: it is too old for this program", "Update it");
        }
        Init = (delegate* unmanaged<uint, int>)Get("cuInit");
        DriverGetVersion = (delegate* unmanaged<int*, int>)Get("cuDriverGetVersion");
        GetErrorName = (delegate* unmanaged<int, byte**, int>)Get("cuGetErrorName");
        DeviceGetCount = (delegate* unmanaged<int*, int>)Get("cuDeviceGetCount");
        DeviceGet = (delegate* unmanaged<int*, int, int>)Get("cuDeviceGet");
        DeviceGetName = (delegate* unmanaged<byte*, int, int, int>)Get("cuDeviceGetName");
        DeviceGetAttribute = (delegate* unmanaged<int*, int, int, int>)Get("cuDeviceGetAttribute");
        DeviceTotalMem = (delegate* unmanaged<nuint*, int, int>)Get("cuDeviceTotalMem_v2");
        PrimaryContextRetain = (delegate* unmanaged<nint*, int, int>)Get("cuDevicePrimaryCtxRetain");
        PrimaryContextRelease = (delegate* unmanaged<int, int>)Get("cuDevicePrimaryCtxRelease_v2");
        ContextSetCurrent = (delegate* unmanaged<nint, int>)Get("cuCtxSetCurrent");
        ModuleLoadDataEx = (delegate* unmanaged<nint*, byte*, uint, int*, void**, int>)Get("cuModuleLoadDataEx");
        ModuleUnload = (delegate* unmanaged<nint, int>)Get("cuModuleUnload");
        ModuleGetFunction = (delegate* unmanaged<nint*, nint, byte*, int>)Get("cuModuleGetFunction");
        FunctionGetAttribute = (delegate* unmanaged<int*, int, nint, int>)Get("cuFuncGetAttribute");
        FunctionSetAttribute = (delegate* unmanaged<nint, int, int, int>)Get("cuFuncSetAttribute");
        MemAlloc = (delegate* unmanaged<ulong*, nuint, int>)Get("cuMemAlloc_v2");
        MemFree = (delegate* unmanaged<ulong, int>)Get("cuMemFree_v2");
        MemGetInfo = (delegate* unmanaged<nuint*, nuint*, int>)Get("cuMemGetInfo_v2");
        MemHostAlloc = (delegate* unmanaged<void**, nuint, uint, int>)Get("cuMemHostAlloc");
        MemFreeHost = (delegate* unmanaged<void*, int>)Get("cuMemFreeHost");
        MemcpyHostToDeviceAsync = (delegate* unmanaged<ulong, void*, nuint, nint, int>)Get("cuMemcpyHtoDAsync_v2");
        MemcpyDeviceToHostAsync = (delegate* unmanaged<void*, ulong, nuint, nint, int>)Get("cuMemcpyDtoHAsync_v2");
        MemsetAsync = (delegate* unmanaged<ulong, byte, nuint, nint, int>)Get("cuMemsetD8Async");
        StreamCreate = (delegate* unmanaged<nint*, uint, int>)Get("cuStreamCreate");
        StreamDestroy = (delegate* unmanaged<nint, int>)Get("cuStreamDestroy_v2");
        StreamSynchronize = (delegate* unmanaged<nint, int>)Get("cuStreamSynchronize");
        EventCreate = (delegate* unmanaged<nint*, uint, int>)Get("cuEventCreate");
        EventRecord = (delegate* unmanaged<nint, nint, int>)Get("cuEventRecord");
        EventSynchronize = (delegate* unmanaged<nint, int>)Get("cuEventSynchronize");
        EventElapsedTime = (delegate* unmanaged<float*, nint, nint, int>)Get("cuEventElapsedTime");
        EventDestroy = (delegate* unmanaged<nint, int>)Get("cuEventDestroy_v2");
        LaunchKernel = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)Get("cuLaunchKernel");
    }

    /// <summary>The driver of this machine.</summary>
    /// <exception cref="GpuException">There is none.</exception>
    internal static CudaApi OfThisMachine()
    {
        // Never libcuda.so: that may be the toolkit's stub. On Windows from System32 only.
        string name = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";
        DllImportSearchPath? where = OperatingSystem.IsWindows() ? DllImportSearchPath.System32 : null;
        if (!NativeLibrary.TryLoad(name, typeof(CudaApi).Assembly, where, out nint library))
        {
            throw new NoGpuException($"no NVIDIA driver here ({name} was not found)", "Install one");
        }
        return new CudaApi(export => NativeLibrary.TryGetExport(library, export, out nint address) ? address : 0,
            Environment.GetEnvironmentVariable(Synchronous) == "1");
    }

    /// <summary>Whether each launch is waited for, so that a kernel's fault is found where it was started: MINILM_CUDA_SYNC=1.</summary>
    internal bool IsSynchronous { get; }

    /// <summary>Names a failed call.</summary>
    /// <exception cref="GpuException">The status is not 0.</exception>
    /// <exception cref="GpuOutOfMemoryException">The status is 2.</exception>
    internal void Check(int status, string call, string about = "")
    {
        if (status != 0) { throw Failure(status, call, about); }
    }

    /// <summary>What a failed call says.</summary>
    internal GpuException Failure(int status, string call, string about)
    {
        byte* text = null;
        string name = GetErrorName(status, &text) == 0 && text != null ? Marshal.PtrToStringUTF8((nint)text)! : "unknown error";
        string message = $"{call}{(about.Length > 0 ? " (" + about + ")" : "")}: {name} ({status})";
        return status switch
        {
            2 => new GpuOutOfMemoryException(message),
            34 => new NoGpuException($"{message}: this is the toolkit's stub, not a driver"),
            100 => new NoGpuException($"{message}: the driver sees no GPU"),
            803 or 804 =>
                new GpuException($"{message}: the driver's kernel module and its library have different versions; restart the machine or update the driver."),
            209 or 218 or 221 or 222 => new KernelRefusedException($"{message}: the driver can't compile the kernels; update it, or use --device cpu."),
            700 or 702 or (>= 714 and <= 719) => new GpuException($"{message}: the GPU's context is lost; nothing more can be computed in this process."
                + (IsSynchronous ? "" : $" A kernel that was started before may be the cause: {Synchronous}=1 names it.")),
            _ => new GpuException(message),
        };
    }
}
