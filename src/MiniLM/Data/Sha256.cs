using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using ArmSha256 = System.Runtime.Intrinsics.Arm.Sha256;

namespace MiniLM.Data;

/// <summary>SHA-256 (FIPS 180-4), of bytes that come one after the other.</summary>
/// <remarks>Our own, since .NET's needs OpenSSL on Linux, and a process that does not find it is ended there and then.</remarks>
internal sealed unsafe class Sha256
{
    /// <summary>Length of a hash.</summary>
    internal const int HashBytes = 32;

    private const int BlockBytes = 64, LengthBytes = sizeof(ulong), Rounds = 64;

    // The first 32 bits of the fractions of the square roots of the first 8 primes.
    private static readonly uint[] Start = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

    private readonly uint[] _state = [.. Start];
    private readonly byte[] _begun = new byte[BlockBytes];
    private long _length;

    // Of the cube roots of the first 64 primes.
    private static ReadOnlySpan<uint> Constants =>
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    /// <summary>The next bytes.</summary>
    internal void Append(ReadOnlySpan<byte> data)
    {
        int held = (int)(_length % BlockBytes);
        _length += data.Length;
        if (held > 0)
        {
            int taken = Math.Min(BlockBytes - held, data.Length);
            data[..taken].CopyTo(_begun.AsSpan(held));
            if (held + taken < BlockBytes) { return; }
            Compress(_begun);
            data = data[taken..];
        }
        int whole = data.Length & -BlockBytes;
        Compress(data[..whole]);
        data[whole..].CopyTo(_begun);
    }

    /// <summary>The hash of all bytes so far; then it begins anew.</summary>
    /// <param name="hash">[<see cref="HashBytes"/>].</param>
    internal void Finish(Span<byte> hash)
    {
        // One bit, zeros, and the length in bits, up to the end of a block.
        ulong bits = (ulong)_length * 8;
        Span<byte> end = stackalloc byte[BlockBytes + LengthBytes];
        end = end[..(1 + LengthBytes + (int)(BlockBytes - 1 - LengthBytes - _length & BlockBytes - 1))];
        end.Clear();
        end[0] = 0x80;
        BinaryPrimitives.WriteUInt64BigEndian(end[^LengthBytes..], bits);
        Append(end);
        for (int i = 0; i < _state.Length; i++) { BinaryPrimitives.WriteUInt32BigEndian(hash[(i * sizeof(uint))..], _state[i]); }
        Start.CopyTo(_state, 0);
        _length = 0;
    }

    /// <summary>The same in hexadecimal.</summary>
    internal string FinishText()
    {
        Span<byte> hash = stackalloc byte[HashBytes];
        Finish(hash);
        return Convert.ToHexStringLower(hash);
    }

    private void Compress(ReadOnlySpan<byte> blocks)
    {
        fixed (uint* state = _state, constants = Constants)
        fixed (byte* data = blocks)
        {
            if (ArmSha256.IsSupported) { CompressArm(state, constants, data, data + blocks.Length); }
            else { Compress(state, constants, data, data + blocks.Length); }
        }
    }

    private static void CompressArm(uint* state, uint* constants, byte* data, byte* end)
    {
        Vector128<uint> abcd = Vector128.Load(state), efgh = Vector128.Load(state + 4);
        for (; data < end; data += BlockBytes)
        {
            (Vector128<uint> before, Vector128<uint> before2) = (abcd, efgh);
            Vector128<uint> w0 = Words(data), w1 = Words(data + 16), w2 = Words(data + 32), w3 = Words(data + 48);
            for (int t = 0; t < Rounds; t += 4)
            {
                Vector128<uint> word = w0 + Vector128.Load(constants + t);
                (abcd, efgh) = (ArmSha256.HashUpdate1(abcd, efgh, word), ArmSha256.HashUpdate2(efgh, abcd, word));
                (w0, w1, w2, w3) = (w1, w2, w3, ArmSha256.ScheduleUpdate1(ArmSha256.ScheduleUpdate0(w0, w1), w2, w3));
            }
            (abcd, efgh) = (abcd + before, efgh + before2);
        }
        abcd.Store(state);
        efgh.Store(state + 4);

        static Vector128<uint> Words(byte* data) => AdvSimd.ReverseElement8(Vector128.Load(data).AsUInt32());
    }

    private static void Compress(uint* state, uint* constants, byte* data, byte* end)
    {
        uint* words = stackalloc uint[Rounds];
        for (; data < end; data += BlockBytes)
        {
            for (int t = 0; t < 16; t++) { words[t] = BinaryPrimitives.ReverseEndianness(((uint*)data)[t]); }
            for (int t = 16; t < Rounds; t++)
            {
                uint near = words[t - 2], far = words[t - 15];
                words[t] = (BitOperations.RotateRight(near, 17) ^ BitOperations.RotateRight(near, 19) ^ near >> 10) + words[t - 7]
                    + (BitOperations.RotateRight(far, 7) ^ BitOperations.RotateRight(far, 18) ^ far >> 3) + words[t - 16];
            }
            uint a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
            for (int t = 0; t < Rounds; t += 8) // after eight rounds every letter has its place again: nothing moves
            {
                Round(a, b, c, ref d, e, f, g, ref h, constants[t] + words[t]);
                Round(h, a, b, ref c, d, e, f, ref g, constants[t + 1] + words[t + 1]);
                Round(g, h, a, ref b, c, d, e, ref f, constants[t + 2] + words[t + 2]);
                Round(f, g, h, ref a, b, c, d, ref e, constants[t + 3] + words[t + 3]);
                Round(e, f, g, ref h, a, b, c, ref d, constants[t + 4] + words[t + 4]);
                Round(d, e, f, ref g, h, a, b, ref c, constants[t + 5] + words[t + 5]);
                Round(c, d, e, ref f, g, h, a, ref b, constants[t + 6] + words[t + 6]);
                Round(b, c, d, ref e, f, g, h, ref a, constants[t + 7] + words[t + 7]);
            }
            (state[0], state[1], state[2], state[3]) = (state[0] + a, state[1] + b, state[2] + c, state[3] + d);
            (state[4], state[5], state[6], state[7]) = (state[4] + e, state[5] + f, state[6] + g, state[7] + h);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(uint a, uint b, uint c, ref uint d, uint e, uint f, uint g, ref uint h, uint word)
    {
        uint sum = h + word + (BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25)) + (g ^ e & (f ^ g));
        d += sum;
        h = sum + (BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22)) + (a & b ^ c & (a ^ b));
    }
}
