using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ArmSha256 = System.Runtime.Intrinsics.Arm.Sha256;

namespace MiniLM.Data;

/// <summary>SHA-256 of files, one after the other in one hash.</summary>
/// <remarks>By the platform where that can be had: its code has the processor's own instructions, to which C# comes on Arm alone.</remarks>
internal sealed class FileHash : IDisposable
{
    // .NET tries these names too, and ends the process where it finds none.
    private static readonly string[] OpenSsl = ["libssl.so.3", "libssl.so.1.1"];

    private static readonly bool HasPlatform = !ArmSha256.IsSupported
        && (OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() || OpenSsl.Any(name => NativeLibrary.TryLoad(name, out _)));

    private readonly IncrementalHash? _platform;
    private readonly Sha256 _own = new();
    private readonly byte[] _buffer = new byte[1 << 18];

    /// <param name="isOwn">Never the platform's.</param>
    internal FileHash(bool isOwn = false) => _platform = HasPlatform && !isOwn ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;

    internal void Append(ReadOnlySpan<byte> data)
    {
        if (_platform is null) { _own.Append(data); }
        else { _platform.AppendData(data); }
    }

    /// <summary>A file from where it stands to its end.</summary>
    /// <returns>How many bytes.</returns>
    /// <exception cref="DataFormatException">It cannot be read on.</exception>
    internal long Append(Stream file, string path, CancellationToken cancellation)
    {
        long length = 0;
        for (int read; (read = DataFile.Read(file, _buffer, path)) > 0; length += read)
        {
            cancellation.ThrowIfCancellationRequested();
            Append(_buffer.AsSpan(0, read));
        }
        return length;
    }

    /// <summary>The hash in hexadecimal; then it begins anew.</summary>
    internal string Finish() => _platform is null ? _own.FinishText() : Convert.ToHexStringLower(_platform.GetHashAndReset());

    public void Dispose() => _platform?.Dispose();
}
