using MiniLM.Cuda.Ptx;
using MiniLM.Tests;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>Findings of the static check: each on a text with one mistake, none on texts that are right.</summary>
public sealed class PtxCheckTests
{
    private static IReadOnlyList<PtxFinding> Findings(string body, string target = "sm_80", string version = "7.0") =>
        PtxCheck.Run("x", new SmallKernel(body) { Target = target, Version = version }.Text);

    private static void Finds(int line, string says, string body, string target = "sm_80", string version = "7.0")
    {
        PtxFinding finding = Assert.Single(Findings(body, target, version));
        Assert.True(finding.What.Contains(says, StringComparison.Ordinal), finding.What);
        Assert.Equal(SmallKernel.FirstLine + line, finding.Line);
    }

    [Fact]
    public void GoodTexts_HaveNoFindings()
    {
        string folder = Path.Combine(DeviceContract.Fixture("ptx"), "..", "..", "..", "kernels", "ptx");
        string[] files = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.ptx") : [];
        foreach (string file in files.Concat(Directory.GetFiles(DeviceContract.Fixture("ptx"), "*.ptx")))
        {
            // nvcc's has a function, and triton's says sm_90a, which is no finding.
            IEnumerable<PtxFinding> findings = PtxCheck.Run(file, File.ReadAllText(file))
                .Where(finding => !finding.What.StartsWith("function _Z6helperf", StringComparison.Ordinal));
            Assert.Empty(findings.Select(finding => $"{file}:{finding.Line}: {finding.What}"));
        }
    }

    [Fact]
    public void WhatTheEmulatorDoesNotKnow()
    {
        Finds(1, "frob.u32 is not known", "mov.u32 %r1, 1;\nfrob.u32 %r1, %r1;");
        Finds(0, "label NOWHERE", "bra NOWHERE;");
        Finds(0, "not a u32", "mov.f32 %f1, 0f00000000; add.u32 %r1, %t, %f1;");
        Finds(0, "operands", "add.u32 %r1, %t;");
        Finds(0, "expected 2 elements, found 3", "ld.global.v2.u32 {%r1,%r2,%r3}, [%in];");
        Assert.Contains(Findings("add.u32 %r1, %t, %zz;"), finding => finding.What.Contains("%zz is not declared", StringComparison.Ordinal));
        PtxFinding wrong = Assert.Single(PtxCheck.Run("x", "nonsense"));
        Assert.Equal((1, true), (wrong.Line, wrong.What.Contains("nonsense", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("ld.global.v2.u32 {%r1,%r2}, [%in+4];", "4 modulo 8"), InlineData("ld.global.v4.u32 {%r1,%r2,%r3,%r4}, [%in+24];", "8 modulo 16"),
        InlineData("mov.u32 %r1, smem; ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r2}, [%r1+8];", "8 modulo 16")]
    [InlineData("mov.u32 %r1, smem; mad.lo.u32 %r2, %t, 16, %r1; cp.async.cg.shared.global [%r2+8], [%in], 16; cp.async.wait_all;", "8 modulo 16"),
        InlineData("mad.wide.u32 %x1, %t, 48, %in; ld.global.u64 %x2, [%x1+12];", "4 modulo 8"),
        InlineData("shl.b32 %r1, %t, 4; or.b32 %r2, %r1, 4; mov.u32 %r3, smem; add.u32 %r4, %r3, %r2; st.shared.v2.u32 [%r4], {%t,%t};", "4 modulo 8")]
    [InlineData("add.s64 %x1, %in, 6; LOOP: ld.global.u32 %r1, [%x1]; add.s64 %x1, %x1, 32; setp.lt.u32 %p1, %r1, 5; @%p1 bra LOOP;", "2 modulo 4")]
    public void OffsetsThatCannotBeAligned(string body, string says) => Finds(0, says, body);

    [Theory]
    [InlineData("mad.wide.u32 %x1, %t, 8, %in; ld.global.v4.u32 {%r1,%r2,%r3,%r4}, [%x1];"),
        InlineData("ld.global.u32 %r9, [%in]; mad.wide.u32 %x1, %r9, 1, %in; ld.global.v2.u32 {%r1,%r2}, [%x1+4];"),
        InlineData("and.b32 %r1, %t, 12; mov.u32 %r2, smem; add.u32 %r2, %r2, %r1; st.shared.v2.u32 [%r2], {%t,%t};")]
    public void AddressesOfWhichTooLittleIsKnown_AreNoFindings(string body) => Assert.Empty(Findings(body));

    [Fact]
    public void RegistersThatNothingHasWritten()
    {
        Finds(1, "%r5", "mov.u32 %r1, 1;\nadd.u32 %r2, %r1, %r5; add.u32 %r3, %r1, 1;");
        Finds(0, "%p3", "@%p3 bra END2; END2: mov.u32 %r1, 1;");
        // Written on one path is enough, and in a loop later in the text too.
        Assert.Empty(Findings("setp.lt.u32 %p1, %t, 3; @%p1 bra SKIP; mov.u32 %r1, 1; SKIP: add.u32 %r2, %r1, 1;"));
        Assert.Empty(Findings("mov.u32 %r3, 0; LOOP: setp.eq.u32 %p1, %r3, 0; @%p1 bra SKIP; add.u32 %r2, %r1, 1; SKIP: mov.u32 %r1, 5; add.u32 %r3, %r3, 1; "
            + "setp.lt.u32 %p2, %r3, 9; @%p2 bra LOOP;"));
    }

    private const string Product = "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%f1,%f2,%f3,%f4}, {%t,%t}, {%t}, {%f0,%f0,%f0,%f0};";

    [Theory]
    [InlineData("bar.sync 0;"), InlineData(Product), InlineData("mov.u32 %r1, smem; ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r3}, [%r1];"),
        InlineData("shfl.sync.bfly.b32 %r3, %t, 1, 31, -1;")]
    public void FullWarpInstructions_InARegionOfOneSide(string instruction)
    {
        string zero = "mov.f32 %f0, 0f00000000; ";
        string[] parting =
        [
            "setp.ge.u32 %p1, %t, 4;", "and.b32 %r9, %t, 3; setp.eq.u32 %p1, %r9, 0;", "mov.u32 %r9, %laneid; setp.gt.u32 %p1, %r9, 7;",
            "mad.lo.u32 %r9, %b, 100, %t; setp.lt.u32 %p1, %r9, 50;",
            "mad.wide.u32 %x1, %t, 4, %in; ld.global.u32 %r9, [%x1]; setp.eq.u32 %p1, %r9, 0;", "shr.u32 %r9, %t, 4; setp.eq.u32 %p1, %r9, 0;",
        ];
        foreach (string part in parting)
        {
            Finds(1, "may have parted", zero + part + " @%p1 bra SKIP;\n" + instruction + "\nSKIP: mov.u32 %r8, 1;");
            Finds(1, "may have parted", zero + part + " @%p1 ret;\n" + instruction);
            if (!instruction.StartsWith("mov", StringComparison.Ordinal)) { Finds(1, "guard", zero + part + "\n@%p1 " + instruction); }
        }
        string[] whole =
        [
            "shr.u32 %r9, %t, 5; setp.eq.u32 %p1, %r9, 0;", "setp.eq.u32 %p1, %b, 0;", "and.b32 %r9, %t, 96; setp.eq.u32 %p1, %r9, 32;",
            "ld.global.u32 %r9, [%in]; setp.eq.u32 %p1, %r9, 0;", "shfl.sync.idx.b32 %r9, %t, 0, 31, -1; setp.eq.u32 %p1, %r9, 0;",
            "shr.s32 %r9, %t, 5; mad.lo.u32 %r9, %r9, 64, 5; setp.lt.u32 %p1, %r9, 77;",
        ];
        foreach (string part in whole) { Assert.Empty(Findings(zero + part + " @%p1 bra SKIP;\n" + instruction + "\nSKIP: mov.u32 %r8, 1;")); }
        // Together again.
        Assert.Empty(Findings(zero + parting[0] + " @%p1 bra SKIP; mov.u32 %r8, 2; SKIP: " + instruction));
        // A loop that lanes leave at different times: its body is one side, what follows is not.
        Assert.Empty(Findings(zero + "mov.u32 %r9, 0; LOOP: add.u32 %r9, %r9, 1; setp.lt.u32 %p1, %r9, %t; @%p1 bra LOOP; " + instruction));
        Finds(0, "may have parted", zero + "mov.u32 %r9, 0; LOOP: " + instruction + " add.u32 %r9, %r9, 1; setp.lt.u32 %p1, %r9, %t; @%p1 bra LOOP;");
    }

    [Theory]
    [InlineData("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f1,%f2,%f3,%f4}, {%t,%t,%t,%t}, {%t,%t}, {%f0,%f0,%f0,%f0};", "sm_80", "7.0"),
        InlineData(Product, "sm_75", "6.5"), InlineData("mov.u32 %r1, smem; ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r3}, [%r1];", "sm_75", "6.5")]
    [InlineData("mov.u32 %r1, smem; cp.async.ca.shared.global [%r1], [%in], 16; cp.async.wait_all;", "sm_80", "7.0"),
        InlineData("cvt.rn.f16x2.f32 %r1, %f0, %f0;", "sm_80", "7.0"), InlineData("cvt.rn.bf16x2.f32 %r1, %f0, %f0;", "sm_80", "7.0"),
        InlineData("tanh.approx.f32 %f1, %f0;", "sm_75", "7.0"), InlineData("redux.sync.add.u32 %r1, %t, -1;", "sm_80", "7.0")]
    [InlineData("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%f1,%f2,%f3,%f4}, {%t,%t}, {%t}, {%f0,%f0,%f0,%f0};", "sm_80", "7.0"),
        InlineData("fence.acq_rel.gpu;", "sm_70", "6.0"), InlineData("nanosleep 5;", "sm_70", "6.3"), InlineData("max.NaN.f32 %f1, %f0, %f0;", "sm_80", "7.0")]
    public void InstructionsNewerThanTargetOrVersion(string instruction, string target, string version)
    {
        string body = "mov.f32 %f0, 0f00000000;\n" + instruction;
        Assert.Empty(Findings(body, target, version));
        IReadOnlyList<PtxFinding> old = Findings(body, target, "6.0");
        Assert.Equal(version != "6.0", old.Count > 0);
        Assert.All(old, finding => Assert.Equal((SmallKernel.FirstLine + 1, true),
            (finding.Line, finding.What.Contains($"needs .version {version}", StringComparison.Ordinal))));
        Assert.All(Findings(body, "sm_61", version),
            finding => Assert.Equal((SmallKernel.FirstLine + 1, true), (finding.Line, finding.What.Contains($"needs {target}", StringComparison.Ordinal))));
        Assert.NotEmpty(Findings(body, "sm_61", version));
    }

    [Fact]
    public void CopiesThatNobodyCommitsOrWaitsFor()
    {
        const string Copy = "mov.u32 %r1, smem; cp.async.ca.shared.global [%r1], [%in], 16; ";
        Finds(0, "wait_group", Copy + "cp.async.commit_group;");
        Finds(0, "commit_group", Copy + "setp.eq.u32 %p1, %b, 0; @%p1 bra SKIP; cp.async.commit_group; SKIP: cp.async.wait_group 0;");
        Assert.Empty(Findings(Copy + "cp.async.commit_group; cp.async.wait_group 0;"));
        Assert.Empty(Findings(Copy + "cp.async.wait_all;"));
    }

    [Fact]
    public void LocalMemory()
    {
        Assert.Equal(3, Findings(".local .align 4 .b8 a[16];\nst.local.u32 [a], 1;\nld.local.u32 %r1, [a];").Count);
    }
}
