using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM;

/// <summary>A model folder with its tokenizer, ready on a device: what both kinds of encoder are made of.</summary>
internal sealed record LoadedModel(ModelFolder Folder, WordPieceTokenizer Tokenizer, DeviceNetwork Network) : IDisposable
{
    /// <param name="folder">Becomes the model's, and is closed when this call fails.</param>
    /// <param name="kind">What it must be.</param>
    /// <param name="refusal">What is said when it is the other kind, behind the folder's path.</param>
    /// <param name="device">Where it shall run.</param>
    /// <param name="precision">Arithmetic of the forward pass.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal static LoadedModel Load(ModelFolder folder, ModelKind kind, string refusal, Device device, Precision precision, CancellationToken cancellation)
    {
        try
        {
            if (folder.Kind != kind) { throw new ModelFormatException($"{folder.Path}: {refusal}"); }
            return new LoadedModel(folder, OpenTokenizer(folder), device.Load(folder.Network, precision, cancellation));
        }
        catch (ModelFormatException error)
        {
            folder.Dispose();
            throw ModelFolder.Locate(error, folder.Path);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>The folder's tokenizer, whose ids must have rows in the embedding table.</summary>
    internal static WordPieceTokenizer OpenTokenizer(ModelFolder folder)
    {
        WordPieceTokenizer tokenizer = WordPieceTokenizer.Load(folder.TransformerPath, folder.LowersCase);
        return VocabularyMismatch(folder, tokenizer) is { } mismatch ? throw new ModelFormatException(mismatch) : tokenizer;
    }

    /// <summary>Why a tokenizer and an embedding table are not of one model; null when they may be.</summary>
    internal static string? VocabularyMismatch(ModelFolder folder, WordPieceTokenizer tokenizer) =>
        VocabularyMismatch(folder.Path, tokenizer.VocabularySize, folder.Network.Config.VocabSize);

    /// <summary>The same of a number of tokens and of rows.</summary>
    internal static string? VocabularyMismatch(string name, int tokens, int rows)
    {
        // Tables are padded to a round number of rows, never by an eighth.
        string? what = tokens > rows ? $"has ids up to {tokens - 1}" : tokens < rows - rows / 8 ? $"has {tokens} tokens only" : null;
        return what is null
            ? null
            : $"{name}: the tokenizer {what}, config.json says vocab_size {rows}. They are not of one model: take both from the same source.";
    }

    /// <summary>The limit in force: what was asked for, within what the model and the special tokens allow.</summary>
    /// <exception cref="ArgumentException">It is outside of that.</exception>
    internal static int MaxLength(ModelFolder folder, WordPieceTokenizer tokenizer, int? asked, bool pair)
    {
        int special = tokenizer.SpecialTokenCount(pair), most = folder.Network.Config.MaxTokens;
        int length = asked ?? folder.MaxSequenceLength;
        if (length <= special || length > most)
        {
            throw new ArgumentException($"a maximum length of {length} tokens: this model takes {special + 1} to {most}");
        }
        return length;
    }

    public void Dispose()
    {
        Network.Dispose();
        Folder.Dispose();
    }
}
