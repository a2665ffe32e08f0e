using System.CommandLine;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Text;
using MiniLM.Text.Repair;

namespace MiniLM.Cli.Commands;

/// <summary>Texts or pairs to token ids, with pieces and offsets.</summary>
internal sealed class TokenizeCommand : CliCommand
{
    private readonly Argument<string?> _text = new("text") { Description = "a text, instead of --input", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _model = new("--model")
    {
        Description = "folder with tokenizer.json or vocab.txt, shipped name or Hub id",
        HelpName = "M",
    };
    private readonly Option<int?> _maxLength = NumberOption.Create("--max-length", "most tokens, special ones included (nothing is cut)");
    private readonly Option<string?> _truncation =
        NamedOption.Create("--truncation", "which text of a pair is cut (longest_first)", "longest_first", "only_first", "only_second");
    private readonly Option<bool> _json = new("--json") { Description = "{\"ids\":[],\"type_ids\":[],\"tokens\":[],\"offsets\":[[start,end],...]} a line" };
    private readonly InputOptions _input;
    private readonly OutputOptions _output;

    internal TokenizeCommand() : base("tokenize", "Shows the tokens of texts or pairs; offsets count UTF-16 units.")
    {
        Arguments.Add(_text);
        Options.Add(_model);
        _input = new InputOptions(this, hasColumns: true);
        _output = new OutputOptions(this, "file; absent: standard output", canResume: false);
        Options.Add(_maxLength);
        Options.Add(_truncation);
        Options.Add(_json);
    }

    internal override string[] Examples => ["minilm tokenize --json \"a text\"", "minilm tokenize --input pairs.jsonl --columns a,b --max-length 64 --json"];

    internal override int Run(ParseResult parse, Session session)
    {
        string? text = parse.GetValue(_text), input = _input.Path(parse), path = _output.Path(parse);
        if (text is null == input is null)
        {
            throw new UsageException(text is null ? "nothing to tokenize: give a text or --input FILE" : "a text and --input: give one of them");
        }
        string[]? columns = _input.Columns(parse);
        if (columns is { Length: > 2 }) { throw new UsageException($"--columns {string.Join(',', columns)}: name one column or two"); }
        InputFiles.NoteName(text, "--input", session);
        _output.Check(parse, input);
        using RowReader? reader = input is null ? null : RowReader.Open(input, _input.Format(parse, columns), session.OpenInput, session.Cancellation);
        WordPieceTokenizer tokenizer = WordPieceTokenizer.Load(TokenizerFolder(ModelFolder.Resolve(parse.GetValue(_model))));
        EncodeOptions options = new()
        {
            MaxLength = parse.GetValue(_maxLength),
            Truncation = Truncation(parse.GetValue(_truncation)),
            TruncationSide = tokenizer.TruncationSide,
        };
        using RowOutput output = path is null ? new StandardRows(session.Output)
            : ResumableFile.Open(path, resume: false, _output.Overwrite(parse), new RunIdentity(session.Cancellation, isResumable: false), [], session);
        int width = columns?.Length ?? 1;
        bool isJson = parse.GetValue(_json);
        EncodingStatistics Tokenize(IReadOnlyList<string> texts, long first)
        {
            (long tokens, int truncated) = (0, 0);
            for (int i = 0; i < texts.Count; i += width)
            {
                session.Cancellation.ThrowIfCancellationRequested();
                TokenEncoding encoding = Encode(tokenizer, texts[i], width == 2 ? texts[i + 1] : null, options, first + i / width, session.Cancellation);
                if (isJson) { WriteJson(output.Text, encoding, session.Cancellation); }
                else { WriteTokens(output.Text, encoding, session.Cancellation); }
                tokens += encoding.Ids.Length;
                if (encoding.IsTruncated) { truncated++; }
            }
            return new EncodingStatistics(texts.Count / width, tokens, truncated);
        }
        if (reader is not null) { RowWindows.Run(reader, width, _input.Pace(parse), output, session, "tokenize", Tokenize); }
        else { (output.Inputs, output.Truncated) = (1, Tokenize([TextRepair.Apply(text!, _input.Repair(parse))], 0).Truncated); }
        output.Finish([]);
        session.SayTruncated(output.Truncated, output.Inputs);
        return 0;
    }

    // The tokenizer's own folder, or that of a sentence-transformers module.
    private static string TokenizerFolder(string folder)
    {
        string inner = Path.Combine(folder, "0_Transformer");
        bool isHere = File.Exists(Path.Combine(folder, "tokenizer.json")) || File.Exists(Path.Combine(folder, "vocab.txt"));
        return !isHere && Directory.Exists(inner) ? inner : folder;
    }

    private static TokenEncoding Encode(WordPieceTokenizer tokenizer, string first, string? second, EncodeOptions options, long row,
        CancellationToken cancellation)
    {
        try { return tokenizer.Encode(first, second, options, cancellation); }
        catch (TokenizerException error)
        {
            throw new TokenizerException($"row {row}: {error.Message}. Choose another --truncation or a greater --max-length.", error);
        }
    }

    private static Truncation Truncation(string? name) => name switch
    {
        "only_first" => Text.Truncation.OnlyFirst,
        "only_second" => Text.Truncation.OnlySecond,
        _ => Text.Truncation.LongestFirst,
    };

    private static void WriteTokens(Utf8Writer rows, TokenEncoding encoding, CancellationToken cancellation)
    {
        for (int i = 0; i < encoding.Tokens.Length; i++)
        {
            if (i % DetailSink.CancellationStride == 0) { cancellation.ThrowIfCancellationRequested(); }
            if (i > 0) { rows.Write(" "u8); }
            rows.Write(encoding.Tokens[i]);
        }
        rows.Write("\n"u8);
    }

    private static void WriteJson(Utf8Writer rows, TokenEncoding encoding, CancellationToken cancellation)
    {
        rows.Write("{\"ids\":["u8);
        WriteNumbers(rows, encoding.Ids, cancellation);
        rows.Write("],\"type_ids\":["u8);
        WriteNumbers(rows, encoding.TypeIds, cancellation);
        rows.Write("],\"tokens\":["u8);
        for (int i = 0; i < encoding.Tokens.Length; i++)
        {
            if (i % DetailSink.CancellationStride == 0) { cancellation.ThrowIfCancellationRequested(); }
            if (i > 0) { rows.Write(","u8); }
            rows.WriteString(encoding.Tokens[i]);
        }
        rows.Write("],\"offsets\":["u8);
        for (int i = 0; i < encoding.Offsets.Length; i++)
        {
            if (i % DetailSink.CancellationStride == 0) { cancellation.ThrowIfCancellationRequested(); }
            rows.Write(i > 0 ? ",["u8 : "["u8);
            rows.Write(encoding.Offsets[i].Start);
            rows.Write(","u8);
            rows.Write(encoding.Offsets[i].End);
            rows.Write("]"u8);
        }
        rows.Write("]}\n"u8);
    }

    private static void WriteNumbers(Utf8Writer rows, int[] numbers, CancellationToken cancellation)
    {
        for (int i = 0; i < numbers.Length; i++)
        {
            if (i % DetailSink.CancellationStride == 0) { cancellation.ThrowIfCancellationRequested(); }
            if (i > 0) { rows.Write(","u8); }
            rows.Write(numbers[i]);
        }
    }
}
