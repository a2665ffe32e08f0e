using System.Buffers.Binary;
using System.Text;

namespace MiniLM.Data.Pickle;

/// <summary>
/// Reads a pickle, protocols 0 to 5, without running anything: its opcodes are interpreted here, and what they would call becomes a
/// <see cref="PickledObject"/>. Names are a closed list; every opcode that could reach beyond the file is refused.
/// </summary>
/// <remarks>
/// Values: null, bool, long, BigInteger, double, string, byte[], List (list), object?[] (tuple), <see cref="PickledDictionary"/>,
/// <see cref="PickledSet"/>, <see cref="PickleName"/>, <see cref="PickledObject"/>. A list or a dict may hold itself.
/// </remarks>
internal sealed class PickleReader
{
    private const int MaxMemoIndex = 10_000_000;

    private const string NotATable = "is not what a DataFrame is made of, and nothing of it is run. " + PickledFile.Remedy;

    private static readonly object?[] EmptyTuple = [];

    private readonly PickleBytes _bytes;
    private readonly PickledFile _file;
    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<int, object?> _memo = []; // by index, which need not begin at 0 nor be dense

    private PickleReader(byte[] bytes, string name) => (_bytes, _file) = (new PickleBytes(bytes, name), new PickledFile(name, bytes.Length));

    /// <summary>Reads a whole pickle.</summary>
    /// <exception cref="DataFormatException">It is damaged, or holds more than data.</exception>
    internal static PickledFile Read(byte[] bytes, string name, CancellationToken cancellation = default)
    {
        PickleReader reader = new(bytes, name);
        for (int count = 0; reader._bytes.Next() != PickleOpcode.STOP; count++)
        {
            if (count % 4096 == 0) { cancellation.ThrowIfCancellationRequested(); }
            reader.Step(reader._bytes.Opcode);
        }
        reader._file.Value = reader.Pop();
        if (reader._stack.Count + reader._marks.Count > 0) { throw reader.Wrong("values are left behind the last one. Write the file anew."); }
        if (!reader._bytes.IsEnd) { throw reader.Wrong("the file goes on after its end. Write it anew."); }
        return reader._file;
    }

    private void Step(PickleOpcode opcode)
    {
        if (!Number(opcode) && !Text(opcode) && !Collection(opcode) && !Memo(opcode) && !Construction(opcode)) { throw Wrong($"this opcode {NotATable}"); }
    }

    private bool Number(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.NONE: Push(null); break;
            case PickleOpcode.NEWTRUE: Push(true); break;
            case PickleOpcode.NEWFALSE: Push(false); break;
            case PickleOpcode.BININT: Push((long)(int)_bytes.UInt32()); break;
            case PickleOpcode.BININT1: Push((long)_bytes.Byte()); break;
            case PickleOpcode.BININT2: Push((long)_bytes.UInt16()); break;
            case PickleOpcode.INT: Push(PickleLiterals.IntegerOrBoolean(_bytes)); break;
            case PickleOpcode.LONG:
                ReadOnlySpan<byte> line = _bytes.Line();
                Push(PickleLiterals.Integer(_bytes, line.EndsWith("L"u8) ? line[..^1] : line));
                break;
            case PickleOpcode.LONG1: Push(PickleLiterals.Integer(_bytes, _bytes.Byte())); break;
            case PickleOpcode.LONG4: Push(PickleLiterals.Integer(_bytes, _bytes.UInt32())); break;
            case PickleOpcode.FLOAT: Push(PickleLiterals.Float(_bytes)); break;
            case PickleOpcode.BINFLOAT: Push(BinaryPrimitives.ReadDoubleBigEndian(_bytes.Take(8))); break;
            default: return false;
        }
        return true;
    }

    private bool Text(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.UNICODE: Push(PickleLiterals.RawUnicode(_bytes)); break;
            case PickleOpcode.SHORT_BINUNICODE: Push(_bytes.Text(_bytes.Take(_bytes.Byte()))); break;
            case PickleOpcode.BINUNICODE: Push(_bytes.Text(_bytes.Take(_bytes.UInt32()))); break;
            case PickleOpcode.BINUNICODE8: Push(_bytes.Text(_bytes.Take(_bytes.UInt64()))); break;
            case PickleOpcode.SHORT_BINBYTES: Push(_bytes.Take(_bytes.Byte()).ToArray()); break;
            case PickleOpcode.BINBYTES: Push(_bytes.Take(_bytes.UInt32()).ToArray()); break;
            case PickleOpcode.BINBYTES8 or PickleOpcode.BYTEARRAY8: Push(_bytes.Take(_bytes.UInt64()).ToArray()); break;
            default: return false;
        }
        return true;
    }

    private bool Collection(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.EMPTY_TUPLE: Push(EmptyTuple); break;
            case PickleOpcode.TUPLE1: Push(PopTuple(1)); break;
            case PickleOpcode.TUPLE2: Push(PopTuple(2)); break;
            case PickleOpcode.TUPLE3: Push(PopTuple(3)); break;
            case PickleOpcode.TUPLE: Push(PopToMark()); break;
            case PickleOpcode.EMPTY_LIST: Push(new List<object?>()); break;
            case PickleOpcode.LIST: Push(new List<object?>(PopToMark())); break;
            case PickleOpcode.APPEND: Append(PopTuple(1)); break;
            case PickleOpcode.APPENDS: Append(PopToMark()); break;
            case PickleOpcode.EMPTY_DICT: Push(new PickledDictionary()); break;
            case PickleOpcode.DICT:
                object?[] items = PopToMark();
                Push(new PickledDictionary());
                SetItems(items);
                break;
            case PickleOpcode.SETITEM: SetItems(PopTuple(2)); break;
            case PickleOpcode.SETITEMS: SetItems(PopToMark()); break;
            case PickleOpcode.EMPTY_SET: Push(new PickledSet([])); break;
            case PickleOpcode.FROZENSET: Push(new PickledSet([.. PopToMark().Select(Key)])); break;
            case PickleOpcode.ADDITEMS:
                object?[] added = PopToMark();
                (Top() as PickledSet ?? throw Wrong($"adds items to {PickledFile.Kind(Top())}, not a set. Write the file anew."))
                    .Items.AddRange(added.Select(Key));
                break;
            default: return false;
        }
        return true;
    }

    private bool Memo(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.PUT: Remember(MemoIndex()); break;
            case PickleOpcode.BINPUT: Remember(_bytes.Byte()); break;
            case PickleOpcode.LONG_BINPUT: Remember(_bytes.UInt32()); break;
            case PickleOpcode.MEMOIZE: Remember(_memo.Count); break;
            case PickleOpcode.GET: Recall(MemoIndex()); break;
            case PickleOpcode.BINGET: Recall(_bytes.Byte()); break;
            case PickleOpcode.LONG_BINGET: Recall(_bytes.UInt32()); break;
            case PickleOpcode.MARK: _marks.Add(_stack.Count); break;
            case PickleOpcode.POP when _marks.Count > 0 && _marks[^1] == _stack.Count: PopToMark(); break; // a mark is popped like a value
            case PickleOpcode.POP: Pop(); break;
            case PickleOpcode.POP_MARK: PopToMark(); break;
            case PickleOpcode.DUP: Push(Top()); break;
            default: return false;
        }
        return true;
    }

    private bool Construction(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.PROTO:
                byte protocol = _bytes.Byte();
                if (protocol > 5) { throw Wrong($"protocol {protocol}; 0 to 5 are read. Write it with pickle protocol 5 or less."); }
                break;
            case PickleOpcode.FRAME: _bytes.SkipFrameLength(); break;
            case PickleOpcode.GLOBAL:
                string module = _bytes.Text(_bytes.Line());
                Push(Name(module, _bytes.Text(_bytes.Line())));
                break;
            case PickleOpcode.STACK_GLOBAL:
                object?[] names = PopTuple(2);
                Push(names is [string inModule, string name] ? Name(inModule, name) : throw Wrong("a name that is no text. Write the file anew."));
                break;
            case PickleOpcode.REDUCE or PickleOpcode.NEWOBJ:
                object?[] call = PopTuple(2);
                Push(call is [PickleName function, object?[] arguments] ? Call(function, arguments)
                    : throw Wrong($"a call of {PickledFile.Kind(call[0])} {NotATable}"));
                break;
            case PickleOpcode.BUILD:
                object? state = Pop();
                (Top() as PickledObject ?? throw Wrong($"a state for {PickledFile.Kind(Top())} {NotATable}")).State = state;
                break;
            default: return false;
        }
        return true;
    }

    private PickleName Name(string module, string name) =>
        PickleNames.Find($"{module} {name}") ?? throw Wrong($"the name {Quoted.Text($"{module}.{name}")} {NotATable}");

    private object Call(PickleName function, object?[] arguments)
    {
        switch (function)
        {
            case PickleName.Encode:
                return arguments is [string text, "latin1"] ? Latin1(text) : throw Wrong("encodes otherwise than by latin1. Write the file anew.");
            case PickleName.ByteArray:
                return arguments switch
                {
                    [] => Array.Empty<byte>(),
                    [byte[] bytes] => bytes,
                    [string letters, "latin-1" or "latin1"] => Latin1(letters),
                    _ => throw Wrong("a bytearray of something else than bytes. Write the file anew."),
                };
            case PickleName.Set:
                return arguments is [List<object?> items] ? new PickledSet(items) : throw Wrong("a set of something else than a list. Write the file anew.");
            case PickleName.Reconstructor:
                return arguments is [PickleName made, PickleName.Object, null] ? new PickledObject(made, EmptyTuple, _bytes.Offset, _bytes.Opcode)
                    : throw Wrong("reconstructs something else than an object. Write the file anew.");
            default:
                return new PickledObject(function, arguments, _bytes.Offset, _bytes.Opcode);
        }
    }

    private byte[] Latin1(string text)
    {
        _file.Charge(text.Length);
        return !text.AsSpan().ContainsAnyExceptInRange('\0', '\u00ff') ? Encoding.Latin1.GetBytes(text)
            : throw Wrong("a character that is no byte. Write the file anew.");
    }

    private void Append(object?[] items) =>
        (Top() as List<object?> ?? throw Wrong($"appends to {PickledFile.Kind(Top())}, not a list. Write the file anew.")).AddRange(items);

    private void SetItems(object?[] items)
    {
        if (items.Length % 2 != 0) { throw Wrong("a key without a value. Write the file anew."); }
        PickledDictionary dictionary = Top() as PickledDictionary ?? throw Wrong($"sets items of {PickledFile.Kind(Top())}, not a dict. Write the file anew.");
        for (int i = 0; i < items.Length; i += 2) { dictionary.Items.Add((Key(items[i]), items[i + 1])); }
    }

    private object? Key(object? key) => key is List<object?> or PickledDictionary or PickledSet or PickledObject or PickleName
        ? throw Wrong($"{PickledFile.Kind(key)} as a key. Write the file anew.") : key;

    private long MemoIndex() => PickleLiterals.Integer(_bytes, _bytes.Line()) as long? ?? throw Wrong("a memo index without end. Write the file anew.");

    private void Remember(long index)
    {
        if (index is < 0 or > MaxMemoIndex) { throw Wrong($"the memo index {index}; 0 to {MaxMemoIndex} are read. Write the file anew."); }
        _memo[(int)index] = Top();
    }

    private void Recall(long index) => Push(index is >= 0 and <= MaxMemoIndex && _memo.TryGetValue((int)index, out object? value) ? value
        : throw Wrong($"the memo index {index} was never set. Write the file anew."));

    private void Push(object? value) => _stack.Add(value);

    private object? Top()
    {
        RequireAboveMark(1);
        return _stack[^1];
    }

    private object? Pop()
    {
        object? top = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return top;
    }

    private object?[] PopTuple(int count)
    {
        RequireAboveMark(count);
        return PopFrom(_stack.Count - count);
    }

    private object?[] PopToMark()
    {
        if (_marks.Count == 0) { throw Wrong("there is no MARK before it. Write the file anew."); }
        int mark = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        return PopFrom(mark);
    }

    private object?[] PopFrom(int index)
    {
        object?[] popped = new object?[_stack.Count - index];
        _stack.CopyTo(index, popped, 0, popped.Length);
        _stack.RemoveRange(index, popped.Length);
        return popped;
    }

    // Values below a mark belong to what the mark begins.
    private void RequireAboveMark(int count)
    {
        int mark = _marks.Count == 0 ? 0 : _marks[^1];
        if (_stack.Count - mark < count) { throw Wrong($"takes {count} value(s), and there are {_stack.Count - mark}. Write the file anew."); }
    }

    private DataFormatException Wrong(string what) => _bytes.Wrong(what);
}
