using System.Buffers.Binary;
using System.Text;

namespace Build;

/// <summary>A pandas DataFrame of texts as pandas pickles it, protocol 4: names by STACK_GLOBAL, every object put into the memo.</summary>
internal static class DataFramePickle
{
    private const string Put = "\u0094", Pair = "\u0086" + Put, Triple = "\u0087" + Put, Call = "R" + Put, False = "\u0089", True = "\u0088";

    private static readonly string Dtype = Global("numpy", "dtype") + Text("O8") + False + True + Triple + Call
        + "(K\u0003" + Text("|") + "NNNJ\u00ff\u00ff\u00ff\u00ffJ\u00ff\u00ff\u00ff\u00ffK?t" + Put + "b";

    /// <param name="columns">Their names.</param>
    /// <param name="cells">Column by column.</param>
    internal static byte[] Of(string[] columns, string[] cells)
    {
        int rows = cells.Length / columns.Length;
        string block = Global("pandas._libs.internals", "_unpickle_block") + Objects(cells, Whole(columns.Length) + Whole(rows) + Pair)
            + Global("builtins", "slice") + Whole(0) + Whole(columns.Length) + Whole(1) + Triple + Call + Whole(2) + Triple + Call;
        string labels = Index("base", "Index", Text("data") + Objects(columns, Whole(columns.Length) + "\u0085" + Put) + Text("name") + "N");
        string range = Index("range", "RangeIndex", Text("name") + "N" + Text("start") + Whole(0) + Text("stop") + Whole(rows) + Text("step") + Whole(1));
        string manager = Global("pandas.core.internals.managers", "BlockManager") + block + "\u0085" + Put + "]" + Put + $"({labels}{range}e" + Pair + Call;
        byte[] body = Encoding.Latin1.GetBytes(Global("pandas.core.frame", "DataFrame") + ")\u0081" + Put + "}" + Put + "(" + Text("_mgr") + manager
            + Text("attrs") + "}" + Put + "ub.");
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, body.Length);
        return [0x80, 4, 0x95, .. length, .. body];
    }

    private static string Text(string text) => $"\u008c{(char)text.Length}{text}{Put}";

    private static string Whole(int number) => $"K{(char)number}";

    private static string Global(string module, string name) => Text(module) + Text(name) + "\u0093" + Put;

    private static string Index(string module, string name, string state) => Global("pandas.core.indexes.base", "_new_Index")
        + Global($"pandas.core.indexes.{module}", name) + "}" + Put + $"({state}u" + Pair + Call;

    private static string Objects(string[] texts, string shape) => Global("numpy.core.multiarray", "_reconstruct") + Global("numpy", "ndarray")
        + Whole(0) + "\u0085" + Put + "C\u0001b" + Put + Triple + Call
        + "(" + Whole(1) + shape + Dtype + False + "]" + Put + "(" + string.Concat(texts.Select(Text)) + "et" + Put + "b";
}
