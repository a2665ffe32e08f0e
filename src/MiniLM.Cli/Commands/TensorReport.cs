using MiniLM.Model;
using MiniLM.Text;
using MiniLM.Weights;

namespace MiniLM.Cli.Commands;

/// <summary>A tensor and what its values are: smallest and largest finite one, and how many are none.</summary>
internal sealed record TensorReport(Tensor Tensor, float Minimum, float Maximum, long Nan, long Infinite)
{
    internal long NonFinite => Nan + Infinite;

    /// <summary>False for integers, whose values are not looked at.</summary>
    internal bool IsWeight => Tensor.ElementType.IsWeight();

    internal static unsafe TensorReport Of(Tensor tensor)
    {
        (float minimum, float maximum, long nan, long infinite) = (float.PositiveInfinity, float.NegativeInfinity, 0, 0);
        if (!tensor.ElementType.IsWeight()) { return new TensorReport(tensor, 0, 0, 0, 0); }
        const int Block = 4096;
        float* values = stackalloc float[Block];
        for (long at = 0, count = tensor.Count; at < count; at += Block)
        {
            int length = (int)Math.Min(Block, count - at);
            tensor.Read(at, length, values);
            for (int i = 0; i < length; i++)
            {
                float value = values[i];
                if (float.IsFinite(value)) { (minimum, maximum) = (Math.Min(minimum, value), Math.Max(maximum, value)); }
                else if (float.IsNaN(value)) { nan++; }
                else { infinite++; }
            }
        }
        return minimum > maximum ? new TensorReport(tensor, 0, 0, nan, infinite) : new TensorReport(tensor, minimum, maximum, nan, infinite);
    }
}

/// <summary>Whether a model's tokenizer can be read and gives only ids that the embedding table has.</summary>
internal sealed record VocabularyCheck(int? TokenizerSize, int ConfigSize, string? Problem)
{
    internal static VocabularyCheck Of(ModelFolder model)
    {
        int config = model.Network.Config.VocabSize;
        int? size = null;
        try
        {
            WordPieceTokenizer tokenizer = WordPieceTokenizer.Load(model.TransformerPath);
            size = tokenizer.VocabularySize;
            return new(size, config, LoadedModel.VocabularyMismatch(model, tokenizer));
        }
        catch (Exception error) when (error is TokenizerException or IOException) { return new(size, config, error.Message); }
    }
}
