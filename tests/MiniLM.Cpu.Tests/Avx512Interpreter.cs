using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace MiniLM.Cpu.Tests;

/// <summary>Runs a kernel that is assembled for AVX-512 instruction by instruction, so that its tests need no processor that has AVX-512.</summary>
/// <remarks>
/// Knows what the kernels use and refuses all else. Holds them to their calling convention too; registers that nobody has written are NaN.
/// Definitions: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2. One difference: a sum of vdpbf16ps that rounding
/// brings up to the smallest normal number is 0 in hardware.
/// </remarks>
internal sealed unsafe class Avx512Interpreter
{
    private const int Rcx = 1, Rsp = 4, Rdi = 7; // as they are encoded
    private static readonly int[] Owned = [3, 5, 12, 13, 14, 15], OwnedOnWindows = [.. Owned, 6, 7]; // rbx, rbp, r12 to r15; rsi, rdi
    private const long NotWritten = 0x5a5a_5a5a_5a5a_5a00; // of register 0, and so on

    private delegate void Operation(State* state, in Step step);

    private readonly Step[] _steps;
    private readonly bool _windows;

    /// <param name="code">Position-independent, constants behind it.</param>
    /// <param name="windows">Microsoft's calling convention.</param>
    internal Avx512Interpreter(byte[] code, bool windows)
    {
        _windows = windows;
        // Constants are read where the copy lies. It lives as long as the process, as executable code does.
        byte* copy = (byte*)NativeMemory.AlignedAlloc((nuint)code.Length, 64);
        code.CopyTo(new Span<byte>(copy, code.Length));
        Decoder decoder = Decoder.Create(64, new ByteArrayCodeReader(code), (ulong)copy);
        List<Instruction> instructions = [];
        do { instructions.Add(decoder.Decode()); } while (instructions[^1].Mnemonic != Mnemonic.Ret);
        Dictionary<ulong, int> places = instructions.Select((instruction, place) => (instruction.IP, place)).ToDictionary();
        _steps = [.. instructions.Select(instruction => new Step(instruction, places))];
    }

    /// <summary>void kernel(void* call).</summary>
    /// <returns>Instructions that were executed.</returns>
    internal long Run(void* call)
    {
        const int Stack = 96;
        long* stack = stackalloc long[Stack], general = stackalloc long[16];
        Vector512<float>* vectors = stackalloc Vector512<float>[32];
        for (int i = 0; i < 16; i++) { general[i] = NotWritten + i; }
        for (int i = 0; i < 32; i++) { vectors[i] = Vector512.Create(float.NaN); }
        for (int i = 6; _windows && i < 16; i++) { vectors[i] = vectors[i].WithElement(0, i); } // the lower 128 bits are the caller's
        (general[_windows ? Rcx : Rdi], general[Rsp]) = ((long)call, (long)(stack + Stack));
        State state = new() { General = general, Vectors = vectors };
        Step[] steps = _steps;
        long executed = 0;
        for (; state.Next < steps.Length; executed++)
        {
            ref readonly Step step = ref steps[state.Next++];
            step.Operation(&state, step);
        }
        if (general[Rsp] != (long)(stack + Stack)) { Assert.Fail("the stack is not as it was"); }
        foreach (int owned in _windows ? OwnedOnWindows : Owned)
        {
            if (general[owned] != NotWritten + owned) { Assert.Fail($"general register {owned} is the caller's"); }
        }
        for (int i = 0; i < 16; i++)
        {
            Vector128<float> lower = vectors[i].GetLower().GetLower();
            if (!vectors[i].Equals(lower.ToVector256().ToVector512())) { Assert.Fail($"no vzeroupper behind zmm{i}: the caller's vectors would be slow"); }
            if (_windows && i >= 6 && !lower.Equals(Vector128.Create(float.NaN).WithElement(0, i))) { Assert.Fail($"xmm{i} is the caller's"); }
        }
        return executed;
    }

    private static readonly Dictionary<Mnemonic, Operation> Operations = new()
    {
        [Mnemonic.Vmovups] = Move,
        [Mnemonic.Vmovaps] = static (s, in step) => s->Vectors[step.To] = s->Vectors[step.Right],
        [Mnemonic.Vbroadcastss] = static (s, in step) => s->Vectors[step.To] = Vector512.Create(*(float*)s->Address(step)),
        [Mnemonic.Vfmadd231ps] = static (s, in step) =>
            s->Vectors[step.To] = Vector512.FusedMultiplyAdd(s->Vectors[step.Left], s->Last(step), s->Vectors[step.To]),
        [Mnemonic.Vfmadd213ps] = static (s, in step) =>
            s->Vectors[step.To] = Vector512.FusedMultiplyAdd(s->Vectors[step.Left], s->Vectors[step.To], s->Last(step)),
        [Mnemonic.Vfnmadd231ps] = static (s, in step) =>
            s->Vectors[step.To] = Vector512.FusedMultiplyAdd(-s->Vectors[step.Left], s->Last(step), s->Vectors[step.To]),
        [Mnemonic.Vdpbf16ps] = static (s, in step) => s->Vectors[step.To] = DotBFloat16(s->Vectors[step.To], s->Vectors[step.Left], s->Last(step)),
        [Mnemonic.Vcvtne2ps2bf16] = static (s, in step) =>
            s->Vectors[step.To] = Vector512.Create(ToBFloat16(s->Last(step)), ToBFloat16(s->Vectors[step.Left])).AsSingle(),
        [Mnemonic.Vaddps] = static (s, in step) => s->Vectors[step.To] = s->Vectors[step.Left] + s->Last(step),
        [Mnemonic.Vsubps] = static (s, in step) => s->Vectors[step.To] = s->Vectors[step.Left] - s->Last(step),
        [Mnemonic.Vmulps] = static (s, in step) => s->Vectors[step.To] = s->Vectors[step.Left] * s->Last(step),
        [Mnemonic.Vdivps] = static (s, in step) => s->Vectors[step.To] = s->Vectors[step.Left] / s->Last(step),
        // Not Vector512.Max: of two zeros, and beside a NaN, it is the second.
        [Mnemonic.Vmaxps] = static (s, in step) => s->Vectors[step.To] = Vector512.ConditionalSelect(
            Vector512.GreaterThan(s->Vectors[step.Left], s->Last(step)), s->Vectors[step.Left], s->Last(step)),
        [Mnemonic.Vminps] = static (s, in step) => s->Vectors[step.To] = Vector512.ConditionalSelect(
            Vector512.LessThan(s->Vectors[step.Left], s->Last(step)), s->Vectors[step.Left], s->Last(step)),
        [Mnemonic.Vpandd] = static (s, in step) => s->Vectors[step.To] = s->Vectors[step.Left] & s->Last(step),
        [Mnemonic.Vpxord] = static (s, in step) => s->Vectors[step.To] = s->Vectors[step.Left] ^ s->Last(step),
        [Mnemonic.Vpermps] = static (s, in step) =>
            s->Vectors[step.To] = Vector512.Shuffle(s->Last(step), s->Vectors[step.Left].AsInt32() & Vector512.Create(15)),
        [Mnemonic.Vrndscaleps] = static (s, in step) => s->Vectors[step.To] = Vector512.Round(s->Last(step), MidpointRounding.ToEven),
        [Mnemonic.Vscalefps] = static (s, in step) => s->Vectors[step.To] = Scale(s->Vectors[step.Left], s->Last(step)),
        [Mnemonic.Vzeroupper] = static (s, in _) =>
        {
            for (int i = 0; i < 16; i++) { s->Vectors[i] = s->Vectors[i].GetLower().GetLower().ToVector256().ToVector512(); }
        },
        [Mnemonic.Mov] = static (s, in step) => s->Target(step) = s->Value(step),
        [Mnemonic.Lea] = static (s, in step) => s->General[step.To] = s->Address(step),
        [Mnemonic.Add] = static (s, in step) => s->IsZero = (s->Target(step) += s->Value(step)) == 0,
        [Mnemonic.And] = static (s, in step) => s->IsZero = (s->Target(step) &= s->Value(step)) == 0,
        [Mnemonic.Shr] = static (s, in step) => s->IsZero = (s->Target(step) >>>= (int)step.Immediate) == 0,
        [Mnemonic.Dec] = static (s, in step) => s->IsZero = --s->Target(step) == 0,
        [Mnemonic.Sub] = static (s, in step) => s->IsZero = (s->Target(step) -= s->Value(step)) == 0,
        [Mnemonic.Test] = static (s, in step) => s->IsZero = (s->Target(step) & s->Value(step)) == 0,
        [Mnemonic.Je] = static (s, in step) => s->Next = s->IsZero ? (int)step.Immediate : s->Next,
        [Mnemonic.Jne] = static (s, in step) => s->Next = s->IsZero ? s->Next : (int)step.Immediate,
        [Mnemonic.Jmp] = static (s, in step) => s->Next = (int)step.Immediate,
        [Mnemonic.Push] = static (s, in step) => *(long*)(s->General[Rsp] -= 8) = s->General[step.To],
        [Mnemonic.Pop] = static (s, in step) =>
        {
            s->General[step.To] = *(long*)s->General[Rsp];
            s->General[Rsp] += 8;
        },
        [Mnemonic.Nop] = static (_, in _) => { },
        [Mnemonic.Ret] = static (s, in _) => s->Next = int.MaxValue,
    };

    private static void Move(State* s, in Step step)
    {
        if (step.IsOf128Bits)
        {
            if (step.IsStore) { s->Vectors[step.To].GetLower().GetLower().Store((float*)s->Address(step)); }
            else { s->Vectors[step.To] = Vector128.Load((float*)s->Address(step)).ToVector256().ToVector512(); }
        }
        else if (step.IsStore) { s->Vectors[step.To].Store((float*)s->Address(step)); }
        else { s->Vectors[step.To] = s->Last(step); }
    }

    // x 2^floor(n): exact in double, rounded once. Infinite n decides even where x is NaN.
    private static Vector512<float> Scale(Vector512<float> x, Vector512<float> n)
    {
        for (int i = 0; i < 16; i++)
        {
            double power = float.IsFinite(n[i]) ? Math.ScaleB(1, (int)Math.Clamp(Math.Floor(n[i]), -500, 500)) : Math.Max(n[i], 0);
            x = x.WithElement(i, (float)(float.IsNaN(x[i]) && float.IsInfinity(n[i]) ? power : x[i] * power));
        }
        return x;
    }

    // The odd element's product first; what is denormal counts as 0 before and after each of the two.
    private static Vector512<float> DotBFloat16(Vector512<float> sum, Vector512<float> a, Vector512<float> b)
    {
        Vector512<uint> high = Vector512.Create(0xffff0000u);
        sum = Flushed(Vector512.FusedMultiplyAdd(
            Flushed((a.AsUInt32() & high).AsSingle()), Flushed((b.AsUInt32() & high).AsSingle()), Flushed(sum)));
        return Flushed(Vector512.FusedMultiplyAdd(Flushed((a.AsUInt32() << 16).AsSingle()), Flushed((b.AsUInt32() << 16).AsSingle()), sum));
    }

    private static Vector512<float> Flushed(Vector512<float> x)
    {
        Vector512<uint> sign = x.AsUInt32() & Vector512.Create(0x80000000u), size = x.AsUInt32() ^ sign;
        return Vector512.ConditionalSelect(Vector512.LessThan(size, Vector512.Create(0x00800000u)), sign, x.AsUInt32()).AsSingle();
    }

    // To nearest, ties to even; a NaN stays one.
    private static Vector256<ushort> ToBFloat16(Vector512<float> from)
    {
        Vector512<uint> x = Flushed(from).AsUInt32(), rounded = (x + Vector512.Create(0x7fffu) + (x >> 16 & Vector512<uint>.One)) >> 16;
        x = Vector512.ConditionalSelect(Vector512.Equals(from, from).AsUInt32(), rounded, x >> 16 | Vector512.Create(0x40u));
        return Vector256.Narrow(x.GetLower(), x.GetUpper());
    }

    /// <summary>What instructions read and write.</summary>
    private struct State
    {
        internal long* General;
        internal Vector512<float>* Vectors;
        internal int Next;
        internal bool IsZero;

        internal readonly nint Address(in Step step) => (nint)(step.Displacement + (step.Base < 0 ? 0 : General[step.Base])
            + (step.Index < 0 ? 0 : General[step.Index] * step.Factor));

        /// <summary>The last operand, a vector.</summary>
        internal readonly Vector512<float> Last(in Step step) => step.Last == OpKind.Register ? Vectors[step.Right]
            : step.IsBroadcast ? Vector512.Create(*(float*)Address(step)) : Vector512.Load((float*)Address(step));

        /// <summary>The last operand, 64 bits.</summary>
        internal readonly long Value(in Step step) => step.Last switch
        {
            OpKind.Register => General[step.Right],
            OpKind.Memory => *(long*)Address(step),
            _ => step.Immediate,
        };

        /// <summary>The first operand, 64 bits.</summary>
        internal readonly ref long Target(in Step step) => ref step.IsStore ? ref *(long*)Address(step) : ref General[step.To];
    }

    /// <summary>An instruction, taken apart once.</summary>
    private readonly struct Step
    {
        internal readonly Operation Operation;

        /// <summary>Of the last operand but for an immediate rounding.</summary>
        internal readonly OpKind Last;

        /// <summary>Numbers of registers: the first, the second, the last.</summary>
        internal readonly int To, Left, Right;

        /// <summary>Of an address; -1: none.</summary>
        internal readonly int Base = -1, Index = -1, Factor;

        internal readonly long Displacement;

        /// <summary>Or the step that a branch goes to.</summary>
        internal readonly long Immediate;

        /// <summary>The first operand lies in memory.</summary>
        internal readonly bool IsStore;

        internal readonly bool IsBroadcast;

        /// <summary>The vectors that a kernel saves for its caller on Windows.</summary>
        internal readonly bool IsOf128Bits;

        internal Step(in Instruction instruction, Dictionary<ulong, int> places)
        {
            bool isKnown = Operations.TryGetValue(instruction.Mnemonic, out Operation? operation) && instruction is
            {
                HasOpMask: false, RoundingControl: RoundingControl.None, SuppressAllExceptions: false, HasLockPrefix: false,
            };
            Operation = operation!;
            int operands = instruction.OpCount;
            if (instruction.Mnemonic == Mnemonic.Vrndscaleps) { isKnown &= instruction.GetImmediate(--operands) == 0; }
            int registers = 0;
            for (int i = 0; i < operands; i++)
            {
                if (instruction.GetOpKind(i) != OpKind.Register) { continue; }
                registers++;
                Register register = instruction.GetOpRegister(i);
                IsOf128Bits |= register.IsXMM();
                isKnown &= register.IsZMM() || register.IsGPR64() || (register.IsXMM() && instruction.Mnemonic == Mnemonic.Vmovups);
                int number = register.GetNumber();
                if (i == 0) { To = number; }
                if (i == 1) { Left = number; }
                Right = number;
            }
            if (operands > 0)
            {
                Last = instruction.GetOpKind(operands - 1);
                IsStore = instruction.Op0Kind == OpKind.Memory;
                if (IsStore) { To = Right; }
            }
            isKnown &= instruction.Mnemonic switch
            {
                Mnemonic.Vmovaps or Mnemonic.Push or Mnemonic.Pop => registers == operands, // an address would have to be aligned; other sizes
                Mnemonic.Je or Mnemonic.Jne or Mnemonic.Jmp => Last == OpKind.NearBranch64,
                _ => true,
            };
            if (instruction.MemoryBase != Register.None || instruction.MemoryIndex != Register.None)
            {
                isKnown &= (instruction.MemoryBase.IsGPR64() || instruction.IsIPRelativeMemoryOperand)
                    && (instruction.MemorySize.GetSize() > 4 || instruction.IsBroadcast || instruction.Mnemonic is Mnemonic.Vbroadcastss or Mnemonic.Lea);
                Displacement = (long)instruction.MemoryDisplacement64;
                if (!instruction.IsIPRelativeMemoryOperand) { Base = instruction.MemoryBase.GetNumber(); }
                if (instruction.MemoryIndex != Register.None) { (Index, Factor) = (instruction.MemoryIndex.GetNumber(), instruction.MemoryIndexScale); }
            }
            IsBroadcast = instruction.IsBroadcast;
            Immediate = Last switch
            {
                OpKind.Register or OpKind.Memory => 0,
                OpKind.NearBranch64 => places[instruction.NearBranchTarget],
                _ => (long)instruction.GetImmediate(operands - 1),
            };
            if (!isKnown) { throw new NotSupportedException($"the interpreter does not know {instruction}"); }
        }
    }
}
