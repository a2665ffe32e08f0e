namespace MiniLM.Data;

/// <summary>A text of a collection; a query is one without a title.</summary>
/// <param name="Id">As runs name it.</param>
/// <param name="Title">May be empty.</param>
/// <param name="Text">The text itself.</param>
public readonly record struct Document(string Id, string Title, string Text)
{
    /// <summary>What a model reads, as BEIR joins it: title, a space, text, without white space at both ends; without a title the text as it is.</summary>
    public string Joined => Title.Length == 0 ? Text : $"{Title} {Text}".Trim();
}
