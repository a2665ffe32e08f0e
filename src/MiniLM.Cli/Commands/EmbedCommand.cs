using System.CommandLine;
using System.Runtime.InteropServices;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Cli.Commands;

/// <summary>Texts to vectors.</summary>
internal sealed class EmbedCommand : CliCommand
{
    private readonly Argument<string?> _text = new("text") { Description = "a text, instead of --input", Arity = ArgumentArity.ZeroOrOne };
    private readonly InputOptions _input;
    private readonly OutputOptions _output;
    private readonly ModelOptions _model;

    internal EmbedCommand() : base("embed", "Embeds a text, or the texts of a file: a row of floats each, in input order.")
    {
        Arguments.Add(_text);
        _input = new InputOptions(this);
        _output = new OutputOptions(this, ".npy or .jsonl; absent: JSON lines on standard output");
        _model = new ModelOptions(this, hasEmbeddings: true);
    }

    internal override string[] Examples => ["minilm embed \"a text\"", "minilm embed --input texts.jsonl --column text --output out.npy"];

    internal override int Run(ParseResult parse, Session session)
    {
        string? text = parse.GetValue(_text), input = _input.Path(parse), path = _output.Path(parse);
        if (text is null == input is null)
        {
            throw new UsageException(text is null ? "nothing to embed: give a text or --input FILE" : "a text and --input: give one of them");
        }
        InputFiles.NoteName(text, "--input", session);
        _output.Check(parse, input);
        bool isNpy = path is not null && Suffix(path) == ".npy";
        RowFormat format = _input.Format(parse);
        // The file's errors before the model's time.
        using RowReader? reader = input is null ? null : RowReader.Open(input, format, session.OpenInput, session.Cancellation);
        using Device device = _model.OpenDevice(parse, session);
        using BiEncoder encoder = _model.OpenEncoder(parse, device, session);
        EmbedOptions options = _model.Embedding(parse);
        int width = encoder.DimensionOf(options);
        using RowOutput output = path is null ? new StandardRows(session.Output) : Open(path, isNpy, device, encoder, parse, session);
        float[] rows = [];
        EncodingStatistics Embed(IReadOnlyList<string> texts, long first)
        {
            int count = texts.Count * width;
            if (rows.Length < count) { rows = new float[count]; }
            EncodingStatistics statistics = encoder.Embed(texts, rows.AsSpan(0, count), options, session.Cancellation);
            if (isNpy) { output.WriteBytes(MemoryMarshal.AsBytes(rows.AsSpan(0, count))); }
            else
            {
                for (int i = 0; i < texts.Count; i++) { output.Text.WriteEmbedding(rows.AsSpan(i * width, width)); }
            }
            return statistics;
        }
        if (reader is not null) { RowWindows.Run(reader, 1, _input.Pace(parse), output, session, "embed", Embed); }
        else { (output.Rows, output.Inputs, output.Truncated) = (1, 1, Embed([TextRepair.Apply(text!, format.Repair)], 0).Truncated); }
        output.Finish(isNpy ? NpyHeader.Create(output.Rows, width) : []);
        session.SayTruncated(output.Truncated, output.Inputs);
        return 0;
    }

    private ResumableFile Open(string path, bool isNpy, Device device, BiEncoder encoder, ParseResult parse, Session session)
    {
        RunIdentity identity = new(session.Cancellation);
        identity.Add("command", "embed");
        _input.AddTo(identity, parse, parse.GetValue(_text));
        _model.AddTo(identity, parse, device, encoder.Folder);
        identity.Add("format", isNpy ? "npy" : "jsonl");
        ReadOnlySpan<byte> header = isNpy ? NpyHeader.Create(0, encoder.DimensionOf(_model.Embedding(parse))) : [];
        return ResumableFile.Open(path, _output.Resume(parse), _output.Overwrite(parse), identity, header, session);
    }

    private static string Suffix(string path) => Path.GetExtension(path) switch
    {
        ".npy" or ".jsonl" => Path.GetExtension(path),
        string other => throw new UsageException($"--output {path}: the format '{other}' is not known: use .npy or .jsonl"),
    };
}
