using MiniLM.Compute;
using MiniLM.Model;

namespace MiniLM.Cuda;

/// <summary>Which kernels a network runs on, and how its rows are padded.</summary>
/// <remarks>Tensor-core kernels take widths that are multiples of 32 and heads of 32 or 64 without relative bias; what they can't do runs on tier G.</remarks>
internal sealed class CudaPlan
{
    private readonly EncoderConfig _config;

    /// <exception cref="NotSupportedException">bfloat16 where a tensor-core kernel is missing: tier G has no bf16.</exception>
    internal CudaPlan(CudaDevice device, Network network, Precision precision)
    {
        _config = network.Config;
        bool sixteen = precision != Precision.Float32 && device.HasTensorCores;
        GemmOnTensorCores = sixteen && _config.HiddenSize % 32 == 0 && _config.IntermediateSize % 32 == 0;
        AttentionOnTensorCores = GemmOnTensorCores && _config.HeadSize is 32 or 64 && network.Encoder.RelativeAttentionBias is null;
        Suffix = precision switch { Precision.Float32 => "F32", Precision.Float16 => "F16", _ => "BF16" };
        ElementBytes = precision == Precision.Float32 ? 4 : 2;
        if (precision == Precision.BFloat16 && !(GemmOnTensorCores && AttentionOnTensorCores))
        {
            throw new NotSupportedException(
                $"bfloat16 runs on tensor cores only: hidden {_config.HiddenSize} and inner {_config.IntermediateSize} must be multiples of 32, heads of 32 or 64 (here {_config.HeadSize}) without relative bias. Use float16 or float32.");
        }
        KernelInfo gemm = KernelInfo.All[Gemm(Activation.Identity)];
        Hidden = CudaDevice.RoundUp(_config.HiddenSize, gemm.TileColumns);
        Inner = CudaDevice.RoundUp(_config.IntermediateSize, gemm.TileColumns);
        FusedLayerNorm = GemmOnTensorCores && Hidden == _config.HiddenSize && KernelInfo.All.ContainsKey(GemmLayerNorm);
    }

    internal bool GemmOnTensorCores { get; }

    internal bool AttentionOnTensorCores { get; }

    /// <summary>Whether a GEMM kernel has the LayerNorm of this width in its epilogue.</summary>
    internal bool FusedLayerNorm { get; }

    /// <summary>Storage in the kernels' names.</summary>
    internal string Suffix { get; }

    internal int ElementBytes { get; }

    /// <summary>Width of a row with its padding: a multiple of the GEMM's tile.</summary>
    internal int Hidden { get; }

    /// <summary>The same of the feed-forward layer.</summary>
    internal int Inner { get; }

    /// <summary>The GEMM with an activation in its epilogue.</summary>
    internal string Gemm(Activation activation) => $"Gemm{(GemmOnTensorCores ? "Mma" : "Simt")}{Name(activation)}{Suffix}";

    /// <summary>The GEMM with residual and LayerNorm in its epilogue.</summary>
    internal string GemmLayerNorm => $"GemmLayerNorm{Hidden}{Suffix}";

    internal string Attention => AttentionOnTensorCores ? $"AttentionMma{_config.HeadSize}{Suffix}" : $"AttentionSimt{(_config.HeadSize <= 32 ? 32 : _config.HeadSize <= 64 ? 64 : 128)}{Suffix}";

    internal string Embedding => "EmbeddingLayerNorm" + Suffix;

    internal string LayerNorm => "LayerNorm" + Suffix;

    internal string Pooling => "Pooling" + Suffix;

    /// <summary>Storage to fp32.</summary>
    internal string Widen => $"Convert{Suffix}ToF32";

    /// <summary>The head's dense modules are fp32 whatever the encoder's storage.</summary>
    internal static string Dense(Activation activation) => $"GemmSimt{Name(activation)}F32";

    private static string Name(Activation activation) => activation == Activation.Identity ? "" : activation.ToString();
}
