using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using MiniLM.Cuda.Driver;

namespace MiniLM.Cuda.Tests;

/// <summary>An NVIDIA driver of one GPU that computes nothing: it answers as it is told to, and keeps what it was given.</summary>
/// <remarks>Its state is static, as the driver's entry points are: for one test at a time.</remarks>
internal static unsafe class FakeDriver
{
    private static readonly nint ErrorName = Marshal.StringToCoTaskMemUTF8("CUDA_ERROR_FAKE");

    internal static string? Missing { get; set; }
    internal static int InitStatus { get; set; }
    internal static int StreamStatus { get; set; }
    internal static int Version { get; set; }
    internal static int Capability { get; set; }
    internal static int SharedOptIn { get; set; }
    internal static int Multiprocessors { get; set; }
    internal static int AllocateStatus { get; set; }
    internal static int LoadStatus { get; set; }
    internal static string Log { get; set; } = "";

    /// <summary>Part of the texts that are refused with <see cref="LoadStatus"/>; empty: all.</summary>
    internal static string Refused { get; set; } = "";

    /// <summary>Local memory of a thread, of every kernel.</summary>
    internal static int LocalBytes { get; set; }

    internal static int LaunchStatus { get; set; }

    /// <summary>How many launches answer with <see cref="LaunchStatus"/>.</summary>
    internal static int LaunchFailures { get; set; }

    internal static int SynchronizeStatus { get; set; }
    internal static bool IsSynchronous { get; set; }

    /// <summary>How often cuLaunchKernel was called.</summary>
    internal static int Launches { get; private set; }

    /// <summary>Kernels that were compiled.</summary>
    internal static int Loaded { get; private set; }

    /// <summary>Events that exist, and how many were made.</summary>
    internal static int Events { get; private set; }
    internal static int EventsMade { get; private set; }

    /// <summary>What copies have brought to the GPU, byte by byte from address 256 on; null: copies are forgotten.</summary>
    /// <remarks>A copy reads the host's memory as late as it may: when an event behind it, or the stream, is waited for.</remarks>
    internal static byte[]? Memory { get; set; }
    private static readonly Queue<(ulong To, nint From, int Length)> Copies = [];
    private static readonly Dictionary<nint, int> Recorded = []; // copies begun before an event
    private static int _begun, _done;

    /// <summary>Bytes of all copies to the GPU.</summary>
    internal static long Uploaded { get; private set; }

    internal static int ClearStatus { get; set; }
    internal static int FreeStatus { get; set; }

    /// <summary>How often memory was taken.</summary>
    internal static int Allocated { get; private set; }

    /// <summary>How often memory was given back, or should have been.</summary>
    internal static int Freed { get; private set; }

    /// <summary>Contexts given back.</summary>
    internal static int Released { get; private set; }

    /// <summary>What cuFuncSetAttribute was called with: attribute, value.</summary>
    internal static List<(int Attribute, int Value)> FunctionAttributes { get; } = [];

    /// <summary>Grid, block and shared memory of the last launch, and its parameters.</summary>
    internal static uint[] Shape { get; private set; } = [];
    internal static byte[] Parameters { get; private set; } = [];

    /// <summary>A driver of CUDA 13 with an RTX 3090.</summary>
    internal static void Reset()
    {
        (Missing, InitStatus, Version, Capability, SharedOptIn, AllocateStatus, LoadStatus, Log, LaunchStatus) = (null, 0, 13000, 86, 99 << 10, 0, 0, "", 0);
        (StreamStatus, ClearStatus, FreeStatus, Freed, Allocated, Uploaded) = (0, 0, 0, 0, 0, 0);
        (Refused, LocalBytes, LaunchFailures, SynchronizeStatus, IsSynchronous, Launches, Loaded) = ("", 0, int.MaxValue, 0, false, 0, 0);
        (Events, EventsMade, Released, Memory, _begun, _done) = (0, 0, 0, null, 0, 0);
        Copies.Clear();
        Recorded.Clear();
        Multiprocessors = 82;
        FunctionAttributes.Clear();
        (Shape, Parameters) = ([], []);
    }

    internal static CudaApi Api() => new(Export, IsSynchronous);

    private static nint Export(string name) => name == Missing ? 0 : name switch
    {
        "cuInit" => (nint)(delegate* unmanaged<uint, int>)&Init,
        "cuDriverGetVersion" => (nint)(delegate* unmanaged<int*, int>)&DriverGetVersion,
        "cuGetErrorName" => (nint)(delegate* unmanaged<int, byte**, int>)&GetErrorName,
        "cuDeviceGetCount" => (nint)(delegate* unmanaged<int*, int>)&DeviceGetCount,
        "cuDeviceGetName" => (nint)(delegate* unmanaged<byte*, int, int, int>)&DeviceGetName,
        "cuDeviceGetAttribute" => (nint)(delegate* unmanaged<int*, int, int, int>)&DeviceGetAttribute,
        "cuDeviceTotalMem_v2" => (nint)(delegate* unmanaged<nuint*, int, int>)&DeviceTotalMem,
        "cuModuleLoadDataEx" => (nint)(delegate* unmanaged<nint*, byte*, uint, int*, void**, int>)&ModuleLoadDataEx,
        "cuFuncGetAttribute" => (nint)(delegate* unmanaged<int*, int, nint, int>)&FunctionGetAttribute,
        "cuEventElapsedTime" => (nint)(delegate* unmanaged<float*, nint, nint, int>)&EventElapsedTime,
        "cuDevicePrimaryCtxRelease_v2" => (nint)(delegate* unmanaged<int, int>)&PrimaryContextRelease,
        "cuStreamCreate" => (nint)(delegate* unmanaged<nint*, uint, int>)&StreamCreate,
        "cuEventCreate" => (nint)(delegate* unmanaged<nint*, uint, int>)&EventCreate,
        "cuEventDestroy_v2" => (nint)(delegate* unmanaged<nint, int>)&EventDestroy,
        "cuEventRecord" => (nint)(delegate* unmanaged<nint, nint, int>)&EventRecord,
        "cuEventSynchronize" => (nint)(delegate* unmanaged<nint, int>)&EventSynchronize,
        "cuStreamSynchronize" => (nint)(delegate* unmanaged<nint, int>)&StreamSynchronize,
        "cuMemHostAlloc" => (nint)(delegate* unmanaged<void**, nuint, uint, int>)&MemHostAlloc,
        "cuMemFreeHost" => (nint)(delegate* unmanaged<void*, int>)&MemFreeHost,
        "cuMemcpyHtoDAsync_v2" => (nint)(delegate* unmanaged<ulong, void*, nuint, nint, int>)&MemcpyHostToDevice,
        "cuFuncSetAttribute" => (nint)(delegate* unmanaged<nint, int, int, int>)&FunctionSetAttribute,
        "cuMemAlloc_v2" => (nint)(delegate* unmanaged<ulong*, nuint, int>)&MemAlloc,
        "cuMemFree_v2" => (nint)(delegate* unmanaged<ulong, int>)&MemFree,
        "cuMemsetD8Async" => (nint)(delegate* unmanaged<ulong, byte, nuint, nint, int>)&MemsetAsync,
        "cuMemGetInfo_v2" => (nint)(delegate* unmanaged<nuint*, nuint*, int>)&MemGetInfo,
        "cuLaunchKernel" => (nint)(delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)&LaunchKernel,
        _ => (nint)(delegate* unmanaged<int>)&Succeed, // the caller takes its arguments away on every 64-bit system
    };

    [UnmanagedCallersOnly]
    private static int Succeed() => 0;

    [UnmanagedCallersOnly]
    private static int Init(uint flags) => InitStatus;

    [UnmanagedCallersOnly]
    private static int DriverGetVersion(int* version) => Set(version, Version);

    [UnmanagedCallersOnly]
    private static int GetErrorName(int status, byte** name)
    {
        *name = (byte*)ErrorName;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int DeviceGetCount(int* count) => Set(count, 1);

    [UnmanagedCallersOnly]
    private static int DeviceGetName(byte* name, int length, int device) => Put("Fake GPU", name, length);

    [UnmanagedCallersOnly]
    private static int DeviceGetAttribute(int* value, int which, int device) =>
        Set(value, which switch
        {
            13 => 1_700_000,
            16 => Multiprocessors,
            36 => 9_750_000,
            37 => 384,
            75 => Capability / 10,
            76 => Capability % 10,
            97 => SharedOptIn,
            _ => 0,
        });

    [UnmanagedCallersOnly]
    private static int DeviceTotalMem(nuint* bytes, int device)
    {
        *bytes = (nuint)24 << 30;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int ModuleLoadDataEx(nint* module, byte* text, uint count, int* options, void** values)
    {
        for (int i = 0; i < count; i++)
        {
            if (options[i] == 5) { _ = Put(Log, (byte*)values[i], 8192); } // CU_JIT_ERROR_LOG_BUFFER
        }
        if (LoadStatus != 0 && Marshal.PtrToStringUTF8((nint)text)!.Contains(Refused, StringComparison.Ordinal)) { return LoadStatus; }
        Loaded++;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int FunctionGetAttribute(int* value, int attribute, nint function) => Set(value, attribute switch { 3 => LocalBytes, 4 => 96, _ => 0 });

    [UnmanagedCallersOnly]
    private static int EventElapsedTime(float* milliseconds, nint start, nint end)
    {
        *milliseconds = 0.5f;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int PrimaryContextRelease(int device)
    {
        Released++;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int StreamCreate(nint* stream, uint flags) => StreamStatus;

    [UnmanagedCallersOnly]
    private static int EventCreate(nint* made, uint flags)
    {
        Events++;
        *made = ++EventsMade;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int EventDestroy(nint mark)
    {
        Events--;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int EventRecord(nint mark, nint stream)
    {
        Recorded[mark] = _begun;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int EventSynchronize(nint mark) => Copy(Recorded.GetValueOrDefault(mark));

    [UnmanagedCallersOnly]
    private static int StreamSynchronize(nint stream)
    {
        _ = Copy(_begun);
        return SynchronizeStatus;
    }

    private static int Copy(int until)
    {
        for (; _done < until && Memory is not null; _done++)
        {
            (ulong to, nint from, int length) = Copies.Dequeue();
            new Span<byte>((void*)from, length).CopyTo(Memory.AsSpan((int)(to - 256)));
        }
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int MemHostAlloc(void** memory, nuint bytes, uint flags)
    {
        *memory = NativeMemory.Alloc(bytes);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int MemFreeHost(void* memory)
    {
        NativeMemory.Free(memory);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int MemcpyHostToDevice(ulong to, void* from, nuint bytes, nint stream)
    {
        Uploaded += (long)bytes;
        if (Memory is null) { return 0; }
        Copies.Enqueue((to, (nint)from, (int)bytes));
        _begun++;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int FunctionSetAttribute(nint function, int attribute, int value)
    {
        FunctionAttributes.Add((attribute, value));
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int MemAlloc(ulong* address, nuint bytes)
    {
        Allocated++;
        *address = 256;
        return AllocateStatus;
    }

    [UnmanagedCallersOnly]
    private static int MemFree(ulong address)
    {
        Freed++;
        return FreeStatus;
    }

    [UnmanagedCallersOnly]
    private static int MemsetAsync(ulong at, byte value, nuint bytes, nint stream) => ClearStatus;

    [UnmanagedCallersOnly]
    private static int MemGetInfo(nuint* free, nuint* total)
    {
        (*free, *total) = ((nuint)1500 << 20, (nuint)24576 << 20);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int LaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream,
        void** parameters, void** extra)
    {
        Shape = [gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes];
        // CU_LAUNCH_PARAM_BUFFER_POINTER 1, BUFFER_SIZE 2, END 0.
        byte* buffer = null;
        nuint length = 0;
        for (int i = 0; extra[i] != null; i += 2)
        {
            if ((nint)extra[i] == 1) { buffer = (byte*)extra[i + 1]; }
            else if ((nint)extra[i] == 2) { length = *(nuint*)extra[i + 1]; }
        }
        Parameters = new Span<byte>(buffer, (int)length).ToArray();
        Launches++;
        return LaunchStatus != 0 && LaunchFailures-- > 0 ? LaunchStatus : 0;
    }

    private static int Set(int* to, int value)
    {
        *to = value;
        return 0;
    }

    private static int Put(string text, byte* to, int length)
    {
        int bytes = Encoding.UTF8.GetBytes(text, new Span<byte>(to, length - 1));
        Unsafe.Write(to + bytes, (byte)0);
        return 0;
    }
}
