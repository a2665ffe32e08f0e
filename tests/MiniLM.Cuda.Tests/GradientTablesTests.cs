using MiniLM.Cuda.Training;

namespace MiniLM.Cuda.Tests;

/// <summary>Into how many parts the rows of weights' gradients are cut.</summary>
public sealed class GradientTablesTests
{
    [Theory]
    [InlineData(32 * 90, 108, 2)] // a layer of MiniLM: two blocks for each of 108 multiprocessors
    [InlineData(32 * 90, 216, 1), InlineData(32 * 90, 215, 2), InlineData(32 * 90, 217, 1)]
    [InlineData(100_000, 1, 216)]
    [InlineData(64, 1, 1), InlineData(65, 1, 2), InlineData(1, 1, 1)] // no part of fewer than 64 rows but the last
    public void Parts_FillTheGpuAndAreNotShort(int rows, int tiles, int parts) => Assert.Equal(parts, GradientTables.PartsOf(rows, tiles));
}
