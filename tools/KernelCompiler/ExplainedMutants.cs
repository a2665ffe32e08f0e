namespace KernelCompiler;

/// <summary>Mutants that no test here can catch, with the reason: most are equivalent to the text.
/// An entry is for one mutant: a second one, or an entry without its survivor, fails the run.</summary>
internal static class ExplainedMutants
{
    private const string EmptyGroups = "Equivalent: behind the loop the last two groups are empty, and the last step has waited for all that hold a copy.";
    private const string AlwaysTrue = "Equivalent: the predicate is a mov.pred of 1 just above, from Load4If(true, ...).";

    internal static readonly (string Kernel, Mutation Mutation, string Before, string After, string Reason)[] All =
    [
        ("GemmMmaF16", Mutation.Wait, "cp.async.wait_group 0;", "cp.async.wait_group 1;", EmptyGroups),
        ("GemmMmaGeluBF16", Mutation.Wait, "cp.async.wait_group 0;", "cp.async.wait_group 1;", EmptyGroups),
        ("GemmLayerNorm384F16", Mutation.Wait, "cp.async.wait_group 0;", "cp.async.wait_group 1;", EmptyGroups),
        ("GemmSimtF32", Mutation.Dropped, "@%p6 ld.global.v4.f32 {%f29,%f30,%f31,%f32}, [%rd49+0];",
            "ld.global.v4.f32 {%f29,%f30,%f31,%f32}, [%rd49+0];", AlwaysTrue),
        ("EmbeddingLayerNormF16", Mutation.Dropped, "@%p17 ld.global.v2.b32 {%r49,%r50}, [%rd33+0];", "ld.global.v2.b32 {%r49,%r50}, [%rd33+0];", AlwaysTrue),
        ("LayerNormF32", Mutation.Dropped, "@%p14 ld.global.v4.f32 {%f89,%f90,%f91,%f92}, [%rd23+0];",
            "ld.global.v4.f32 {%f89,%f90,%f91,%f92}, [%rd23+0];", AlwaysTrue),
        ("AttentionSimt32F32", Mutation.Barrier, "bar.warp.sync -1;", "",
            "Not equivalent by the ISA, only not seen: nothing parts the lanes here, and the emulator keeps lanes in order that run together."),
    ];
}
