namespace MiniLM.Data.Pickle;

/// <summary>What a pickle may name, as tags: nothing is looked up or called by these names.</summary>
internal enum PickleName
{
    DataFrame,
    Series,
    BlockManager,
    SingleBlockManager,
    Block,
    NewIndex,
    Index,
    RangeIndex,
    ArrayBacked,
    DatetimeArray,
    StringArray,
    StringDtype,
    ArrowStringArray,
    ArrowArray,
    ArrowType,
    ArrowBuffer,
    ArrowChunks,
    Reconstruct,
    NdArray,
    Dtype,
    FromBuffer,
    Scalar,
    Encode,
    Slice,
    Set,
    ByteArray,
    Object,
    Reconstructor,
}

/// <summary>The closed list of names, which versions of Python, NumPy and pandas spell differently.</summary>
internal static class PickleNames
{
    /// <summary>The tag of a name; null: it is not one that a DataFrame or an array needs.</summary>
    /// <param name="name">Module, a blank, name: the dots of an attribute's path are part of the name and match nothing.</param>
    internal static PickleName? Find(string name) => name switch
    {
        "pandas.core.frame DataFrame" or "pandas DataFrame" => PickleName.DataFrame,
        "pandas.core.series Series" or "pandas Series" => PickleName.Series,
        "pandas.core.internals.managers BlockManager" => PickleName.BlockManager,
        "pandas.core.internals.managers SingleBlockManager" => PickleName.SingleBlockManager,
        "pandas._libs.internals _unpickle_block" or "pandas.core.internals.blocks new_block" => PickleName.Block,
        "pandas.core.indexes.base _new_Index" => PickleName.NewIndex,
        "pandas.core.indexes.base Index" or "pandas Index" or "pandas.core.indexes.numeric Int64Index" => PickleName.Index,
        "pandas.core.indexes.range RangeIndex" or "pandas RangeIndex" => PickleName.RangeIndex,
        "pandas._libs.arrays __pyx_unpickle_NDArrayBacked" => PickleName.ArrayBacked,
        "pandas.core.arrays.datetimes DatetimeArray" or "pandas.arrays DatetimeArray" => PickleName.DatetimeArray,
        "pandas.core.arrays.string_ StringArray" or "pandas.core.arrays.string_ StringArrayNumpySemantics" or "pandas.arrays StringArray" =>
            PickleName.StringArray,
        "pandas.core.arrays.string_ StringDtype" or "pandas StringDtype" => PickleName.StringDtype,
        "pandas.core.arrays.string_arrow ArrowStringArray" or "pandas.arrays ArrowStringArray" => PickleName.ArrowStringArray,
        "pyarrow.lib _restore_array" => PickleName.ArrowArray,
        "pyarrow.lib type_for_alias" => PickleName.ArrowType,
        "pyarrow.lib py_buffer" => PickleName.ArrowBuffer,
        "pyarrow.lib chunked_array" => PickleName.ArrowChunks,
        "numpy.core.multiarray _reconstruct" or "numpy._core.multiarray _reconstruct" => PickleName.Reconstruct,
        "numpy ndarray" => PickleName.NdArray,
        "numpy dtype" => PickleName.Dtype,
        "numpy.core.numeric _frombuffer" or "numpy._core.numeric _frombuffer" => PickleName.FromBuffer,
        "numpy.core.multiarray scalar" or "numpy._core.multiarray scalar" => PickleName.Scalar,
        "_codecs encode" => PickleName.Encode,
        "builtins slice" or "__builtin__ slice" => PickleName.Slice,
        "builtins set" or "__builtin__ set" => PickleName.Set,
        "builtins bytearray" or "__builtin__ bytearray" => PickleName.ByteArray,
        "builtins object" or "__builtin__ object" => PickleName.Object,
        "copyreg _reconstructor" or "copy_reg _reconstructor" => PickleName.Reconstructor,
        _ => null,
    };
}
