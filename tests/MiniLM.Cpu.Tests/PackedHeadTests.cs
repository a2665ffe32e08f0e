using MiniLM.Batching;
using MiniLM.Compute.Reference;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class PackedHeadTests
{
    private const int Hidden = 21;
    private const int Widest = 3000; // weights of many pages: those of a block too small would lie over another module's

    public static TheoryData<string> EveryTier() => Tiers.All();

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_OfEveryHeadAgreesWithTheSpecificationInDouble(string tier)
    {
        using RandomNetwork random = new(Hidden, 1, 8, 1);
        HeadModule unit = new NormalizeModule();
        HeadModule narrow = new DenseModule(random.Linear(5, 2 * Hidden), Activation.Tanh),
            wide = new DenseModule(random.Linear(Widest, 5) with { Bias = null }, Activation.Identity);
        foreach (HeadModule[] modules in new HeadModule[][] { [], [unit], [narrow], [narrow, wide], [narrow, wide, unit], [unit, narrow] })
        {
            Network network = random.Network with { Pooling = [PoolingMode.WeightedMean, PoolingMode.Max], Head = modules };
            using PackedHead head = new(Tiers.Kernels(tier), network);
            Assert.Equal(network.OutputSize, head.OutputSize);
            Assert.Equal(modules.Contains(wide) ? Widest : 2 * Hidden, head.Width);
            for (int length = 1; length <= 4; length++)
            {
                foreach (int promptRows in new[] { 0, 1, 3, 9 })
                {
                    const int Stride = 32;
                    using GuardedBuffer rows = GuardedBuffer.Normal(new Random(length), length * Stride), scratch = GuardedBuffer.NaN(2 * head.Width),
                        output = GuardedBuffer.NaN(head.OutputSize);
                    PackedBatch batch = new() { PromptRows = promptRows };
                    batch.Add(new int[length], new byte[length], Architecture.Bert);
                    for (int i = 0; i < length; i++) { batch.Columns[i] = 2 * i + 1; }
                    double[] values = [.. rows.ToDoubles().Where((_, i) => i % Stride < Hidden)];
                    double[] expected = new ReferenceNetwork<double>(network).Pass.Head(batch, 0, values);
                    fixed (int* columns = batch.Columns) { head.Forward(rows.Pointer, Stride, columns, length, promptRows, scratch.Pointer, output.Pointer); }
                    for (int i = 0; i < expected.Length; i++)
                    {
                        Tiers.Close(expected[i], output.Span[i], 2e-6, $"{modules.Length} modules, length {length}, prompt {promptRows}, element {i}");
                    }
                }
            }
        }
    }

    [Fact]
    public void FlopAndBytes_CountPoolingAndEveryDenseModule()
    {
        using RandomNetwork random = new(Hidden, 1, 8, 1);
        HeadModule[] modules = [new DenseModule(random.Linear(5, 2 * Hidden), Activation.Tanh), new NormalizeModule(),
            new DenseModule(random.Linear(3, 5), Activation.Identity)];
        using PackedHead head = new(CpuKernels.For(CpuTier.Scalar), random.Network with { Pooling = [PoolingMode.Cls, PoolingMode.Mean], Head = modules });
        Assert.Equal(7 * Hidden * 2 + 2 * (5 * 2 * Hidden + 3 * 5), head.Flop(7));
        Assert.Equal(4 * (7 * Hidden + 5 * 2 * Hidden + 3 * 5), head.Bytes(7));
    }
}
