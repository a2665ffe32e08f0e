namespace Mutation;

/// <summary>Sources whose tests are asked whether they notice mistakes.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="Project">Folder of the project that gets the mistakes.</param>
/// <param name="Tests">Folder of its tests' project.</param>
/// <param name="Files">
/// Sources, and the test classes of each: a mutant meets those first, then the classes of all files. Whole devices, real models and long rounds of
/// threads are in none.
/// </param>
internal sealed record Area(string Name, string Project, string Tests, (string File, string[] Classes)[] Files)
{
    internal static readonly Area[] Areas =
    [
        new("cpu", "src/MiniLM.Cpu", "tests/MiniLM.Cpu.Tests",
            [
                ("Activations.cs", ["ActivationTests"]),
                ("CpuKernels.cs", ["PackedLinearTests"]),
                ("EmbeddingRows.cs", ["EmbeddingRowsTests"]),
                ("Exponential.cs", ["ExponentialTests", "SoftmaxTests"]),
                ("Gemm.cs", ["GemmTests"]),
                ("Lanes.cs", ["LanesTests"]),
                ("LayerNorm.cs", ["LayerNormTests"]),
                ("PackedHead.cs", ["PackedHeadTests"]),
                ("PackedLayer.cs", ["PackedLinearTests"]),
                ("PackedLinear.cs", ["PackedLinearTests"]),
                ("Polynomial.cs", ["ExponentialTests"]),
                ("Pooling.cs", ["PoolingTests"]),
                ("RelativeBias.cs", ["RelativeBiasTests"]),
                ("SelfAttention.cs", ["SelfAttentionTests"]),
                ("Similarity.cs", ["SimilarityTests"]),
                ("Softmax.cs", ["SoftmaxTests"]),
                ("Transpose.cs", ["TransposeTests"]),
                ("Jit/EpilogueStep.cs", ["GemmTests"]),
                ("Jit/FmaAvx512.cs", ["RoofTests"]),
                ("Jit/GemmAvx512.cs", ["GemmTests"]),
                ("Jit/KernelAssembler.cs", ["MachineCodeTests", "GemmTests"]),
                ("Threading/Team.cs", ["PackedLinearTests", "CpuNetworkTests"]),
                ("Threading/TeamSchedule.cs", ["TeamScheduleTests"]),
            ]),
    ];
}
