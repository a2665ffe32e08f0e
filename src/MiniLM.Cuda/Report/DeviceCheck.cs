using MiniLM.Compute;

namespace MiniLM.Cuda.Report;

/// <summary>A comparison of what the device computes with what the emulator does.</summary>
/// <param name="Name">What is compared.</param>
/// <param name="Precision">Storage.</param>
/// <param name="Error">The largest; null: there was nothing to compare, or no number.</param>
/// <param name="Bound">The largest that is allowed.</param>
/// <param name="HasEqualBits">Whether all bits are the emulator's; null: not asked.</param>
/// <param name="Problem">What went wrong; null: nothing did.</param>
internal sealed record DeviceCheck(string Name, Precision Precision, double? Error, double Bound, bool? HasEqualBits, string? Problem = null)
{
    internal bool IsGreen => Problem is null && Error <= Bound;
}
