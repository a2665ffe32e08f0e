using System.Globalization;

namespace MiniLM.Cuda.Ptx;

/// <summary>PTX text to <see cref="PtxModule"/>. Knows the grammar, not the instructions: any opcode with any operands is read.</summary>
/// <remarks>Sizes and depths are limited, so a text made to hurt ends in a <see cref="PtxException"/> like any other wrong text.</remarks>
internal sealed partial class PtxParser
{
    private const int MaxTextLength = 64 << 20, MaxDepth = 64, MaxRegisters = 1 << 20, MaxInstructions = 1 << 20, MaxOperands = 64;
    private const long MaxVariableBytes = 1L << 31;

    /// <summary>Driver limit: 4 KB of parameters, 32 KB from .version 8.1 on.</summary>
    private const int MaxParameterBytes = 32764;

    private readonly PtxModule _module;
    private PtxLexer _lexer;
    private PtxToken _token;

    private PtxParser(string file, string text)
    {
        _module = new PtxModule(file, text);
        _lexer = new PtxLexer(file, text);
    }

    /// <summary>Reads a text.</summary>
    /// <param name="file">Its name, for messages.</param>
    /// <param name="text">The text.</param>
    /// <exception cref="PtxException">It breaks the grammar.</exception>
    internal static PtxModule Parse(string file, string text)
    {
        if (text.Length > MaxTextLength) { throw new PtxException(file, 1, $"the text has {text.Length} characters; at most {MaxTextLength} are read"); }
        var parser = new PtxParser(file, text);
        parser.Module();
        return parser._module;
    }

    private void Module()
    {
        Advance();
        while (_token.Kind != PtxTokenKind.End)
        {
            if (IsPunctuation(';')) { Advance(); continue; }
            if (_token.Kind != PtxTokenKind.Directive) { throw Wrong($"expected a directive, found '{Slice()}'"); }
            switch (Slice())
            {
                case ".version": Version(); break;
                case ".target": Target(); break;
                case ".address_size": Advance(); _module.AddressSize = (int)Integer(32, 64); break;
                case ".file" or ".loc" or ".pragma": SkipDirective(); break;
                case ".section": SkipSection(); break;
                case ".alias": SkipDirective(); break;
                default: Declaration(); break;
            }
        }
        if (_module.Version == 0) { throw Wrong(".version is missing"); }
        if (_module.Target == 0) { throw Wrong(".target is missing"); }
    }

    private void Version()
    {
        Advance();
        string text = Slice();
        string[] parts = text.Split('.');
        if (_token.Kind != PtxTokenKind.Number || parts.Length != 2 || !TryNumber(parts[0], 99, out int major) || !TryNumber(parts[1], 9, out int minor))
        {
            throw Wrong($".version needs two numbers like 7.0, found '{text}'");
        }
        _module.Version = major * 10 + minor;
        Advance();
    }

    private void Target()
    {
        _module.TargetLine = _token.Line;
        do
        {
            Advance();
            string name = Slice();
            if (_token.Kind != PtxTokenKind.Word) { throw Wrong($".target needs a name like sm_80, found '{name}'"); }
            if (name.StartsWith("sm_", StringComparison.Ordinal))
            {
                int end = 3;
                while (end < name.Length && char.IsAsciiDigit(name[end])) { end++; }
                if (!TryNumber(name[3..end], 999, out int target)) { throw Wrong($".target {name} is not known"); }
                (_module.Target, _module.TargetSuffix) = (target, name[end..]);
            }
            Advance();
        } while (IsPunctuation(','));
        if (_module.Target == 0) { throw Wrong(".target names no sm_NN"); }
    }

    /// <summary>A variable, an entry or a function, after its linking directives.</summary>
    private void Declaration()
    {
        bool isExtern = false;
        while (_token.Kind == PtxTokenKind.Directive)
        {
            string directive = Slice();
            switch (directive)
            {
                case ".extern": isExtern = true; Advance(); break;
                case ".visible" or ".weak" or ".common": Advance(); break;
                case ".entry": Function(isEntry: true); return;
                case ".func": Function(isEntry: false); return;
                case ".global" or ".const" or ".shared" or ".local": Variables(_module.Variables, Space(directive), isExtern); return;
                default: throw Wrong($"directive {directive} is not known here");
            }
        }
        throw Wrong($"expected .entry, .func or a variable, found '{Slice()}'");
    }

    private void Function(bool isEntry)
    {
        Advance();
        if (!isEntry && IsPunctuation('(')) { SkipParentheses(); }
        if (_token.Kind != PtxTokenKind.Word) { throw Wrong($"expected the name of a kernel, found '{Slice()}'"); }
        string name = Slice();
        var kernel = new PtxKernel(name, _token.Line);
        if (isEntry && _module.Kernels.Exists(other => other.Name == name)) { throw Wrong($"a second .entry {name}"); }
        Advance();
        if (IsPunctuation('('))
        {
            if (isEntry) { Parameters(kernel); } else { SkipParentheses(); }
        }
        while (_token.Kind == PtxTokenKind.Directive) { PerformanceDirective(kernel); }
        if (IsPunctuation(';')) { Advance(); return; }
        Body(kernel);
        (isEntry ? _module.Kernels : _module.Functions).Add(kernel);
    }

    private void PerformanceDirective(PtxKernel kernel)
    {
        string directive = Slice();
        int line = _token.Line;
        Advance();
        if (directive is ".pragma") { while (!IsPunctuation(';')) { AdvanceNotEnd(); } Advance(); return; }
        var values = new List<long>();
        while (_token.Kind is PtxTokenKind.Number)
        {
            values.Add(Integer(0, int.MaxValue));
            if (values.Count > 3) { throw Wrong($"{directive} has more than three numbers"); }
            if (!IsPunctuation(',')) { break; }
            Advance();
        }
        switch (directive)
        {
            case ".maxntid": kernel.MaxThreads = Product(directive, values, line); break;
            case ".reqntid": kernel.RequiredThreads = Product(directive, values, line); break;
            case ".minnctapersm": kernel.MinBlocks = Product(directive, values, line); break;
            case ".maxnreg" or ".maxnctapersm" or ".noreturn" or ".abi_preserve" or ".abi_preserve_control" or ".maxclusterrank": break;
            default: throw new PtxException(_module.File, line, $"directive {directive} is not known here");
        }
    }

    private int Product(string directive, List<long> values, int line)
    {
        long product = 1;
        foreach (long value in values) { product = Math.Min(product * value, int.MaxValue); }
        return values.Count == 0 || product is 0 or int.MaxValue
            ? throw new PtxException(_module.File, line, $"{directive} needs numbers from 1")
            : (int)product;
    }

    // ---- tokens

    private string Slice() => _token.Kind == PtxTokenKind.End ? "the end of the text" : _module.Text.Substring(_token.Start, Math.Min(_token.Length, 200));

    private void Advance() => _token = _lexer.Next();

    private void AdvanceNotEnd()
    {
        if (_token.Kind == PtxTokenKind.End) { throw Wrong("the text ends in the middle"); }
        Advance();
    }

    private bool IsPunctuation(char c) => _token.Kind == PtxTokenKind.Punctuation && _module.Text[_token.Start] == c;

    private bool IsWord(string word) => _token.Kind == PtxTokenKind.Word && _module.Text.AsSpan(_token.Start, _token.Length).SequenceEqual(word);

    private void Expect(char c)
    {
        if (!IsPunctuation(c)) { throw Wrong($"expected '{c}', found '{Slice()}'"); }
        Advance();
    }

    private PtxException Wrong(string what) => new(_module.File, _token.Line, OneLine(what));

    private static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static bool TryNumber(string text, int most, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= most;

    private long Integer(long least, long most)
    {
        bool isNegative = IsPunctuation('-');
        if (isNegative) { Advance(); }
        if (_token.Kind != PtxTokenKind.Number || !PtxNumber.TryParse(Slice(), out ulong bits, out PtxType type) || type != PtxType.S64)
        {
            throw Wrong($"expected a number, found '{Slice()}'");
        }
        long value = isNegative ? -(long)bits : (long)bits;
        if (value < least || value > most) { throw Wrong($"{value} is not in {least}..{most}"); }
        Advance();
        return value;
    }

    /// <summary>.loc and .file end with their line, .pragma with a semicolon.</summary>
    private void SkipDirective()
    {
        if (Slice() is ".pragma" or ".alias")
        {
            while (!IsPunctuation(';')) { AdvanceNotEnd(); }
            Advance();
            return;
        }
        int line = _token.Line;
        while (_token.Kind != PtxTokenKind.End && _token.Line == line) { Advance(); }
    }

    /// <summary>Debug sections: .section name { ... }.</summary>
    private void SkipSection()
    {
        while (!IsPunctuation('{')) { AdvanceNotEnd(); }
        while (!IsPunctuation('}')) { AdvanceNotEnd(); }
        Advance();
    }

    private void SkipParentheses()
    {
        while (!IsPunctuation(')')) { AdvanceNotEnd(); }
        Advance();
    }
}
