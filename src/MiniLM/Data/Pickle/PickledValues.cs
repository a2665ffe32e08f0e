namespace MiniLM.Data.Pickle;

/// <summary>The record of a construction: what Python would call with what, and the state that BUILD gives it. Nothing is called.</summary>
/// <param name="name">What would be called.</param>
/// <param name="arguments">With what.</param>
/// <param name="offset">Where the file asks for it.</param>
/// <param name="opcode">How.</param>
internal sealed class PickledObject(PickleName name, object?[] arguments, int offset, PickleOpcode opcode)
{
    internal PickleName Name => name;

    internal object?[] Arguments => arguments;

    internal int Offset => offset;

    internal PickleOpcode Opcode => opcode;

    internal object? State { get; set; }
}

/// <summary>A dict: its items in the order of the file.</summary>
/// <remarks>No hash table: keys come from the file, and could be chosen to collide. The dicts that are looked into have a few items.</remarks>
internal sealed class PickledDictionary
{
    internal List<(object? Key, object? Value)> Items { get; } = [];

    /// <summary>The value of a text; the last one where it is set twice, null where it is not.</summary>
    internal object? this[string key] => Items.FindLast(item => item.Key is string text && text == key).Value;
}

/// <summary>A set or frozenset: its items in the order of the file.</summary>
internal sealed record PickledSet(List<object?> Items);
