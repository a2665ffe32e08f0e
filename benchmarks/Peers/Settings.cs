using System.Globalization;
using MiniLM.Compute;

namespace Peers;

/// <summary>What is measured, from the command line.</summary>
internal sealed record Settings
{
    internal const string Usage =
        "Peers [--model M] [--threads 2] [--precision float32|bfloat16] [--seconds 6] "
        + "[--shapes 1x16,32x128|none] [--texts on|off] [--most-texts 2048] [--peers FILE] [--json]";

    internal string? Model { get; private init; }

    internal int Threads { get; private init; } = 2;

    /// <summary>Of this engine; ONNX Runtime has float32.</summary>
    internal Precision Precision { get; private init; } = Precision.Float32;

    /// <summary>Of each workload, both engines together.</summary>
    internal double Seconds { get; private init; } = 6;

    internal (int Batch, int Length)[] Shapes { get; private init; } = [(1, 16), (1, 64), (1, 128), (32, 32), (32, 128), (64, 200)];

    /// <summary>Name, file and column.</summary>
    internal (string Name, string File, string Column)[] Texts { get; private init; } = [];

    internal int MostTexts { get; private init; } = 2048;

    internal string? PeersFile { get; private init; }

    internal bool Json { get; private init; }

    internal static Settings Parse(string[] arguments)
    {
        Settings settings = new() { Texts = RealTexts() };
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i];
            if (name == "--help") { throw new ArgumentException("compares this engine with ONNX Runtime"); }
            if (name == "--json")
            {
                settings = settings with { Json = true };
                continue;
            }
            string value = ++i < arguments.Length ? arguments[i] : throw new ArgumentException($"{name}: has no value");
            settings = name switch
            {
                "--model" => settings with { Model = value },
                "--threads" => settings with { Threads = Number(name, value) },
                "--precision" => settings with
                {
                    Precision = value switch
                    {
                        "float32" => Precision.Float32,
                        "bfloat16" => Precision.BFloat16,
                        _ => throw new ArgumentException($"--precision {value}: give float32 or bfloat16"),
                    },
                },
                "--seconds" => settings with { Seconds = Number(name, value) },
                "--shapes" => settings with { Shapes = value == "none" ? [] : [.. value.Split(',').Select(Shape)] },
                "--texts" => settings with
                {
                    Texts = value switch { "on" => settings.Texts, "off" => [], _ => throw new ArgumentException($"--texts {value}: give on or off") },
                },
                "--most-texts" => settings with { MostTexts = Number(name, value) },
                "--peers" => settings with { PeersFile = File.Exists(value) ? value : throw new ArgumentException($"{value}: no such file") },
                _ => throw new ArgumentException($"unknown option {name}"),
            };
        }
        return settings;
    }

    private static (string, string, string)[] RealTexts() =>
    [
        ("questions", Find("shared/data/quora/questions_10k.tsv"), "question1"),
        ("abstracts", Find("samples/cranfield/corpus.jsonl"), "text"),
    ];

    // From the working folder upwards, as the tests find the shared files.
    private static string Find(string relative)
    {
        for (string? folder = Directory.GetCurrentDirectory(); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string file = Path.Combine(folder, relative);
            if (File.Exists(file)) { return file; }
        }
        return relative;
    }

    private static int Number(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
            ? number
            : throw new ArgumentException($"{name} {value}: give a number from 1 up");

    private static (int, int) Shape(string text)
    {
        string[] parts = text.Split('x');
        return parts.Length == 2
            ? (Number("--shapes", parts[0]), Number("--shapes", parts[1]))
            : throw new ArgumentException($"--shapes {text}: give BATCHxLENGTH");
    }
}
