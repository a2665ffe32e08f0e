using System.Runtime.InteropServices;
using MiniLM.Kernels;
using MiniLM.Model;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Cuda.Training;

/// <summary>A layer's weights as the way back reads them: [inputs, outputs], in the plan's storage.</summary>
internal readonly record struct TransposedLayer(ulong QueryKeyValue, ulong AttentionOutput, ulong Up, ulong Down);

/// <summary>Parameters, gradients and moments on the GPU, fp32 and of one layout, and the copies of the weights that kernels read.</summary>
/// <remarks>The copies of the way forward are those of <see cref="CudaWeights"/>; AdamW writes them, and the transposed ones, with the parameters.</remarks>
internal sealed class CudaParameters : IDisposable
{
    private const int Tile = 32, Piece = 8192; // of AdamW, of the norm

    private readonly CudaDevice _device;
    private readonly CudaPlan _plan;
    private readonly CudaWeights _weights;
    private readonly ParameterBlock _parameters;
    private readonly TrainingOptions _options;
    private readonly GpuArena _arena;
    private readonly long _values, _gradients, _first, _second, _factor, _squares, _tensors, _tiles, _pieces, _buckets, _zeros;
    private readonly int _trainedTiles, _allTiles, _pieceCount;
    private readonly TransposedLayer[] _layers;
    private readonly ulong[] _head;
    private readonly Parameter[] _tables; // of embeddings, trained: a way back adds to some of their rows
    private bool _isOfLastStep = true; // what the block of gradients holds, but for the tables, which are zero then; at first all of it is
    private int _version = -1; // of the parameters in the host's memory

    internal CudaParameters(CudaDevice device, CudaPlan plan, CudaWeights weights, ParameterBlock parameters, TrainingOptions options)
    {
        (_device, _plan, _weights, _parameters, _options, _arena) = (device, plan, weights, parameters, options, new GpuArena(device.Gpu));
        long block = parameters.Length * sizeof(float);
        (_values, _gradients, _first, _second) = (_arena.Plan(block), _arena.Plan(block), _arena.Plan(block), _arena.Plan(block));
        Dictionary<Tensor, (ulong At, uint Stride)> transposed = [];
        _layers = [.. parameters.Network.Encoder.Layers.Select(layer => new TransposedLayer(
            Transposed([layer.Query, layer.Key, layer.Value], plan.Hidden, plan.Hidden, plan.ElementBytes),
            Transposed([layer.AttentionOutput], plan.Hidden, plan.Hidden, plan.ElementBytes),
            Transposed([layer.Up], plan.Inner, plan.Hidden, plan.ElementBytes), Transposed([layer.Down], plan.Hidden, plan.Inner, plan.ElementBytes)))];
        _head = [.. parameters.Network.Head.OfType<DenseModule>().Select(module => Transposed([module.Linear],
            CudaPlan.HeadWidth(module.Linear.Outputs), CudaPlan.HeadWidth(module.Linear.Inputs), sizeof(float)))];

        EncoderWeights encoder = parameters.Network.Encoder;
        _tables = [.. parameters.Parameters.Where(parameter => options.IsTrained(parameter.Name) && (parameter.Tensor == encoder.WordEmbeddings
            || parameter.Tensor == encoder.PositionEmbeddings || parameter.Tensor == encoder.TokenTypeEmbeddings))];

        // Those that are trained first: AdamW takes the first tiles, who makes all copies anew takes all.
        Parameter[] ordered = [.. parameters.Parameters.OrderBy(parameter => options.IsTrained(parameter.Name) ? 0 : 1)];
        List<int> tiles = [], pieces = [];
        for (int i = 0; i < ordered.Length; i++)
        {
            bool isTrained = options.IsTrained(ordered[i].Name);
            (int rows, int columns) = Shape(ordered[i]);
            for (int row = 0; row < rows; row += Tile)
            {
                for (int column = 0; column < columns; column += Tile) { tiles.AddRange([i, row, column, 0]); }
            }
            if (!isTrained) { continue; }
            _trainedTiles = tiles.Count / 4;
            for (int at = 0; at < ordered[i].Count; at += Piece)
            {
                pieces.AddRange([(int)(uint)(ordered[i].Offset + at), Math.Min(Piece, ordered[i].Count - at)]);
            }
        }
        (_allTiles, _pieceCount) = (tiles.Count / 4, pieces.Count / 2);
        (_tiles, _pieces, _squares, _factor) = (_arena.Plan(4L * tiles.Count), _arena.Plan(4L * pieces.Count), _arena.Plan(4L * _pieceCount), _arena.Plan(16));
        _tensors = _arena.Plan((long)TrainedTensor.Bytes * ordered.Length);
        _buckets = _arena.Plan(4L * CudaWeights.BiasWidth);
        _zeros = _arena.Plan(4L * Math.Max(3 * plan.Hidden, Math.Max(plan.Inner, CudaPlan.WidestOfHead(parameters.Network))));
        _arena.Commit();
        try
        {
            device.Gpu.Upload(_arena.At(_tiles), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(tiles)));
            device.Gpu.Upload(_arena.At(_pieces), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(pieces)));
            device.Gpu.Upload(_arena.At(_buckets), MemoryMarshal.AsBytes(CudaWeights.Buckets.AsSpan()));
            device.Gpu.Upload(_arena.At(_tensors), MemoryMarshal.AsBytes(ordered.Select(Describe).ToArray().AsSpan()));
            Refresh();
        }
        catch
        {
            Dispose();
            throw;
        }

        ulong Transposed(Linear[] parts, int outputs, int inputs, int elementBytes)
        {
            uint stride = (uint)(parts.Length * outputs * elementBytes);
            ulong at = (ulong)_arena.Plan((long)inputs * stride);
            for (int i = 0; i < parts.Length; i++) { transposed[parts[i].Weight] = (at + (ulong)(i * outputs * elementBytes), stride); }
            return at;
        }

        TrainedTensor Describe(Parameter parameter)
        {
            (int rows, int columns) = Shape(parameter);
            TrainedTensor tensor = new()
            {
                Offset = checked((uint)parameter.Offset),
                Rows = (uint)rows,
                Columns = (uint)columns,
                Flags = options.Decays(parameter.Name) ? TrainedTensor.Decays : 0,
            };
            if (parameter.Tensor != parameters.Network.Encoder.RelativeAttentionBias)
            {
                CudaPlace place = weights.Place(parameter.Tensor);
                (tensor.Copy, tensor.StrideCopy) = (place.Address, place.Stride);
                if (place.IsWide) { tensor.Flags |= TrainedTensor.IsWide; }
            }
            if (transposed.TryGetValue(parameter.Tensor, out (ulong At, uint Stride) way))
            {
                (tensor.Transposed, tensor.StrideTransposed) = (_arena.At((long)way.At), way.Stride);
            }
            return tensor;
        }
    }

    /// <summary>Of one of the four blocks.</summary>
    internal long BlockBytes => _parameters.Length * sizeof(float);

    internal long Bytes => _arena.Bytes;

    /// <summary>Of a vector one row.</summary>
    private static (int Rows, int Columns) Shape(Parameter parameter) =>
        parameter.Tensor.Shape.Length == 2 ? ((int)parameter.Tensor.Shape[0], (int)parameter.Tensor.Shape[1]) : (1, parameter.Count);

    /// <summary>Weights of a layer for the way back.</summary>
    internal TransposedLayer Layer(int index)
    {
        (TransposedLayer layer, ulong origin) = (_layers[index], _arena.At(0));
        return new TransposedLayer(
            origin + layer.QueryKeyValue, origin + layer.AttentionOutput, origin + layer.Up, origin + layer.Down);
    }

    /// <summary>The same of a dense module of the head.</summary>
    internal ulong Head(int dense) => _arena.At(0) + _head[dense];

    /// <summary>The bias of a product that has none.</summary>
    internal ulong Zeros => _arena.At(_zeros);

    /// <summary>The bucket of each distance.</summary>
    internal ulong Buckets => _arena.At(_buckets);

    private ulong Value(Parameter parameter) => In(_values, parameter);

    internal ulong Gradient(Parameter parameter) => In(_gradients, parameter);

    internal ulong State(Parameter parameter, Compute.OptimizerState state) =>
        In(state == Compute.OptimizerState.FirstMoment ? _first : _second, parameter);

    private ulong In(long block, Parameter parameter) => _arena.At(block) + 4UL * (ulong)parameter.Offset;

    /// <summary>Brings the host's values here, where somebody has changed them.</summary>
    internal void Refresh()
    {
        if (_version == _parameters.Version) { return; }
        foreach (Parameter parameter in _parameters.Parameters) { _device.Gpu.Upload(Value(parameter), MemoryMarshal.AsBytes(_parameters[parameter])); }
        _device.Launcher.AdamW("WeightCopies" + _plan.Suffix, Arguments(), _allTiles);
        RefreshBias();
        _version = _parameters.Version;
    }

    /// <summary>Brings the values of the last step to the host.</summary>
    internal void Fetch()
    {
        foreach (Parameter parameter in _parameters.Parameters) { _device.Gpu.Download(Value(parameter), MemoryMarshal.AsBytes(_parameters[parameter])); }
        _parameters.Changed();
        _version = _parameters.Version;
    }

    internal void ClearGradients()
    {
        _device.Gpu.Clear(_arena.At(_gradients), _parameters.Length * sizeof(float));
        _isOfLastStep = false;
    }

    /// <summary>For a way back that begins: whether it adds to this step's gradients, or overwrites those of the last, all but the embeddings', which
    /// it adds to in any case.</summary>
    internal bool Accumulates()
    {
        bool adds = !_isOfLastStep;
        _isOfLastStep = false;
        return adds;
    }

    /// <summary>Zeros for what no way back has overwritten since the last step.</summary>
    internal void ForgetLastStep()
    {
        if (_isOfLastStep) { ClearGradients(); }
    }

    /// <summary>Norm, cut, AdamW and new copies, without an answer from the host in between; the next way back begins anew.</summary>
    /// <param name="options">Of the step.</param>
    /// <param name="step">Its number for Adam's bias correction, if it is taken.</param>
    internal StepResult Step(StepOptions options, int step)
    {
        ForgetLastStep();
        _device.Launcher.GradientNorm(new GradientNormArguments
        {
            Gradients = _arena.At(_gradients),
            Pieces = _arena.At(_pieces),
            Squares = _arena.At(_squares),
            Factor = _arena.At(_factor),
            Count = (uint)_pieceCount,
            LossScale = (float)options.LossScale,
            MaxNorm = (float)(options.MaxGradientNorm ?? double.PositiveInfinity),
        });
        AdamW.Coefficients<float> by = AdamW.For<float>(options, step, decays: true, gradientFactor: 1);
        _device.Launcher.AdamW("AdamW" + _plan.Suffix, Arguments() with
        {
            Keep = by.Keep,
            OneMinusBeta1 = by.OneMinusBeta1,
            Beta2 = by.Beta2,
            OneMinusBeta2 = by.OneMinusBeta2,
            Rate = by.Rate,
            RootOfCorrection = by.RootOfCorrection,
            Epsilon = by.Epsilon,
        }, _trainedTiles);
        RefreshBias();
        foreach (Parameter table in _tables) { _device.Gpu.Clear(Gradient(table), (long)table.Count * sizeof(float)); }
        _isOfLastStep = true;
        Span<StepFactor> factor = stackalloc StepFactor[1];
        _device.Gpu.Download(_arena.At(_factor), MemoryMarshal.AsBytes(factor));
        return new StepResult(factor[0].Norm, factor[0].IsTaken != 0);
    }

    private void RefreshBias()
    {
        if (_weights.Bias == 0) { return; }
        Tensor bias = _parameters.Network.Encoder.RelativeAttentionBias!;
        _device.Launcher.RelativeBias(new RelativeBiasArguments
        {
            Values = Value(_parameters.Parameters.First(parameter => parameter.Tensor == bias)),
            Buckets = Buckets,
            Table = _weights.Bias,
            Heads = (uint)bias.Shape[1],
            Width = (uint)CudaWeights.BiasWidth,
        });
    }

    private AdamWArguments Arguments() => new()
    {
        Tensors = _arena.At(_tensors),
        Tiles = _arena.At(_tiles),
        Values = _arena.At(_values),
        Gradients = _arena.At(_gradients),
        First = _arena.At(_first),
        Second = _arena.At(_second),
        Factor = _arena.At(_factor),
    };

    public void Dispose() => _arena.Dispose();
}
