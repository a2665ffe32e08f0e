using Iced.Intel;
using MiniLM.Cpu.Jit;
using MiniLM.Tests;
using static Iced.Intel.AssemblerRegisters;

namespace MiniLM.Cpu.Tests;

public sealed class MachineCodeTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EveryKernel_DecodesToTheFmasItNeeds(bool windows)
    {
        foreach (Epilogue epilogue in Enum.GetValues<Epilogue>())
        {
            for (int rows = 1; rows <= GemmAvx512.Tallest; rows++)
            {
                Instruction[] code = Decode(GemmAvx512.Assemble(rows, epilogue, windows));
                // The loop is unrolled four times and has one more step for what is left of K, two vectors wide.
                Assert.True(code.Count(instruction => instruction.Mnemonic == Mnemonic.Vfmadd231ps) >= 5 * 2 * rows);
                Assert.Single(code, instruction => instruction.Mnemonic == Mnemonic.Ret);
                int pushes = code.Count(instruction => instruction.Mnemonic == Mnemonic.Push),
                    pops = code.Count(instruction => instruction.Mnemonic == Mnemonic.Pop);
                Assert.Equal(pushes, pops);
            }
        }
    }

    private static readonly (string Name, Func<bool, byte[]> Assemble)[] Kernels =
    [
        ("gemm", windows => GemmAvx512.Assemble(GemmAvx512.Tallest, Epilogue.Gelu, windows)),
        ("gemm of bfloat16", windows => GemmAvx512.Assemble(GemmAvx512.Tallest, Epilogue.AddResidual, windows, Dot.BFloat16, narrow: true)),
        ("outer", windows => OuterAvx512.Assemble(OuterAvx512.Tallest, windows)),
        ("convert", ConvertAvx512.Assemble),
        ("roof", windows => FmaAvx512.Assemble(windows)),
    ];

    public static TheoryData<string, bool> All() => [.. from kernel in Kernels from windows in new[] { false, true } select (kernel.Name, windows)];

    // No Windows runs these tests, and a caller that owns a register may not use it: so the code itself is looked at.
    [Theory, MemberData(nameof(All))]
    public void AKernel_RestoresWhatItsCallerOwns_FromPlacesOfItsOwn(string name, bool windows)
    {
        Instruction[] code = Decode(Kernels.Single(kernel => kernel.Name == name).Assemble(windows));
        int body = Array.FindIndex(code, instruction => instruction.Mnemonic is not (Mnemonic.Push or Mnemonic.Sub or Mnemonic.Vmovups));
        int end = Array.FindLastIndex(code, instruction => instruction.Mnemonic == Mnemonic.Vzeroupper);
        Assert.InRange(end, body, code.Length);
        (Dictionary<Register, long> saved, long frame) = Places(code.AsSpan(0, body), 0);
        (Dictionary<Register, long> restored, long left) = Places(code.AsSpan(end + 1), frame);
        Assert.Equal(saved, restored);
        Assert.Equal(0, left);
        long free = frame;
        foreach ((Register register, long place) in saved.OrderBy(entry => entry.Value))
        {
            Assert.InRange(place, free, -register.GetSize());
            free = place + (register.IsXMM() ? 16 : 8);
        }
        if (windows) { Assert.Equal((Mnemonic.Mov, Register.RDI, Register.RCX), (code[body].Mnemonic, code[body].Op0Register, code[body].Op1Register)); }
        HashSet<Register> owned = [.. Written(code.AsSpan(body, end - body)).Where(register => IsOwned(register, windows))];
        owned.ExceptWith(saved.Keys.Select(register => register.GetFullRegister()));
        Assert.Empty(owned);
    }

    // A processor's own bits are those of float32 alone: how it rounds between the two products of vdpbf16ps is not laid down alike by all makers.
    [Theory, InlineData(false), InlineData(true)]
    public unsafe void AKernel_GivesTheSameBitsInterpretedForEitherSystemAndByTheProcessor(bool ofBFloat16)
    {
        Dot dot = ofBFloat16 ? Dot.BFloat16 : Dot.Float32;
        const int Rows = 5, K = 7, Panels = 2, Width = Panels * Gemm.Columns;
        Random random = new(1);
        using GuardedBuffer a = Operands(Rows * K), b = Operands(K * Width), c = new(Rows * Width), other = GuardedBuffer.Normal(random, Rows * Width);
        new[] { 0, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 1e-40f, -1e30f }.CopyTo(b.Span);
        foreach (Epilogue epilogue in Enum.GetValues<Epilogue>())
        {
            foreach (bool narrow in new[] { false, ofBFloat16 })
            {
                SameBits(windows => GemmAvx512.Assemble(Rows, epilogue, windows, dot, narrow), new GemmCall
                {
                    A = a.Pointer,
                    AStride = K * sizeof(float),
                    B = b.Pointer,
                    C = c.Pointer,
                    CStride = Width * sizeof(float),
                    CPanel = 128,
                    Panels = Panels,
                    K = K,
                    Start = other.Pointer,
                    Residual = other.Pointer,
                    ResidualStride = Width * sizeof(float),
                    RowScale = other.Pointer,
                });
            }
        }
        SameBits(windows => OuterAvx512.Assemble(Rows, windows, dot), new OuterCall
        {
            A = a.Pointer,
            AStep = Rows * sizeof(float),
            B = b.Pointer,
            BStep = Width * sizeof(float),
            C = c.Pointer,
            Rows = K,
        });
        if (ofBFloat16) { SameBits(ConvertAvx512.Assemble, new ConvertCall { From = other.Pointer, To = c.Pointer, Steps = 3 }); }

        GuardedBuffer Operands(int count)
        {
            GuardedBuffer buffer = GuardedBuffer.Normal(random, count);
            foreach (ref float value in buffer.Span) // the upper half is a bfloat16 as it is
            {
                if (ofBFloat16) { value = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(value) & ~0xffff | 0x3e00 + random.Next(0x100)); }
            }
            return buffer;
        }

        void SameBits<TCall>(Func<bool, byte[]> assemble, TCall call) where TCall : unmanaged
        {
            int[]? bits = null;
            foreach ((bool windows, bool byProcessor) in new[] { (false, false), (true, false), (OperatingSystem.IsWindows(), true) })
            {
                if (byProcessor && (ofBFloat16 || !CpuTiers.Supported.Contains(CpuTier.Avx512))) { continue; }
                c.Span.Fill(float.NaN);
                TCall copy = call; // counted down
                byte[] code = assemble(windows);
                if (byProcessor) { ((delegate* unmanaged<void*, void>)ExecutableMemory.Load(code))(&copy); }
                else { new Avx512Interpreter(code, windows).Run(&copy); }
                // Which of two NaNs goes on is nobody's matter.
                int[] found = [.. c.Span.ToArray().Select(value => float.IsNaN(value) ? -1 : BitConverter.SingleToInt32Bits(value))];
                bits ??= found;
                Assert.Equal(bits, found);
            }
            Assert.Contains(bits!, value => value != -1);
        }
    }

    [Fact]
    public void TheInterpreter_RefusesUnknownInstructionsAndBreachesOfTheCallingConvention()
    {
        Assert.Throws<NotSupportedException>(() => Run(c => c.vsqrtps(zmm0, zmm1)));
        Assert.Throws<NotSupportedException>(() => Run(c => c.vaddps(zmm0.k1, zmm1, zmm2)));
        Assert.Throws<NotSupportedException>(() => Run(c => c.vrndscaleps(zmm0, zmm1, 1)));
        Assert.Throws<NotSupportedException>(() => Run(c => c.add(__dword_ptr[rdi], 1)));
        Assert.Throws<NotSupportedException>(() => Run(c => c.vmovaps(zmm0, __zmmword_ptr[rdi])));
        Assert.Throws<NotSupportedException>(() => Run(c => c.push(1)));
        Run(c => c.mov(rsi, rdi));
        AssertBreach(c => c.mov(rbp, rdi));
        AssertBreach(c => c.push(rax));
        AssertBreach(c => c.vmovaps(zmm0, zmm16), isLast: true); // the upper half is not clear
        AssertBreach(c => c.mov(rsi, rcx), windows: true);
        AssertBreach(c => c.vpxord(zmm6, zmm6, zmm6), windows: true);

        void AssertBreach(Action<KernelAssembler> emit, bool windows = false, bool isLast = false) =>
            Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Run(emit, windows, isLast));

        static unsafe void Run(Action<KernelAssembler> emit, bool windows = false, bool isLast = false)
        {
            KernelAssembler c = new(windows);
            if (!isLast) { emit(c); }
            c.vzeroupper();
            if (isLast) { emit(c); }
            c.ret();
            new Avx512Interpreter(c.Encode(), windows).Run(null);
        }
    }

    private static HashSet<Register> Written(ReadOnlySpan<Instruction> code)
    {
        InstructionInfoFactory factory = new();
        HashSet<Register> written = [];
        foreach (Instruction instruction in code)
        {
            written.UnionWith(factory.GetInfo(instruction).GetUsedRegisters().Where(used => used.Access is not (OpAccess.Read or OpAccess.CondRead))
                .Select(used => used.Register.GetFullRegister()));
        }
        return written;
    }

    // System V: rbx, rbp, r12 to r15; Windows: those, rdi, rsi and xmm6 to xmm15.
    private static bool IsOwned(Register register, bool windows) => register is Register.RBX or Register.RBP or (>= Register.R12 and <= Register.R15)
        || windows && register is Register.RDI or Register.RSI or (>= Register.ZMM6 and <= Register.ZMM15);

    // Where registers lie on the stack, from its top at the call, and the stack pointer behind the code.
    private static (Dictionary<Register, long> Places, long Pointer) Places(ReadOnlySpan<Instruction> code, long pointer)
    {
        Dictionary<Register, long> places = [];
        foreach (Instruction instruction in code)
        {
            switch (instruction.Mnemonic)
            {
                case Mnemonic.Push: places.Add(instruction.Op0Register, pointer -= 8); break;
                case Mnemonic.Pop: places.Add(instruction.Op0Register, pointer); pointer += 8; break;
                case Mnemonic.Sub: pointer -= (long)instruction.GetImmediate(1); break;
                case Mnemonic.Add: pointer += (long)instruction.GetImmediate(1); break;
                case Mnemonic.Ret: break;
                default:
                    Assert.Equal((Mnemonic.Vmovups, Register.RSP), (instruction.Mnemonic, instruction.MemoryBase));
                    Register register = instruction.Op0Kind == OpKind.Register ? instruction.Op0Register : instruction.Op1Register;
                    places.Add(register, pointer + (long)instruction.MemoryDisplacement64);
                    break;
            }
        }
        return (places, pointer);
    }

    internal static Instruction[] Decode(byte[] code)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code));
        var instructions = new List<Instruction>();
        do { instructions.Add(decoder.Decode()); } while (instructions[^1].Mnemonic != Mnemonic.Ret); // constants follow
        return [.. instructions];
    }
}
