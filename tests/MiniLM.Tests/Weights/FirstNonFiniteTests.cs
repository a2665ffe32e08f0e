using MiniLM.Weights;

namespace MiniLM.Tests.Weights;

public sealed unsafe class FirstNonFiniteTests
{
    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void FindsEachPlaceAndNothingElse(ElementType type)
    {
        const int Count = 200;
        int size = type == ElementType.F32 ? 4 : 2;
        byte[] bytes = new byte[Count * size];
        // The greatest finite value, negative: every bit of the exponent but one.
        byte[] greatest = type switch
        {
            ElementType.F32 => BitConverter.GetBytes(float.MinValue),
            ElementType.F16 => BitConverter.GetBytes(Half.MinValue),
            _ => [0x7f, 0xff],
        };
        byte[][] bad = type switch
        {
            ElementType.F32 => [BitConverter.GetBytes(float.NaN), BitConverter.GetBytes(float.NegativeInfinity)],
            ElementType.F16 => [BitConverter.GetBytes(Half.NaN), BitConverter.GetBytes(Half.NegativeInfinity)],
            _ => [[0xc0, 0x7f], [0x80, 0xff]],
        };
        for (int i = 0; i < Count; i++) { greatest.CopyTo(bytes, i * size); }
        fixed (byte* data = bytes)
        {
            var tensor = new Tensor("t", type, [Count], data, bytes.Length, "test");
            Assert.Equal(-1, FloatConversion.FirstNonFinite(tensor, 0, Count));
            foreach (byte[] value in bad)
            {
                for (int i = 0; i < Count; i++)
                {
                    value.CopyTo(bytes, i * size);
                    Assert.Equal(i, FloatConversion.FirstNonFinite(tensor, 0, Count));
                    Assert.Equal(-1, FloatConversion.FirstNonFinite(tensor, i + 1, Count));
                    greatest.CopyTo(bytes, i * size);
                }
            }
        }
    }
}
