using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniLM.Cuda.Emulator;

/// <summary>What happened to each byte of a block's shared memory since the last barrier: who wrote it, who read it, whether it holds anything.</summary>
/// <remarks>Two warps that touch a byte between two barriers, one of them writing, race. So do two lanes of a warp until bar.warp.sync: the ISA promises no
/// order to lanes, though the emulator's run together. What the warps of a barrier did before it is before all that follows; others' accesses stay.</remarks>
internal sealed class SharedShadow(int bytes)
{
    private const byte Empty = 0, Full = 1, Arriving = 2, Several = 255, Atomically = 128;

    // An access is looked at as 16 bytes, however long it is: 16 spare ones.
    private readonly byte[] _state = new byte[bytes + 16];
    private readonly byte[] _writer = new byte[bytes + 16]; // warp + 1, + 128 when it was an atomic
    private readonly byte[] _reader = new byte[bytes + 16];
    private readonly byte[] _writerLane = new byte[bytes + 16]; // lane + 1, since the last barrier of lanes
    private readonly byte[] _readerLane = new byte[bytes + 16];
    private bool _hasUsers;

    internal void Start()
    {
        _state.AsSpan().Clear();
        Order();
    }

    /// <summary>A barrier of all warps: all that was done before is before all that follows.</summary>
    internal void Order()
    {
        if (!_hasUsers) { return; }
        _writer.AsSpan().Clear();
        _reader.AsSpan().Clear();
        _writerLane.AsSpan().Clear();
        _readerLane.AsSpan().Clear();
        _hasUsers = false;
    }

    /// <summary>A barrier of some warps, a bit each: it says nothing of what the others did.</summary>
    internal void Order(uint warps)
    {
        for (int at = 0; at < _writer.Length; at++)
        {
            if (IsAmong(_writer[at])) { (_writer[at], _writerLane[at]) = (0, 0); }
            if (IsAmong(_reader[at])) { (_reader[at], _readerLane[at]) = (0, 0); }
        }

        // Of several it is not known who they were.
        bool IsAmong(byte user) => user != 0 && (user == Several || (warps >> ((user & ~Atomically) - 1) & 1) != 0);
    }

    /// <summary>A barrier of some lanes of a warp: what these did is before all that follows.</summary>
    internal void OrderLanes(Warp w)
    {
        byte warp = (byte)(w.Index + 1);
        Clear(_writer, _writerLane);
        Clear(_reader, _readerLane);

        void Clear(byte[] users, byte[] lanes)
        {
            Vector128<byte> mine = Vector128.Create(warp);
            for (int at = 0; at < bytes; at += Vector128<byte>.Count)
            {
                Vector128<byte> lane = Vector128.LoadUnsafe(ref lanes[at]), isMine = Vector128.Equals(Vector128.LoadUnsafe(ref users[at]), mine);
                if ((lane & isMine) == Vector128<byte>.Zero) { continue; }
                if (w.Mask == w.Live) { Vector128.AndNot(lane, isMine).StoreUnsafe(ref lanes[at]); continue; }
                for (int k = at; k < at + Vector128<byte>.Count; k++)
                {
                    if (users[k] == warp && lanes[k] is not (0 or Several) && (w.Mask >> (lanes[k] - 1) & 1) != 0) { lanes[k] = 0; }
                }
            }
        }
    }

    /// <summary>Checks and remembers what the lanes of a warp do; addresses are offsets in shared memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal unsafe void Access(Warp w, uint mask, int count, AccessKind kind)
    {
        _hasUsers = true;
        byte warp = (byte)(w.Index + 1);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest), at = (int)w.Addresses[lane];
            byte laneTag = (byte)(lane + 1);
            if (IsPlain(at, count, warp, laneTag, kind)) { continue; }
            for (int k = at; k < at + count; k++)
            {
                if (kind == AccessKind.Read) { Read(w, lane, k, warp, laneTag); }
                else { Write(w, mask, lane, k, warp, count, kind == AccessKind.Atomic); }
            }
        }
    }

    /// <summary>The usual case, a whole access (at most 16 bytes) at once: nothing is against it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool IsPlain(int at, int count, byte warp, byte laneTag, AccessKind kind)
    {
        if (kind == AccessKind.Atomic) { return false; }
        Vector128<byte> mine = Vector128.Create(warp), outside = Vector128.GreaterThanOrEqual(Vector128<byte>.Indices, Vector128.Create((byte)count));
        Vector128<byte> state = Vector128.LoadUnsafe(ref _state[at]), writer = Vector128.LoadUnsafe(ref _writer[at]),
            reader = Vector128.LoadUnsafe(ref _reader[at]), lane = Vector128.Create(laneTag), writerLane = Vector128.LoadUnsafe(ref _writerLane[at]),
            readerLane = Vector128.LoadUnsafe(ref _readerLane[at]);
        Vector128<byte> isReadHere = IsNobodysOr(reader, mine), isReadByLane = IsNobodysOr(readerLane, lane);
        Vector128<byte> isPlain = IsNobodysOr(writer, mine) & IsNobodysOr(writerLane, lane)
            & (kind == AccessKind.Read
                ? Vector128.Equals(state, Vector128.Create(Full))
                : isReadHere & isReadByLane & ~Vector128.Equals(state, Vector128.Create(Arriving)));
        if ((isPlain | outside) != Vector128<byte>.AllBitsSet) { return false; }
        if (kind == AccessKind.Read)
        {
            Vector128.ConditionalSelect(outside, reader, Vector128.ConditionalSelect(isReadHere, mine, Vector128.Create(Several))).StoreUnsafe(ref _reader[at]);
            Vector128.ConditionalSelect(outside, readerLane, Vector128.ConditionalSelect(isReadByLane, lane, Vector128.Create(Several)))
                .StoreUnsafe(ref _readerLane[at]);
            return true;
        }
        Vector128.ConditionalSelect(outside, state, Vector128.Create(Full)).StoreUnsafe(ref _state[at]);
        Vector128.ConditionalSelect(outside, writer, mine).StoreUnsafe(ref _writer[at]);
        Vector128.ConditionalSelect(outside, writerLane, lane).StoreUnsafe(ref _writerLane[at]);
        Vector128.ConditionalSelect(outside, readerLane, Vector128<byte>.Zero).StoreUnsafe(ref _readerLane[at]);
        return true;
    }

    private static Vector128<byte> IsNobodysOr(Vector128<byte> users, Vector128<byte> mine) =>
        Vector128.Equals(users, Vector128<byte>.Zero) | Vector128.Equals(users, mine);

    private void Read(Warp w, int lane, int at, byte warp, byte laneTag)
    {
        if (_state[at] == Arriving)
        {
            throw w.Fault(KernelFault.AsyncCopy, 1u << lane, $"reads byte {at} of shared memory while a cp.async to it is on its way");
        }
        if (_state[at] == Empty) { throw w.Fault(KernelFault.UninitializedMemory, 1u << lane, $"reads byte {at} of shared memory, which nobody has written"); }
        if (IsOthers(_writer[at], warp))
        {
            throw w.Fault(KernelFault.SharedRace, 1u << lane, $"reads byte {at} of shared memory, which {Who(_writer[at])} has written since the last barrier");
        }
        if (_writerLane[at] != 0 && _writerLane[at] != lane + 1) { throw LaneRace(w, lane, at, "reads", "written", _writerLane[at]); }
        _reader[at] = _reader[at] == 0 || _reader[at] == warp ? warp : Several;
        _readerLane[at] = _readerLane[at] == 0 || _readerLane[at] == laneTag ? laneTag : Several;
    }

    private void Write(Warp w, uint mask, int lane, int at, byte warp, int count, bool isAtomic)
    {
        if (_state[at] == Arriving)
        {
            throw w.Fault(KernelFault.AsyncCopy, 1u << lane, $"writes byte {at} of shared memory while a cp.async to it is on its way");
        }
        if (isAtomic && _state[at] == Empty)
        {
            throw w.Fault(KernelFault.UninitializedMemory, 1u << lane, $"an atomic on byte {at} of shared memory, which nobody has written");
        }
        // Atomics of several warps go together; with plain accesses of others they race.
        bool isAmongAtomics = isAtomic && _writer[at] >= Atomically;
        if (!isAmongAtomics && IsOthers(_writer[at], warp))
        {
            throw w.Fault(KernelFault.SharedRace, 1u << lane,
                $"writes byte {at} of shared memory, which {Who(_writer[at])} has written since the last barrier");
        }
        if (_reader[at] != 0 && _reader[at] != warp)
        {
            throw w.Fault(KernelFault.SharedRace, 1u << lane, $"writes byte {at} of shared memory, which {Who(_reader[at])} has read since the last barrier");
        }
        if (isAtomic)
        {
            _writer[at] = isAmongAtomics && _writer[at] != Atomically + warp ? Several : (byte)(Atomically + warp);
            return;
        }
        if (_writerLane[at] != 0 && _writerLane[at] != lane + 1 && !IsTogether(w, mask, _writerLane[at] - 1, at, count))
        {
            throw LaneRace(w, lane, at, "writes", "written", _writerLane[at]);
        }
        if (_readerLane[at] != 0 && _readerLane[at] != lane + 1) { throw LaneRace(w, lane, at, "writes", "read", _readerLane[at]); }
        (_state[at], _writer[at], _writerLane[at], _readerLane[at]) = (Full, warp, (byte)(lane + 1), 0);
    }

    /// <summary>Whether another lane writes the byte in the same instruction: two that differ there are a fault of their own.</summary>
    private static unsafe bool IsTogether(Warp w, uint mask, int other, int at, int count) =>
        other < Warp.Lanes && (mask >> other & 1) != 0 && (ulong)at - w.Addresses[other] < (ulong)count;

    private static bool IsOthers(byte writer, byte warp) => writer != 0 && writer != warp && writer != Atomically + warp;

    private static string Who(byte user) =>
        user == Several ? "more than one warp" : user >= Atomically ? $"an atomic of warp {user - Atomically - 1}" : $"warp {user - 1}";

    private static KernelFaultException LaneRace(Warp w, int lane, int at, string does, string did, byte tag) =>
        w.Fault(KernelFault.SharedRace, 1u << lane,
            $"{does} byte {at} of shared memory, which {(tag == Several ? "another lane" : $"lane {tag - 1}")} of the warp has {did}, "
                + "with no bar.warp.sync between");

    /// <summary>A cp.async is issued; its destination was looked at as a write.</summary>
    internal void Begin(uint at, int count) => _state.AsSpan((int)at, count).Fill(Arriving);

    /// <summary>What to do with bytes that land for a warp: they are written now, so that other warps must wait for a barrier.</summary>
    internal Action<uint, int, int> Landed(Warp w)
    {
        byte warp = (byte)(w.Index + 1);
        return (at, count, lane) =>
        {
            _hasUsers = true;
            int other = _reader.AsSpan((int)at, count).IndexOfAnyExcept((byte)0, warp);
            if (other >= 0)
            {
                throw w.Fault(KernelFault.SharedRace, 1u << lane,
                    $"a cp.async lands on byte {at + other} of shared memory, which another warp has read since the last barrier");
            }
            _state.AsSpan((int)at, count).Fill(Full);
            _writer.AsSpan((int)at, count).Fill(warp);
            _writerLane.AsSpan((int)at, count).Fill((byte)(lane + 1));
        };
    }
}
