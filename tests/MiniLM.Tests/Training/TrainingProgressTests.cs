using MiniLM.Training;

namespace MiniLM.Tests.Training;

public sealed class TrainingProgressTests
{
    [Theory]
    [InlineData(0, 0, 5, "0:00:05 left")]
    [InlineData(3, 4, 5, "3:04:05 left")]
    [InlineData(26, 0, 59, "26:00:59 left")]
    [InlineData(240, 10, 0, "240:10:00 left")]
    public void WhatIsLeft_HasTheHoursOfAllDays(int hours, int minutes, int seconds, string expected) =>
        Assert.Equal(expected, new TrainingProgress(1, 2, .5, 1, 1e-3, 1, 100, new TimeSpan(hours, minutes, seconds)).Left);
}
