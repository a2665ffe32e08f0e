namespace MiniLM.Cuda.Ptx;

internal sealed partial class PtxParser
{
    private static PtxSpace Space(string directive) => directive switch
    {
        ".shared" => PtxSpace.Shared,
        ".global" => PtxSpace.Global,
        ".local" => PtxSpace.Local,
        ".const" => PtxSpace.Const,
        ".param" => PtxSpace.Param,
        _ => PtxSpace.Generic,
    };

    /// <summary>( .param .b64 a, .param .align 8 .b8 p[16], .param .u64 .ptr .global .align 16 q )</summary>
    private void Parameters(PtxKernel kernel)
    {
        Expect('(');
        long offset = 0;
        while (!IsPunctuation(')'))
        {
            if (kernel.Parameters.Count > 0) { Expect(','); }
            if (_token.Kind != PtxTokenKind.Directive || Slice() != ".param") { throw Wrong($"expected .param, found '{Slice()}'"); }
            Advance();
            (PtxType type, int alignment, int vector) = TypeAndAlignment(".param");
            if (_token.Kind != PtxTokenKind.Word) { throw Wrong($"expected the name of a parameter, found '{Slice()}'"); }
            string name = Slice();
            int line = _token.Line;
            if (kernel.Parameters.Exists(other => other.Name == name)) { throw Wrong($"a second parameter {name}"); }
            Advance();
            long bytes = Bounds(type.Bytes() * (long)vector, out _);
            if (bytes <= 0) { throw Wrong($"parameter {name} has no size"); }
            offset = (offset + alignment - 1) / alignment * alignment;
            if (offset + bytes > MaxParameterBytes) { throw Wrong($"more than {MaxParameterBytes} bytes of parameters"); }
            kernel.Parameters.Add(new PtxParameter(name, type, alignment, (int)bytes, (int)offset, line));
            offset += bytes;
        }
        Advance();
        kernel.ParameterBytes = (int)offset;
    }

    /// <summary>.shared .align 16 .b8 tile[8][64], other; with initial values where there are any.</summary>
    private void Variables(List<PtxVariable> into, PtxSpace space, bool isExtern)
    {
        string directive = Slice();
        Advance();
        (PtxType type, int alignment, int vector) = TypeAndAlignment(directive);
        while (true)
        {
            if (_token.Kind != PtxTokenKind.Word) { throw Wrong($"expected the name of a variable, found '{Slice()}'"); }
            string name = Slice();
            int line = _token.Line;
            if (into.Exists(other => other.Name == name)) { throw Wrong($"a second variable {name}"); }
            Advance();
            long bytes = type.Bytes() * (long)vector;
            if (IsPunctuation('<'))
            {
                // A family as in .param .b32 p<4>: rare, and never for an address.
                throw Wrong($"variable family {name}<...> is not supported");
            }
            bytes = Bounds(bytes, out bool isOpen);
            byte[]? initial = null;
            if (IsPunctuation('='))
            {
                Advance();
                initial = Initial(type);
                if (isOpen) { bytes = initial.Length; }
                if (initial.Length > bytes) { throw Wrong($"{name} has {bytes} bytes and initial values of {initial.Length}"); }
            }
            if (bytes == 0 && !isExtern) { throw Wrong($"variable {name} has no size"); }
            into.Add(new PtxVariable(name, space, type, alignment, bytes, isExtern, initial, line));
            if (!IsPunctuation(',')) { break; }
            Advance();
        }
        Expect(';');
    }

    /// <summary>Anything of .align N, .vN, .ptr .space .align N, .managed and the type, until a name follows.</summary>
    private (PtxType Type, int Alignment, int Vector) TypeAndAlignment(string directive)
    {
        PtxType type = PtxType.None;
        int alignment = 0, vector = 1;
        bool isPointer = false;
        while (_token.Kind == PtxTokenKind.Directive)
        {
            string text = Slice();
            Advance();
            switch (text)
            {
                case ".align":
                    int value = (int)Integer(1, 1 << 20);
                    if ((value & (value - 1)) != 0) { throw Wrong($".align {value} is no power of two"); }
                    if (!isPointer) { alignment = value; } // of the pointer's target otherwise
                    break;
                case ".ptr": isPointer = true; break;
                case ".v2": vector = 2; break;
                case ".v4": vector = 4; break;
                case ".global" or ".shared" or ".const" or ".local" or ".generic" when isPointer: break;
                case ".managed" or ".unified": break;
                default:
                    type = PtxTypes.Parse(text[1..]);
                    if (type is PtxType.None or PtxType.Pred) { throw Wrong($"{text} is no type for {directive}"); }
                    break;
            }
        }
        if (type == PtxType.None) { throw Wrong($"{directive} without a type"); }
        return (type, Math.Max(alignment, type.Bytes() * vector), vector);
    }

    /// <summary>[4][8] after a name. An open bound [] gives 0 bytes.</summary>
    private long Bounds(long elementBytes, out bool isOpen)
    {
        isOpen = false;
        long bytes = elementBytes;
        while (IsPunctuation('['))
        {
            Advance();
            if (IsPunctuation(']')) { isOpen = true; Advance(); bytes = 0; continue; }
            long bound = Integer(0, MaxVariableBytes);
            Expect(']');
            bytes *= bound;
            if (bytes > MaxVariableBytes) { throw Wrong($"a variable of {bytes} bytes; at most {MaxVariableBytes}"); }
        }
        return bytes;
    }

    /// <summary>1, {1, 2} or {{1, 2}, {3}}: a flat list is what memory holds, when inner lists are full.</summary>
    private byte[] Initial(PtxType type)
    {
        var bytes = new List<byte>();
        int depth = 0;
        do
        {
            if (IsPunctuation('{'))
            {
                if (++depth > MaxDepth) { throw Wrong("initial values are nested too deep"); }
                Advance();
            }
            else if (IsPunctuation('}')) { depth--; Advance(); }
            else if (IsPunctuation(',') && depth > 0) { Advance(); }
            else
            {
                bool isNegative = IsPunctuation('-');
                if (isNegative) { Advance(); }
                if (_token.Kind != PtxTokenKind.Number || !PtxNumber.TryParse(Slice(), out ulong bits, out PtxType of))
                {
                    throw Wrong($"expected a number, found '{Slice()}'");
                }
                bits = Convert(bits, of, isNegative, type);
                for (int i = 0; i < type.Bytes(); i++) { bytes.Add(i < 8 ? (byte)(bits >> 8 * i) : (byte)0); }
                if (bytes.Count > 64 << 20) { throw Wrong("too many initial values"); }
                Advance();
            }
        } while (depth > 0);
        return [.. bytes];
    }

    private static ulong Convert(ulong bits, PtxType of, bool isNegative, PtxType to)
    {
        if (of == PtxType.S64) { return isNegative ? 0 - bits : bits; }
        double value = of == PtxType.F32 ? BitConverter.UInt32BitsToSingle((uint)bits) : BitConverter.UInt64BitsToDouble(bits);
        if (isNegative) { value = -value; }
        return to.Bytes() == 8 ? BitConverter.DoubleToUInt64Bits(value) : BitConverter.SingleToUInt32Bits((float)value);
    }

    /// <summary>.reg .b32 %r&lt;5&gt;, %x;</summary>
    private void Registers(PtxScope scope)
    {
        Advance();
        PtxType type = PtxType.None;
        while (_token.Kind == PtxTokenKind.Directive)
        {
            if (Slice() is ".v2" or ".v4") { throw Wrong("vector registers are not supported"); }
            type = PtxTypes.Parse(Slice()[1..]);
            if (type == PtxType.None) { throw Wrong($"{Slice()} is no register type"); }
            Advance();
        }
        if (type == PtxType.None) { throw Wrong(".reg without a type"); }
        while (true)
        {
            if (_token.Kind != PtxTokenKind.Word) { throw Wrong($"expected the name of a register, found '{Slice()}'"); }
            string name = Slice();
            Advance();
            bool isNew;
            if (IsPunctuation('<'))
            {
                Advance();
                int count = (int)Integer(0, MaxRegisters);
                Expect('>');
                isNew = scope.DeclareFamily(name, count, type);
            }
            else { isNew = scope.Declare(name, type); }
            if (!isNew) { throw Wrong($"a second register {name}"); }
            if (!IsPunctuation(',')) { break; }
            Advance();
        }
        Expect(';');
    }
}
