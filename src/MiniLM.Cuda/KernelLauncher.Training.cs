using MiniLM.Kernels;

namespace MiniLM.Cuda;

/// <summary>The kernels of a training step.</summary>
internal sealed partial class KernelLauncher
{
    /// <summary>The product with dropout before its residual.</summary>
    internal void Gemm(string name, GemmDropoutArguments arguments, int columns, int depth) =>
        Gemm(name, ref arguments, ref arguments.Gemm, columns, depth);

    /// <summary>The product with dropout, residual and LayerNorm.</summary>
    internal void Gemm(string name, GemmLayerNormTrainingArguments arguments, int columns, int depth) =>
        Gemm(name, ref arguments, ref arguments.Gemm, columns, depth);

    /// <summary>The product before an activation, or behind it on the way back.</summary>
    internal void Gemm(string name, GemmActivationArguments arguments, int columns, int depth) =>
        Gemm(name, ref arguments, ref arguments.Gemm, columns, depth);

    /// <summary>Gather and LayerNorm: a warp a row.</summary>
    internal void Embedding(string name, EmbeddingTrainingArguments arguments) =>
        Rows(name, ref arguments, (int)arguments.Embedding.Norm.Rows, units: (int)arguments.Embedding.Norm.Padded);

    /// <summary>LayerNorm: a warp a row.</summary>
    internal void LayerNorm(string name, LayerNormTrainingArguments arguments) =>
        Rows(name, ref arguments, (int)arguments.Norm.Rows, units: (int)arguments.Norm.Padded);

    /// <summary>LayerNorm's way back: a block some rows.</summary>
    internal void LayerNormBackward(string name, LayerNormBackwardArguments arguments) =>
        Rows(name, ref arguments, (int)arguments.Rows, units: (int)arguments.Padded);

    /// <summary>Its blocks, each of which leaves its sums.</summary>
    internal static int BlocksOfLayerNormBackward(int rows) => (int)Tiles(rows, KernelInfo.All["LayerNormBackwardF32"].TileRows);

    /// <summary>Attention that keeps its sums; blocks and heads as for inference.</summary>
    internal void Attention(string name, AttentionTrainingArguments arguments, int blocks, int heads) =>
        Blocks(name, ref arguments, blocks, heads, (int)arguments.Attention.ResidentKeys);

    /// <summary>One of attention's gradients.</summary>
    internal void AttentionBackward(string name, AttentionBackwardArguments arguments, int blocks, int heads) =>
        Blocks(name, ref arguments, blocks, heads, (int)arguments.Forward.Attention.ResidentKeys);

    /// <summary>The gradients of some matrices: a block a tile and part.</summary>
    internal void WeightGradient(string name, WeightGradientArguments arguments, int tiles, int parts) => Blocks(name, ref arguments, tiles, parts);

    /// <summary>Adds partial sums: a block a piece.</summary>
    internal void SumParts(SumPartsArguments arguments, int pieces) => Blocks("SumPartsF32", ref arguments, pieces, 1);

    /// <summary>Pooling's way back: a thread a column of a sequence.</summary>
    internal void PoolingBackward(string name, PoolingBackwardArguments arguments, int sequences) =>
        Rows(name, ref arguments, sequences, (int)arguments.Padded);

    internal void NormalizeBackward(NormalizeBackwardArguments arguments) => Rows("NormalizeBackwardF32", ref arguments, (int)arguments.Rows);

    /// <summary>Back through an activation of the head: a thread an element.</summary>
    internal void ActivationBackward(string name, ActivationBackwardArguments arguments, int rows) => Rows(name, ref arguments, rows, (int)arguments.Padded);

    internal void Dropout(DropoutRowsArguments arguments) => Rows("DropoutF32", ref arguments, (int)arguments.Rows);

    /// <summary>Sums of segments of rows, then of each id's segments: a thread a column.</summary>
    internal void EmbeddingGradient(string sums, EmbeddingGradientArguments arguments, int segments, int ids)
    {
        Rows(sums, ref arguments, segments, (int)arguments.Width);
        Rows("EmbeddingGradientF32", ref arguments, ids, (int)arguments.Width);
    }

    /// <summary>Squares by piece, then the norm and the step's factor.</summary>
    internal void GradientNorm(GradientNormArguments arguments)
    {
        Rows("GradientSquaresF32", ref arguments, (int)arguments.Count);
        Rows("GradientNormF32", ref arguments, rows: 1);
    }

    /// <summary>AdamW, or the copies alone: a block a tile.</summary>
    internal void AdamW(string name, AdamWArguments arguments, int tiles) => Rows(name, ref arguments, tiles);

    internal void RelativeBias(RelativeBiasArguments arguments) => Rows("RelativeBiasF32", ref arguments, (int)arguments.Heads, (int)arguments.Width);
}
