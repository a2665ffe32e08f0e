namespace MiniLM.Cuda.Ptx;

internal sealed partial class PtxParser
{
    private readonly List<(PtxOperand Operand, PtxScope Scope)> _labelUses = [];

    private void Body(PtxKernel kernel)
    {
        Expect('{');
        _labelUses.Clear();
        var scope = new PtxScope(null);
        var targetLists = new List<(string Name, PtxOperand[] Labels)>();
        while (true)
        {
            if (IsPunctuation('}'))
            {
                Advance();
                if (scope.Parent is null) { break; }
                scope = scope.Parent;
            }
            else if (IsPunctuation('{'))
            {
                if (scope.Depth >= MaxDepth) { throw Wrong($"more than {MaxDepth} scopes in each other"); }
                scope = new PtxScope(scope);
                Advance();
            }
            else if (IsPunctuation(';')) { Advance(); }
            else if (_token.Kind == PtxTokenKind.Directive) { BodyDirective(kernel, scope); }
            else if (IsPunctuation('@') || _token.Kind == PtxTokenKind.Word) { Statement(kernel, scope); }
            else { throw Wrong($"expected an instruction, found '{Slice()}'"); }
        }
        foreach ((PtxOperand operand, PtxScope of) in _labelUses) { operand.Target = of.FindLabel(operand.Name); }
    }

    private void BodyDirective(PtxKernel kernel, PtxScope scope)
    {
        string directive = Slice();
        switch (directive)
        {
            case ".reg": Registers(scope); break;
            case ".shared" or ".local" or ".global" or ".const": Variables(kernel.Variables, Space(directive), isExtern: false); break;
            // Parameters of calls: inner scopes repeat their names, and calls are not run.
            case ".param": while (!IsPunctuation(';')) { AdvanceNotEnd(); } Advance(); break;
            case ".loc" or ".file" or ".pragma": SkipDirective(); break;
            case ".maxntid" or ".reqntid" or ".minnctapersm" or ".maxnreg": PerformanceDirective(kernel); break;
            default: throw Wrong($"directive {directive} is not known here");
        }
    }

    private void Statement(PtxKernel kernel, PtxScope scope)
    {
        int line = _token.Line, guard = -1;
        string? guardName = null;
        bool isNegated = false;
        if (IsPunctuation('@'))
        {
            Advance();
            if (IsPunctuation('!')) { isNegated = true; Advance(); }
            if (_token.Kind != PtxTokenKind.Word) { throw Wrong($"expected a predicate, found '{Slice()}'"); }
            guardName = Slice();
            guard = Use(kernel, scope, guardName);
            if (guard < 0) { guard = -2; }
            Advance();
        }
        if (_token.Kind != PtxTokenKind.Word) { throw Wrong($"expected an instruction, found '{Slice()}'"); }
        string opcode = Slice();
        int start = _token.Start, opcodeEnd = start + _token.Length;
        Advance();
        if (guardName is null && IsPunctuation(':'))
        {
            Advance();
            if (_token.Kind == PtxTokenKind.Directive && Slice() is ".branchtargets" or ".calltargets" or ".callprototype")
            {
                TargetList(kernel, scope, opcode);
                return;
            }
            if (!scope.Labels.TryAdd(opcode, kernel.Instructions.Count)) { throw Wrong($"a second label {opcode}"); }
            return;
        }
        var operands = new List<PtxOperand>();
        bool isBranch = opcode is "bra" or "bra.uni";
        while (!IsPunctuation(';'))
        {
            if (operands.Count > 0 && IsPunctuation(',')) { Advance(); }
            operands.Add(Operand(kernel, scope, isBranch, 0));
            if (operands.Count > MaxOperands) { throw Wrong($"more than {MaxOperands} operands"); }
            if (!IsPunctuation(',') && !IsPunctuation(';')) { throw Wrong($"expected ',' or ';', found '{Slice()}'"); }
        }
        int end = _token.Start;
        Advance();
        if (kernel.Instructions.Count >= MaxInstructions) { throw Wrong($"more than {MaxInstructions} instructions"); }
        string[] parts = opcode.Split('.');
        kernel.Instructions.Add(new PtxInstruction
        {
            Line = line,
            Guard = guard,
            GuardName = guardName,
            GuardNegated = isNegated,
            Root = parts[0],
            Modifiers = parts[1..],
            Operands = [.. operands],
            Text = OneLine(_module.Text[start..Math.Min(end, opcodeEnd + 300)]),
        });
    }

    /// <summary>name: .branchtargets L0, L1;</summary>
    private void TargetList(PtxKernel kernel, PtxScope scope, string name)
    {
        bool isBranch = Slice() == ".branchtargets";
        if (isBranch && kernel.BranchTargets.ContainsKey(name)) { throw Wrong($"a second label {name}"); }
        Advance();
        var labels = new List<PtxOperand>();
        while (!IsPunctuation(';'))
        {
            if (isBranch && _token.Kind == PtxTokenKind.Word)
            {
                var label = new PtxOperand { Kind = PtxOperandKind.Label, Name = Slice() };
                labels.Add(label);
                _labelUses.Add((label, scope));
            }
            AdvanceNotEnd();
        }
        Advance();
        if (isBranch) { kernel.BranchTargets.Add(name, [.. labels]); }
    }

    private PtxOperand Operand(PtxKernel kernel, PtxScope scope, bool isLabel, int depth)
    {
        if (depth > 4) { throw Wrong("operands are nested too deep"); }
        if (IsPunctuation('['))
        {
            Advance();
            PtxOperand address = Address(kernel, scope, depth);
            Expect(']');
            return address;
        }
        if (IsPunctuation('{') || IsPunctuation('('))
        {
            char close = IsPunctuation('{') ? '}' : ')';
            Advance();
            var elements = new List<PtxOperand>();
            while (!IsPunctuation(close))
            {
                if (elements.Count > 0) { Expect(','); }
                elements.Add(Operand(kernel, scope, false, depth + 1));
                if (elements.Count > MaxOperands) { throw Wrong($"more than {MaxOperands} elements"); }
            }
            Advance();
            return new PtxOperand { Kind = close == '}' ? PtxOperandKind.Vector : PtxOperandKind.List, Elements = [.. elements] };
        }
        bool isNegated = IsPunctuation('!');
        if (isNegated) { Advance(); }
        bool isNegative = IsPunctuation('-');
        if (isNegative) { Advance(); }
        if (_token.Kind == PtxTokenKind.Number)
        {
            if (!PtxNumber.TryParse(Slice(), out ulong bits, out PtxType type)) { throw Wrong($"'{Slice()}' is no number"); }
            Advance();
            if (isNegative) { bits = type switch { PtxType.F32 => bits ^ 1UL << 31, PtxType.F64 => bits ^ 1UL << 63, _ => 0 - bits }; }
            return new PtxOperand { Kind = PtxOperandKind.Immediate, Bits = bits, ImmediateType = type };
        }
        if (isNegative || _token.Kind != PtxTokenKind.Word) { throw Wrong($"expected an operand, found '{Slice()}'"); }
        PtxOperand word = Word(kernel, scope, isLabel, isNegated);
        if (IsPunctuation('|'))
        {
            Advance();
            if (_token.Kind != PtxTokenKind.Word) { throw Wrong($"expected a predicate, found '{Slice()}'"); }
            PtxOperand second = Word(kernel, scope, false, false);
            return new PtxOperand { Kind = word.Kind, Name = word.Name, Register = word.Register, Elements = [word, second] };
        }
        if (word.Kind == PtxOperandKind.Symbol && (IsPunctuation('+') || IsPunctuation('-')))
        {
            return new PtxOperand { Kind = PtxOperandKind.Symbol, Name = word.Name, Offset = Offset() };
        }
        return word;
    }

    private PtxOperand Address(PtxKernel kernel, PtxScope scope, int depth)
    {
        if (_token.Kind == PtxTokenKind.Number || IsPunctuation('-'))
        {
            return new PtxOperand { Kind = PtxOperandKind.Address, Offset = Integer(long.MinValue, long.MaxValue) };
        }
        if (_token.Kind != PtxTokenKind.Word) { throw Wrong($"expected an address, found '{Slice()}'"); }
        PtxOperand from = Word(kernel, scope, false, false);
        long offset = IsPunctuation('+') || IsPunctuation('-') ? Offset() : 0;
        if (IsPunctuation(',')) { throw Wrong("texture and tensor addresses are not supported"); }
        return new PtxOperand { Kind = PtxOperandKind.Address, Elements = [from], Offset = offset };
    }

    /// <summary>+8, -8, and ILGPU's +-8.</summary>
    private long Offset()
    {
        bool isNegative = IsPunctuation('-');
        Advance();
        long value = Integer(-uint.MaxValue, uint.MaxValue);
        return isNegative ? -value : value;
    }

    private PtxOperand Word(PtxKernel kernel, PtxScope scope, bool isLabel, bool isNegated)
    {
        string name = Slice();
        Advance();
        if (name == "_") { return new PtxOperand { Kind = PtxOperandKind.Sink, Name = name }; }
        if (isLabel)
        {
            var label = new PtxOperand { Kind = PtxOperandKind.Label, Name = name };
            _labelUses.Add((label, scope));
            return label;
        }
        int register = Use(kernel, scope, name);
        if (register >= 0) { return new PtxOperand { Kind = PtxOperandKind.Register, Name = name, Register = register, Negated = isNegated }; }
        if (PtxSpecialRegisters.Contains(name)) { return new PtxOperand { Kind = PtxOperandKind.Special, Name = name }; }
        return new PtxOperand { Kind = name[0] == '%' ? PtxOperandKind.Register : PtxOperandKind.Symbol, Name = name, Negated = isNegated };
    }

    /// <summary>The index of a register, which gets one when it is first used; -1 when no scope declares it.</summary>
    private static int Use(PtxKernel kernel, PtxScope scope, string name)
    {
        if (scope.Find(name, out PtxType type) is not { } owner) { return -1; }
        if (owner.Used.TryGetValue(name, out int known)) { return known; }
        kernel.Registers.Add(new PtxRegister(name, type));
        return owner.Used[name] = kernel.Registers.Count - 1;
    }
}
