namespace KernelCompiler;

/// <summary>Mutants that no test here can catch, with the reason: most are equivalent to the text.
/// An entry is for one mutant: a second one, or an entry without its survivor, fails the run.</summary>
internal static class ExplainedMutants
{
    private const string PastTheEnd =
        "Equivalent: of a row past the end; either its size of 0 or its address inside still holds, or its sums are not stored.";
    private const string NoSteps = "Equivalent: a product has at least one step.";
    private const string Clamped = "Equivalent: a distance at the border of the table is that border.";
    private const string SameValue = "Equivalent: all lanes hold the value, and those that store it now store it to the same place.";
    private const string Order = "Equivalent but for rounding: the values are added, in another order.";
    private const string Sum = "Equivalent: whole numbers are added.";
    private const string EqualSides = "Equivalent: for equal values both sides give the same.";
    private const string OneBit = "Equivalent: the flag is 0 or 2.";
    private const string Reload = "Equivalent: what is there is only loaded again.";
    private const string FullBlock = "Equivalent: of a block that is full no key is masked.";
    private const string EmptyRound = "Equivalent: a round too many has no tile.";
    private const string Widths = "Equivalent: widths are multiples of 32, so that no border lies between these columns.";
    private const string Overwritten = "Equivalent: a row too many goes where the next tile, or the weights, are written before they are read.";

    internal static readonly (string Kernel, Mutation Mutation, string Before, string After, string Reason)[] All =
    [
        ("GemmMmaF16", Mutation.Comparison, "setp.lo.u32 %p2, %r40, %r12;", "setp.ls.u32 %p2, %r40, %r12;", PastTheEnd),
        ("GemmMmaF16", Mutation.Comparison, "setp.lo.u32 %p6, %r48, %r12;", "setp.ls.u32 %p6, %r48, %r12;", PastTheEnd),
        ("GemmMmaF16", Mutation.Comparison, "setp.ls.u32 %p9, %r13, 0;", "setp.lo.u32 %p9, %r13, 0;", NoSteps),
        ("GemmMmaGeluBF16", Mutation.Comparison, "setp.lo.u32 %p2, %r40, %r12;", "setp.ls.u32 %p2, %r40, %r12;", PastTheEnd),
        ("GemmMmaGeluBF16", Mutation.Comparison, "setp.lo.u32 %p6, %r48, %r12;", "setp.ls.u32 %p6, %r48, %r12;", PastTheEnd),
        ("GemmMmaGeluBF16", Mutation.Comparison, "setp.ls.u32 %p9, %r13, 0;", "setp.lo.u32 %p9, %r13, 0;", NoSteps),
        ("AttentionSimt32F32", Mutation.Comparison, "setp.gt.s32 %p24, %r80, %r64;", "setp.ge.s32 %p24, %r80, %r64;", Clamped),
        ("AttentionSimt32F32", Mutation.Comparison, "setp.gt.s32 %p38, %r94, %r64;", "setp.ge.s32 %p38, %r94, %r64;", Clamped),
        ("GemmLayerNorm384F16", Mutation.Inverted, "@%p11 bra L18;", "@!%p11 bra L18;", SameValue),
        ("GemmLayerNorm384F16", Mutation.Comparison, "setp.ls.u32 %p3, %r9, 0;", "setp.lo.u32 %p3, %r9, 0;", NoSteps),
        ("PoolingF32", Mutation.Comparison, "setp.lt.f32 %p14, %f6, %f12;", "setp.le.f32 %p14, %f6, %f12;", EqualSides),
        ("AttentionMma32F16", Mutation.Comparison, "setp.ls.u32 %p16, %r20, %r10;", "setp.lo.u32 %p16, %r20, %r10;", Reload),
        ("AttentionMma64BF16", Mutation.Dropped, "@!%p28 bra L24;", "bra L24;", FullBlock),
        ("NormalizeF32", Mutation.Comparison, "setp.lt.f32 %p3, %f12, 0f2B8CBCCC;", "setp.le.f32 %p3, %f12, 0f2B8CBCCC;", EqualSides),
        ("TopKF32", Mutation.Fragment, "ld.shared.v4.b32 {%r483,%r484,%r485,%r486}, [%r471+0];", "ld.shared.v4.b32 {%r484,%r483,%r485,%r486}, [%r471+0];",
            Sum),
        ("TopKF32", Mutation.Fragment, "ld.shared.v4.b32 {%r644,%r645,%r646,%r647}, [%r628+0];", "ld.shared.v4.b32 {%r644,%r646,%r645,%r647}, [%r628+0];",
            Sum),
        ("TopKF32", Mutation.Fragment, "ld.shared.v4.b32 {%r648,%r649,%r650,%r651}, [%r628+16];", "ld.shared.v4.b32 {%r648,%r649,%r651,%r650}, [%r628+16];",
            Sum),
        ("GemmSimtDropoutF32", Mutation.ZeroFill, "mov.b32 %f13, 0;", "", PastTheEnd),
        ("GemmSimtDropoutF32", Mutation.ZeroFill, "mov.b32 %f21, 0;", "", PastTheEnd),
        ("LayerNormTrainingF32", Mutation.Inverted, "@%p6 bra L2;", "@!%p6 bra L2;", SameValue),
        ("GradientNormF32", Mutation.Fragment, "ld.shared.v4.f32 {%f14,%f15,%f16,%f17}, [%r5+0];", "ld.shared.v4.f32 {%f15,%f14,%f16,%f17}, [%r5+0];", Order),
        ("GradientNormF32", Mutation.Fragment, "ld.shared.v4.f32 {%f18,%f19,%f20,%f21}, [%r5+16];",
            "ld.shared.v4.f32 {%f18,%f20,%f19,%f21}, [%r5+16];", Order),
        ("GradientNormF32", Mutation.Inverted, "@%p2 bra L4;", "@!%p2 bra L4;", SameValue),
        ("GradientNormF32", Mutation.Inverted, "@%p3 bra L6;", "@!%p3 bra L6;", SameValue),
        ("GradientNormF32", Mutation.Constant, "setp.ne.s32 %p2, %r6, 0;", "setp.ne.s32 %p2, %r6, 1;", SameValue),
        ("GradientNormF32", Mutation.Comparison, "setp.lt.f32 %p4, %f32, 0f3F800000;", "setp.le.f32 %p4, %f32, 0f3F800000;", EqualSides),
        ("GemmSimtGeluTanhBackwardF32", Mutation.ZeroFill, "mov.b32 %f13, 0;", "", PastTheEnd),
        ("GemmSimtGeluTanhBackwardF32", Mutation.ZeroFill, "mov.b32 %f21, 0;", "", PastTheEnd),
        ("GradientSquaresF32", Mutation.Fragment, "ld.shared.v4.f32 {%f14,%f15,%f16,%f17}, [%r8+0];",
            "ld.shared.v4.f32 {%f15,%f14,%f16,%f17}, [%r8+0];", Order),
        ("GradientSquaresF32", Mutation.Fragment, "ld.shared.v4.f32 {%f18,%f19,%f20,%f21}, [%r8+16];",
            "ld.shared.v4.f32 {%f18,%f20,%f19,%f21}, [%r8+16];", Order),
        ("GradientSquaresF32", Mutation.Inverted, "@%p2 bra L4;", "@!%p2 bra L4;", SameValue),
        ("GradientSquaresF32", Mutation.Inverted, "@%p3 bra L6;", "@!%p3 bra L6;", SameValue),
        ("GradientSquaresF32", Mutation.Constant, "setp.ne.s32 %p2, %r9, 0;", "setp.ne.s32 %p2, %r9, 1;", SameValue),
        ("GradientSquaresF32", Mutation.Constant, "setp.ne.s32 %p3, %r3, 0;", "setp.ne.s32 %p3, %r3, 1;", SameValue),
        ("AttentionSimtTraining32F32", Mutation.Comparison, "setp.gt.s32 %p56, %r246, %r75;", "setp.ge.s32 %p56, %r246, %r75;", Clamped),
        ("ActivationBackwardGeluF32", Mutation.Comparison, "setp.lt.f32 %p2, %f2, 0f00000000;", "setp.le.f32 %p2, %f2, 0f00000000;", EqualSides),
        ("AttentionSimtQueryGradient32F32", Mutation.Comparison, "setp.ls.u32 %p20, %r34, 1;", "setp.lo.u32 %p20, %r34, 1;", Reload),
        ("AttentionSimtQueryGradient32F32", Mutation.Comparison, "setp.gt.s32 %p77, %r301, %r122;", "setp.ge.s32 %p77, %r301, %r122;", Clamped),
        ("AttentionSimtQueryGradient32F32", Mutation.Comparison, "setp.lo.u32 %p235, %r2, 32;", "setp.ls.u32 %p235, %r2, 32;", Overwritten),
        ("AttentionSimtKeyValueGradient64F16", Mutation.Comparison, "setp.lo.u32 %p57, %r11, 32;", "setp.ls.u32 %p57, %r11, 32;", Overwritten),
        ("GemmSimtF32", Mutation.ZeroFill, "mov.b32 %f13, 0;", "", PastTheEnd),
        ("WeightGradientSimtF32", Mutation.ZeroFill, "mov.b32 %f74, 0;", "", PastTheEnd),
        ("AdamWF16", Mutation.Constant, "setp.ls.u32 %p20, %r35, 0;", "setp.ls.u32 %p20, %r35, 1;", OneBit),
        ("AdamWF16", Mutation.Constant, "setp.ls.u32 %p38, %r35, 0;", "setp.ls.u32 %p38, %r35, 1;", OneBit),
        ("AdamWF16", Mutation.Constant, "setp.ls.u32 %p51, %r35, 0;", "setp.ls.u32 %p51, %r35, 1;", OneBit),
        ("AttentionMmaKeyValueGradient32F16", Mutation.Comparison, "setp.ls.u32 %p27, %r28, %r11;", "setp.lo.u32 %p27, %r28, %r11;", Reload),
        ("AttentionMmaTraining32F16", Mutation.Constant, "add.s32 %r88, %r87, 3;", "add.s32 %r88, %r87, 4;", EmptyRound),
        ("AttentionMmaTraining32F16", Mutation.Comparison, "setp.hs.u32 %p39, %r284, 64;", "setp.hi.u32 %p39, %r284, 64;", FullBlock),
        ("GemmLayerNormTraining128F16", Mutation.Inverted, "@%p50 bra L21;", "@!%p50 bra L21;", SameValue),
        ("GemmMmaDropoutF16", Mutation.Comparison, "setp.lo.u32 %p3, %r50, %r12;", "setp.ls.u32 %p3, %r50, %r12;", PastTheEnd),
        ("GemmMmaDropoutF16", Mutation.Comparison, "setp.ls.u32 %p9, %r13, 0;", "setp.lo.u32 %p9, %r13, 0;", NoSteps),
        ("GemmMmaGeluBackwardF16", Mutation.Comparison, "setp.lo.u32 %p3, %r41, %r8;", "setp.ls.u32 %p3, %r41, %r8;", PastTheEnd),
        ("GemmMmaGeluBackwardF16", Mutation.Comparison, "setp.ls.u32 %p9, %r9, 0;", "setp.lo.u32 %p9, %r9, 0;", NoSteps),
        ("GemmMmaGeluBackwardF16", Mutation.Comparison, "setp.lt.f32 %p14, %f604, 0f00000000;", "setp.le.f32 %p14, %f604, 0f00000000;", EqualSides),
        ("GemmMmaGeluBackwardF16", Mutation.Comparison, "setp.lt.f32 %p20, %f766, 0f00000000;", "setp.le.f32 %p20, %f766, 0f00000000;", EqualSides),
        ("GemmMmaGeluTrainingBF16", Mutation.Comparison, "setp.lo.u32 %p2, %r36, %r8;", "setp.ls.u32 %p2, %r36, %r8;", PastTheEnd),
        ("GemmMmaGeluTrainingBF16", Mutation.Comparison, "setp.lo.u32 %p6, %r44, %r8;", "setp.ls.u32 %p6, %r44, %r8;", PastTheEnd),
        ("GemmMmaGeluTrainingBF16", Mutation.Comparison, "setp.ls.u32 %p9, %r9, 0;", "setp.lo.u32 %p9, %r9, 0;", NoSteps),
        ("WeightGradientMmaF16", Mutation.Constant, "add.s32 %r196, %r150, 48;", "add.s32 %r196, %r150, 49;", Widths),
        ("WeightGradientMmaF16", Mutation.Addition, "add.s32 %r204, %r150, 16;", "mov.b32 %r204, %r150;", Widths),
        ("WeightGradientMmaF16", Mutation.Comparison, "setp.hs.u32 %p78, %r208, %r16;", "setp.hi.u32 %p78, %r208, %r16;", Widths),
        ("WeightGradientMmaF16", Mutation.Constant, "selp.b32 %r251, %r3, 0, %p121;", "selp.b32 %r251, %r3, 1, %p121;", PastTheEnd),
    ];
}
