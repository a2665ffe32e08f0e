using System.Numerics;
using System.Runtime.CompilerServices;

namespace MiniLM.Cuda.Emulator;

/// <summary>cp.async on its way: nothing lands before the thread that issued it waits for its group, which is as late as the ISA allows.</summary>
/// <remarks>Groups are numbered by thread. What was never committed lands with wait_all only.</remarks>
internal sealed unsafe class AsyncCopies
{
    /// <summary>One instruction's copies, a lane each.</summary>
    internal sealed class Copy
    {
        internal uint Lanes;
        internal int Pc, Bytes;
        internal readonly uint[] To = new uint[Warp.Lanes]; // offset in the block's shared memory
        internal readonly nint[] From = new nint[Warp.Lanes];
        internal readonly byte[] Count = new byte[Warp.Lanes]; // bytes that are copied; zeros up to Bytes
        internal readonly int[] Group = new int[Warp.Lanes];
    }

    private readonly List<Copy> _pending = [];
    private readonly Stack<Copy> _pool = new();
    private readonly int[] _committed = new int[Warp.Lanes];

    internal bool IsEmpty => _pending.Count == 0;

    /// <summary>The first copy nobody waited for.</summary>
    internal Copy First => _pending[0];

    internal void Clear()
    {
        foreach (Copy copy in _pending) { _pool.Push(copy); }
        _pending.Clear();
        _committed.AsSpan().Clear();
    }

    internal Copy Add(int pc, int bytes, uint lanes)
    {
        Copy copy = _pool.Count > 0 ? _pool.Pop() : new Copy();
        (copy.Pc, copy.Bytes, copy.Lanes) = (pc, bytes, lanes);
        _committed.CopyTo(copy.Group, 0);
        _pending.Add(copy);
        return copy;
    }

    internal void Commit(uint lanes)
    {
        for (uint rest = lanes; rest != 0; rest &= rest - 1) { _committed[BitOperations.TrailingZeroCount(rest)]++; }
    }

    /// <summary>Lands the groups of these lanes except the newest ones.</summary>
    /// <param name="lanes">Threads that wait.</param>
    /// <param name="newest">Groups that may stay on their way.</param>
    /// <param name="shared">The block's shared memory.</param>
    /// <param name="landed">Told offset, bytes, lane of each; null if nobody asks.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Land(uint lanes, int newest, byte* shared, Action<uint, int, int>? landed)
    {
        int kept = 0;
        for (int i = 0; i < _pending.Count; i++)
        {
            Copy copy = _pending[i];
            for (uint rest = copy.Lanes & lanes; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                if (copy.Group[lane] >= _committed[lane] - newest) { continue; }
                byte* to = shared + copy.To[lane];
                int count = copy.Count[lane];
                new ReadOnlySpan<byte>((byte*)copy.From[lane], count).CopyTo(new Span<byte>(to, copy.Bytes));
                new Span<byte>(to + count, copy.Bytes - count).Clear();
                copy.Lanes &= ~(1u << lane);
                landed?.Invoke(copy.To[lane], copy.Bytes, lane);
            }
            if (copy.Lanes == 0) { _pool.Push(copy); } else { _pending[kept++] = copy; }
        }
        _pending.RemoveRange(kept, _pending.Count - kept);
    }
}
