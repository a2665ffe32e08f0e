using MiniLM.Text.Repair;

namespace MiniLM.Data;

/// <summary>Texts that another file names by their ids.</summary>
internal static class NamedTexts
{
    /// <summary>The texts of some ids, out of a collection that may hold many more.</summary>
    /// <param name="path">As <see cref="TextCollection"/> reads it.</param>
    /// <param name="what">"document" or "query", for messages.</param>
    /// <param name="ids">Each once.</param>
    /// <param name="find">Place of an id among them; below 0: it is not wanted.</param>
    /// <param name="namedBy">The file that names them, for messages.</param>
    /// <param name="quotes">Whether quotes quote in tables; null: in .csv, not in .tsv.</param>
    /// <param name="openStandardInput">For <c>-</c>.</param>
    /// <param name="repair">What is repaired of the texts.</param>
    /// <param name="cancellation">Looked at for every text.</param>
    /// <exception cref="DataFormatException">The file is damaged, or lacks one.</exception>
    internal static string[] Read(
        string path, string what, IReadOnlyList<string> ids, Func<string, int> find, string namedBy,
        bool? quotes, Func<Stream>? openStandardInput, TextRepairKind repair, CancellationToken cancellation)
    {
        string?[] texts = new string?[ids.Count];
        using TextCollection collection = TextCollection.Open(path, new RowFormat { Quotes = quotes, Repair = repair }, openStandardInput, cancellation);
        CollectionWindows windows = new(collection, what, id => find(id) >= 0);
        while (windows.Read(cancellation))
        {
            foreach (Document document in windows.Window) { texts[find(document.Id)] = document.Joined; }
        }
        RequireAll(path, what, ids.Where((_, i) => texts[i] is null), namedBy);
        return [.. texts.Select(text => text!)];
    }

    /// <summary>Refuses a collection that lacks texts.</summary>
    internal static void RequireAll(string path, string what, IEnumerable<string> missing, string namedBy)
    {
        string[] ids = [.. missing];
        if (ids.Length == 0) { return; }
        throw new DataFormatException($"{DataFile.Name(path)}: has no {what} {Quoted.Text(ids[0])}, which {DataFile.Name(namedBy)} names"
            + $"{(ids.Length > 1 ? $" (and {ids.Length - 1} more)" : "")}. Give the {(what == "query" ? "queries" : "corpus")} that it was made for.");
    }
}
