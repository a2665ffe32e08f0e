namespace MiniLM.Cuda.Driver;

/// <summary>Memory of the host that the GPU reads by itself: what is uploaded passes through it, so that the caller's buffer is free at once.</summary>
/// <remarks>
/// From pageable memory the driver copies before it returns, whatever the call is named. Uploads fill one chunk behind the other; an event behind a full
/// chunk's last copy says when it may be filled again. The context is current wherever this is called.
/// </remarks>
internal sealed unsafe class PinnedRing(CudaApi api, nint stream) : IDisposable
{
    internal const int Chunks = 4, ChunkBytes = 2 << 20;
    private const int Alignment = 64;

    private readonly nint[] _copied = new nint[Chunks]; // events
    private byte* _memory;
    private int _chunk, _used; // of the chunk, in bytes
    private int _recorded; // chunks whose event was

    /// <summary>Begins the copies of all bytes; they may be changed when this returns.</summary>
    internal void Upload(ulong to, ReadOnlySpan<byte> from)
    {
        if (_memory == null) { Open(); }
        while (!from.IsEmpty)
        {
            if (_used == ChunkBytes) { NextChunk(); }
            int count = Math.Min(ChunkBytes - _used, from.Length);
            byte* at = _memory + (long)_chunk * ChunkBytes + _used;
            from[..count].CopyTo(new Span<byte>(at, count));
            _used = Math.Min(ChunkBytes, (_used + count + Alignment - 1) / Alignment * Alignment);
            api.Check(api.MemcpyHostToDeviceAsync(to, at, (nuint)count, stream), "cuMemcpyHtoDAsync");
            from = from[count..];
            to += (ulong)count;
        }
    }

    private void NextChunk()
    {
        api.Check(api.EventRecord(_copied[_chunk], stream), "cuEventRecord");
        _recorded |= 1 << _chunk;
        (_chunk, _used) = ((_chunk + 1) % Chunks, 0);
        if ((_recorded & 1 << _chunk) != 0) { api.Check(api.EventSynchronize(_copied[_chunk]), "cuEventSynchronize"); }
    }

    private void Open()
    {
        const int WithoutTiming = 2; // CU_EVENT_DISABLE_TIMING
        for (int i = 0; i < Chunks; i++)
        {
            if (_copied[i] != 0) { continue; }
            fixed (nint* copied = &_copied[i]) { api.Check(api.EventCreate(copied, WithoutTiming), "cuEventCreate"); }
        }
        void* memory = null;
        api.Check(api.MemHostAlloc(&memory, Chunks * ChunkBytes, 0), "cuMemHostAlloc", $"{Chunks * ChunkBytes >> 20} MB of the host's memory");
        _memory = (byte*)memory;
    }

    /// <summary>Statuses are not looked at: a lost context has thrown already.</summary>
    public void Dispose()
    {
        foreach (nint copied in _copied.Where(copied => copied != 0)) { _ = api.EventDestroy(copied); }
        Array.Clear(_copied);
        if (_memory != null) { _ = api.MemFreeHost(_memory); }
        _memory = null;
    }
}
