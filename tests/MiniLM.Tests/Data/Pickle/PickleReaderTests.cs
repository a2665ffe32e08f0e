using System.IO.Compression;
using System.Numerics;
using System.Text;
using MiniLM.Data;
using MiniLM.Data.Pickle;

namespace MiniLM.Tests.Data.Pickle;

public sealed class PickleReaderTests
{
    // Opcodes as Latin-1 text, as they are described in Python's pickletools.
    private static PickledFile Read(string opcodes) => PickleReader.Read(Encoding.Latin1.GetBytes(opcodes), "x.pkl");

    private static object? Value(string opcodes) => Read(opcodes).Value;

    private static void AssertRefused(string message, string opcodes) =>
        Assert.StartsWith($"x.pkl: byte {message}", Assert.Throws<DataFormatException>(() => Read(opcodes)).Message);

    public static TheoryData<string, object?> Scalars() => new()
    {
        { "N.", null },
        { "\u0080\u0005\u0088.", true },
        { "\u0089.", false },
        { "I00\n.", false },
        { "I01\n.", true },
        { "I1\n.", 1L },
        { "I-12\n.", -12L },
        { "L12L\n.", 12L },
        { "L-5\n.", -5L },
        { "L9223372036854775808L\n.", (BigInteger)long.MaxValue + 1 },
        { "J\u00fe\u00ff\u00ff\u00ff.", -2L },
        { "J\u0001\u0002\u0000\u0080.", 0x0201L + int.MinValue },
        { "K\u00ff.", 255L },
        { "M\u0001\u0002.", 0x201L },
        { "\u008a\u0000.", 0L },
        { "\u008a\u0002\u0000\u0080.", -32768L },
        { "\u008b\u0001\u0000\u0000\u0000\u007f.", 127L },
        { "F1.5e3\n.", 1500.0 },
        { "Fnan\n.", double.NaN },
        { "Finf\n.", double.PositiveInfinity },
        { "F-inf\n.", double.NegativeInfinity },
        { "G\u00bf\u00f0\u0000\u0000\u0000\u0000\u0000\u0000.", -1.0 },
        { "Va\\u00e9\\U0001f642\u00e9\\n\\\\u0041\n.", "a\u00e9\U0001F642\u00e9\\n\\\\u0041" },
        { "V\\\n.", "\\" },
        { "\u008c\u0003a\u00c3\u00a9.", "a\u00e9" },
        { "X\u0001\u0000\u0000\u0000a.", "a" },
        { "\u008d\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000a.", "a" },
    };

    [Theory, MemberData(nameof(Scalars))]
    public void Read_GivesNumbersAndTexts(string opcodes, object? expected) => Assert.Equal(expected, Value(opcodes));

    [Theory]
    [InlineData("C\u0002\u0000\u00ff.")]
    [InlineData("B\u0002\u0000\u0000\u0000\u0000\u00ff.")]
    [InlineData("\u008e\u0002\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u00ff.")]
    [InlineData("\u0096\u0002\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u00ff.")]
    [InlineData("c_codecs\nencode\n(V\\u0000\u00ff\nVlatin1\ntR.")]
    [InlineData("cbuiltins\nbytearray\n(V\\u0000\u00ff\nVlatin-1\ntR.")]
    [InlineData("cbuiltins\nbytearray\n(C\u0002\u0000\u00fftR.")]
    public void Read_GivesBytes(string opcodes) => Assert.Equal(new byte[] { 0, 255 }, Assert.IsType<byte[]>(Value(opcodes)));

    [Theory]
    [InlineData("(K\u0001K\u0002t.")]
    [InlineData("K\u0001K\u0002\u0086.")]
    [InlineData("K\u0009(K\u0001K\u0002t(10K\u0001K\u00021K\u0002\u0086.", "refused")]
    [InlineData("K\u0001K\u00020K\u0002\u0086.")]
    [InlineData("K\u0001(K\u00021K\u0002\u0086.")]
    [InlineData("K\u0001(0K\u0002\u0086.")]
    [InlineData("K\u0001q\u00070h\u0007K\u0002\u0086.")]
    [InlineData("K\u0001\u0094K\u0002\u009400h\u0000h\u0001\u0086.")]
    [InlineData("K\u0001p12\nr\u0001\u0002\u0000\u00000g12\nK\u0002\u0086.")]
    [InlineData("K\u0001r\u0001\u0002\u0000\u00000j\u0001\u0002\u0000\u0000K\u0002\u0086.")]
    public void Read_BuildsTuples(string opcodes, string? refused = null)
    {
        if (refused is not null) { Assert.Throws<DataFormatException>(() => Read(opcodes)); }
        else { Assert.Equal([1L, 2L], Assert.IsType<object?[]>(Value(opcodes))); }
    }

    [Fact]
    public void Read_BuildsCollections()
    {
        Assert.Empty(Assert.IsType<object?[]>(Value(").")));
        Assert.Equal([1L, 2L, 3L], Assert.IsType<object?[]>(Value("K\u0001K\u0002K\u0003\u0087.")));
        Assert.Equal([1L], Assert.IsType<object?[]>(Value("K\u0001\u0085.")));
        Assert.Equal([1L, 1L], Assert.IsType<object?[]>(Value("K\u00012\u0086.")));
        Assert.Equal([1L, 2L, 3L], Assert.IsType<List<object?>>(Value("](K\u0001K\u0002eK\u0003a.")));
        Assert.Equal([1L, 2L], Assert.IsType<List<object?>>(Value("(K\u0001K\u0002l.")));
        PickledDictionary items = Assert.IsType<PickledDictionary>(Value("}Va\nK\u0001s(Vb\nK\u0002Va\nK\u0003u."));
        Assert.Equal([("a", 1L), ("b", 2L), ("a", 3L)], items.Items);
        Assert.Equal(3L, items["a"]); // the last one set
        Assert.Null(items["c"]);
        Assert.Equal([("a", 1L)], Assert.IsType<PickledDictionary>(Value("(Va\nK\u0001d.")).Items);
        Assert.Equal([1L, 2L], Assert.IsType<PickledSet>(Value("\u008f(K\u0001K\u0002\u0090.")).Items);
        Assert.Equal([1L], Assert.IsType<PickledSet>(Value("(K\u0001\u0091.")).Items);
        Assert.Equal([1L], Assert.IsType<PickledSet>(Value("c__builtin__\nset\n(](K\u0001etR.")).Items);
    }

    [Theory]
    [InlineData("cnumpy\ndtype\n(Vf8\ntR}b.", 19)]
    [InlineData("Vnumpy\nVdtype\n\u0093(Vf8\nt\u0081}b.", 21)]
    public void Read_RecordsCalls(string opcodes, int offset)
    {
        PickledObject made = Assert.IsType<PickledObject>(Value(opcodes));
        Assert.Equal(PickleName.Dtype, made.Name);
        Assert.Equal(["f8"], made.Arguments);
        Assert.IsType<PickledDictionary>(made.State);
        Assert.Equal(offset, made.Offset);
    }

    [Fact]
    public void Read_ReconstructsObjects()
    {
        PickledObject made = Assert.IsType<PickledObject>(Value("ccopy_reg\n_reconstructor\n(cpandas\nSeries\nc__builtin__\nobject\nNtR."));
        Assert.Equal(PickleName.Series, made.Name);
        Assert.Empty(made.Arguments);
    }

    [Theory]
    [InlineData("0 (GLOBAL): the name 'os.system' is not what", "cos\nsystem\n.")]
    [InlineData("17 (STACK_GLOBAL): the name 'pandas.read_pickle'", "Vpandas\nVread_pic\n\u0093.", false)]
    [InlineData("0 (GLOBAL): the name 'pandas.DataFrame.query'", "cpandas\nDataFrame.query\n.")]
    [InlineData("0 (INST): this opcode is not what", "ios\nsystem\n.")]
    [InlineData("0 (OBJ): this opcode", "o.")]
    [InlineData("0 (NEWOBJ_EX): this opcode", "\u0092.")]
    [InlineData("0 (EXT1): this opcode", "\u0082\u0001.")]
    [InlineData("0 (PERSID): this opcode", "Px\n.")]
    [InlineData("0 (BINPERSID): this opcode", "Q.")]
    [InlineData("0 (NEXT_BUFFER): this opcode", "\u0097.")]
    [InlineData("0 (STRING): this opcode", "S'a'\n.")]
    [InlineData("0 (0xff): this opcode", "\u00ff.")]
    [InlineData("0 (PROTO): protocol 6; 0 to 5 are read", "\u0080\u0006.")]
    [InlineData("1: ends before a STOP", "N")]
    [InlineData("0: ends before a STOP", "")]
    [InlineData("1 (STOP): values are left", "(N.", false)]
    [InlineData("2 (STOP): values are left", "NN.")]
    [InlineData("2 (STOP): values are left", "N(.", false)]
    [InlineData("1 (STOP): the file goes on", "N.N")]
    [InlineData("0 (STOP): takes 1 value(s), and there are 0", ".")]
    [InlineData("2 (TUPLE2): takes 2 value(s), and there are 1", "N(N\u0086.", false)]
    [InlineData("3 (TUPLE2): takes 2 value(s), and there are 1", "N(N\u0086.")]
    [InlineData("1 (TUPLE): there is no MARK", "Nt.")]
    [InlineData("1 (APPEND): takes 1 value(s)", "]a.", false)]
    [InlineData("2 (APPEND): appends to a dict", "}Na.")]
    [InlineData("3 (APPENDS): appends to None", "N(Ne.")]
    [InlineData("4 (DICT): a key without a value", "(NNNd.")]
    [InlineData("3 (SETITEM): sets items of a list", "]NNs.")]
    [InlineData("3 (SETITEM): a list as a key", "}]Ns.")]
    [InlineData("3 (FROZENSET): a dict as a key", "(}N\u0091.", false)]
    [InlineData("2 (FROZENSET): a dict as a key", "(}\u0091.")]
    [InlineData("3 (ADDITEMS): adds items to a list, not a set", "](N\u0090.")]
    [InlineData("2 (REDUCE): a call of None", "N)R.")]
    [InlineData("2 (BUILD): a state for None", "NNb.")]
    [InlineData("2 (STACK_GLOBAL): a name that is no text", "NN\u0093.")]
    [InlineData("0 (BINGET): the memo index 3 was never set", "h\u0003.")]
    [InlineData("1 (PUT): the memo index -1; 0 to 10000000 are read", "Np-1\n.")]
    [InlineData("1 (PUT): the memo index 10000001;", "Np10000001\n.")]
    [InlineData("1 (PUT): a memo index without end", "Np99999999999999999999\n.")]
    [InlineData("0 (PUT): takes 1 value(s)", "p1\n.")]
    [InlineData("0 (BINUNICODE): 4294967295 bytes from here, and the file has 2", "X\u00ff\u00ff\u00ff\u00ffa.")]
    [InlineData("0 (SHORT_BINUNICODE): a text that is not UTF-8", "\u008c\u0001\u00ff.")]
    [InlineData("0 (FRAME): a frame of 2 bytes, and the file has 1", "\u0095\u0002\u0000\u0000\u0000\u0000\u0000\u0000\u0000.")]
    [InlineData("0 (LONG4): an integer of 4294967295 bytes; at most 4300", "\u008b\u00ff\u00ff\u00ff\u00ff.")]
    [InlineData("0 (INT): '1.5' is no integer", "I1.5\n.")]
    [InlineData("0 (INT): its line does not end", "I1")]
    [InlineData("0 (FLOAT): 'abc' is no number", "Fabc\n.")]
    [InlineData("0 (UNICODE): an escape that is no character", "V\\ud83d\n.")]
    [InlineData("0 (UNICODE): an escape that is no character", "V\\u12\n.")]
    public void Read_RefusesWithOffsetAndOpcode(string message, string opcodes, bool isExact = true)
    {
        if (isExact) { AssertRefused(message, opcodes); }
        else { Assert.Throws<DataFormatException>(() => Read(opcodes)); }
    }

    [Fact]
    public void Read_TakesIntegersUpToItsLimit()
    {
        Assert.Equal(BigInteger.Pow(10, 4299), Value($"L1{new string('0', 4299)}L\n."));
        AssertRefused("0 (LONG): an integer of 4301 characters; at most 4300", $"L1{new string('0', 4300)}L\n.");
        Assert.Equal(10_000_000L, ((object?[])Value("K\u0001p10000000\n\u0085.")!).Length + 9_999_999L);
        Assert.Null(Value("\u0095\u0002\u0000\u0000\u0000\u0000\u0000\u0000\u0000N."));
    }

    [Fact]
    public void Encode_OfOneTextManyTimes_IsRefusedBeforeItFillsMemory()
    {
        StringBuilder opcodes = new($"c_codecs\nencode\nq\u00000X\u0000\u0000\u0010\u0000{new string('a', 1 << 20)}q\u00010");
        opcodes.Append("(");
        for (int i = 0; i < 20; i++) { opcodes.Append("h\u0000h\u0001Vlatin1\n\u0086R"); }
        opcodes.Append("t.");
        Assert.Contains("far more values than its", Assert.Throws<DataFormatException>(() => Read(opcodes.ToString())).Message);
    }

    [Fact]
    public void Encode_RefusesCharactersThatAreNoBytes()
    {
        AssertRefused("27 (REDUCE): encodes otherwise than by latin1", "c_codecs\nencode\n(Va\nVutf8\ntR.");
        Assert.Contains("a character that is no byte", Assert.Throws<DataFormatException>(() => Read("c_codecs\nencode\n(V\\u0100\nVlatin1\ntR.")).Message);
    }

    [Fact]
    public void Blob_StopsAtWhatCompressionMayHide()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("minilm-pickle-").FullName, "x.pkl.gz");
        Pack(PickleBlob.AlwaysTaken);
        Assert.Contains($"expands to {PickleBlob.AlwaysTaken} bytes and more from", Assert.Throws<DataFormatException>(() => PickleBlob.Read(path)).Message);
        Pack(PickleBlob.AlwaysTaken - 1);
        Assert.Equal(PickleBlob.AlwaysTaken - 1, PickleBlob.Read(path).Length);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);

        void Pack(int zeros)
        {
            using GZipStream stream = new(File.Create(path), CompressionLevel.Fastest);
            stream.Write(new byte[zeros]);
        }
    }
}
