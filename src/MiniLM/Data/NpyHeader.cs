using System.Globalization;
using System.Text;

namespace MiniLM.Data;

/// <summary>The head of a .npy file, version 1.0: little-endian F32 in rows.</summary>
internal static class NpyHeader
{
    /// <summary>Bytes before the data, the same for any shape, so that the number of rows can be filled in at the end.</summary>
    internal const int Length = 128;

    /// <summary>128 bytes for [rows, columns].</summary>
    internal static byte[] Create(long rows, int columns)
    {
        string shape = string.Create(CultureInfo.InvariantCulture, $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
        byte[] header = new byte[Length];
        header.AsSpan().Fill((byte)' ');
        "NUMPY\u0001\0"u8.CopyTo(header.AsSpan(1));
        (header[0], header[8], header[9], header[^1]) = (0x93, Length - 10, 0, (byte)'\n');
        Encoding.ASCII.GetBytes(shape, header.AsSpan(10));
        return header;
    }
}
