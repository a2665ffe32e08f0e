using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Model;

namespace MiniLM.Tests.Batching;

public sealed class SequenceRunnerTests
{
    [Fact]
    public void Run_GivesEveryInputTheBitsThatItHasAlone()
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        using ReferenceDevice device = new();
        using DeviceNetwork network = device.Load(folder.Network, Precision.Float32);
        int size = folder.OutputSize;
        const int Inputs = 40, Longest = 9;
        float[] together = new float[Inputs * size];
        EncodingStatistics statistics = new SequenceRunner(network, Architecture.Bert).Run(Encode, Longest, batchTokens: 20, 0, together, size, default);
        int[] lengths = [.. Enumerable.Range(0, Inputs).Select(Length)];
        Assert.Equal(new EncodingStatistics(Inputs, lengths.Sum(), lengths.Count(length => length == Longest)), statistics);
        for (int i = 0; i < Inputs; i++)
        {
            float[] alone = new float[size];
            int input = i;
            TokenWindow.Encode one = (int _, Span<int> ids, Span<byte> types, out bool cut) => Encode(input, ids, types, out cut);
            new SequenceRunner(network, Architecture.Bert).Run(one, Longest, batchTokens: 20, 0, alone, size, default);
            Assert.Equal(alone, together[(i * size)..((i + 1) * size)]);
        }

        static int Length(int input) => 1 + input * 7 % Longest;

        static int Encode(int input, Span<int> ids, Span<byte> typeIds, out bool truncated)
        {
            int length = Length(input);
            for (int i = 0; i < length; i++) { ids[i] = (input * 13 + i) % 100; }
            truncated = length == Longest;
            return length;
        }
    }

    [Fact]
    public void Run_OfNothingReadsNothing()
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        using ReferenceDevice device = new();
        using DeviceNetwork network = device.Load(folder.Network, Precision.Float32);
        TokenWindow.Encode encode = (int _, Span<int> _, Span<byte> _, out bool _) => throw new InvalidOperationException("there is no input");
        Assert.Equal(default, new SequenceRunner(network, Architecture.Bert).Run(encode, 8, 20, 0, [], folder.OutputSize, default));
    }
}
