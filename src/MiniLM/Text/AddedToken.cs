namespace MiniLM.Text;

/// <summary>A token that is matched in the text before WordPiece sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">The text that it matches.</param>
/// <param name="SingleWord">Only where no word character is next to it.</param>
/// <param name="LeftStrip">Takes the white space before it.</param>
/// <param name="RightStrip">Takes the white space behind it.</param>
/// <param name="Normalized">Matched in the normalized text (its content normalized too) instead of the raw text.</param>
/// <param name="Special">Left out when ids are decoded.</param>
internal sealed record AddedToken(int Id, string Content, bool SingleWord, bool LeftStrip, bool RightStrip, bool Normalized, bool Special)
{
    /// <summary>In place of an id: that of the vocabulary, else the first behind it and the tokens before this one.</summary>
    internal const int NextId = -1;
}
