namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>Lanes that part at branches and meet again.</summary>
public sealed class DivergenceTests
{
    [Fact]
    public void IfElse_RunsBothSides()
    {
        uint[] output = new SmallKernel("""
            mov.u32 %r1, 0; and.b32 %r2, %t, 1; setp.eq.u32 %p1, %r2, 0; @%p1 bra EVEN;
            mad.lo.u32 %r1, %t, 3, %r1; bra END2;
            EVEN: add.u32 %r1, %t, 1000;
            END2: add.u32 %r1, %r1, 1; st.global.u32 [%mine], %r1;
            """) { Threads = 50 }.Run();
        Assert.Equal(Enumerable.Range(0, 50).Select(t => (uint)(t % 2 == 0 ? t + 1001 : 3 * t + 1)), output);
    }

    [Fact]
    public void Loops_RunAsOftenAsEachLaneWants()
    {
        uint[] output = new SmallKernel("""
            mov.u32 %r1, 0; mov.u32 %r2, 0; and.b32 %r3, %t, 7;
            LOOP: setp.ge.u32 %p1, %r2, %r3; @%p1 bra DONE; add.u32 %r2, %r2, 1; mad.lo.u32 %r1, %r2, %r2, %r1; bra LOOP;
            DONE: st.global.u32 [%mine], %r1;
            """) { Threads = 64 }.Run();
        Assert.Equal(Enumerable.Range(0, 64).Select(t => (uint)Enumerable.Range(1, t % 8).Sum(k => k * k)), output);
    }

    [Fact]
    public void NestedLoopsAndBranches_AgreeWithCSharp()
    {
        uint[] output = new SmallKernel("""
            mov.u32 %r1, 1; mov.u32 %r2, 0;
            OUTER: setp.gt.u32 %p1, %r2, %t; @%p1 bra DONE;
            mov.u32 %r3, 0;
            INNER: and.b32 %r4, %r2, 3; setp.ge.u32 %p2, %r3, %r4; @%p2 bra NEXT;
            xor.b32 %r5, %r3, %t; and.b32 %r5, %r5, 1; setp.ne.u32 %p3, %r5, 0; @!%p3 bra PLUS;
            mul.lo.u32 %r1, %r1, 5; and.b32 %r6, %r1, 16; setp.ne.u32 %p4, %r6, 0; @%p4 bra NEXT; bra STEP;
            PLUS: add.u32 %r1, %r1, %r2;
            STEP: add.u32 %r3, %r3, 1; bra INNER;
            NEXT: add.u32 %r2, %r2, 1; bra OUTER;
            DONE: st.global.u32 [%mine], %r1;
            """).Run();
        Assert.Equal(Enumerable.Range(0, 32).Select(t =>
        {
            uint value = 1;
            for (uint outer = 0; outer <= t; outer++)
            {
                for (uint inner = 0; inner < (outer & 3); inner++)
                {
                    if (((inner ^ t) & 1) != 0)
                    {
                        value *= 5;
                        if ((value & 16) != 0) { break; }
                    }
                    else { value += outer; }
                }
            }
            return value;
        }), output);
    }

    [Fact]
    public void EarlyExit_LeavesTheOthersRunning()
    {
        uint[] output = new SmallKernel("setp.gt.u32 %p1, %t, 20; @%p1 ret; and.b32 %r1, %t, 1; setp.eq.u32 %p2, %r1, 1; @%p2 bra ODD; "
            + "st.global.u32 [%mine], 2; exit; ODD: st.global.u32 [%mine], 1;").Run();
        Assert.Equal(Enumerable.Range(0, 32).Select(t => t > 20 ? 0u : t % 2 == 1 ? 1u : 2u), output);
    }

    [Fact]
    public void BrxIdx_GoesToTheLabelOfEachLane()
    {
        uint[] output = new SmallKernel("""
            and.b32 %r1, %t, 3; table: .branchtargets A, B, C, B; mov.u32 %r2, 0; brx.idx %r1, table;
            A: add.u32 %r2, %r2, 1;
            B: add.u32 %r2, %r2, 10;
            C: add.u32 %r2, %r2, 100; st.global.u32 [%mine], %r2;
            """).Run(out Cuda.Emulator.LaunchCounts? counts);
        Assert.Equal(Enumerable.Range(0, 32).Select(t => new uint[] { 111, 110, 100, 110 }[t % 4]), output);
        Assert.Equal(1, counts!.DivergentBranches);
    }

    /// <summary>ILGPU places a loop's body behind its exit: the lanes that leave first are at a lower pc than those
    /// that go on, and must wait for them.</summary>
    [Fact]
    public void SyncInstructions_WaitForLanesThatAreStillInALoopBehindThem()
    {
        uint[] output = new SmallKernel("""
            mov.u32 %r1, 0; mov.u32 %r3, 0;
            HEAD: setp.lt.u32 %p1, %r1, %t; @%p1 bra BODY;
            shfl.sync.bfly.b32 %r2, %r1, 31, 31, -1; bar.warp.sync -1; vote.sync.ballot.b32 %r4, %p1, -1;
            bar.sync 0; add.u32 %r2, %r2, %r4; add.u32 %r2, %r2, %r3; st.global.u32 [%mine], %r2; bra END3;
            BODY: add.u32 %r1, %r1, 1; bra HEAD;
            END3: bar.sync 0;
            """) { Threads = 64 }.Run();
        Assert.Equal(Enumerable.Range(0, 64).Select(t => (uint)(t ^ 31)), output);
    }

    [Fact]
    public void SyncInstructions_NeedOnlyTheLanesOfTheirMask()
    {
        uint[] output = new SmallKernel("""
            setp.lt.u32 %p1, %t, 16; @%p1 bra LOW;
            shfl.sync.bfly.b32 %r1, %t, 1, 31, 0xffff0000; add.u32 %r1, %r1, 100; shfl.sync.bfly.b32 %r1, %r1, 2, 31, 0xffff0000; bra END4;
            LOW: shfl.sync.bfly.b32 %r1, %t, 4, 31, 0x0000ffff;
            END4: st.global.u32 [%mine], %r1;
            """).Run();
        Assert.Equal(Enumerable.Range(0, 32).Select(t => (uint)(t < 16 ? t ^ 4 : (t ^ 3) + 100)), output);
    }

    [Fact]
    public void MatrixInstructions_WaitForTheWholeWarpToo()
    {
        string zero = "mov.f32 %f1, 0f00000000;";
        uint[] output = new SmallKernel($$"""
            {{zero}} mov.u32 %r1, 0; mov.b32 %r5, 0x3c003c00;
            HEAD: setp.lt.u32 %p1, %r1, %t; @%p1 bra BODY;
            mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%f2,%f3,%f4,%f5}, {%r5,%r5}, {%r5}, {%f1,%f1,%f1,%f1}; st.global.f32 [%mine], %f2; bra END5;
            BODY: add.u32 %r1, %r1, 1; bra HEAD;
            END5:
            """).Run();
        Assert.All(output, value => Assert.Equal(8f, BitConverter.UInt32BitsToSingle(value)));
    }
}
