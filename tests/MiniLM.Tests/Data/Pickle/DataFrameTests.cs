using System.Globalization;
using System.Text;
using MiniLM.Data;
using MiniLM.Data.Pickle;

namespace MiniLM.Tests.Data.Pickle;

/// <summary>Frames whose opcodes are written by hand, in protocol 0 with bytes of protocol 3.</summary>
public class DataFrameTests
{
    private static string Dtype(string code, string order = "<") =>
        $"cnumpy\ndtype\n(V{code}\nI00\nI01\ntR(I3\nV{order}\nNNNI-1\nI-1\nI0\ntb";

    private static string Time(string unit, int count = 1) => $"cnumpy\ndtype\n(VM8\nI00\nI01\ntR(I4\nV<\nNNNI-1\nI-1\nI0\n(}}(V{unit}\nI{count}\nI1\nI1\ntttb";

    private static string Bytes(params byte[] data) => $"B{(char)data.Length}\0\0\0{Encoding.Latin1.GetString(data)}";

    private static string Array(string dtype, string data, bool isFortran, params int[] shape) =>
        $"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\nt{Bytes((byte)'b')}tR"
            + $"(I1\n({Numbers(shape)}t{dtype}I0{(isFortran ? 1 : 0)}\n{data}tb";

    private static string Numbers(params int[] numbers) => string.Concat(numbers.Select(number => string.Create(CultureInfo.InvariantCulture, $"I{number}\n")));

    private static string Texts(params string[] texts) => $"](" + string.Concat(texts.Select(text => $"V{text}\n")) + "e";

    private static string Objects(params string[] texts) => Array(Dtype("O8", "|"), Texts(texts), false, texts.Length);

    private static string Labels(params string[] labels) =>
        $"cpandas.core.indexes.base\n_new_Index\n(cpandas\nIndex\n}}Vdata\n{Objects(labels)}sVname\nVid\nstR";

    private static string Range(int start, int stop, int step) =>
        $"cpandas.core.indexes.base\n_new_Index\n(cpandas\nRangeIndex\n}}Vname\nNsVstart\nI{start}\nsVstop\nI{stop}\nsVstep\nI{step}\nstR";

    private static string Slice(string start, string stop, string step) => $"cbuiltins\nslice\n({start}{stop}{step}tR";

    private static string Block(string values, string placement) => $"cpandas._libs.internals\n_unpickle_block\n({values}{placement}I2\ntR";

    private static string Frame(string columns, string rows, params string[] blocks) =>
        "ccopy_reg\n_reconstructor\n(cpandas\nDataFrame\nc__builtin__\nobject\nNtR}V_mgr\n"
        + $"cpandas.core.internals.managers\nBlockManager\n(({string.Concat(blocks)}t]({columns}{rows}etRsb.";

    // A frame of one column.
    private static string Column(string values, int rows) => Frame(Labels("a"), Range(0, rows, 1), Block(values, Slice("I0\n", "I1\n", "I1\n")));

    private static DataFrame Read(string opcodes) => DataFrameReader.Read(PickleReader.Read(Encoding.Latin1.GetBytes(opcodes), "x.pkl"));

    private static void AssertRefused(string message, string opcodes)
    {
        string seen = Assert.Throws<DataFormatException>(() => Read(opcodes)).Message;
        Assert.StartsWith("x.pkl: ", seen);
        Assert.Contains(message, seen);
    }

    [Fact]
    public void Read_PlacesBlocksInTheirColumns()
    {
        DataFrame frame = Read(Frame(Labels("a", "b", "c", "d"), Range(7, 1, -3),
            Block(Array(Dtype("i1"), Bytes(1, 2, 3, 0xff), false, 2, 2), Slice("I0\n", "I4\n", "I2\n")),
            Block(Array(Dtype("u1"), Bytes(5, 6, 7, 0xff), true, 2, 2), Array(Dtype("i1"), Bytes(3, 1), false, 2))));
        Assert.Equal(["a", "b", "c", "d"], frame.Columns);
        Assert.Equal([7L, 4L], frame.Index);
        Assert.Equal([[1L, 2L], [6L, 255L], [3L, -1L], [5L, 7L]], frame.Cells); // the second block lies column by column
        Assert.Null(frame.IndexName);
        Assert.Equal([3L, -1L], frame.Find("c"));
        Assert.Null(frame.Find("e"));
    }

    [Fact]
    public void Read_FindsTheIndexByItsName()
    {
        DataFrame frame = Read(Frame(Labels("a"), Labels("x", "y"), Block(Array(Dtype("O8", "|"), Texts("1", "2"), true, 1, 2), Slice("I0\n", "I1\n", "N"))));
        Assert.Equal(["x", "y"], frame.Find("id"));
        Assert.Equal(["1", "2"], frame.Find("a"));
    }

    [Fact]
    public void Objects_AreListedInCOrderWhateverTheirOrderInMemory()
    {
        string objects = Array(Dtype("O8", "|"), Texts("a", "b", "c", "d", "e", "f"), true, 2, 3);
        DataFrame frame = Read(Frame(Labels("p", "q"), Range(0, 3, 1), Block(objects, Slice("I0\n", "I2\n", "I1\n"))));
        Assert.Equal([["a", "b", "c"], ["d", "e", "f"]], frame.Cells);
    }

    public static TheoryData<string, byte[], object?> Elements() => new()
    {
        { Dtype("b1", "|"), [2], true },
        { Dtype("?", "|"), [0], false },
        { Dtype("i2"), [0xfe, 0xff], -2L },
        { Dtype("i2", ">"), [0xff, 0xfe], -2L },
        { Dtype("u2", ">"), [0xff, 0xfe], 0xfffeL },
        { Dtype("i4", "="), [1, 0, 0, 0x80], 1L + int.MinValue },
        { Dtype("u4"), [0xff, 0xff, 0xff, 0xff], (long)uint.MaxValue },
        { Dtype("i8"), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -1L },
        { Dtype("u8"), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], long.MaxValue },
        { Dtype("u8"), [0, 0, 0, 0, 0, 0, 0, 0x80], 1UL << 63 },
        { Dtype("f2"), [0, 0x3c], 1.0 },
        { Dtype("f2", ">"), [0x3c, 0], 1.0 },
        { Dtype("f4"), [0, 0, 0, 0xbf], -0.5 },
        { Dtype("f4", ">"), [0xbf, 0, 0, 0], -0.5 },
        { Dtype("f8"), [0, 0, 0, 0, 0, 0, 0xf8, 0x7f], double.NaN },
        { Dtype("f8", ">"), [0x3f, 0xf0, 0, 0, 0, 0, 0, 0], 1.0 },
        { Dtype("U2"), [0x42, 0xf6, 1, 0, 0, 0, 0, 0], "\U0001F642" },
        { Dtype("U2", ">"), [0, 0, 0, 0x61, 0, 0, 0, 0x62], "ab" },
        { Dtype("U1"), [0, 0xd8, 0, 0], "\ufffd" },
        { Time("ns"), [1, 0, 0, 0, 0, 0, 0, 0], new Timestamp(1) },
        { Time("us"), [2, 0, 0, 0, 0, 0, 0, 0], new Timestamp(2_000) },
        { Time("ms"), [2, 0, 0, 0, 0, 0, 0, 0], new Timestamp(2_000_000) },
        { Time("s"), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], new Timestamp((Int128)long.MaxValue * 1_000_000_000) },
        { Time("s"), [0, 0, 0, 0, 0, 0, 0, 0x80], null },
    };

    [Theory, MemberData(nameof(Elements))]
    public void Elements_AreDecoded(string dtype, byte[] bytes, object? expected) =>
        Assert.Equal([expected], Assert.Single(Read(Column(Array(dtype, Bytes(bytes), false, 1, 1), 1)).Cells));

    [Theory]
    [InlineData("'V8<' is not read", "V8")]
    [InlineData("'i3<' is not read", "i3")]
    [InlineData("'i16<' is not read", "i16")]
    [InlineData("'f16<' is not read", "f16")]
    [InlineData("'c8<' is not read", "c8")]
    [InlineData("'b2<' is not read", "b2")]
    [InlineData("'U0<' is not read", "U0")]
    [InlineData("'U268435456<' is not read", "U268435456")]
    [InlineData("'O4<' is not read", "O4")]
    [InlineData("'m8<' is not read", "m8")]
    [InlineData("'i<' is not read", "i")]
    [InlineData("'i8x' is not read", "i8", "x")]
    public void Dtypes_ThatAreNotReadAreRefused(string message, string code, string order = "<") =>
        AssertRefused(message, Column(Array(Dtype(code, order), Bytes(0), false, 1, 1), 1));

    [Theory]
    [InlineData("a time in 'D'; ns, us, ms and s", "D", 1)]
    [InlineData("a time without a unit", "ns", 2)]
    public void Times_OfOtherUnitsAreRefused(string message, string unit, int count) =>
        AssertRefused(message, Column(Array(Time(unit, count), Bytes(0, 0, 0, 0, 0, 0, 0, 0), false, 1, 1), 1));

    [Fact]
    public void Arrays_WhosePartsContradictAreRefused()
    {
        AssertRefused("an array of 2 x 1 bytes holds 3", Column(Array(Dtype("i1"), Bytes(1, 2, 3), false, 1, 2), 2));
        AssertRefused("an array of 2 objects holds 1", Column(Array(Dtype("O8"), Texts("a"), false, 1, 2), 2));
        AssertRefused("an array of 1 objects holds bytes", Column(Array(Dtype("O8"), Bytes(1), false, 1, 1), 1));
        AssertRefused("an array's shape is no list of sizes", Column(Array(Dtype("i1"), Bytes(1), false, -1, -1), 1));
        AssertRefused("an array's shape is no list of sizes", Column(Array(Dtype("i1"), Bytes(1), false, 65536, 65536), 1));
        AssertRefused("an array of 33 dimensions", Column(Array(Dtype("i1"), Bytes(1), false, [.. Enumerable.Repeat(1, 33)]), 1));
        AssertRefused("becomes far more values than its", Column(Array(Dtype("O8"), Texts("a"), false, 1, 1 << 30), 1));
        AssertRefused("no array where one is needed", Column("N", 1));
        AssertRefused("no array where one is needed", Column("cpandas\nIndex\n)R", 1));
    }

    [Fact]
    public void Blocks_ThatDoNotFitAreRefused()
    {
        string one = Array(Dtype("i1"), Bytes(1), false, 1, 1);
        AssertRefused("a block for 1 columns and 2 rows has values of shape [1, 1]", Column(one, 2));
        AssertRefused("a block for 2 columns and 1 rows has values of shape [1, 1]",
            Frame(Labels("a", "b"), Range(0, 1, 1), Block(one, Slice("I0\n", "I2\n", "I1\n"))));
        AssertRefused("a block for 2 columns and 1 rows has values of shape [1]",
            Frame(Labels("a", "b"), Range(0, 1, 1), Block(Array(Dtype("i1"), Bytes(1), false, 1), Slice("I0\n", "I2\n", "I1\n"))));
        AssertRefused("column 1 (from 0) has no values", Frame(Labels("a", "b"), Range(0, 1, 1), Block(one, Slice("I0\n", "I1\n", "I1\n"))));
        string first = Block(one, Slice("I0\n", "I1\n", "I1\n"));
        AssertRefused("not each for one of the 2 columns", Frame(Labels("a", "b"), Range(0, 1, 1), first, first));
        AssertRefused("not each for one of the 1 columns", Frame(Labels("a"), Range(0, 1, 1), Block(one, Slice("I1\n", "I2\n", "I1\n"))));
        AssertRefused("not each for one of the 1 columns", Frame(Labels("a"), Range(0, 1, 1), Block(one, Slice("I-1\n", "I0\n", "I1\n"))));
        AssertRefused("a range that is no three integers", Frame(Labels("a"), Range(0, 1, 1), Block(one, Slice("I0\n", "I1\n", "I0\n"))));
        AssertRefused("a range that is no three integers", Frame(Labels("a"), Range(0, 1, 1), Block(one, Slice("N", "I1\n", "I1\n"))));
        AssertRefused("far more values", Frame(Labels("a"), Range(0, int.MaxValue, 1), Block(one, Slice("I0\n", "I1\n", "I1\n"))));
        AssertRefused("no block where one is needed", Frame(Labels("a"), Range(0, 1, 1), "N"));
    }

    [Theory]
    [InlineData(0, 5, 2, "0 2 4")]
    [InlineData(0, 4, 2, "0 2")]
    [InlineData(5, 0, -2, "5 3 1")]
    [InlineData(4, 0, -2, "4 2")]
    [InlineData(3, 3, 1, "")]
    [InlineData(3, 0, 1, "")]
    [InlineData(0, 3, -1, "")]
    public void Ranges_AreThoseOfPython(int start, int stop, int step, string expected)
    {
        long[] index = [.. expected.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)];
        DataFrame frame = Read(Frame(Labels(), Range(start, stop, step)));
        Assert.Equal(index.Cast<object?>(), frame.Index);
        Assert.Empty(frame.Cells);
    }

    [Fact]
    public void Cells_MayHoldLists_UpToADepth()
    {
        string nested(int depth) => new string(']', depth) + new string('a', depth - 1);
        object?[] cell = Assert.IsType<object?[]>(Read(Column(Array(Dtype("O8"), $"]({nested(3)}e", false, 1, 1), 1)).Cells[0][0]);
        Assert.Empty(Assert.IsType<object?[]>(Assert.Single(Assert.IsType<object?[]>(Assert.Single(cell)))));
        Read(Column(Array(Dtype("O8"), $"]({nested(201)}e", false, 1, 1), 1));
        AssertRefused("nested more than 200 deep", Column(Array(Dtype("O8"), $"]({nested(202)}e", false, 1, 1), 1));
        AssertRefused("nested more than 200 deep", Column(Array(Dtype("O8"), "](]p9\ng9\nae", false, 1, 1), 1));
        AssertRefused("the name Series in a cell", Column(Array(Dtype("O8"), "](cpandas\nSeries\ne", false, 1, 1), 1));
        AssertRefused("a dict in a cell", Column(Array(Dtype("O8"), "](}e", false, 1, 1), 1));
        string scalar = $"cnumpy.core.multiarray\nscalar\n({Dtype("i2")}{Bytes(1, 2)}tR";
        Assert.Equal([0x201L], Read(Column(Array(Dtype("O8"), $"]({scalar}e", false, 1, 1), 1)).Cells[0]);
        AssertRefused("a number whose bytes are not of its dtype",
            Column(Array(Dtype("O8"), $"](cnumpy.core.multiarray\nscalar\n({Dtype("i2")}{Bytes(1)}tRe", false, 1, 1), 1));
        Assert.Equal([[5L, 7L, 6L, 8L]],
            Read(Column(Array(Dtype("O8"), $"]({Array(Dtype("i1"), Bytes(5, 6, 7, 8), true, 2, 2)}e", false, 1, 1), 1)).Cells[0].Cast<object?[]>());
    }

    [Fact]
    public void SharedLists_AreNotExpandedWithoutEnd()
    {
        // Thirty lists, each of ten times the one before: 10^30 values.
        StringBuilder laughs = new("]p100\n(" + new string('N', 10) + "e");
        for (int i = 101; i < 130; i++) { laughs.Append($"0]p{i}\n(" + string.Concat(Enumerable.Repeat($"g{i - 1}\n", 10)) + "e"); }
        AssertRefused("becomes far more values", Column(Array(Dtype("O8"), $"]({laughs}e", false, 1, 1), 1));
    }

    [Theory]
    [InlineData("the file holds a list, not a DataFrame", "].")]
    [InlineData("the file holds made by Index, not a DataFrame", "cpandas\nIndex\n)R.")]
    [InlineData("a DataFrame without a state", "cpandas\nDataFrame\n)R.")]
    [InlineData("no block manager", "cpandas\nDataFrame\n)R}b.")]
    [InlineData("a block manager without blocks", "cpandas\nDataFrame\n)R}V_mgr\ncpandas.core.internals.managers\nBlockManager\n)Rsb.")]
    [InlineData("0 axes", "cpandas\nDataFrame\n)R}V_mgr\ncpandas.core.internals.managers\nBlockManager\n()]tRsb.")]
    public void Read_RefusesWhatIsNoFrame(string message, string opcodes) => AssertRefused(message, opcodes);

    [Fact]
    public void Indexes_ThatAreNotReadAreRefused()
    {
        AssertRefused("no index where one is needed", Frame("N", Range(0, 0, 1)));
        AssertRefused("an index of kind StringArray is not read",
            Frame("cpandas.core.indexes.base\n_new_Index\n(cpandas.arrays\nStringArray\n}tR", Range(0, 0, 1)));
        AssertRefused("a range that is no three integers", Frame("cpandas.core.indexes.base\n_new_Index\n(cpandas\nRangeIndex\n}tR", Range(0, 0, 1)));
    }

    [Fact]
    public void Text_WritesCellsAsPythonDoes()
    {
        DataFrame frame = Read(Column(Array(Dtype("O8"), "](Va\nNFnan\nI01\nI00\nI12\nF1.5\nL9223372036854775808L\n]e", false, 1, 9), 9));
        object?[] cells = frame.Cells[0];
        Assert.Equal(["a", null, null, "True", "False", "12", "1.5", "9223372036854775808"], Enumerable.Range(0, 8).Select(row => frame.Text(cells, row)));
        Assert.Equal("x.pkl: row 8 (from 0): a list, bytes or a time where a text is needed. Name another column.",
            Assert.Throws<DataFormatException>(() => frame.Text(cells, 8)).Message);
    }

    private static string Int64(params long[] values) => Bytes([.. values.SelectMany(BitConverter.GetBytes)]);

    private static string Int32(params int[] values) => Bytes([.. values.SelectMany(BitConverter.GetBytes)]);

    private static string Buffer(string bytes) => $"cpyarrow.lib\npy_buffer\n({bytes}tR";

    private static string Arrow(string type, long length, long offset, string valid, string offsets, string text) =>
        $"cpandas.arrays\nArrowStringArray\n)R}}V_pa_array\ncpyarrow.lib\n_restore_array\n((cpyarrow.lib\ntype_for_alias\n(V{type}\ntR"
        + $"I{length}\nI0\nI{offset}\n]({valid}{Buffer(offsets)}{Buffer(text)}e]NttRsb";

    [Fact]
    public void ArrowTexts_AreRead()
    {
        string text = Bytes([.. "aübc"u8]);
        Assert.Equal(["a", "ü", ""], Read(Column(Arrow("large_string", 3, 0, "N", Int64(0, 1, 3, 3), text), 3)).Cells[0]);
        Assert.Equal(["ü", null, "bc"], Read(Column(Arrow("string", 3, 1, Buffer(Bytes(0b1010)), Int32(0, 1, 3, 3, 5), text), 3)).Cells[0]);
        Assert.Empty(Read(Column(Arrow("string", 0, 0, "N", Bytes(), Bytes()), 0)).Cells[0]);
        AssertRefused("an Arrow array of something else than texts", Column(Arrow("int64", 1, 0, "N", Int64(0, 1), text), 1));
        AssertRefused("longer than its buffers", Column(Arrow("large_string", 2, 0, "N", Int64(0, 1), text), 2));
        AssertRefused("longer than its buffers", Column(Arrow("string", 2, 7, Buffer(Bytes(255)), Int32(new int[10]), text), 2));
        AssertRefused("longer than its buffers", Column(Arrow("string", -1, 7, "N", Int32(new int[10]), text), 2));
        AssertRefused("offsets do not rise within its text", Column(Arrow("string", 2, 0, "N", Int32(0, 3, 1), text), 2));
        AssertRefused("offsets do not rise within its text", Column(Arrow("string", 1, 0, "N", Int32(0, 6), text), 1));
        AssertRefused("offsets do not rise within its text", Column(Arrow("string", 1, 0, "N", Int32(-1, 1), text), 1));
        AssertRefused("a text that is not UTF-8", Column(Arrow("string", 1, 0, "N", Int32(0, 2), text), 1));
        AssertRefused("no Arrow buffer where one is needed", Column(Arrow("string", 1, 0, "]", Int32(0, 2), text), 1));
    }
}
