using System.CommandLine;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Model;
using MiniLM.Text;
using MiniLM.Weights;

namespace MiniLM.Cli.Commands;

/// <summary>A new model of a config and a vocabulary, its weights initialised from a seed.</summary>
internal sealed class CreateCommand : CliCommand
{
    private readonly Option<string> _config = new("--config")
    {
        Description = "config.json of a BERT or DistilBERT encoder",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string> _vocab = new("--vocab")
    {
        Description = "vocab.txt, a token a line; a tokenizer_config.json beside it is heeded",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<int?> _seed = NumberOption.Create("--seed", "of the weights, which are the same on every machine (42)", least: 0);
    private readonly Option<int?> _labels = NumberOption.Create("--num-labels", "a classifier of so many labels (a bi-encoder)", most: ModelConfig.MostLabels);
    private readonly Option<string> _output = new("--output") { Description = "folder", HelpName = "DIR", Required = true };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace the model that is there" };

    internal CreateCommand() : base("create", "Makes a model folder with new weights: a bi-encoder, or a classifier with --num-labels.")
    {
        foreach (Option option in new Option[] { _config, _vocab, _seed, _labels, _output, _overwrite }) { Options.Add(option); }
    }

    internal override string[] Examples =>
    [
        "minilm create --config config.json --vocab vocab.txt --seed 1 --output DIR",
        "minilm create --config config.json --vocab vocab.txt --seed 1 --num-labels 1 --output DIR",
    ];

    internal override int Run(ParseResult parse, Session session)
    {
        string configPath = Path.GetFullPath(parse.GetValue(_config)!), vocab = parse.GetValue(_vocab)!, output = parse.GetValue(_output)!;
        OutputTarget.CheckFolder(output);
        JsonFile json = JsonFile.TryOpenObject(Path.GetDirectoryName(configPath)!, Path.GetFileName(configPath))
            ?? throw new ModelFormatException($"{configPath}: no such file. Check the path.");
        EncoderConfig config = new ModelConfig(json).Encoder;
        if (config.Architecture == Architecture.Mpnet)
        {
            throw new ModelFormatException($"{configPath}: model_type 'mpnet': a vocabulary does not say its tokenizer. Use bert or distilbert.");
        }
        Dictionary<string, byte[]> tokenizer = NewTokenizerFiles.Make(vocab, config.MaxTokens, out WordPieceTokenizer read);
        if (LoadedModel.VocabularyMismatch(vocab, read.VocabularySize, config.VocabSize) is { } mismatch) { throw new ModelFormatException(mismatch); }
        if (read.PadTokenId != config.PadTokenId)
        {
            throw new ModelFormatException($"{configPath}: pad_token_id is {config.PadTokenId}, {vocab} has the padding at {read.PadTokenId}. Correct it.");
        }
        using InitializedModel model = InitializedModel.Create(json, parse.GetValue(_labels), (ulong)(parse.GetValue(_seed) ?? 42));
        NewModelFolder.Write(model, tokenizer, null, output, new() { ElementType = ElementType.F32, Overwrite = parse.GetValue(_overwrite) },
            session.Cancellation);
        session.Say($"{output}: written, {model.Tensors.Sum(tensor => tensor.Source.Count)} weights");
        return 0;
    }
}
