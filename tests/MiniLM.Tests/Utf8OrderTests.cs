using System.Text;

namespace MiniLM.Tests;

public sealed class Utf8OrderTests
{
    [Fact]
    public void Compare_IsTheOrderOfBytes()
    {
        string[] texts = ["", "a", "ab", "b", "B", "10", "9", "é", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uff44", "\uffff", "\U00010000",
            "\U0001f642", "\U0001f643", "\U0010ffff", "a\U0001f642", "a\uff44"];
        foreach (string a in texts)
        {
            foreach (string b in texts)
            {
                int expected = Math.Sign(Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b)));
                Assert.True(expected == Math.Sign(Utf8Order.Instance.Compare(a, b)), $"{a} and {b}");
            }
        }
    }
}
