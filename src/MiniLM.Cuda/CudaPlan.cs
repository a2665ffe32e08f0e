using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Cuda;

/// <summary>Which kernels a network runs on, and how its rows are padded.</summary>
/// <remarks>Tensor-core kernels take widths that are multiples of 32 and heads of 32 or 64 without relative bias; what they can't do runs on tier G.</remarks>
internal sealed class CudaPlan
{
    /// <exception cref="NotSupportedException">An activation or a storage of weights that no kernel has.</exception>
    internal CudaPlan(CudaDevice device, Network network, Precision precision)
    {
        EncoderConfig config = network.Config;
        GemmOnTensorCores = precision != Precision.Float32 && device.HasTensorCores && FitsTensorCores(config);
        AttentionOnTensorCores = GemmOnTensorCores && FitsTensorCoreAttention(network);
        Suffix = precision switch { Precision.Float32 => "F32", Precision.Float16 => "F16", _ => "BF16" };
        ElementBytes = precision == Precision.Float32 ? 4 : 2;
        if (config.HiddenAct is Activation.Silu or Activation.QuickGelu)
        {
            throw new NotSupportedException($"the GPU has no kernels for the activation {config.HiddenAct}. Use --device cpu.");
        }
        if (network.Tensors().Any(tensor => tensor.ElementType == ElementType.F64))
        {
            throw new NotSupportedException("the GPU's kernels read no F64 weights. Convert them (minilm convert --dtype float32), or use --device cpu.");
        }
        string gemm = GemmOnTensorCores ? "GemmMma" : "GemmSimt";
        Gemm = gemm + Suffix;
        GemmActivated = gemm + Name(config.HiddenAct) + Suffix;
        Hidden = CudaDevice.RoundUp(config.HiddenSize, KernelInfo.All[Gemm].TileColumns);
        Inner = CudaDevice.RoundUp(config.IntermediateSize, KernelInfo.All[Gemm].TileColumns);
        GemmLayerNorm = $"GemmLayerNorm{Hidden}{Suffix}";
        FusedLayerNorm = GemmOnTensorCores && Hidden == config.HiddenSize && KernelInfo.All.ContainsKey(GemmLayerNorm);
        Attention = AttentionOnTensorCores
            ? $"AttentionMma{config.HeadSize}{Suffix}"
            : $"AttentionSimt{(config.HeadSize <= 32 ? 32 : config.HeadSize <= 64 ? 64 : 128)}{Suffix}";
        (EmbeddingTraining, LayerNormTraining, LayerNormBackward) = ("EmbeddingTraining" + Suffix, "LayerNormTraining" + Suffix, "LayerNormBackward" + Suffix);
        string attention = AttentionOnTensorCores ? "AttentionMma" : "AttentionSimt", lanes = config.HeadSize <= 32 ? "32" : "64";
        AttentionTraining = $"{attention}Training{(config.HeadSize <= 64 ? lanes : "128")}{Suffix}";
        (QueryGradient, KeyValueGradient) = ($"{attention}QueryGradient{lanes}{Suffix}", $"{attention}KeyValueGradient{lanes}{Suffix}");
        string activated = gemm + Name(config.HiddenAct);
        (GemmActivatedTraining, GemmActivatedBackward) = ($"{activated}Training{Suffix}", $"{activated}Backward{Suffix}");
        (GemmDropout, GemmLayerNormTraining) = ($"{gemm}Dropout{Suffix}", $"GemmLayerNormTraining{Hidden}{Suffix}");
        WeightGradient = (GemmOnTensorCores ? "WeightGradientMma" : "WeightGradientSimt") + Suffix;
        (PoolingBackward, EmbeddingSums) = ("PoolingBackward" + Suffix, "EmbeddingSums" + Suffix);
        AttentionTileRows = KernelInfo.All["AttentionSimt32" + Suffix].TileRows;
        (Embedding, LayerNorm, Pooling, Widen) = ("EmbeddingLayerNorm" + Suffix, "LayerNorm" + Suffix, "Pooling" + Suffix, $"Convert{Suffix}ToF32");
    }

    /// <summary>Whether the tensor-core GEMM takes these widths.</summary>
    internal static bool FitsTensorCores(EncoderConfig config) => config.HiddenSize % 32 == 0 && config.IntermediateSize % 32 == 0;

    private static bool FitsTensorCoreAttention(Network network) => network.Config.HeadSize is 32 or 64 && network.Encoder.RelativeAttentionBias is null;

    /// <summary>What of a network no tensor-core kernel takes, and why; null: all of it is taken.</summary>
    internal static string? WithoutTensorCores(Network network)
    {
        EncoderConfig config = network.Config;
        if (!FitsTensorCores(config)) { return $"the model (hidden {config.HiddenSize}, inner {config.IntermediateSize}: not multiples of 32)"; }
        if (FitsTensorCoreAttention(network)) { return null; }
        return $"attention ({(network.Encoder.RelativeAttentionBias is null ? $"heads of {config.HeadSize}, not 32 or 64" : "relative bias")})";
    }

    /// <summary>The kernels of tier A that a network is launched with.</summary>
    internal IEnumerable<string> TensorCoreKernels(bool trains)
    {
        List<string> kernels = [];
        if (GemmOnTensorCores)
        {
            kernels.AddRange([Gemm, GemmActivated]);
            if (FusedLayerNorm) { kernels.Add(GemmLayerNorm); }
            if (trains)
            {
                kernels.AddRange([GemmActivatedTraining, GemmActivatedBackward, FusedLayerNorm ? GemmLayerNormTraining : GemmDropout, WeightGradient]);
            }
        }
        if (AttentionOnTensorCores)
        {
            kernels.Add(Attention);
            if (trains) { kernels.AddRange([AttentionTraining, QueryGradient, KeyValueGradient]); }
        }
        return kernels;
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

    /// <summary>Bytes of a row of <see cref="Hidden"/>.</summary>
    internal uint RowBytes => (uint)(Hidden * ElementBytes);

    /// <summary>Queries of a tile, where attention runs on tier G.</summary>
    internal int AttentionTileRows { get; }

    /// <summary>Width of the head's widest row.</summary>
    internal static int WidestOfHead(Network network) =>
        network.Head.OfType<DenseModule>().Select(module => HeadWidth(module.Linear.Outputs)).Append(HeadWidth(network.PooledSize)).Max();

    /// <summary>Width of a row of the head, fp32: a multiple of its GEMM's tile.</summary>
    internal static int HeadWidth(int width) => CudaDevice.RoundUp(width, KernelInfo.All[Dense(Activation.Identity)].TileColumns);

    // Names of the encoder's kernels, by which every launch finds its own; those of the head's dense modules are made at their launch.

    /// <summary>The GEMM without activation.</summary>
    internal string Gemm { get; }

    /// <summary>The GEMM with the feed-forward layer's activation in its epilogue.</summary>
    internal string GemmActivated { get; }

    /// <summary>The GEMM with residual and LayerNorm in its epilogue.</summary>
    internal string GemmLayerNorm { get; }

    internal string Attention { get; }

    internal string Embedding { get; }

    internal string LayerNorm { get; }

    internal string Pooling { get; }

    /// <summary>Storage to fp32.</summary>
    internal string Widen { get; }

    // Those of a training step.

    internal string EmbeddingTraining { get; }

    internal string LayerNormTraining { get; }

    internal string AttentionTraining { get; }

    /// <summary>The GEMM with dropout before its residual.</summary>
    internal string GemmDropout { get; }

    /// <summary>The GEMM with dropout, residual and LayerNorm in its epilogue, where <see cref="FusedLayerNorm"/> says that there is one.</summary>
    internal string GemmLayerNormTraining { get; }

    /// <summary>The GEMM that keeps what the activation in its epilogue reads.</summary>
    internal string GemmActivatedTraining { get; }

    /// <summary>The GEMM on the way back through that activation.</summary>
    internal string GemmActivatedBackward { get; }

    internal string LayerNormBackward { get; }

    internal string QueryGradient { get; }

    internal string KeyValueGradient { get; }

    internal string WeightGradient { get; }

    internal string PoolingBackward { get; }

    /// <summary>The first of the two kernels of an embedding table's gradient.</summary>
    internal string EmbeddingSums { get; }

    /// <summary>As <see cref="Dense"/>, keeping what the activation reads.</summary>
    internal static string DenseTraining(Activation activation) => $"GemmSimt{Name(activation)}TrainingF32";

    /// <summary>Back through the activation of a dense module.</summary>
    internal static string ActivationBackward(Activation activation) => $"ActivationBackward{Name(activation)}F32";

    /// <summary>The head's dense modules are fp32 whatever the encoder's storage.</summary>
    internal static string Dense(Activation activation) => $"GemmSimt{Name(activation)}F32";

    private static string Name(Activation activation) => activation == Activation.Identity ? "" : activation.ToString();
}
