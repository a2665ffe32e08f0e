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
                ("DropoutRows.cs", ["DropoutRowsTests"]),
                ("EmbeddingRows.cs", ["EmbeddingRowsTests"]),
                ("Exponential.cs", ["ExponentialTests", "SoftmaxTests"]),
                ("Gemm.cs", ["GemmTests"]),
                ("Lanes.cs", ["LanesTests"]),
                ("LayerNorm.cs", ["LayerNormTests"]),
                ("OuterProduct.cs", ["OuterProductTests"]),
                ("PackedHead.cs", ["PackedHeadTests"]),
                ("PackedLayer.cs", ["PackedLinearTests"]),
                ("PackedLinear.cs", ["PackedLinearTests"]),
                ("PairRows.cs", ["ProductKernelsTests"]),
                ("Polynomial.cs", ["ExponentialTests"]),
                ("Pooling.cs", ["PoolingTests"]),
                ("ProductKernels.cs", ["ProductKernelsTests", "PackedLinearTests"]),
                ("RelativeBias.cs", ["RelativeBiasTests"]),
                ("Rounding.cs", ["ProductKernelsTests"]),
                ("SelfAttention.cs", ["SelfAttentionTests"]),
                ("Similarity.cs", ["SimilarityTests"]),
                ("Softmax.cs", ["SoftmaxTests"]),
                ("Transpose.cs", ["TransposeTests"]),
                ("Jit/ConvertAvx512.cs", ["ProductKernelsTests"]),
                ("Jit/Dot.cs", ["ProductKernelsTests"]),
                ("Jit/EpilogueStep.cs", ["GemmTests", "ProductKernelsTests"]),
                ("Jit/FmaAvx512.cs", ["RoofTests"]),
                ("Jit/GemmAvx512.cs", ["GemmTests", "ProductKernelsTests"]),
                ("Jit/KernelAssembler.cs", ["MachineCodeTests", "GemmTests"]),
                ("Jit/OuterAvx512.cs", ["OuterProductTests"]),
                ("Threading/Team.cs", ["PackedLinearTests", "CpuNetworkTests"]),
                ("Threading/TeamSchedule.cs", ["TeamScheduleTests"]),
                ("Training/CpuTrainingNetwork.cs", ["SmallTrainingNetworkTests"]),
                ("Training/CpuTrainingNetwork.Backward.cs", ["SmallTrainingNetworkTests"]),
                ("Training/CpuTrainingNetwork.Forward.cs", ["SmallTrainingNetworkTests"]),
                ("Training/CpuTrainingNetwork.Step.cs", ["SmallTrainingNetworkTests"]),
                ("Training/GradientRows.cs", ["TrainingSlotTests"]),
                ("Training/GroupSums.cs", ["GroupSumsTests"]),
                ("Training/LayerBackward.cs", ["SmallTrainingNetworkTests"]),
                ("Training/PackedTransposed.cs", ["PackedTransposedTests"]),
                ("Training/TrainingHead.cs", ["TrainingHeadTests"]),
                ("Training/TrainingSlot.cs", ["TrainingSlotTests"]),
            ]),
    ];
}
