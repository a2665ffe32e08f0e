using BenchmarkDotNet.Attributes;
using MiniLM.Model;
using MiniLM.Text;

namespace Operations;

/// <summary>A text of some words by the shipped model's tokenizer; GB/s are those of its UTF-16.</summary>
public class Tokenization : IMeasured
{
    private const string Sentence = "The unaffordable café reopened in 2024, with Zoë's well-known sourdough recipes; ";

    private readonly int[] _ids = new int[4096];
    private WordPieceTokenizer _tokenizer = null!;
    private string _text = "";

    [Params(1, 20)]
    public int Sentences { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _tokenizer = WordPieceTokenizer.Load(ModelFolder.Resolve(null));
        _text = string.Concat(Enumerable.Repeat(Sentence, Sentences));
    }

    [Benchmark]
    public int Encode() => _tokenizer.Encode(_text, _ids.Length, _ids, out _);

    public Work? WorkOf(string benchmark) => new Work(0, (double)sizeof(char) * Sentence.Length * Sentences);
}
