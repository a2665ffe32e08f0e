using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class TransposeTests
{
    [Fact]
    public void Forward_OfEveryShapeAndStride()
    {
        foreach (int rows in Enumerable.Range(1, 34))
        {
            foreach (int columns in new[] { 1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33 })
            {
                foreach (int more in new[] { 0, 5 })
                {
                    (int stride, int toStride) = (columns + more, rows + more);
                    using GuardedBuffer from = GuardedBuffer.Normal(new Random(rows), (rows - 1) * stride + columns),
                        to = GuardedBuffer.NaN((columns - 1) * toStride + rows);
                    Transpose.Forward(from.Pointer, stride, rows, columns, to.Pointer, toStride);
                    for (int i = 0; i < to.Count; i++)
                    {
                        (int column, int row) = (i / toStride, i % toStride);
                        Assert.Equal(row < rows ? from.Span[row * stride + column] : float.NaN, to.Span[i]);
                    }
                }
            }
        }
    }
}
