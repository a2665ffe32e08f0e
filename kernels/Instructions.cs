using ILGPU.IR.Intrinsics;

namespace MiniLM.Kernels;

/// <summary>
/// The instructions that kernels need besides C#'s operators, one line each. Global addresses have 64 bits, shared ones 32;
/// offsets are constants and become the displacement in [address+offset].
/// </summary>
/// <remarks>Names are the ISA's where it has a readable one. A multiply-add is written as <see cref="Fma"/>: the compiler forms none by itself.</remarks>
public static class Instructions
{
    private const string Zero4 = "mov.b32 {d.0}, 0; mov.b32 {d.1}, 0; mov.b32 {d.2}, 0; mov.b32 {d.3}, 0; ";
    private const string Copy4 = "mov.f32 {d.0}, {4.0}; mov.f32 {d.1}, {4.1}; mov.f32 {d.2}, {4.2}; mov.f32 {d.3}, {4.3}; ";
    private const string Zero2 = "mov.b32 {d.0}, 0; mov.b32 {d.1}, 0; ";
    private const string Matrices = "ldmatrix.sync.aligned.m8n8.x4.";

    private static NotSupportedException OnlyInKernel => new("an instruction of the GPU");

    // Tensor cores (sm_80)

    /// <summary>A warp's 16x8 sums plus 16x16 times 16x8, fp16 in, fp32 out.</summary>
    [IntrinsicImplementation, Instruction("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {d}, {0}, {{1},{2}}, {3}")]
    public static Float4 MmaHalf(Quad a, uint b0, uint b1, Float4 c) => throw OnlyInKernel;

    /// <summary>The same with bf16 in.</summary>
    [IntrinsicImplementation, Instruction("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {d}, {0}, {{1},{2}}, {3}")]
    public static Float4 MmaBFloat(Quad a, uint b0, uint b1, Float4 c) => throw OnlyInKernel;

    /// <summary>As <see cref="MmaHalf"/> where the whole warp asks for it, else the sums as they are: no branch, which would cost more than it saves.</summary>
    [IntrinsicImplementation, Instruction(Copy4 + "@{0} mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {d}, {1}, {{2},{3}}, {d}")]
    public static Float4 MmaHalfIf(bool wanted, Quad a, uint b0, uint b1, Float4 c) => throw OnlyInKernel;

    /// <summary>The same with bf16 in.</summary>
    [IntrinsicImplementation, Instruction(Copy4 + "@{0} mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {d}, {1}, {{2},{3}}, {d}")]
    public static Float4 MmaBFloatIf(bool wanted, Quad a, uint b0, uint b1, Float4 c) => throw OnlyInKernel;

    /// <summary>Four 8x8 matrices of 16-bit elements from shared memory; lane l gives the address of row l mod 8 of matrix l / 8.</summary>
    [IntrinsicImplementation, Instruction(Matrices + "shared.b16 {d}, [{0}+{1}]")]
    public static Quad LoadMatrices(uint address, int offset) => throw OnlyInKernel;

    /// <summary>The same, each matrix transposed.</summary>
    [IntrinsicImplementation, Instruction(Matrices + "trans.shared.b16 {d}, [{0}+{1}]")]
    public static Quad LoadMatricesTransposed(uint address, int offset) => throw OnlyInKernel;

    // Asynchronous copies (sm_80)

    /// <summary>16 bytes from global to shared memory, zeros when <paramref name="bytes"/> is 0; there after <see cref="WaitGroup"/> and a barrier.</summary>
    [IntrinsicImplementation, Instruction("cp.async.cg.shared.global [{0}+{1}], [{2}], 16, {3}")]
    public static void CopyAsync(uint shared, int offset, ulong global, uint bytes) => throw OnlyInKernel;

    /// <summary>Ends a group of copies.</summary>
    [IntrinsicImplementation, Instruction("cp.async.commit_group")]
    public static void CommitGroup() => throw OnlyInKernel;

    /// <summary>Waits until at most so many of this thread's groups are on their way.</summary>
    [IntrinsicImplementation, Instruction("cp.async.wait_group {0}")]
    public static void WaitGroup(int groups) => throw OnlyInKernel;

    // Global memory

    /// <summary>32 bits.</summary>
    [IntrinsicImplementation, Instruction("ld.global.b32 {d}, [{0}+{1}]")]
    public static uint Load(ulong address, int offset) => throw OnlyInKernel;

    /// <summary>64 bits.</summary>
    [IntrinsicImplementation, Instruction("ld.global.b64 {d}, [{0}+{1}]")]
    public static ulong LoadWide(ulong address, int offset) => throw OnlyInKernel;

    /// <summary>16 bits, zero-extended.</summary>
    [IntrinsicImplementation, Instruction("ld.global.b16 {h0}, [{0}+{1}]; cvt.u32.u16 {d}, {h0}")]
    public static uint LoadHalf(ulong address, int offset) => throw OnlyInKernel;

    /// <summary>32 bits, or 0.</summary>
    [IntrinsicImplementation, Instruction("mov.b32 {d}, 0; @{0} ld.global.b32 {d}, [{1}+{2}]")]
    public static uint LoadIf(bool valid, ulong address, int offset) => throw OnlyInKernel;

    /// <summary>64 bits, or 0.</summary>
    [IntrinsicImplementation, Instruction(Zero2 + "@{0} ld.global.v2.b32 {d}, [{1}+{2}]")]
    public static Pair LoadPairIf(bool valid, ulong address, int offset) => throw OnlyInKernel;

    /// <summary>One float, or 0.</summary>
    [IntrinsicImplementation, Instruction("mov.b32 {d}, 0; @{0} ld.global.f32 {d}, [{1}+{2}]")]
    public static float LoadFloatIf(bool valid, ulong address, int offset) => throw OnlyInKernel;

    /// <summary>One float.</summary>
    [IntrinsicImplementation, Instruction("ld.global.f32 {d}, [{0}+{1}]")]
    public static float LoadFloat(ulong address, int offset) => throw OnlyInKernel;

    /// <summary>Two floats.</summary>
    [IntrinsicImplementation, Instruction("ld.global.v2.f32 {d}, [{0}+{1}]")]
    public static Float2 LoadFloat2(ulong address, int offset) => throw OnlyInKernel;

    /// <summary>Four floats.</summary>
    [IntrinsicImplementation, Instruction("ld.global.v4.f32 {d}, [{0}+{1}]")]
    public static Float4 LoadFloat4(ulong address, int offset) => throw OnlyInKernel;

    /// <summary>128 bits.</summary>
    [IntrinsicImplementation, Instruction("ld.global.v4.b32 {d}, [{0}+{1}]")]
    public static Quad LoadQuad(ulong address, int offset) => throw OnlyInKernel;

    /// <summary>128 bits, or zeros.</summary>
    [IntrinsicImplementation, Instruction(Zero4 + "@{0} ld.global.v4.b32 {d}, [{1}+{2}]")]
    public static Quad LoadQuadIf(bool valid, ulong address, int offset) => throw OnlyInKernel;

    /// <summary>Four floats, or zeros.</summary>
    [IntrinsicImplementation, Instruction(Zero4 + "@{0} ld.global.v4.f32 {d}, [{1}+{2}]")]
    public static Float4 LoadFloat4If(bool valid, ulong address, int offset) => throw OnlyInKernel;

    /// <summary>32 bits.</summary>
    [IntrinsicImplementation, Instruction("st.global.b32 [{0}+{1}], {2}")]
    public static void Store(ulong address, int offset, uint value) => throw OnlyInKernel;

    /// <summary>The low 16 bits.</summary>
    [IntrinsicImplementation, Instruction("cvt.u16.u32 {h0}, {2}; st.global.b16 [{0}+{1}], {h0}")]
    public static void StoreHalf(ulong address, int offset, uint value) => throw OnlyInKernel;

    /// <summary>One float.</summary>
    [IntrinsicImplementation, Instruction("st.global.f32 [{0}+{1}], {2}")]
    public static void Store(ulong address, int offset, float value) => throw OnlyInKernel;

    /// <summary>Two floats.</summary>
    [IntrinsicImplementation, Instruction("st.global.v2.f32 [{0}+{1}], {2}")]
    public static void Store(ulong address, int offset, Float2 value) => throw OnlyInKernel;

    /// <summary>64 bits.</summary>
    [IntrinsicImplementation, Instruction("st.global.v2.b32 [{0}+{1}], {2}")]
    public static void Store(ulong address, int offset, Pair value) => throw OnlyInKernel;

    /// <summary>128 bits.</summary>
    [IntrinsicImplementation, Instruction("st.global.v4.b32 [{0}+{1}], {2}")]
    public static void Store(ulong address, int offset, Quad value) => throw OnlyInKernel;

    /// <summary>Four floats.</summary>
    [IntrinsicImplementation, Instruction("st.global.v4.f32 [{0}+{1}], {2}")]
    public static void Store(ulong address, int offset, Float4 value) => throw OnlyInKernel;

    // Shared memory

    /// <summary>Where the block's dynamic shared memory begins.</summary>
    [IntrinsicImplementation, Instruction("mov.u32 {d}, smem")]
    public static uint SharedBase() => throw OnlyInKernel;

    /// <summary>32 bits.</summary>
    [IntrinsicImplementation, Instruction("ld.shared.b32 {d}, [{0}+{1}]")]
    public static uint LoadShared(uint address, int offset) => throw OnlyInKernel;

    /// <summary>One float.</summary>
    [IntrinsicImplementation, Instruction("ld.shared.f32 {d}, [{0}+{1}]")]
    public static float LoadSharedFloat(uint address, int offset) => throw OnlyInKernel;

    /// <summary>Four floats.</summary>
    [IntrinsicImplementation, Instruction("ld.shared.v4.f32 {d}, [{0}+{1}]")]
    public static Float4 LoadSharedFloat4(uint address, int offset) => throw OnlyInKernel;

    /// <summary>128 bits.</summary>
    [IntrinsicImplementation, Instruction("ld.shared.v4.b32 {d}, [{0}+{1}]")]
    public static Quad LoadSharedQuad(uint address, int offset) => throw OnlyInKernel;

    /// <summary>32 bits.</summary>
    [IntrinsicImplementation, Instruction("st.shared.b32 [{0}+{1}], {2}")]
    public static void StoreShared(uint address, int offset, uint value) => throw OnlyInKernel;

    /// <summary>One float.</summary>
    [IntrinsicImplementation, Instruction("st.shared.f32 [{0}+{1}], {2}")]
    public static void StoreShared(uint address, int offset, float value) => throw OnlyInKernel;

    /// <summary>Four floats.</summary>
    [IntrinsicImplementation, Instruction("st.shared.v4.f32 [{0}+{1}], {2}")]
    public static void StoreShared(uint address, int offset, Float4 value) => throw OnlyInKernel;

    // Arithmetic

    /// <summary>The 64-bit product of two 32-bit numbers: every address is made of these, so a byte offset never wraps.</summary>
    [IntrinsicImplementation, Instruction("mul.wide.u32 {d}, {0}, {1}")]
    public static ulong Wide(uint a, uint b) => throw OnlyInKernel;

    /// <summary>a b + c with one rounding.</summary>
    [IntrinsicImplementation, Instruction("fma.rn.f32 {d}, {0}, {1}, {2}")]
    public static float Fma(float a, float b, float c) => throw OnlyInKernel;

    /// <summary>The greater; the other one when one is NaN.</summary>
    [IntrinsicImplementation, Instruction("max.f32 {d}, {0}, {1}")]
    public static float Max(float a, float b) => throw OnlyInKernel;

    /// <summary>The lesser; the other one when one is NaN.</summary>
    [IntrinsicImplementation, Instruction("min.f32 {d}, {0}, {1}")]
    public static float Min(float a, float b) => throw OnlyInKernel;

    /// <summary>|x|.</summary>
    [IntrinsicImplementation, Instruction("abs.f32 {d}, {0}")]
    public static float Abs(float x) => throw OnlyInKernel;

    /// <summary>2^x to 2 ulp.</summary>
    [IntrinsicImplementation, Instruction("ex2.approx.ftz.f32 {d}, {0}")]
    public static float Exp2(float x) => throw OnlyInKernel;

    /// <summary>log2 x to 2^-22, absolute or relative, whichever is more.</summary>
    [IntrinsicImplementation, Instruction("lg2.approx.ftz.f32 {d}, {0}")]
    public static float Log2(float x) => throw OnlyInKernel;

    /// <summary>1 / x to 1 ulp.</summary>
    [IntrinsicImplementation, Instruction("rcp.approx.ftz.f32 {d}, {0}")]
    public static float Reciprocal(float x) => throw OnlyInKernel;

    /// <summary>x / y, correctly rounded.</summary>
    [IntrinsicImplementation, Instruction("div.rn.f32 {d}, {0}, {1}")]
    public static float Divide(float x, float y) => throw OnlyInKernel;

    /// <summary>The root, correctly rounded.</summary>
    [IntrinsicImplementation, Instruction("sqrt.rn.f32 {d}, {0}")]
    public static float SquareRoot(float x) => throw OnlyInKernel;

    /// <summary>Bits that are 1.</summary>
    [IntrinsicImplementation, Instruction("popc.b32 {d}, {0}")]
    public static uint PopCount(uint x) => throw OnlyInKernel;

    /// <summary>The bits of a float.</summary>
    [IntrinsicImplementation, Instruction("mov.b32 {d}, {0}")]
    public static uint Bits(float x) => throw OnlyInKernel;

    /// <summary>An unsigned number as a float.</summary>
    [IntrinsicImplementation, Instruction("cvt.rn.f32.u32 {d}, {0}")]
    public static float ToFloat(uint x) => throw OnlyInKernel;

    // Conversions; a pair holds the lower-numbered element in its low half

    /// <summary>Two floats as fp16, rounded to nearest even; sm_60 has no instruction for both.</summary>
    [IntrinsicImplementation, Instruction("cvt.rn.f16.f32 {h0}, {0}; cvt.rn.f16.f32 {h1}, {1}; mov.b32 {d}, {{h0},{h1}}")]
    public static uint PackHalf(float low, float high) => throw OnlyInKernel;

    /// <summary>The same in one instruction (sm_80).</summary>
    [IntrinsicImplementation, Instruction("cvt.rn.f16x2.f32 {d}, {1}, {0}")]
    public static uint PackHalf2(float low, float high) => throw OnlyInKernel;

    /// <summary>Two floats as bf16, rounded to nearest even (sm_80).</summary>
    [IntrinsicImplementation, Instruction("cvt.rn.bf16x2.f32 {d}, {1}, {0}")]
    public static uint PackBFloat2(float low, float high) => throw OnlyInKernel;

    /// <summary>A pair of fp16 as floats.</summary>
    [IntrinsicImplementation, Instruction("mov.b32 {{h0},{h1}}, {0}; cvt.f32.f16 {d.0}, {h0}; cvt.f32.f16 {d.1}, {h1}")]
    public static Float2 UnpackHalf(uint pair) => throw OnlyInKernel;

    /// <summary>A pair of bf16 as floats.</summary>
    [IntrinsicImplementation, Instruction("shl.b32 {r0}, {0}, 16; mov.b32 {d.0}, {r0}; and.b32 {r1}, {0}, -65536; mov.b32 {d.1}, {r1}")]
    public static Float2 UnpackBFloat(uint pair) => throw OnlyInKernel;

    // A warp together

    /// <summary>The value of lane (own lane xor mask).</summary>
    [IntrinsicImplementation, Instruction("shfl.sync.bfly.b32 {d}, {0}, {1}, 31, -1")]
    public static float ShuffleXor(float value, int mask) => throw OnlyInKernel;

    /// <summary>The same for 32 bits of anything.</summary>
    [IntrinsicImplementation, Instruction("shfl.sync.bfly.b32 {d}, {0}, {1}, 31, -1")]
    public static uint ShuffleXor(uint value, int mask) => throw OnlyInKernel;

    /// <summary>The value of a lane.</summary>
    [IntrinsicImplementation, Instruction("shfl.sync.idx.b32 {d}, {0}, {1}, 31, -1")]
    public static uint Shuffle(uint value, uint lane) => throw OnlyInKernel;

    /// <summary>A bit for each lane that says yes.</summary>
    [IntrinsicImplementation, Instruction("vote.sync.ballot.b32 {d}, {0}, -1")]
    public static uint Ballot(bool yes) => throw OnlyInKernel;

    /// <summary>Lanes of the warp have arrived; what they wrote to shared memory is seen by the others.</summary>
    [IntrinsicImplementation, Instruction("bar.warp.sync -1")]
    public static void WarpBarrier() => throw OnlyInKernel;
}
