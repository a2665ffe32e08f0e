using System.Diagnostics.CodeAnalysis;

namespace MiniLM.Training.Losses;

/// <summary>Data that a loss does not take. The message is one line: the loss, what it was given, what to do.</summary>
internal sealed class LossDataException(string message) : ArgumentException(message)
{
    internal static void ThrowIf([DoesNotReturnIf(true)] bool isRefused, string message)
    {
        if (isRefused) { throw new LossDataException(message); }
    }
}
