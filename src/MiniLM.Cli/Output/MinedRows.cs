using MiniLM.Data;
using MiniLM.Mining;

namespace MiniLM.Cli.Output;

/// <summary>Rows of mined negatives as JSON lines.</summary>
internal static class MinedRows
{
    internal static void WriteMined(this Utf8Writer rows, MinedRow row, MiningFormat format, MiningTexts texts)
    {
        rows.Write("{\"query\":"u8);
        rows.WriteString(texts.Queries[row.Query]);
        float[] scores = Array.ConvertAll(row.Documents, hit => hit.Score);
        if (format == MiningFormat.LabeledList)
        {
            rows.Write(",\"texts\":["u8);
            for (int i = 0; i < row.Documents.Length; i++)
            {
                if (i > 0) { rows.Write(","u8); }
                rows.WriteString(Text(i));
            }
            rows.Write("],\"labels\":["u8);
            for (int i = 0; i < row.Documents.Length; i++) { rows.Write(i == 0 ? "1"u8 : ",0"u8); }
            rows.Write("],\"scores\":"u8);
            rows.WriteArray(scores);
        }
        else
        {
            for (int i = 0; i < row.Documents.Length; i++)
            {
                rows.Write(Column(format, i));
                rows.WriteString(Text(i));
            }
            if (format == MiningFormat.LabeledPair) { rows.Write(row.HasPositive ? ",\"label\":1"u8 : ",\"label\":0"u8); }
            rows.Write(format == MiningFormat.NTuple ? ",\"scores\":"u8 : ",\"score\":"u8);
            if (format == MiningFormat.NTuple) { rows.WriteArray(scores); }
            else { rows.Write(scores[^1]); } // of a triplet the negative's
        }
        rows.Write("}\n"u8);

        string Text(int document) => texts.Documents[row.Documents[document].Document];
    }

    private static string Column(MiningFormat format, int document) => (format, document) switch
    {
        (MiningFormat.LabeledPair, _) => ",\"text\":",
        (_, 0) => ",\"positive\":",
        (MiningFormat.Triplet, _) => ",\"negative\":",
        _ => $",\"negative_{document}\":",
    };
}
