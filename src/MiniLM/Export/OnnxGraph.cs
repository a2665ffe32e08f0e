using System.Globalization;
using System.Runtime.InteropServices;
using MiniLM.Weights;

namespace MiniLM.Export;

/// <summary>An ONNX graph under construction. Field numbers are those of onnx.proto3, IR version 8, opset 17.</summary>
internal sealed unsafe class OnnxGraph
{
    private const int OpsetVersion = 17, IrVersion = 8;
    private const int FloatType = 1, Int64Type = 7;
    private const int ChunkValues = 1 << 16;

    private readonly ProtobufMessage _graph = new ProtobufMessage().Text(2, "minilm");
    private readonly Dictionary<string, Tensor?> _initializers = new(StringComparer.Ordinal);
    private int _nodes;

    /// <summary>Appends a node and returns the name of its output.</summary>
    internal string Node(string operation, string[] inputs, params (string Name, object Value)[] attributes)
    {
        string output = string.Create(CultureInfo.InvariantCulture, $"{operation}_{_nodes++}");
        Append(operation, inputs, output, attributes);
        return output;
    }

    /// <summary>Gives a value the name of a graph output.</summary>
    internal void Output(string value, string name, params object[] shape)
    {
        Append("Identity", [value], name, []);
        _graph.Message(12, ValueInfo(name, FloatType, shape));
    }

    /// <summary>An input of int64, or of float32; a dimension is a number or a name.</summary>
    internal void Input(string name, bool isFloat, params object[] shape) => _graph.Message(11, ValueInfo(name, isFloat ? FloatType : Int64Type, shape));

    /// <summary>A weight as float32 under its name in the file.</summary>
    /// <param name="tensor">The weight; it must stay mapped until the graph is written.</param>
    /// <param name="transposed">[outputs, inputs] becomes [inputs, outputs], what MatMul takes on its right.</param>
    internal string Weight(Tensor tensor, bool transposed = false)
    {
        long[] shape = tensor.Shape.ToArray();
        if (transposed) { Array.Reverse(shape); }
        // Two dense modules both call theirs linear.weight.
        string name = _initializers.TryGetValue(tensor.Name, out Tensor? known) && known != tensor ? $"{tensor.File}:{tensor.Name}" : tensor.Name;
        return Initializer(name, FloatType, shape, tensor.Count * 4, stream => WriteFloats(stream, tensor, transposed), tensor);
    }

    internal string Constant(float value)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"float_{value:R}");
        return Initializer(name, FloatType, [], 4, stream => stream.Write(BitConverter.GetBytes(value)));
    }

    /// <summary>One int64.</summary>
    internal string Scalar(long value) =>
        Initializer(string.Create(CultureInfo.InvariantCulture, $"int_{value}"), Int64Type, [], 8, stream => stream.Write(BitConverter.GetBytes(value)));

    /// <summary>A list of int64, shape [n].</summary>
    internal string List(params long[] values) => List("ints_" + string.Join('_', values), values);

    internal string List(string name, long[] values) =>
        Initializer(name, Int64Type, [values.Length], values.Length * 8L, stream => stream.Write(MemoryMarshal.AsBytes(values.AsSpan())));

    /// <summary>The whole model.</summary>
    internal ProtobufMessage ToModel() => new ProtobufMessage()
        .Integer(1, IrVersion).Text(2, "minilm").Message(7, _graph)
        .Message(8, new ProtobufMessage().Text(1, "").Integer(2, OpsetVersion));

    private string Initializer(string name, int type, ReadOnlySpan<long> shape, long lengthBytes, Action<Stream> write, Tensor? source = null)
    {
        if (!_initializers.TryAdd(name, source)) { return name; }
        ProtobufMessage tensor = new();
        foreach (long size in shape) { tensor.Integer(1, size); }
        _graph.Message(5, tensor.Integer(2, type).Text(8, name).Data(9, lengthBytes, write));
        return name;
    }

    private void Append(string operation, string[] inputs, string output, (string Name, object Value)[] attributes)
    {
        ProtobufMessage node = new();
        foreach (string input in inputs) { node.Text(1, input); }
        node.Text(2, output).Text(3, $"node_{output}").Text(4, operation);
        foreach ((string name, object value) in attributes) { node.Message(5, Attribute(name, value)); }
        _graph.Message(1, node);
    }

    private static ProtobufMessage Attribute(string name, object value)
    {
        ProtobufMessage attribute = new ProtobufMessage().Text(1, name);
        switch (value)
        {
            case float number: return attribute.Float(2, number).Integer(20, 1);
            case int number: return attribute.Integer(3, number).Integer(20, 2);
            case long[] list:
                foreach (long number in list) { attribute.Integer(8, number); }
                return attribute.Integer(20, 7);
            default: throw new ArgumentException($"no attribute of type {value.GetType()}", nameof(value));
        }
    }

    private static ProtobufMessage ValueInfo(string name, int type, object[] shape)
    {
        ProtobufMessage dimensions = new();
        foreach (object size in shape)
        {
            dimensions.Message(1, size is string symbol ? new ProtobufMessage().Text(2, symbol) : new ProtobufMessage().Integer(1, (int)size));
        }
        ProtobufMessage tensor = new ProtobufMessage().Integer(1, type).Message(2, dimensions);
        return new ProtobufMessage().Text(1, name).Message(2, new ProtobufMessage().Message(1, tensor));
    }

    private static void WriteFloats(Stream stream, Tensor tensor, bool transposed)
    {
        if (transposed)
        {
            stream.Write(MemoryMarshal.AsBytes(Transpose(tensor.ToFloats(), (int)tensor.Shape[0], (int)tensor.Shape[1]).AsSpan()));
            return;
        }
        float[] values = new float[ChunkValues];
        for (long at = 0, count = tensor.Count; at < count; at += values.Length)
        {
            Span<float> chunk = values.AsSpan(0, (int)Math.Min(values.Length, count - at));
            fixed (float* to = chunk) { tensor.Read(at, chunk.Length, to); }
            stream.Write(MemoryMarshal.AsBytes(chunk));
        }
    }

    private static float[] Transpose(float[] values, int rows, int columns)
    {
        float[] transposed = new float[values.Length];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++) { transposed[column * rows + row] = values[row * columns + column]; }
        }
        return transposed;
    }
}
