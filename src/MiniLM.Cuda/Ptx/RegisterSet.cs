namespace MiniLM.Cuda.Ptx;

/// <summary>A set of register indices.</summary>
internal sealed class RegisterSet(int registers)
{
    private readonly ulong[] _words = new ulong[(registers + 63) / 64];

    internal bool Contains(int register) => (_words[register >> 6] >> register & 1) != 0;

    internal void Add(int register) => _words[register >> 6] |= 1UL << register;

    internal void Remove(int register) => _words[register >> 6] &= ~(1UL << register);

    /// <summary>Adds all of another set; says whether that added any.</summary>
    internal bool Union(RegisterSet other)
    {
        bool isChanged = false;
        for (int i = 0; i < _words.Length; i++)
        {
            ulong sum = _words[i] | other._words[i];
            isChanged |= sum != _words[i];
            _words[i] = sum;
        }
        return isChanged;
    }

    /// <summary>this |= outer &amp; ~killed.</summary>
    internal bool UnionExcept(RegisterSet outer, RegisterSet killed)
    {
        bool isChanged = false;
        for (int i = 0; i < _words.Length; i++)
        {
            ulong sum = _words[i] | outer._words[i] & ~killed._words[i];
            isChanged |= sum != _words[i];
            _words[i] = sum;
        }
        return isChanged;
    }

    internal void ForEach(Action<int> visit)
    {
        for (int i = 0; i < _words.Length; i++)
        {
            for (ulong word = _words[i]; word != 0; word &= word - 1) { visit(i * 64 + System.Numerics.BitOperations.TrailingZeroCount(word)); }
        }
    }
}
