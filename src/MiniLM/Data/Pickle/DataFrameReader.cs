using System.Numerics;

namespace MiniLM.Data.Pickle;

/// <summary>A DataFrame or a Series out of the constructions of its pickle: blocks of values, and the index of each axis (pandas 1 to 3).</summary>
internal sealed class DataFrameReader
{
    /// <summary>Deepest nesting of lists in a cell.</summary>
    private const int MaxDepth = 200;

    private readonly PickledFile _file;

    private DataFrameReader(PickledFile file) => _file = file;

    /// <exception cref="DataFormatException">The value is no such thing, or its parts contradict one another.</exception>
    internal static DataFrame Read(PickledFile file) => new DataFrameReader(file).Frame(file.Value);

    private DataFrame Frame(object? value)
    {
        if (value is not PickledObject { Name: PickleName.DataFrame or PickleName.Series } frame)
        {
            throw _file.Wrong(value, $"the file holds {PickledFile.Kind(value)}, not a DataFrame.");
        }
        PickledDictionary state = frame.State as PickledDictionary ?? throw _file.Wrong(frame, "a DataFrame without a state.");
        (object?[] blocks, List<object?> axes) = Manager(state["_mgr"]);
        return axes.Count switch
        {
            1 when frame.Name == PickleName.Series => Series(state["_name"] ?? state["name"], blocks, axes[0]),
            2 when frame.Name == PickleName.DataFrame => Table(blocks, axes[0], axes[1]),
            _ => throw _file.Wrong(frame, $"{axes.Count} axes."),
        };
    }

    // As arguments, or in the part of the state that all versions since pandas 0.14.1 understand.
    private (object?[] Blocks, List<object?> Axes) Manager(object? value)
    {
        if (value is not PickledObject { Name: PickleName.BlockManager or PickleName.SingleBlockManager } manager)
        {
            throw _file.Wrong(value, "no block manager, which holds the values of a DataFrame.");
        }
        if (manager.Arguments is [var blocks, List<object?> axes])
        {
            return (blocks as object?[] ?? (blocks as List<object?>)?.ToArray() ?? throw _file.Wrong(manager, "no blocks."), axes);
        }
        if (manager.State is object?[] and [_, _, _, PickledDictionary versions] && versions["0.14.1"] is PickledDictionary state
            && state["axes"] is List<object?> stated && state["blocks"] is List<object?> parts)
        {
            return ([.. parts.Select(part => Block(manager, part))], stated);
        }
        throw _file.Wrong(manager, "a block manager without blocks.");
    }

    private PickledObject Block(PickledObject manager, object? part) => part is PickledDictionary block
        ? new PickledObject(PickleName.Block, [block["values"], block["mgr_locs"], null], manager.Offset, manager.Opcode)
        : throw _file.Wrong(manager, "a block that is no dict.");

    // The placement of a Series' only block says nothing.
    private DataFrame Series(object? name, object?[] blocks, object? axis)
    {
        if (blocks is not [PickledObject { Name: PickleName.Block, Arguments: [var values, _, _] } block])
        {
            throw _file.Wrong(_file.Value, $"a Series of {blocks.Length} blocks.");
        }
        (object? indexName, object?[] index) = Index(axis);
        object?[] cells = Values(values, out int[] shape);
        return shape is [int length] && length == index.Length ? new DataFrame(_file.Name, [name], indexName, index, [cells])
            : throw _file.Wrong(block, $"a Series of {index.Length} rows has values of shape {Shape(shape)}.");
    }

    private DataFrame Table(object?[] blocks, object? columnAxis, object? rowAxis)
    {
        (_, object?[] columns) = Index(columnAxis);
        (object? indexName, object?[] index) = Index(rowAxis);
        object?[]?[] cells = new object?[columns.Length][];
        foreach (object? part in blocks)
        {
            if (part is not PickledObject { Name: PickleName.Block, Arguments: [var values, var placement, _] } block)
            {
                throw _file.Wrong(part, "no block where one is needed.");
            }
            Place(block, Values(values, out int[] shape), shape, Placement(placement), index.Length, cells);
        }
        int missing = Array.IndexOf(cells, null);
        return missing < 0 ? new DataFrame(_file.Name, columns, indexName, index, cells!)
            : throw _file.Wrong(_file.Value, $"column {missing} (from 0) has no values.");
    }

    private void Place(PickledObject block, object?[] values, int[] shape, object?[] columns, int rows, object?[]?[] cells)
    {
        // An extension array is one column, without an axis for it.
        if (shape is [int length] ? columns.Length != 1 || length != rows : shape is not [int width, int height] || width != columns.Length || height != rows)
        {
            throw _file.Wrong(block, $"a block for {columns.Length} columns and {rows} rows has values of shape {Shape(shape)}.");
        }
        for (int i = 0; i < columns.Length; i++)
        {
            if (columns[i] is not long column || column < 0 || column >= cells.Length || cells[column] is not null)
            {
                throw _file.Wrong(block, $"a block whose values are not each for one of the {cells.Length} columns.");
            }
            cells[column] = values[(i * rows)..((i + 1) * rows)];
        }
    }

    private object?[] Placement(object? placement) => placement is PickledObject { Name: PickleName.Slice, Arguments: [var start, var stop, var step] } slice
        ? Range(slice, start, stop, step ?? 1L) : NumpyArray.Of(_file, placement).Values;

    private object?[] Range(PickledObject at, object? first, object? end, object? by)
    {
        if (first is not long start || end is not long stop || by is not (long and not 0)) { throw _file.Wrong(at, "a range that is no three integers."); }
        long step = (long)by;
        Int128 count = Int128.Max(0, ((Int128)stop - start + step - Math.Sign(step)) / step);
        _file.Charge(count > Array.MaxLength ? long.MaxValue : (long)count);
        object?[] values = new object?[(int)count];
        for (int i = 0; i < values.Length; i++) { values[i] = start + (i * step); }
        return values;
    }

    private (object? Name, object?[] Labels) Index(object? axis)
    {
        if (axis is not PickledObject { Name: PickleName.NewIndex, Arguments: [PickleName kind, PickledDictionary state] } index)
        {
            throw _file.Wrong(axis, "no index where one is needed.");
        }
        switch (kind)
        {
            case PickleName.RangeIndex:
                return (state["name"], Range(index, state["start"], state["stop"], state["step"]));
            case PickleName.Index:
                return (state["name"], Values(state["data"], out _));
            default:
                throw _file.Wrong(index, $"an index of kind {kind} is not read: frame.reset_index() first.");
        }
    }

    // A NumPy array, or one of the arrays of pandas that wrap one.
    private object?[] Values(object? value, out int[] shape)
    {
        if (value is PickledObject { Name: PickleName.ArrowStringArray, State: PickledDictionary arrow })
        {
            object?[] texts = ArrowStrings.Of(_file, arrow["_pa_array"]);
            shape = [texts.Length];
            return texts;
        }
        if (value is PickledObject { Name: PickleName.ArrayBacked } wrapped)
        {
            object?[] parts = wrapped.State switch
            {
                object?[] state => state,
                PickledDictionary state => [.. state.Items.Select(item => item.Value)],
                _ => wrapped.Arguments,
            };
            value = parts.FirstOrDefault(NumpyArray.Is) ?? throw _file.Wrong(wrapped, "an array of pandas without one of NumPy.");
        }
        NumpyArray array = NumpyArray.Of(_file, value);
        shape = array.Shape;
        return array.Type.Kind == 'O' ? [.. array.Values.Select(cell => Cell(cell, 0))] : array.Values;
    }

    private object? Cell(object? value, int depth)
    {
        if (depth > MaxDepth) { throw _file.Wrong(null, $"a cell holds lists nested more than {MaxDepth} deep."); }
        switch (value)
        {
            case null or string or bool or long or double or byte[] or BigInteger: return value;
            case List<object?> list: return Cells(list, depth);
            case object?[] tuple: return Cells(tuple, depth);
            case PickledObject { Name: PickleName.Scalar, Arguments: [var dtype, byte[] bytes] } scalar:
                NumpyType type = NumpyType.Of(_file, dtype);
                return type.Kind != 'O' && type.Size == bytes.Length ? type.Decode(bytes)
                    : throw _file.Wrong(scalar, "a number whose bytes are not of its dtype.");
            case PickledObject when NumpyArray.Is(value): return Cells(NumpyArray.Of(_file, value).Values, depth);
            default: throw _file.Wrong(value, $"{PickledFile.Kind(value)} in a cell.");
        }
    }

    private object?[] Cells(IReadOnlyList<object?> values, int depth)
    {
        _file.Charge(values.Count);
        object?[] cells = new object?[values.Count];
        for (int i = 0; i < cells.Length; i++) { cells[i] = Cell(values[i], depth + 1); }
        return cells;
    }

    private static string Shape(int[] shape) => Quoted.Shape([.. shape.Select(size => (long)size)]);
}
