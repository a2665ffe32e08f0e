using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using MiniLM.Data;

namespace MiniLM.Weights;

/// <summary>A tensor to write: under a name, as an element type, from a source of the same or another float type.</summary>
internal sealed record StoredTensor(string Name, Tensor Source, ElementType ElementType)
{
    internal StoredTensor(Tensor source) : this(source.Name, source, source.ElementType) { }

    internal long LengthBytes => Source.ElementType == ElementType ? Source.LengthBytes : Source.Count * ElementType.Bits() / 8;
}

/// <summary>Writes the bytes that the safetensors library writes for the same tensors: wide types first, then by name.</summary>
internal static class SafetensorsWriter
{
    /// <summary>Writes one file and flushes it to the disk; it is not left behind half written.</summary>
    /// <param name="path">Where to; an existing file is overwritten.</param>
    /// <param name="tensors">Their sources must stay mapped meanwhile.</param>
    /// <param name="metadata">Null: the file has no metadata.</param>
    /// <param name="cancellation">Looked at before each write.</param>
    /// <param name="wrote">Told the bytes of each tensor that was written.</param>
    /// <exception cref="ModelFormatException">A value is too large for the element type; the tensor is named.</exception>
    internal static void Write(string path, IReadOnlyCollection<StoredTensor> tensors, IReadOnlyDictionary<string, string>? metadata,
        CancellationToken cancellation = default, Action<long>? wrote = null)
    {
        (StoredTensor Tensor, byte[] Name)[] ordered = [.. tensors.Select(tensor => (tensor, Encoding.UTF8.GetBytes(tensor.Name)))];
        Array.Sort(ordered, (a, b) => a.Tensor.ElementType != b.Tensor.ElementType
            ? b.Tensor.ElementType.CompareTo(a.Tensor.ElementType) : a.Name.AsSpan().SequenceCompareTo(b.Name));
        byte[] header = Header(ordered.Select(item => item.Tensor), metadata);
        try
        {
            using PartialFile stream = PartialFile.Create(path, cancellation);
            stream.Write(header);
            foreach ((StoredTensor tensor, _) in ordered)
            {
                TensorData.Write(stream, tensor);
                wrote?.Invoke(tensor.LengthBytes);
            }
            stream.Flush(flushToDisk: true);
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    private static byte[] Header(IEnumerable<StoredTensor> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        StringBuilder json = new("{");
        if (metadata is not null)
        {
            json.Append("\"__metadata__\":{");
            string separator = "";
            foreach ((string key, string value) in metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                AppendString(json.Append(separator), key);
                AppendString(json.Append(':'), value);
                separator = ",";
            }
            json.Append('}');
        }
        long at = 0;
        foreach (StoredTensor tensor in tensors)
        {
            if (json.Length > 1) { json.Append(','); }
            AppendString(json, tensor.Name);
            json.Append(CultureInfo.InvariantCulture, $":{{\"dtype\":\"{tensor.ElementType.FormatName()}\",\"shape\":[");
            for (int i = 0; i < tensor.Source.Shape.Length; i++)
            {
                json.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ",")}{tensor.Source.Shape[i]}");
            }
            json.Append(CultureInfo.InvariantCulture, $"],\"data_offsets\":[{at},{at + tensor.LengthBytes}]}}");
            at += tensor.LengthBytes;
        }
        byte[] text = Encoding.UTF8.GetBytes(json.Append('}').ToString());
        byte[] header = new byte[8 + (text.Length + 7) / 8 * 8];
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - 8);
        text.CopyTo(header, 8);
        header.AsSpan(8 + text.Length).Fill((byte)' ');
        return header;
    }

    private static void AppendString(StringBuilder json, string text)
    {
        json.Append('"');
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' or '\\' => json.Append('\\').Append(c),
                '\b' => json.Append("\\b"),
                '\t' => json.Append("\\t"),
                '\n' => json.Append("\\n"),
                '\f' => json.Append("\\f"),
                '\r' => json.Append("\\r"),
                < ' ' => json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => json.Append(c),
            };
        }
        json.Append('"');
    }
}
