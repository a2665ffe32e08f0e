using MiniLM.Cuda.Emulator;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>mov, ld, st in all spaces, vectors and widths; cvta and generic addresses; parameters and variables.</summary>
public sealed class MemoryInstructionTests
{
    [Fact]
    public void Mov_PacksAndUnpacks()
    {
        ulong[] a = [0x1122334455667788], b = [0xaabbccdd];
        Assert.Equal([0x77885566UL], LaneProgram.Run("mov.b64 {%r2, %r3}, %a; mov.b32 {%h1, %h2}, %r2; mov.b32 %d, {%h2, %h1};", 32, [64], a));
        Assert.Equal([0x1122334455667788UL], LaneProgram.Run("mov.b64 {%h1, %h2, %h3, %h4}, %a; mov.b64 %d, {%h1, %h2, %h3, %h4};", 64, [64], a));
        Assert.Equal([0xaabbccdd55667788UL], LaneProgram.Run("mov.b64 {%r2, _}, %a; mov.b64 %d, {%r2, %b};", 64, [64, 32], a, b));
    }

    [Theory]
    [InlineData("global", 32u), InlineData("shared", 32u), InlineData("global", 20u), InlineData("shared", 20u)]
    public void LoadsAndStores_MoveEveryShape(string space, uint threads)
    {
        foreach (string form in (string[])["b8", "u16", "b32", "f32", "b64", "v2.b8", "v4.b8", "v2.b16", "v4.u16", "v2.b32", "v4.b32",
            "v2.f32", "v4.f32", "v2.b64"])
        {
            int elements = form[0] == 'v' ? form[1] - '0' : 1, bits = int.Parse(form[(form.IndexOfAny(['b', 'u', 'f']) + 1)..]), bytes = elements * bits / 8;
            string register = bits == 64 ? "%x1" : bits == 32 ? "%r1" : "%h1";
            string registers = elements == 1 ? register + "0" : "{" + string.Join(",", Enumerable.Range(0, elements).Select(k => register + k)) + "}";
            uint[] input = [.. Enumerable.Range(0, 256).Select(i => 0x03020100u + (uint)i * 0x04040404)];
            string body = space == "global"
                ? $"mad.wide.u32 %x1, %t, {bytes}, %in; mad.wide.u32 %x2, %t, {bytes}, %out; ld.global.{form} {registers}, [%x1+16]; "
                    + $"st.global.{form} [%x2], {registers};"
                : $"mov.u32 %r2, smem; mad.lo.u32 %r2, %t, {bytes}, %r2; mad.wide.u32 %x1, %t, {bytes}, %in; mad.wide.u32 %x2, %t, {bytes}, %out; "
                    + $"ld.global.{form} {registers}, [%x1+16]; "
                    + $"st.shared.{form} [%r2+32], {registers}; ld.shared.{form} {registers}, [%r2+32]; st.global.{form} [%x2], {registers};";
            uint[] output = new SmallKernel(body) { Input = input, OutputWords = 256, Threads = threads, SharedBytes = 1024 }.Run();
            byte[] expected = new byte[1024];
            Buffer.BlockCopy(input, 16, expected, 0, bytes * (int)threads);
            byte[] found = new byte[1024];
            Buffer.BlockCopy(output, 0, found, 0, 1024);
            Assert.True(expected.AsSpan().SequenceEqual(found), $"{space} {form}");
        }
    }

    [Fact]
    public void Loads_ExtendToTheRegister()
    {
        uint[] output = new SmallKernel("mov.u32 %r2, smem; mov.b64 %x1, 0x8182838485868788; st.shared.b64 [%r2], %x1; ld.shared.s8 %r3, [%r2]; "
            + "st.global.u32 [%out], %r3; ld.shared.u8 %r3, [%r2+1]; st.global.u32 [%out+4], %r3; "
            + "ld.shared.s16 %x2, [%r2+2]; st.global.u64 [%out+8], %x2; ld.shared.u32 %x2, [%r2+4]; st.global.u64 [%out+16], %x2; ld.shared.s32 %x2, [%r2+4]; "
            + "st.global.b64 [%out+24], %x2; ld.shared.s8 %h1, [%r2]; cvt.u32.u16 %r3, %h1; st.global.u32 [%out+32], %r3;")
        { SharedBytes = 16, OutputWords = 10, Threads = 1 }.Run();
        Assert.Equal([0xffffff88, 0x87, 0xffff8586, 0xffffffff, 0x81828384, 0, 0x81828384, 0xffffffff, 0xff88, 0], output);
    }

    [Fact]
    public void Stores_CutWiderRegisters()
    {
        uint[] output = new SmallKernel(
            "mov.b64 %x1, 0x8182838485868788; st.global.b32 [%out], %x1; st.global.b16 [%out+4], %x1; mov.u32 %r1, 0x11223344; st.global.b8 [%out+8], %r1;")
        {
            OutputWords = 4,
            Threads = 1,
        }.Run();
        Assert.Equal([0x85868788u, 0x8788u, 0x44u, 0u], output);
    }

    [Fact]
    public void GenericAddresses_FindTheirSpace()
    {
        string body = """
            .shared .align 8 .b8 fixed[16]; .local .align 8 .b8 own[16];
            mov.u32 %r1, fixed; cvt.u64.u32 %x1, %r1; cvta.shared.u64 %x2, %x1; mov.u64 %x3, own;
            cvta.local.u64 %x4, %x3; cvta.to.global.u64 %x5, %in; cvta.global.u64 %x5, %x5;
            setp.eq.u32 %p1, %t, 0; selp.b64 %x6, %x2, %x4, %p1; add.u32 %r2, %t, 100; st.u32 [%x6+4], %r2; ld.u32 %r3, [%x6+4];
            ld.local.u32 %r4, [own+4]; @!%p1 setp.eq.u32 %p2, %r4, %r3; @%p1 ld.shared.u32 %r4, [fixed+4];
            @%p1 setp.eq.u32 %p2, %r4, %r3; selp.u32 %r5, 1000, 0, %p2; add.u32 %r3, %r3, %r5;
            ld.u32 %r6, [%x5]; add.u32 %r3, %r3, %r6; isspacep.shared %p3, %x6; selp.u32 %r7, 10000, 0, %p3; add.u32 %r3, %r3, %r7;
            cvta.to.shared.u64 %x7, %x2; setp.ne.u64 %p4, %x7, %x1; @%p4 trap; st.global.u32 [%mine], %r3;
            """;
        // Local memory of lane 0 is never written.
        uint[] output = new SmallKernel(body) { Threads = 3, Input = [5], Options = new EmulatedGpuOptions { Capability = 80 } }.Run();
        Assert.Equal([11105u, 1106u, 1107u], output);
    }

    [Fact]
    public void LocalMemory_IsEachThreadsOwn()
    {
        uint[] output = new SmallKernel("""
            .local .align 16 .b8 own[32];
            mov.u32 %r1, own; mul.lo.u32 %r2, %t, 3; st.local.v2.u32 [own+8], {%t, %r2}; and.b32 %r3, %t, 1;
            mad.lo.u32 %r3, %r3, 4, %r1; ld.local.u32 %r4, [%r3+8]; st.global.u32 [%mine], %r4;
            """) { Threads = 64, Blocks = 2 }.Run();
        Assert.Equal(Enumerable.Range(0, 128).Select(i => (uint)(i % 64 * ((i & 1) != 0 ? 3 : 1))), output);
    }

    [Fact]
    public void Variables_HaveTheirPlaceAndContents()
    {
        var kernel = new SmallKernel("""
            .shared .align 4 .b8 a[6]; .shared .align 16 .f32 c[4];
            mov.u32 %r1, a; mov.u32 %r2, c; mov.u32 %r3, smem; and.b32 %r4, %r2, 15; sub.u32 %r5, %r2, %r1; sub.u32 %r6, %r3, %r1; and.b32 %r7, %r1, 15;
            st.global.v4.u32 [%out], {%r4, %r5, %r6, %r7}; ld.const.u32 %r8, [table+4]; mov.u64 %x1, table; ld.const.u32 %r9, [%x1+8];
            ld.global.u32 %r10, [counter]; mov.u64 %x2, counter; st.global.u32 [%x2+4], 7; ld.global.u32 %r11, [counter+4];
            st.global.v4.u32 [%out+16], {%r8, %r9, %r10, %r11};
            """)
        { Threads = 1, OutputWords = 8, SharedBytes = 16, Variables = ".const .align 8 .u32 table[4] = {10, 0x14, -1}; .global .align 4 .u32 counter[2];" };
        Assert.Equal([0u, 16u, 32u, 0u, 20u, uint.MaxValue, 0u, 7u], kernel.Run());
    }

    [Fact]
    public void Parameters_OfAllTypesAreReadAtTheirPlaces()
    {
        string text = $$"""
            {{LaneProgram.Header}}
            .visible .entry parameters(.param .u8 a, .param .b16 b, .param .f32 c, .param .u64 out, .param .align 16 .b8 view[16], .param .s8 e)
            {
                .reg .b32 %r<10>; .reg .b64 %x<10>; .reg .b16 %h<5>; .reg .f32 %f<3>;
                ld.param.u64 %x0, [out]; ld.param.u8 %r0, [a]; ld.param.b16 %h1, [b]; cvt.u32.u16 %r1, %h1;
                ld.param.f32 %f1, [c]; ld.param.u64 %x1, [view+8]; ld.param.v2.u32 {%r2, %r3}, [view]; ld.param.s8 %r4, [e];
                mov.u64 %x2, view; ld.param.u32 %r5, [%x2+8];
                st.global.u32 [%x0], %r0; st.global.u32 [%x0+4], %r1; st.global.f32 [%x0+8], %f1; st.global.u64 [%x0+16], %x1;
                st.global.v2.u32 [%x0+24], {%r2, %r3}; st.global.u32 [%x0+32], %r4; st.global.u32 [%x0+36], %r5; ret;
            }
            """;
        using var gpu = new EmulatedGpu(new EmulatedGpuOptions { Capability = 90 });
        using Cuda.Driver.GpuKernel kernel = gpu.Load("parameters", text);
        ulong at = gpu.Allocate(64);
        gpu.Clear(at, 64);
        byte[] parameters = new byte[33];
        parameters[0] = 200;
        parameters[2] = 0x34;
        parameters[3] = 0x12;
        BitConverter.TryWriteBytes(parameters.AsSpan(4), 1.5f);
        BitConverter.TryWriteBytes(parameters.AsSpan(8), at);
        for (int i = 0; i < 16; i++) { parameters[16 + i] = (byte)(i + 1); }
        parameters[32] = 0xfe;
        gpu.Launch(kernel, new Cuda.Driver.LaunchShape(1, 1, 32, 0), parameters);
        byte[] output = new byte[64];
        gpu.Download(at, output);
        Assert.Equal(200u, BitConverter.ToUInt32(output, 0));
        Assert.Equal(0x1234u, BitConverter.ToUInt32(output, 4));
        Assert.Equal(1.5f, BitConverter.ToSingle(output, 8));
        Assert.Equal(0x100f0e0d0c0b0a09UL, BitConverter.ToUInt64(output, 16));
        Assert.Equal(0x0807060504030201UL, BitConverter.ToUInt64(output, 24));
        Assert.Equal(0xfffffffeu, BitConverter.ToUInt32(output, 32));
        Assert.Equal(0x0c0b0a09u, BitConverter.ToUInt32(output, 36));
    }

    [Fact]
    public void Guards_SwitchLanesOff()
    {
        uint[] output = new SmallKernel("""
            setp.lt.u32 %p1, %t, 10; mov.u32 %r1, 7; @%p1 add.u32 %r1, %t, 100; mov.u64 %x1, 1; @!%p1 mov.u64 %x1, 5; cvt.u32.u64 %r2, %x1;
            add.u32 %r1, %r1, %r2; mov.b32 {%h1, %h2}, %r1; @%p1 mov.b32 {%h1, %h2}, 65536; cvt.u32.u16 %r3, %h2; mad.lo.u32 %r1, %r3, 1000, %r1;
            @%p1 st.global.u32 [%mine], %r1; setp.gt.u32 %p1, %t, 20; @%p1 st.global.u32 [%mine], %r1;
            """).Run();
        Assert.Equal(Enumerable.Range(0, 32).Select(t => t < 10 ? (uint)t + 101 + 1000 : t > 20 ? 12u : 0), output);
    }

    // Each lane alone on, then alone off: what is switched off has its old result, of 32 bits, of 64, and of both registers of an unpacking move.
    [Theory]
    [InlineData("sub.u32 %r2, %r2, %r1;"), InlineData("cvt.rn.f32.u32 %f1, %r1;"), InlineData("cvt.u16.u32 %h1, %r1;"), InlineData("add.u64 %x2, %x2, %x1;")]
    [InlineData("mul.wide.u32 %x2, %r1, %r1;"), InlineData("mov.b64 {%r2, %r3}, %x1;"), InlineData("mov.b64 {%h1, %h2, %h3, %h4}, %x1;")]
    public void Guards_LeaveEachLaneItsOldResult(string instruction)
    {
        uint[] all = Run(instruction), none = Run(""), guarded = Run("@%p1 " + instruction);
        Assert.All(all.Zip(none), results => Assert.NotEqual(results.First, results.Second));
        Assert.Equal(Enumerable.Range(0, 64 * 32).Select(i => i % 32 == i / 32 % 32 != i / 32 >= 32 ? all[i] : none[i]), guarded);

        static uint[] Run(string instruction) => new SmallKernel($$"""
            and.b32 %r9, %b, 31; setp.eq.u32 %p1, %t, %r9; setp.ge.u32 %p2, %b, 32; xor.pred %p1, %p1, %p2;
            mad.lo.u32 %r1, %t, 0x9e3779b1, 0x12345678; mul.wide.u32 %x1, %r1, 0x89abcdef; mov.u32 %r2, %t; mov.u32 %r3, 3; mov.b32 %f1, %t; mov.u64 %x2, 5;
            mov.b32 {%h1, %h2}, %t; mov.b32 {%h3, %h4}, %t; {{instruction}}
            mov.b64 %x3, {%h1, %h2, %h3, %h4}; mov.b64 %x4, {%r2, %r3}; mul.lo.u64 %x2, %x2, 31; mad.lo.u64 %x3, %x3, 37, %x4; add.u64 %x2, %x2, %x3;
            shr.u64 %x3, %x2, 32; cvt.u32.u64 %r4, %x2; cvt.u32.u64 %r5, %x3; mov.b32 %r6, %f1;
            mad.lo.u32 %r4, %r5, 41, %r4; mad.lo.u32 %r4, %r6, 43, %r4; st.global.u32 [%mine], %r4;
            """) { Blocks = 64 }.Run();
    }

    [Fact]
    public void SpecialRegisters_NameThreadBlockAndGrid()
    {
        uint[] output = new SmallKernel("""
            mov.u32 %r1, %ntid.x; mov.u32 %r2, %nctaid.x; mov.u32 %r3, %laneid; mov.u32 %r4, %warpid;
            mov.u32 %r5, %lanemask_lt; popc.b32 %r5, %r5; mov.u32 %r6, %ctaid.x; mov.u32 %r7, %tid.y;
            mad.lo.u32 %r8, %r1, 10, %r2; mad.lo.u32 %r8, %r8, 10, %r4; mad.lo.u32 %r8, %r8, 10, %r6;
            sub.u32 %r3, %r3, %r5; add.u32 %r8, %r8, %r3; add.u32 %r8, %r8, %r7; st.global.u32 [%mine], %r8;
            """) { Threads = 96, Blocks = 3 }.Run();
        Assert.Equal(Enumerable.Range(0, 288).Select(i => (uint)(96 * 1000 + 300 + i % 96 / 32 * 10 + i / 96)), output);
    }
}
