using MiniLM.Batching;

namespace MiniLM.Tests.Batching;

public sealed class WindowPaceTests
{
    /// <summary>A machine that computes so many characters a second, and texts of one length after the other.</summary>
    private static List<double> Seconds(double rate, params (int Windows, int Length)[] stream)
    {
        WindowPace pace = new();
        List<double> taken = [];
        foreach ((int windows, int length) in stream)
        {
            string text = new('a', length);
            for (int window = 0; window < windows; window++)
            {
                long chars = 0;
                while (!pace.IsFull)
                {
                    pace.Add(text);
                    chars += Math.Min(length, 2048) + 16;
                }
                pace.Adapt(chars / rate);
                taken.Add(chars / rate);
            }
        }
        return taken;
    }

    [Theory]
    [InlineData(40_000)]
    [InlineData(4_000_000)]
    public void AWindow_IsDoneWithinASecondWhateverFollows(double rate)
    {
        List<double> taken = Seconds(rate, (20, 50), (20, 1_200), (20, 3), (20, 100_000));
        Assert.All(taken, seconds => Assert.InRange(seconds, 0, 1));
        Assert.InRange(taken[39], .3, .6);
    }

    [Fact]
    public void ASlowMachine_HasARowAtLeast() => Assert.All(Seconds(100, (5, 1_000))[1..], seconds => Assert.Equal(10.16, seconds, 3));

    [Fact]
    public void Flushed_ARowIsAWindow()
    {
        WindowPace pace = new(isFlushed: true);
        Assert.False(pace.IsFull);
        pace.Add("one");
        Assert.True(pace.IsFull);
        pace.Adapt(1e-9);
        Assert.False(pace.IsFull);
    }
}
