using System.Runtime.InteropServices;
using System.Text;

namespace MiniLM.Cuda.Driver;

/// <summary>An NVIDIA GPU through its driver: the primary context, one stream.</summary>
internal sealed unsafe class CudaGpu : Gpu
{
    private const int NoDevice = 100; // CUDA_ERROR_NO_DEVICE
    private const int OldestDriver = 9000; // CUDA 9: what tier G's ISA 6.0 needs

    // CUdevice_attribute, CUfunction_attribute, CUjit_option of cuda.h.
    private const int ClockKilohertz = 13, MultiprocessorCount = 16, MemoryClockKilohertz = 36, MemoryBusBits = 37, CapabilityMajor = 75, CapabilityMinor = 76,
        MaxSharedPerBlockOptIn = 97;
    private const int LocalSizeBytes = 3, NumRegisters = 4;
    private const int MaxDynamicSharedSizeBytes = 8, SharedWithoutOptIn = 48 << 10;
    private const int JitErrorLogBuffer = 5, JitErrorLogBufferSizeBytes = 6;

    private readonly CudaApi _api;
    private readonly int _device;
    private readonly nint _context, _stream;
    private readonly PinnedRing _uploads;
    private readonly Stack<nint> _events = []; // that nobody has at the moment

    /// <param name="api">The driver.</param>
    /// <param name="index">Which GPU, from 0.</param>
    /// <exception cref="GpuException">No such GPU, or a driver that is too old.</exception>
    internal CudaGpu(CudaApi api, int index)
    {
        _api = api;
        int count = Count(api, out int driver);
        if (index >= count) { throw new GpuException($"--device cuda:{index}: this machine has {count} GPU{(count == 1 ? "" : "s")}, counted from 0"); }
        fixed (int* device = &_device) { api.Check(api.DeviceGet(device, index), "cuDeviceGet"); }
        Properties = Read(driver);
        fixed (nint* context = &_context) { api.Check(api.PrimaryContextRetain(context, _device), "cuDevicePrimaryCtxRetain", Properties.Name); }
        try
        {
            Enter();
            fixed (nint* stream = &_stream) { api.Check(api.StreamCreate(stream, 1), "cuStreamCreate"); } // 1: does not wait for the default stream
        }
        catch
        {
            _ = api.PrimaryContextRelease(_device);
            throw;
        }
        _uploads = new PinnedRing(api, _stream);
    }

    internal override GpuProperties Properties { get; }

    /// <summary>GPUs of the driver.</summary>
    /// <exception cref="GpuException">None, or the driver is too old.</exception>
    internal static int Count(CudaApi api, out int driver)
    {
        api.Check(api.Init(0), "cuInit");
        int version = 0, count = 0;
        api.Check(api.DriverGetVersion(&version), "cuDriverGetVersion");
        if (version < OldestDriver)
        {
            throw new NoGpuException($"the NVIDIA driver is for CUDA {version / 1000}.{version % 1000 / 10}; 9.0 or newer is needed", "Update it");
        }
        api.Check(api.DeviceGetCount(&count), "cuDeviceGetCount");
        if (count == 0) { api.Check(NoDevice, "cuDeviceGetCount"); }
        driver = version;
        return count;
    }

    private GpuProperties Read(int driver)
    {
        byte* name = stackalloc byte[256];
        _api.Check(_api.DeviceGetName(name, 256, _device), "cuDeviceGetName");
        nuint bytes = 0;
        _api.Check(_api.DeviceTotalMem(&bytes, _device), "cuDeviceTotalMem");
        int Attribute(int which)
        {
            int value = 0;
            _api.Check(_api.DeviceGetAttribute(&value, which, _device), "cuDeviceGetAttribute");
            return value;
        }
        return new GpuProperties(
            Encoding.UTF8.GetString(name, new ReadOnlySpan<byte>(name, 256).IndexOf((byte)0)),
            Attribute(CapabilityMajor) * 10 + Attribute(CapabilityMinor), driver,
            Attribute(MultiprocessorCount), (long)bytes, Math.Max(SharedWithoutOptIn, Attribute(MaxSharedPerBlockOptIn)),
            Attribute(ClockKilohertz) * 1e3, 2 * Attribute(MemoryClockKilohertz) * 1e3 * Attribute(MemoryBusBits) / 8); // 2: double data rate
    }

    /// <summary>The context belongs to a thread: callers may come from any.</summary>
    private void Enter() => _api.Check(_api.ContextSetCurrent(_context), "cuCtxSetCurrent");

    internal override ulong Allocate(long bytes)
    {
        Enter();
        ulong address = 0;
        int status = _api.MemAlloc(&address, (nuint)bytes);
        if (status == 2)
        {
            nuint free = 0, total = 0;
            _ = _api.MemGetInfo(&free, &total);
            throw new GpuOutOfMemoryException($"{Properties.Name} has {(long)free >> 20:N0} of {(long)total >> 20:N0} MB free, {bytes >> 20:N0} MB are needed");
        }
        _api.Check(status, "cuMemAlloc");
        return address;
    }

    internal override void Free(ulong address)
    {
        _ = _api.ContextSetCurrent(_context);
        _ = _api.MemFree(address);
    }

    internal override void Upload(ulong to, ReadOnlySpan<byte> from)
    {
        if (from.IsEmpty) { return; }
        Enter();
        _uploads.Upload(to, from);
    }

    internal override void Clear(ulong at, long bytes)
    {
        Enter();
        _api.Check(_api.MemsetAsync(at, 0, (nuint)bytes, _stream), "cuMemsetD8Async");
    }

    internal override void Download(ulong from, Span<byte> to)
    {
        if (to.IsEmpty) { return; }
        Enter();
        fixed (byte* bytes = to)
        {
            _api.Check(_api.MemcpyDeviceToHostAsync(bytes, from, (nuint)to.Length, _stream), "cuMemcpyDtoHAsync");
            _api.Check(_api.StreamSynchronize(_stream), "cuStreamSynchronize");
        }
    }

    internal override GpuKernel Load(string name, string ptx)
    {
        Enter();
        const int LogBytes = 8192;
        byte* log = stackalloc byte[LogBytes];
        log[0] = 0;
        int* options = stackalloc int[2] { JitErrorLogBuffer, JitErrorLogBufferSizeBytes };
        void** values = stackalloc void*[2] { log, (void*)LogBytes };
        nint module = 0, function = 0;
        fixed (byte* text = Terminated(ptx), entry = Terminated(name))
        {
            int status = _api.ModuleLoadDataEx(&module, text, 2, options, values);
            if (status != 0)
            {
                string said = Encoding.UTF8.GetString(log, Math.Max(0, new ReadOnlySpan<byte>(log, LogBytes).IndexOf((byte)0))).ReplaceLineEndings(" ").Trim();
                _api.Check(status, "cuModuleLoadDataEx", said.Length > 0 ? $"{name}: {said}" : name);
            }
            try
            {
                _api.Check(_api.ModuleGetFunction(&function, module, entry), "cuModuleGetFunction", name);
                return new CudaKernel(name, this, module, function, (Attribute(function, NumRegisters, name), Attribute(function, LocalSizeBytes, name)));
            }
            catch
            {
                _ = _api.ModuleUnload(module);
                throw;
            }
        }
    }

    private int Attribute(nint function, int which, string name)
    {
        int value = 0;
        _api.Check(_api.FunctionGetAttribute(&value, which, function), "cuFuncGetAttribute", name);
        return value;
    }

    internal override void Launch(GpuKernel kernel, LaunchShape shape, ReadOnlySpan<byte> parameters)
    {
        CudaKernel mine = (CudaKernel)kernel;
        Enter();
        if (shape.SharedBytes > SharedWithoutOptIn && shape.SharedBytes > mine.OptedIn)
        {
            if (shape.SharedBytes > Properties.SharedBytesPerBlock)
            {
                throw new GpuException($"{About(kernel, shape)}: {Properties.Name} has {Properties.SharedBytesPerBlock} a block");
            }
            int opted = _api.FunctionSetAttribute(mine.Function, MaxDynamicSharedSizeBytes, (int)shape.SharedBytes);
            if (opted != 0) { throw _api.Failure(opted, "cuFuncSetAttribute", About(kernel, shape)); }
            mine.OptedIn = shape.SharedBytes;
        }
        nuint length = (nuint)parameters.Length;
        fixed (byte* buffer = parameters)
        {
            // CU_LAUNCH_PARAM_BUFFER_POINTER, the buffer, CU_LAUNCH_PARAM_BUFFER_SIZE, its size, CU_LAUNCH_PARAM_END.
            void** extra = stackalloc void*[5] { (void*)1, buffer, (void*)2, &length, null };
            int status = _api.LaunchKernel(mine.Function, shape.GridX, shape.GridY, 1, shape.Threads, 1, 1, shape.SharedBytes, _stream, null, extra);
            if (status != 0) { throw _api.Failure(status, "cuLaunchKernel", About(kernel, shape, parameters)); }
        }
        if (!_api.IsSynchronous) { return; }
        int ran = _api.StreamSynchronize(_stream);
        if (ran != 0) { throw _api.Failure(ran, "cuStreamSynchronize", About(kernel, shape, parameters)); }
    }

    /// <summary>A launch for people, its arguments as the words of 32 bits that the kernel reads. Made for a failure only.</summary>
    private static string About(GpuKernel kernel, LaunchShape shape, ReadOnlySpan<byte> parameters = default)
    {
        string about = $"{kernel.Name}, grid {shape.GridX} x {shape.GridY}, {shape.Threads} threads, {shape.SharedBytes} bytes of shared memory";
        byte[] padded = new byte[(parameters.Length + 3) / 4 * 4];
        parameters.CopyTo(padded);
        string words = string.Join(' ', MemoryMarshal.Cast<byte, uint>(padded).ToArray().Select(word => $"{word:x8}"));
        return words.Length > 0 ? $"{about}, arguments {words}" : about;
    }

    internal override void Synchronize()
    {
        Enter();
        _api.Check(_api.StreamSynchronize(_stream), "cuStreamSynchronize");
    }

    internal override void MakeEvents(int count)
    {
        Enter();
        while (_events.Count < count)
        {
            nint mark = 0;
            _api.Check(_api.EventCreate(&mark, 0), "cuEventCreate");
            _events.Push(mark);
        }
    }

    internal override nint RecordEvent()
    {
        MakeEvents(1);
        nint mark = _events.Pop();
        _api.Check(_api.EventRecord(mark, _stream), "cuEventRecord");
        return mark;
    }

    internal override double Elapsed(nint start, nint end)
    {
        Enter();
        float milliseconds = 0;
        _api.Check(_api.EventSynchronize(end), "cuEventSynchronize");
        _api.Check(_api.EventElapsedTime(&milliseconds, start, end), "cuEventElapsedTime");
        _events.Push(start);
        _events.Push(end);
        return milliseconds / 1e3;
    }

    public override void Dispose()
    {
        // Statuses are not looked at: a lost context has thrown already.
        _ = _api.ContextSetCurrent(_context);
        _uploads.Dispose();
        foreach (nint mark in _events) { _ = _api.EventDestroy(mark); }
        _ = _api.StreamDestroy(_stream);
        _ = _api.PrimaryContextRelease(_device);
    }

    private static byte[] Terminated(string text) => Encoding.UTF8.GetBytes(text + '\0');

    private sealed class CudaKernel(string name, CudaGpu gpu, nint module, nint function, (int Registers, int LocalBytes) compiled) : GpuKernel(name)
    {
        internal override (int Registers, int LocalBytes)? Compiled => compiled;

        internal nint Function => function;

        /// <summary>Dynamic shared memory that the function was told to expect.</summary>
        internal uint OptedIn { get; set; }

        public override void Dispose()
        {
            _ = gpu._api.ContextSetCurrent(gpu._context);
            _ = gpu._api.ModuleUnload(module);
        }
    }
}
