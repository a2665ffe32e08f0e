using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM.Training;

/// <summary>The model that a training begins with: its folder, with a new head where the task needs one, and its tokenizer.</summary>
internal sealed class TrainingModel : IDisposable
{
    private readonly string? _made; // folder of the model with a new head

    private TrainingModel(ModelFolder folder, string source, string? made, bool hasNewHead, int maxLength, WordPieceTokenizer tokenizer) =>
        (Folder, Source, _made, HasNewHead, MaxLength, Tokenizer) = (folder, source, made, hasNewHead, maxLength, tokenizer);

    internal ModelFolder Folder { get; }

    /// <summary>The model as it was named.</summary>
    internal string Source { get; }

    internal bool HasNewHead { get; }

    /// <summary>Longest sequence in tokens.</summary>
    internal int MaxLength { get; }

    internal WordPieceTokenizer Tokenizer { get; }

    /// <summary>Opens a model for a task.</summary>
    /// <param name="path">Its folder.</param>
    /// <param name="kind">What it shall be: an encoder becomes a cross-encoder with a new head.</param>
    /// <param name="arguments">Labels, length and seed.</param>
    /// <param name="work">Folder in which a model with a new head is made; it is gone with the result.</param>
    /// <param name="cancellation">Looked at before each write.</param>
    /// <exception cref="ModelFormatException">It cannot be that.</exception>
    /// <exception cref="ArgumentException">It does not take that length.</exception>
    internal static TrainingModel Open(string path, ModelKind kind, TrainingArguments arguments, string work, CancellationToken cancellation)
    {
        ModelFolder folder = ModelFolder.Open(path);
        string? made = null;
        try
        {
            if (kind == ModelKind.BiEncoder && folder.Kind == ModelKind.CrossEncoder)
            {
                throw new ModelFormatException($"{folder.Path}: is a cross-encoder, whose encoder gives no embeddings. Start from a bi-encoder or a "
                    + "plain encoder.");
            }
            if (kind == ModelKind.BiEncoder && arguments.NumLabels is not null) { throw new ArgumentException("num_labels: a bi-encoder has no labels."); }
            if (folder.Kind == ModelKind.CrossEncoder && arguments.NumLabels is { } labels && labels != folder.OutputSize)
            {
                throw new ModelFormatException($"{folder.Path}: is a classifier of {folder.OutputSize} label(s), not of {labels}. "
                    + "Start from the encoder that it was made of, or leave --num-labels out.");
            }
            bool hasNewHead = kind != folder.Kind;
            if (hasNewHead)
            {
                made = Path.Combine(work, "new-head");
                ModelFolder encoder = folder;
                folder = WithHead(encoder, arguments, made, cancellation);
                encoder.Dispose();
            }
            WordPieceTokenizer tokenizer = LoadedModel.OpenTokenizer(folder);
            return new TrainingModel(folder, path, made, hasNewHead, LoadedModel
                .MaxLength(folder, tokenizer, arguments.MaxLength, kind == ModelKind.CrossEncoder),
                tokenizer);
        }
        catch
        {
            folder.Dispose();
            Remove(made);
            throw;
        }
    }

    private static ModelFolder WithHead(ModelFolder encoder, TrainingArguments arguments, string path, CancellationToken cancellation)
    {
        Remove(path); // of a run that was killed
        Directory.CreateDirectory(path);
        using InitializedModel model = InitializedModel.Classifier(encoder, arguments.NumLabels ?? 1, arguments.Seed);
        NewModelFolder.WriteFiles(model, NewModelFolder.TokenizerFiles(encoder), path, new ModelFolderOptions(), cancellation);
        return ModelFolder.Open(path);
    }

    /// <summary>The network, with a checkpoint's weights and moments or those that it begins with.</summary>
    internal TrainingNetwork Load(Device device, TrainingArguments arguments, Checkpoint? checkpoint, CancellationToken cancellation)
    {
        ModelFolder? weights = null;
        try
        {
            Network network = checkpoint?.Weights(Folder, out weights) ?? Folder.Network;
            if (arguments.Dropout is { } dropout) { network = network.WithDropout((float)dropout); }
            TrainingNetwork trained = device.LoadForTraining(network, arguments.Precision, Options(arguments), cancellation);
            try
            {
                checkpoint?.ReadMoments(trained);
                return trained;
            }
            catch
            {
                trained.Dispose();
                throw;
            }
        }
        finally { weights?.Dispose(); }
    }

    private TrainingOptions Options(TrainingArguments arguments)
    {
        foreach (string frozen in arguments.Freeze)
        {
            if (!Folder.Network.Tensors().Any(tensor => HasPart(tensor.Name, frozen)))
            {
                throw new ArgumentException($"freeze {frozen}: no parameter has that in its name, between dots; names are like "
                    + $"{Folder.Network.Tensors().First().Name}.");
            }
        }
        bool IsFrozen(string name) => arguments.Freeze.Any(frozen => HasPart(name, frozen));
        if (Folder.Network.Tensors().All(tensor => IsFrozen(tensor.Name)))
        {
            throw new ArgumentException($"freeze {string.Join(',', arguments.Freeze)}: every parameter has that in its name, so that nothing is trained.");
        }
        return new TrainingOptions
        {
            IsTrained = name => !IsFrozen(name),
            RecomputesInner = arguments.GradientCheckpointing,
        };
    }

    // Between dots: layer.1 is not in encoder.layer.10.
    private static bool HasPart(string name, string part) => $".{name}.".Contains($".{part}.", StringComparison.Ordinal);

    private static void Remove(string? path)
    {
        if (path is not null && Directory.Exists(path)) { Directory.Delete(path, recursive: true); }
    }

    public void Dispose()
    {
        Folder.Dispose();
        Remove(_made);
    }
}
