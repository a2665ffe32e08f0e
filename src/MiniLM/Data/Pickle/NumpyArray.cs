namespace MiniLM.Data.Pickle;

/// <summary>An array out of a pickle.</summary>
/// <param name="Type">Of its elements.</param>
/// <param name="Shape">Product: the number of values; of none: 1.</param>
/// <param name="IsFortran">Whether it lay in memory with its first index running fastest.</param>
/// <param name="Values">In C order: the last index runs fastest. Elements of an object array are as the pickle has them.</param>
internal sealed record NumpyArray(NumpyType Type, int[] Shape, bool IsFortran, object?[] Values)
{
    /// <summary>Whether a value is an array: the two forms that NumPy writes.</summary>
    internal static bool Is(object? value) => value is PickledObject { Name: PickleName.Reconstruct or PickleName.FromBuffer };

    /// <exception cref="DataFormatException">Not an array, or its parts contradict one another.</exception>
    internal static NumpyArray Of(PickledFile file, object? value)
    {
        (object? data, object? dtype, object? dimensions, object? order) = value switch
        {
            // version, shape, dtype, whether Fortran, data
            PickledObject { Name: PickleName.Reconstruct, State: object?[] and [_, var s, var t, var f, var d] } => (d, t, s, f),
            PickledObject { Name: PickleName.FromBuffer, Arguments: [var d, var t, var s, var o] } => (d, t, s, o),
            _ => throw file.Wrong(value, "no array where one is needed."),
        };
        bool isFortran = order switch
        {
            true or "F" => true,
            false or "C" => false,
            _ => throw file.Wrong(value, "an array's order is neither C nor F."),
        };
        NumpyType type = NumpyType.Of(file, dtype);
        int[] shape = ShapeOf(file, value, dimensions, out int count);
        file.Charge(count);
        if (type.Kind == 'O') { return new NumpyArray(type, shape, isFortran, Objects(file, value, data, count)); }
        object?[] values = Elements(file, value, type, data, count);
        return new NumpyArray(type, shape, isFortran, isFortran ? InCOrder(values, shape) : values);
    }

    private static int[] ShapeOf(PickledFile file, object? array, object? dimensions, out int count)
    {
        object?[] sizes = dimensions as object?[] ?? throw file.Wrong(array, "an array's shape is no tuple.");
        if (sizes.Length > 32) { throw file.Wrong(array, $"an array of {sizes.Length} dimensions."); }
        long product = 1;
        int[] shape = new int[sizes.Length];
        for (int i = 0; i < shape.Length; i++)
        {
            if (sizes[i] is not (long and >= 0 and <= int.MaxValue) || (product *= (long)sizes[i]!) > Array.MaxLength)
            {
                throw file.Wrong(array, "an array's shape is no list of sizes.");
            }
            shape[i] = (int)(long)sizes[i]!;
        }
        count = (int)product;
        return shape;
    }

    // In C order however the array lay in memory: NumPy lists objects by an iterator of that order.
    private static object?[] Objects(PickledFile file, object? array, object? data, int count) => data is List<object?> items && items.Count == count
        ? [.. items] : throw file.Wrong(array, $"an array of {count} objects holds {(data is List<object?> list ? list.Count : PickledFile.Kind(data))}.");

    private static object?[] Elements(PickledFile file, object? array, NumpyType type, object? data, int count)
    {
        if (data is not byte[] bytes || bytes.Length != (long)count * type.Size)
        {
            throw file.Wrong(array, $"an array of {count} x {type.Size} bytes holds {(data is byte[] other ? other.Length : PickledFile.Kind(data))}.");
        }
        object?[] values = new object?[count];
        for (int i = 0; i < count; i++) { values[i] = type.Decode(bytes.AsSpan(i * type.Size, type.Size)); }
        return values;
    }

    private static object?[] InCOrder(object?[] values, int[] shape)
    {
        object?[] ordered = new object?[values.Length];
        int[] index = new int[shape.Length];
        for (int at = 0; at < ordered.Length; at++)
        {
            int from = 0;
            for (int axis = shape.Length - 1; axis >= 0; axis--) { from = (from * shape[axis]) + index[axis]; }
            ordered[at] = values[from];
            for (int axis = shape.Length - 1; axis >= 0 && ++index[axis] == shape[axis]; axis--) { index[axis] = 0; }
        }
        return ordered;
    }
}
