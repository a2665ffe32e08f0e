using MiniLM.Data;

namespace MiniLM.Ranking;

/// <summary>The queries or documents that a run names, as a collection has them.</summary>
/// <param name="what">"document" or "query", for messages.</param>
/// <param name="ids">All that are wanted.</param>
/// <param name="find">Index in <paramref name="ids"/>; -1: not wanted.</param>
/// <param name="name">Of the collection.</param>
/// <param name="runName">Of the run.</param>
internal sealed class RunCollection(string what, List<string> ids, Func<string, int> find, string name, string runName)
{
    /// <summary>Reads the collection to its end.</summary>
    /// <param name="collection">Stays the caller's.</param>
    /// <param name="take">Gets the index of each text that is wanted, the text, and where it begins in the file.</param>
    /// <param name="cancellation">Looked at for every text.</param>
    /// <exception cref="DataFormatException">A line is damaged, or a text is missing.</exception>
    internal void Read(TextCollection collection, Action<int, Document, long> take, CancellationToken cancellation)
    {
        bool[] found = new bool[ids.Count];
        CollectionWindows windows = new(collection, what, id => find(id) >= 0);
        while (windows.Read(cancellation))
        {
            for (int i = 0; i < windows.Window.Count; i++)
            {
                int index = find(windows.Window[i].Id);
                found[index] = true;
                take(index, windows.Window[i], windows.Starts[i]);
            }
        }
        NamedTexts.RequireAll(name, what, ids.Where((_, i) => !found[i]), runName);
    }
}
