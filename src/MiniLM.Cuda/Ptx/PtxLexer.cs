namespace MiniLM.Cuda.Ptx;

internal enum PtxTokenKind { Word, Directive, Number, Text, Punctuation, End }

/// <summary>One token: a slice of the text.</summary>
internal readonly record struct PtxToken(PtxTokenKind Kind, int Start, int Length, int Line);

/// <summary>Words of a PTX text. An opcode with its modifiers ("ld.global.v4.f32",
/// "cp.async.cg.shared.global.L2::128B") is one word, and so is "%tid.x".</summary>
internal struct PtxLexer(string file, string text)
{
    private int _at;
    private int _line = 1;

    internal PtxToken Next()
    {
        SkipBlanks();
        int start = _at;
        if (_at >= text.Length) { return new PtxToken(PtxTokenKind.End, start, 0, _line); }
        char c = text[_at];
        if (c == '"') { return Quoted(); }
        if (char.IsAsciiDigit(c)) { return Number(); }
        if (c == '.' && _at + 1 < text.Length && IsWord(text[_at + 1])) { Directive(); return new PtxToken(PtxTokenKind.Directive, start, _at - start, _line); }
        if (IsWord(c)) { Word(); return new PtxToken(PtxTokenKind.Word, start, _at - start, _line); }
        _at++;
        return new PtxToken(PtxTokenKind.Punctuation, start, 1, _line);
    }

    private void SkipBlanks()
    {
        while (_at < text.Length)
        {
            char c = text[_at];
            if (c == '\n') { _line++; _at++; }
            else if (c is ' ' or '\t' or '\r' or '\f' or '\v' or '\0' or '\uFEFF') { _at++; }
            else if (c == '/' && _at + 1 < text.Length && text[_at + 1] == '/') { while (_at < text.Length && text[_at] != '\n') { _at++; } }
            else if (c == '/' && _at + 1 < text.Length && text[_at + 1] == '*')
            {
                int begun = _line;
                for (_at += 2; ; _at++)
                {
                    if (_at + 1 >= text.Length) { throw new PtxException(file, begun, "a comment is not closed"); }
                    if (text[_at] == '\n') { _line++; }
                    if (text[_at] == '*' && text[_at + 1] == '/') { _at += 2; break; }
                }
            }
            // A preprocessor line (# 1 "file") that somebody's compiler left behind.
            else if (c == '#') { while (_at < text.Length && text[_at] != '\n') { _at++; } }
            else { return; }
        }
    }

    private PtxToken Quoted()
    {
        int start = _at++;
        while (_at < text.Length && text[_at] != '"')
        {
            if (text[_at] == '\n') { throw new PtxException(file, _line, "a string is not closed"); }
            _at += text[_at] == '\\' && _at + 1 < text.Length ? 2 : 1;
        }
        if (_at >= text.Length) { throw new PtxException(file, _line, "a string is not closed"); }
        _at++;
        return new PtxToken(PtxTokenKind.Text, start, _at - start, _line);
    }

    private PtxToken Number()
    {
        int start = _at;
        bool isHex = text[_at] == '0' && _at + 1 < text.Length && text[_at + 1] is 'x' or 'X' or 'f' or 'F' or 'd' or 'D';
        while (_at < text.Length)
        {
            char c = text[_at];
            bool isExponentSign = !isHex && c is '+' or '-' && text[_at - 1] is 'e' or 'E' && _at > start;
            if (!char.IsAsciiLetterOrDigit(c) && !(c == '.' && !isHex) && !(isExponentSign && !isHex)) { break; }
            _at++;
        }
        return new PtxToken(PtxTokenKind.Number, start, _at - start, _line);
    }

    private void Directive()
    {
        _at++;
        while (_at < text.Length && (IsWord(text[_at]) || char.IsAsciiDigit(text[_at]))) { _at++; }
    }

    private void Word()
    {
        _at++;
        while (_at < text.Length)
        {
            char c = text[_at];
            if (IsWord(c) || char.IsAsciiDigit(c)) { _at++; }
            else if (c == '.' && _at + 1 < text.Length && (IsWord(text[_at + 1]) || char.IsAsciiDigit(text[_at + 1]))) { _at += 2; }
            else if (c == ':' && _at + 2 < text.Length && text[_at + 1] == ':' && (IsWord(text[_at + 2]) || char.IsAsciiDigit(text[_at + 2]))) { _at += 3; }
            else { return; }
        }
    }

    private static bool IsWord(char c) => char.IsAsciiLetter(c) || c is '_' or '$' or '%';
}
