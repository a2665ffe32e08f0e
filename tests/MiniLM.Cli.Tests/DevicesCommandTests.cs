using System.Text.Json;

namespace MiniLM.Cli.Tests;

public sealed class DevicesCommandTests : CommandTests
{
    [Fact]
    public void Devices_TellTierThreadsAndPrecisions()
    {
        JsonElement devices = JsonDocument.Parse(CommandLine.Run("devices", "--json").AssertDone().Output).RootElement.GetProperty("devices");
        JsonElement cpu = devices.EnumerateArray().Single(device => device.GetProperty("name").GetString() == "cpu");
        Assert.Contains(cpu.GetProperty("tier").GetString(), cpu.GetProperty("tiers").EnumerateArray().Select(tier => tier.GetString()));
        Assert.Contains("scalar", cpu.GetProperty("tiers").EnumerateArray().Select(tier => tier.GetString()));
        Assert.InRange(cpu.GetProperty("threads").GetInt32(), 1, cpu.GetProperty("processors").GetInt32());
        Assert.Contains("float32", cpu.GetProperty("precisions").EnumerateArray().Select(precision => precision.GetString()));
        JsonElement cuda = devices.EnumerateArray().Single(device => device.GetProperty("name").GetString() == "cuda");
        Assert.False(cuda.GetProperty("available").GetBoolean());
    }

    [Fact]
    public void Devices_PrintATableForPeople()
    {
        CommandResult result = CommandLine.Run("devices").AssertDone();
        Assert.StartsWith("device", result.Lines[0]);
        Assert.Contains(result.Lines, line => line.StartsWith("reference ", StringComparison.Ordinal));
    }
}
