using System.Text.Json;
using MiniLM.Cli.Commands;
using MiniLM.Cli.Profile;

namespace MiniLM.Cli.Tests;

public sealed class ProfileCommandTests : CommandTests
{
    private static JsonElement Parse(string line) => JsonDocument.Parse(line).RootElement;

    private static JsonElement[] Kernels(JsonElement profile) => [.. profile.GetProperty("kernels").EnumerateArray()];

    private static IEnumerable<string> Names(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(member => Names(member.Value).Prepend(member.Name)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Names),
        _ => [],
    };

    [Theory]
    [InlineData("emulated", "float16"), InlineData("emulated:sm_60", "float32"), InlineData("cpu", "float32")]
    public void EveryKernel_HasItsTimeItsWorkAndItsShareOfTheRoof(string device, string precision)
    {
        CommandResult result = CommandLine.Run("profile", "--model", BiEncoder, "--shapes", "2x16,1x5", "--device", device, "--precision",
            precision, "--json").AssertDone();
        JsonElement[] profiles = [.. result.Lines.Select(Parse)];
        Assert.Equal([(2, 16), (1, 5)], profiles.Select(profile => (profile.GetProperty("batch").GetInt32(), profile.GetProperty("seq").GetInt32())));
        string time = device == "cpu" ? "measured_us" : "predicted_us";
        foreach (JsonElement profile in profiles)
        {
            Assert.Equal(device == "cpu" ? "measured" : "predicted", profile.GetProperty("clock").GetString());
            JsonElement[] kernels = Kernels(profile);
            Assert.All(kernels, kernel =>
            {
                Assert.All(new[] { "launches", "bytes", time }, name => Assert.True(kernel.GetProperty(name).GetDouble() > 0));
                Assert.True(kernel.GetProperty("flop").GetInt64() >= 0);
                // What the clock gave is printed as it is.
                Assert.InRange(kernel.GetProperty("roof_percent").GetDouble(), 0, device == "cpu" ? double.MaxValue : 100);
            });
            Assert.InRange(kernels.Sum(kernel => kernel.GetProperty(time).GetDouble()), 0, 1.001 * profile.GetProperty("total_us").GetDouble());
            Assert.Equal(["roof_percent"], Names(profile).Where(name => name.Contains("roof", StringComparison.Ordinal)).Distinct());
            Assert.DoesNotContain(Names(profile), name => name.Contains("flops", StringComparison.OrdinalIgnoreCase));
            Assert.Equal(device == "cpu" ? [] : ["L4", "A100 40 GB", "H100 SXM"],
                profile.GetProperty("predictions").EnumerateArray().Select(prediction => prediction.GetProperty("gpu").GetString()));
        }
    }

    [Fact]
    public void ATrainingStepOfAGpu_IsCountedByPhase_AndPredicted()
    {
        CommandResult result = CommandLine.Run("profile", "--train", "--model", BiEncoder, "--shapes", "3x16", "--device", "emulated", "--json",
            "--trace", At("trace.json"), "--html", At("page.html")).AssertDone();
        JsonElement profile = Parse(result.Output);
        JsonElement[] kernels = Kernels(profile), parts = [.. profile.GetProperty("phases").EnumerateArray()];
        string[] phases = ["forward", "backward", "step"];
        string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;
        Assert.Equal(phases, parts.Select(part => Text(part, "phase")));
        string[] named = [.. kernels.Select(kernel => $"{Text(kernel, "phase")} {Text(kernel, "kernel")}")];
        Assert.Equal(named.Length, named.Distinct().Count());
        Assert.Subset(named.ToHashSet(), new HashSet<string>(["forward GemmSimtF32", "forward GemmSimtDropoutF32", "backward GemmSimtF32",
            "backward WeightGradientSimtF32", "backward LayerNormBackwardF32", "backward EmbeddingGradientF32", "step GradientNormF32", "step AdamWF32"]));
        foreach (JsonElement part in parts)
        {
            double sum = kernels.Where(kernel => Text(kernel, "phase") == Text(part, "phase")).Sum(kernel => kernel.GetProperty("predicted_us").GetDouble());
            Assert.Equal(sum, part.GetProperty("total_us").GetDouble(), 0.01 * sum);
        }
        Assert.True(profile.GetProperty("memory").GetProperty("activations_bytes").GetInt64() > 0);
        foreach (JsonElement gpu in profile.GetProperty("predictions").EnumerateArray())
        {
            Assert.Equal(named, gpu.GetProperty("kernels").EnumerateArray().Select(kernel => Text(kernel, "kernel")));
        }
        string[] lines = CommandLine.Run("profile", "--train", "--model", BiEncoder, "--shapes", "1x8", "--device", "emulated").AssertDone().Lines;
        Assert.Contains(lines, line => line.StartsWith("MB: weights", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("backward WeightGradientSimtF32", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("float32"), InlineData("bfloat16"), InlineData("float16")]
    public void ATrainingStep_IsShownByPhaseWithItsMemory(string precision)
    {
        JsonElement profile = Parse(CommandLine.Run("profile", "--train", "--model", BiEncoder, "--shapes", "3x16", "--threads", "2",
            "--precision", precision, "--json", "--trace", At("trace.json"), "--html", At("page.html")).AssertDone().Output);
        string[] phases = ["forward", "backward", "step"];
        JsonElement[] kernels = Kernels(profile), parts = [.. profile.GetProperty("phases").EnumerateArray()];
        string Phase(JsonElement element) => element.GetProperty("phase").GetString()!;
        double Micro(JsonElement element, string name) => element.GetProperty(name).GetDouble();
        Assert.Equal(phases, parts.Select(Phase));
        Assert.Equal(phases, kernels.Select(Phase).Distinct());
        Assert.Equal(Micro(profile, "total_us"), parts.Sum(part => Micro(part, "total_us")), 0.01 * Micro(profile, "total_us"));
        foreach (JsonElement part in parts)
        {
            double noted = kernels.Where(kernel => Phase(kernel) == Phase(part)).Sum(kernel => Micro(kernel, "measured_us")) + Micro(part, "waiting_us");
            Assert.InRange(noted, 0, 1.01 * Micro(part, "total_us"));
        }
        string[] named = [.. kernels.Select(kernel => $"{Phase(kernel)} {kernel.GetProperty("kernel").GetString()}")];
        IEnumerable<string> products = ((string[])["QueryKeyValue", "AttentionOutput", "FeedForwardUp", "FeedForwardDown"])
            .SelectMany(product => new[] { $"forward {product}", $"backward {product}.dX", $"backward {product}.dW" });
        Assert.Subset(named.ToHashSet(), new HashSet<string>([.. products, "forward Dropout", "forward Activation", "backward AttentionBackward",
            "backward LayerNormBackward", "backward BiasSums", "backward Embedding.dW", "step GradientNorm", "step AdamW", "step Packing", "step Clearing"]));
        Assert.Equal(precision != "float32", named.Contains("forward Cast"));
        Assert.Equal(named.Length, named.Distinct().Count());
        JsonElement memory = profile.GetProperty("memory");
        Assert.Equal(["weights_bytes", "panels_bytes", "gradients_bytes", "moments_bytes", "activations_bytes", "workspace_bytes"], Names(memory));
        Assert.Equal(2 * memory.GetProperty("weights_bytes").GetInt64(), memory.GetProperty("moments_bytes").GetInt64());
        Assert.Contains(profile.GetProperty("limits").EnumerateObject(), limit => limit.Name == "fp32_tflop_per_s" && limit.Value.GetDouble() > 0);

        JsonElement[] spans = [.. Parse(File.ReadAllText(At("trace.json"))).GetProperty("traceEvents").EnumerateArray()
            .Where(span => span.GetProperty("ph").GetString() == "X")];
        Assert.Equal(phases, spans.Where(span => span.GetProperty("cat").GetString() == "phase").Select(span => span.GetProperty("name").GetString()));
        Assert.Equal(kernels.Sum(kernel => kernel.GetProperty("launches").GetInt32()),
            spans.Count(span => span.GetProperty("tid").GetInt32() < 2 && span.GetProperty("name").GetString() != "Wait"));
        Assert.Contains("\"phases\":[", File.ReadAllText(At("page.html")), StringComparison.Ordinal);
    }

    [Fact]
    public void ATrainingStep_HasATableAndCanBeCompared()
    {
        string[] lines = CommandLine.Run("profile", "--train", "--model", BiEncoder, "--shapes", "1x8").AssertDone().Lines;
        Assert.Contains(lines, line => line.Contains("us a training step", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("forward ", StringComparison.Ordinal) && line.Contains("%), backward ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("MB: weights ", StringComparison.Ordinal));
        Assert.Equal(3, lines.Count(line => line.Contains("(waiting)", StringComparison.Ordinal)));
        string Save(string name, params string[] more) =>
            Write(name, CommandLine.Run(["profile", "--model", BiEncoder, "--shapes", "1x8", "--json", .. more]).AssertDone().Output);
        string training = Save("training.json", "--train");
        string[] compared = CommandLine.Run("profile", "--compare", training, Save("pass.json")).AssertDone().Lines;
        Assert.StartsWith("1x8: cpu float32 training (measured) -> cpu float32 (measured)", compared[0]);
        Assert.Contains(compared, line => line.StartsWith("backward FeedForwardDown.dW ", StringComparison.Ordinal));
        CommandLine.Run("profile", "--compare", training, training, "--train").AssertRefused(2, "leave out --train");
    }

    // A GPU whose multiprocessors nobody knows has no roof but its memory's; the pass that was not marked stands beside the sum.
    [Fact]
    public void AGpuThatIsNotKnown_LeavesOutWhatNobodyKnows()
    {
        RunProfile profile = new()
        {
            Pass = new ProfiledPass("model", "cuda", "cuda", "float16", new BenchShape(1, 8)),
            Gpu = "New GPU",
            IsMeasured = true,
            Seconds = 1e-3,
            PassSeconds = 1.25e-3,
            Peaks = new PeakRates(null, 0, 1e12, 0),
            Kernels = [new KernelProfile("PoolingF16", 1, 100, 100, 1e-3, 20, "dram", null, new GpuDetails(96, null, 0, 0, null, null, 100, null, 10, []))],
            Spans = [],
        };
        JsonElement json = Parse(JsonLine.Text(writer => ProfileJson.Write(writer, profile))), kernel = Kernels(json)[0];
        Assert.Equal((1000, 1250), (json.GetProperty("total_us").GetDouble(), json.GetProperty("pass_us").GetDouble()));
        Assert.Equal(["dram_gb_per_s"], Names(json.GetProperty("limits")));
        Assert.All(new[] { "registers", "blocks_per_sm", "occupancy_percent", "bank_conflict_ways" },
            name => Assert.Equal(JsonValueKind.Null, kernel.GetProperty(name).ValueKind));
        Assert.Contains("is not known here", json.GetProperty("note").GetString());
        using StringWriter table = new() { NewLine = "\n" };
        ProfileTable.Write(table, profile);
        Assert.Contains("\n1250.0 us without marks between launches, with transfers (above: the sum of the launches)\n", table.ToString());
        Assert.Contains(table.ToString().Split('\n').Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))),
            line => line.StartsWith("PoolingF16 - 0 0 - - 100.0 % - 10:", StringComparison.Ordinal));
        Assert.Contains("profile.pass_us", ProfilePage.Make([]), StringComparison.Ordinal);
    }

    [Fact]
    public void AShareAboveTheRoof_IsPrintedAsItIsWithANote()
    {
        RunProfile Profile(double percent) => new()
        {
            Pass = new ProfiledPass("model", "cpu", "cpu", "float32", new BenchShape(1, 8)),
            Threads = 1,
            IsMeasured = true,
            Seconds = 1e-3,
            Peaks = new PeakRates(null, 1e9, null, 1e9),
            Kernels = [new KernelProfile("Head", 1, 100, 100, 1e-3, 20, "fp32", null, null),
                new KernelProfile("Attention", 1, 100, 100, 1e-3, percent, "fp32", null, null)],
            Spans = [],
        };
        using StringWriter table = new(), good = new();
        ProfileTable.Write(table, Profile(298.4));
        ProfileTable.Write(good, Profile(100));
        Assert.Contains("298.4 %", table.ToString());
        Assert.Contains("a share above 100 %", table.ToString());
        Assert.DoesNotContain("a share above", good.ToString());
        JsonElement json = Parse(JsonLine.Text(writer => ProfileJson.Write(writer, Profile(298.4))));
        Assert.Equal(298.4, Kernels(json)[1].GetProperty("roof_percent").GetDouble());
        Assert.Contains("a share above 100 %", json.GetProperty("note").GetString());
        Assert.DoesNotContain("note", Names(Parse(JsonLine.Text(writer => ProfileJson.Write(writer, Profile(100))))));
        Assert.Contains("textContent = profile.note", ProfilePage.Make([]), StringComparison.Ordinal);
    }

    [Fact]
    public void APassTooShortForTheClock_HasFiniteRates()
    {
        JsonElement profile = Parse(CommandLine.Run("profile", "--model", BiEncoder, "--shapes", "1x1", "--threads", "1", "--json").AssertDone().Output);
        Assert.All(Kernels(profile), kernel => Assert.True(kernel.GetProperty("measured_us").GetDouble() > 0));
    }

    [Fact]
    public void WhatRunsSlowerThanItCould_IsSaidOnce()
    {
        CommandResult half = CommandLine.Run("profile", "--model", BiEncoder, "--device", "emulated", "--precision", "float16", "--json").AssertDone();
        Assert.Contains("attention (heads of 8, not 32 or 64) runs without tensor cores", half.Error, StringComparison.Ordinal);
        CommandResult result = CommandLine.Run("profile", "--model", BiEncoder, "--shapes", "1x2,1x3,1x4", "--device", "emulated", "--json").AssertDone();
        Assert.Single(result.Error.Split('\n'), line => line.Contains("without tensor cores", StringComparison.Ordinal));
    }

    [Fact]
    public void OnTheEmulator_KernelsCarryWhatWasCounted()
    {
        JsonElement profile = Parse(CommandLine.Run("profile", "--model", BiEncoder, "--device", "emulated", "--json").AssertDone().Output);
        Assert.All(Kernels(profile), kernel =>
        {
            Assert.InRange(kernel.GetProperty("registers").GetInt32(), 10, 255);
            Assert.Equal(0, kernel.GetProperty("spill_bytes").GetInt32());
            Assert.InRange(kernel.GetProperty("coalescing_percent").GetDouble(), 50, 100);
            Assert.Equal(kernel.GetProperty("warp_instructions").GetInt64(),
                kernel.GetProperty("instructions").EnumerateObject().Sum(root => root.Value.GetInt64()));
            Assert.True(kernel.GetProperty("l2_bytes").GetInt64() >= kernel.GetProperty("bytes").GetInt64() / 2);
        });
        Assert.All(profile.GetProperty("predictions").EnumerateArray(), prediction => Assert.Equal(Kernels(profile).Length, Kernels(prediction).Length));
    }

    [Fact]
    public void TheTable_SaysThatTimesArePredicted()
    {
        string[] lines = CommandLine.Run("profile", "--model", BiEncoder, "--device", "emulated").AssertDone().Lines;
        Assert.Contains(lines, line => line.EndsWith("(predicted for A100 40 GB)", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("sequences/s", StringComparison.Ordinal));
        Assert.Contains(CommandLine.Run("profile", "--model", BiEncoder, "--threads", "2").AssertDone().Lines,
            line => line.EndsWith("(measured)", StringComparison.Ordinal));
    }

    [Fact]
    public void TheTrace_HasEveryLaunchOneAfterTheOther()
    {
        CommandResult result = CommandLine.Run("profile", "--model", BiEncoder, "--shapes", "1x9", "--device", "emulated", "--json", "--trace",
            At("trace.json")).AssertDone();
        JsonElement[] spans = [.. Parse(File.ReadAllText(At("trace.json"))).GetProperty("traceEvents").EnumerateArray()
            .Where(span => span.GetProperty("ph").GetString() == "X")];
        Assert.Equal(Kernels(Parse(result.Output)).Sum(kernel => kernel.GetProperty("launches").GetInt32()), spans.Length);
        Assert.All(spans.Zip(spans.Skip(1)), pair => Assert.Equal(pair.First.GetProperty("ts").GetDouble() + pair.First.GetProperty("dur").GetDouble(),
            pair.Second.GetProperty("ts").GetDouble(), 0.01));
    }

    [Fact]
    public void ThePage_HoldsThePlotAndIsNotOverwritten()
    {
        string[] arguments = ["profile", "--model", BiEncoder, "--shapes", "1x9", "--device", "emulated", "--html", At("page.html")];
        CommandLine.Run(arguments).AssertDone();
        string page = File.ReadAllText(At("page.html"));
        Assert.Contains("<canvas", page, StringComparison.Ordinal);
        Assert.Contains("\"kernel\":", page, StringComparison.Ordinal);
        CommandLine.Run(arguments).AssertRefused(1, "--overwrite");
        CommandLine.Run([.. arguments, "--overwrite"]).AssertDone();
        Assert.Equal([At("page.html")], Directory.GetFiles(Folder));
    }

    [Fact]
    public void TwoProfiles_AreCompared()
    {
        string Save(string name, string precision) =>
            Write(name, CommandLine.Run("profile", "--model", BiEncoder, "--shapes", "1x8,2x9", "--device", "emulated:sm_60", "--precision", precision,
                "--json").AssertDone().Output);
        string before = Save("before.json", "float32"), after = Save("after.json", "float16");
        Write("some.json", File.ReadLines(after).First());
        Assert.Contains("left out: 2x9", CommandLine.Run("profile", "--compare", before, At("some.json")).AssertDone().Error, StringComparison.Ordinal);
        JsonElement[] lines = [.. CommandLine.Run("profile", "--compare", before, after, "--json").AssertDone().Lines.Select(Parse)];
        Assert.Equal([(1, 8), (2, 9)], lines.Select(line => (line.GetProperty("batch").GetInt32(), line.GetProperty("seq").GetInt32())));
        Assert.All(lines, line => Assert.Contains(Kernels(line),
            kernel => kernel.GetProperty("before_launches").GetInt32() > 0 && kernel.GetProperty("after_launches").GetInt32() == 0));
        Assert.StartsWith("1x8: emulated:sm_60 float32",
            CommandLine.Run("profile", "--compare", before, after, "--html", At("both.html")).AssertDone().Lines[0]);
        Assert.True(File.Exists(At("both.html")));
    }

    [Fact]
    public void WhatCannotBeProfiled_IsRefused()
    {
        CommandLine.Run("profile", "--model", BiEncoder, "--shapes", "1x65").AssertRefused(1, "at most 64 tokens");
        CommandLine.Run("profile", "--model", BiEncoder, "--shapes", "0x8").AssertRefused(2, "--shapes 0x8");
        CommandLine.Run("profile", "--model", BiEncoder, "--device", "reference").AssertRefused(1, "Use cpu, cuda or emulated");
        CommandLine.Run("profile", "--model", BiEncoder, "--html", At("a"), "--trace", At("a")).AssertRefused(2, "both name");
        CommandLine.Run("profile", "--train", "--model", BiEncoder, "--device", "reference").AssertRefused(1, "Use cpu, cuda or emulated");
        CommandLine.Run("profile", "--compare", Write("a.json", "{}\n"), At("a.json")).AssertRefused(1, "a.json:1: is not a profile");
        CommandLine.Run("profile", "--compare", Write("empty.json", ""), At("a.json")).AssertRefused(1, "holds no profile");
        CommandLine.Run("profile", "--compare", At("a.json"), At("a.json"), "--shapes", "1x8", "--device", "cpu")
            .AssertRefused(2, "leave out --shapes, --device");
        CommandLine.Run("profile", "--compare", "--json", At("a.json"), At("a.json"))
            .AssertRefused(2, "--json comes where the option before it still wants a value");
        CommandLine.Run("profile", "--compare", At("a.json"), At("b.json"), "--html", At("b.json"), "--overwrite").AssertRefused(2, "is one of the profiles");
        CommandLine.Run("profile", "--compare", Folder, At("a.json")).AssertRefused(1, "is a folder");
        CommandLine.Run("profile", "--model", BiEncoder, "--html", "").AssertRefused(1, "empty name");
        CommandLine.Run("profile", "--compare", At("a.json")).AssertRefused(2, "--compare");
        CommandLine.Run("profile", "--model", BiEncoder, "--html", At("none/page.html")).AssertRefused(1, "there is no folder");
    }

    [Theory]
    [InlineData("\"kernel\":\"", "\"kernel\":null,\"x\":\""), InlineData("\"total_us\":", "\"total_us\":1e999,\"x\":"),
        InlineData("\"total_us\":", "\"total_us\":-1,\"x\":")]
    [InlineData("\"launches\":", "\"launches\":-"), InlineData("\"flop\":", "\"flop\":1e30,\"x\":"), InlineData("\"kernels\":", "\"kernels\":[],\"x\":"),
        InlineData("}", ""), InlineData("\"model\":", "\"x\":")]
    [InlineData("\"clock\":\"", "\"clock\":\"x"), InlineData("\"batch\":", "\"batch\":99999999999,\"x\":")]
    public void ADamagedProfile_IsRefusedByItsLine(string part, string damaged)
    {
        string good = CommandLine.Run("profile", "--model", BiEncoder, "--shapes", "1x8", "--device", "emulated", "--json").AssertDone().Output;
        CommandLine.Run("profile", "--compare", Write("good.json", good), Write("bad.json", good + good.Replace(part, damaged, StringComparison.Ordinal)))
            .AssertRefused(1, "bad.json:2: is not a profile");
    }
}
