namespace MiniLM.Data.Pickle;

/// <summary>A pickle that has been read, and what may still be made of it.</summary>
/// <param name="name">For messages.</param>
/// <param name="length">Its bytes, uncompressed.</param>
internal sealed class PickledFile(string name, int length)
{
    /// <summary>What is said where no value of the file can be read as a table.</summary>
    internal const string Remedy = "Write it as JSON lines: frame.to_json('x.jsonl', orient='records', lines=True).";

    // A file may refer to a value many times: cells and copied characters are counted, so that a small file cannot become a large table.
    private long _left = (4L * length) + (1 << 22);

    internal string Name => name;

    /// <summary>The value at its end.</summary>
    internal object? Value { get; set; }

    /// <summary>Takes what is about to be made from what the file may still become.</summary>
    /// <exception cref="DataFormatException">More than that.</exception>
    internal void Charge(long count)
    {
        if (count < 0 || (_left -= count) < 0) { throw new DataFormatException($"{name}: becomes far more values than its {length} bytes hold. {Remedy}"); }
    }

    /// <summary>The error of a value.</summary>
    /// <param name="value">Where the file constructs it is said; of a value that is not constructed, nothing.</param>
    /// <param name="what">What is wrong, as a sentence without its subject.</param>
    internal DataFormatException Wrong(object? value, string what) => new(value is PickledObject made
        ? $"{name}: byte {made.Offset} ({made.Opcode}): {what} {Remedy}"
        : $"{name}: {what} {Remedy}");

    /// <summary>What a value is, for messages.</summary>
    internal static string Kind(object? value) => value switch
    {
        null => "None",
        bool => "a boolean",
        string => "a text",
        byte[] => "bytes",
        double => "a float",
        List<object?> => "a list",
        object?[] => "a tuple",
        PickledDictionary => "a dict",
        PickledSet => "a set",
        PickleName name => $"the name {name}",
        PickledObject made => $"made by {made.Name}",
        _ => "an integer",
    };
}
