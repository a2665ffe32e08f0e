using System.Text;
using MiniLM.Cuda.Ptx;
using MiniLM.Tests;

namespace MiniLM.Cuda.Tests.Emulator;

/// <summary>The parser on texts of several compilers, and on texts that are wrong.</summary>
public sealed class PtxParserTests
{
    private static PtxModule Fixture(string name) => PtxParser.Parse(name, File.ReadAllText(DeviceContract.Fixture("ptx", name)));

    [Fact]
    public void Nvcc_DebugSectionsScopesAndPrototypes()
    {
        PtxModule module = Fixture("nvcc.ptx");
        Assert.Equal((78, 80, "", 64), (module.Version, module.Target, module.TargetSuffix, module.AddressSize));
        PtxKernel kernel = Assert.Single(module.Kernels);
        Assert.Equal(("_Z6reducePKfPfi", 256, 2, 20), (kernel.Name, kernel.MaxThreads, kernel.MinBlocks, kernel.ParameterBytes));
        Assert.Equal(["_Z6reducePKfPfi_param_0", "_Z6reducePKfPfi_param_1", "_Z6reducePKfPfi_param_2"], kernel.Parameters.Select(parameter => parameter.Name));
        Assert.Equal([0, 8, 16], kernel.Parameters.Select(parameter => parameter.Offset));
        PtxVariable variable = Assert.Single(kernel.Variables);
        Assert.Equal((PtxSpace.Shared, 1024L, 4), (variable.Space, variable.Bytes, variable.Alignment));
        Assert.Equal(63, module.Variables.Single(v => v.Name == "scale").Initial![3]);
        Assert.Equal("_Z6helperf", Assert.Single(module.Functions).Name);
        // %r5 of the inner scope is another register than %r5 outside.
        Assert.Equal(2, kernel.Registers.Count(register => register.Name == "%r5"));
        PtxInstruction load = kernel.Instructions.Single(instruction => instruction.Has("nc"));
        Assert.Equal(["global", "nc", "L1::no_allocate", "L2::128B", "f32"], load.Modifiers);
        Assert.Equal("ld.global.nc.L1::no_allocate.L2::128B.f32 %f18, [%rd6]", load.Text);
    }

    [Fact]
    public void Triton_AddressesWithBlanksAndSuffixedTarget()
    {
        PtxModule module = Fixture("triton.ptx");
        Assert.Equal((84, 90, "a"), (module.Version, module.Target, module.TargetSuffix));
        Assert.Equal(128, module.Kernels[0].RequiredThreads);
        PtxInstruction load = module.Kernels[0].Instructions.First(instruction => instruction.Root == "ld" && instruction.Has("v4"));
        Assert.Equal(("%p1", false, 4), (load.GuardName, load.GuardNegated, load.Operands[0].Elements.Length));
    }

    [Fact]
    public void EveryKernelOfTheProduct_Parses()
    {
        string folder = Path.Combine(DeviceContract.Fixture("ptx"), "..", "..", "..", "kernels", "ptx");
        string[] files = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.ptx") : [];
        Assert.All(files.Concat(Directory.GetFiles(DeviceContract.Fixture("ptx"), "*.ptx")), file =>
        {
            PtxModule module = PtxParser.Parse(file, File.ReadAllText(file));
            Assert.NotEmpty(module.Kernels[0].Instructions);
            // Each line number is that of the text.
            string[] lines = File.ReadAllLines(file);
            Assert.All(module.Kernels[0].Instructions, instruction => Assert.Contains(instruction.Root, lines[instruction.Line - 1], StringComparison.Ordinal));
        });
    }

    private const string Head = ".version 7.0\n.target sm_80\n.address_size 64\n";

    private static PtxKernel Body(string body) =>
        PtxParser.Parse("x", Head + ".entry k(.param .u64 p) { .reg .b32 %r<9>; .reg .b64 %x<9>; .reg .pred %p<9>; " + body + "}").Kernels[0];

    [Fact]
    public void Operands_OfAllForms()
    {
        PtxKernel kernel = Body(
            "ld.global.v2.b32 {%r1, _}, [%x1+-8]; mov.u64 %x1, p+4; @!%p1 setp.eq.and.u32 %p2|%p3, %r1, -5, !%p1; st.shared.u32 [16], 0x1F; "
            + "ld.param.u32 %r1, [p-4]; mov.f32 %r1, 0f3F800000; mov.f64 %x1, -0d3FF0000000000000; bra.uni L; L: call.uni (%r1), f, (%r2, %r3); "
            + "tex.2d.v4.f32.s32 {%r1,%r2,%r3,%r4}, %x1, {%r1,%r2};");
        PtxOperand address = kernel.Instructions[0].Operands[1];
        Assert.Equal((PtxOperandKind.Address, -8L, "%x1"), (address.Kind, address.Offset, address.Base!.Name));
        Assert.Equal(PtxOperandKind.Sink, kernel.Instructions[0].Operands[0].Elements[1].Kind);
        Assert.Equal(("p", 4L), (kernel.Instructions[1].Operands[1].Name, kernel.Instructions[1].Operands[1].Offset));
        PtxInstruction compare = kernel.Instructions[2];
        Assert.Equal((true, 2, true), (compare.GuardNegated, compare.Operands[0].Elements.Length, compare.Operands[3].Negated));
        Assert.Equal(unchecked((ulong)-5), compare.Operands[2].Bits);
        Assert.Equal((16L, 0), (kernel.Instructions[3].Operands[0].Offset, kernel.Instructions[3].Operands[0].Elements.Length));
        Assert.Equal(31UL, kernel.Instructions[3].Operands[1].Bits);
        Assert.Equal((0x3f800000UL, PtxType.F32), (kernel.Instructions[5].Operands[1].Bits, kernel.Instructions[5].Operands[1].ImmediateType));
        Assert.Equal(0xbff0000000000000UL, kernel.Instructions[6].Operands[1].Bits);
        Assert.Equal(8, kernel.Instructions[7].Operands[0].Target);
        Assert.Equal(PtxOperandKind.List, kernel.Instructions[8].Operands[0].Kind);
    }

    [Fact]
    public void Labels_BelongToTheirScope()
    {
        PtxKernel kernel = Body("{ bra L; L: mov.u32 %r1, 1; } { bra L; L: mov.u32 %r1, 2; bra OUT; } OUT: ret;");
        Assert.Equal([1, 3, 5], kernel.Instructions.Where(instruction => instruction.Root == "bra").Select(instruction => instruction.Operands[0].Target));
    }

    [Theory]
    [InlineData("", 1, ".version")]
    [InlineData(".version 7", 1, "7.0")]
    [InlineData(".version 7.0\n.target\n", 3, ".target")]
    [InlineData(".version 7.0\n", 2, ".target is missing")]
    [InlineData(Head + "hello", 4, "hello")]
    [InlineData(Head + ".entry k(", 4, "expected .param")]
    [InlineData(Head + ".entry k(.param .u64 a .param .u64 b) { ret; }", 4, "','")]
    [InlineData(Head + ".entry k(.param .u64 a, .param .u64 a) { ret; }", 4, "second parameter a")]
    [InlineData(Head + ".entry k(.param .b8 a[40000]) { ret; }", 4, "bytes of parameters")]
    [InlineData(Head + ".entry k()\n{\n\tmov.u32 %r1, 1\nret;}", 7, "expected ',' or ';', found 'ret'")]
    [InlineData(Head + ".entry k()\n{\n\tret;\n", 7, "end of the text")]
    [InlineData(Head + ".entry k()\n{\n.reg .b32 %r<9>, %r<3>;\n}", 6, "second register %r")]
    [InlineData(Head + ".entry k()\n{\n.reg .b32 %r<99999999>;\n}", 6, "is not in 0..")]
    [InlineData(Head + ".entry k()\n{\n.reg .quad %r<9>;\n}", 6, ".quad")]
    [InlineData(Head + ".entry k()\n{\nL: ret;\nL: ret;\n}", 7, "second label L")]
    [InlineData(Head + ".entry k()\n{\nadd.u32 1, [, 3;\n}", 6, "address")]
    [InlineData(Head + ".entry k()\n{\nmov.u32 1, 0x;\n}", 6, "'0x' is no number")]
    [InlineData(Head + ".entry k()\n{\nmov.u32 1, 0f3f;\n}", 6, "'0f3f' is no number")]
    [InlineData(Head + ".entry k()\n{\nmov.u32 1, 99999999999999999999;\n}", 6, "is no number")]
    [InlineData(Head + ".entry k() { /* ret; }", 4, "comment")]
    [InlineData(Head + ".file 1 \"abc\n", 4, "string")]
    [InlineData(Head + ".global .b8 big[4294967296];", 4, "is not in")]
    [InlineData(Head + ".global .b8 big[65536][65536];", 4, "bytes")]
    [InlineData(Head + ".global .align 3 .b8 x[4];", 4, "power of two")]
    [InlineData(Head + ".global .b8 x[2] = {1, 2, 3};", 4, "initial values")]
    [InlineData(Head + ".shared .b8 x;.shared .b8 x;", 4, "second variable")]
    [InlineData(Head + ".maxntid 4", 4, ".maxntid")]
    [InlineData(Head + ".entry k() .maxntid 0 { ret; }", 4, "from 1")]
    public void WrongTexts_AreRefusedWithTheirLine(string text, int line, string says)
    {
        PtxException wrong = Assert.Throws<PtxException>(() => PtxParser.Parse("x.ptx", text));
        Assert.Contains(says, wrong.Message, StringComparison.Ordinal);
        Assert.StartsWith($"x.ptx:{line}: ", wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', wrong.Message);
    }

    [Fact]
    public void Depths_AreLimited()
    {
        Assert.Throws<PtxException>(() => Body(new string('{', 100_000)));
        Assert.Throws<PtxException>(() => Body("mov.b32 " + new string('{', 100_000)));
        Assert.Throws<PtxException>(() => PtxParser.Parse("x", Head + ".global .b8 x[] = " + new string('{', 100_000)));
        Assert.Throws<PtxException>(() => Body("add " + string.Join(',', Enumerable.Repeat("%r1", 1000)) + ";"));
        Assert.Throws<PtxException>(() => PtxParser.Parse("x", new string(' ', (64 << 20) + 1)));
    }

    [Fact]
    public void Garbage_NeverDoesWorseThanAPtxException()
    {
        var random = new Random(1);
        string[] texts = [.. ((string[])["nvcc.ptx", "triton.ptx", "PatternNestedIf.sm_60.ptx", "GemmNtBias.sm_80.ptx"])
            .Select(name => File.ReadAllText(DeviceContract.Fixture("ptx", name)))];
        const string Spice = "{}[]();,.%@!|+-<>=:\"/*_0f0d0x9\n \\$#&é\0";
        for (int i = 0; i < 4000; i++)
        {
            var text = new StringBuilder(texts[i % 3 == 0 ? i / 3 % texts.Length : 2]);
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                int at = random.Next(text.Length), count = Math.Min(random.Next(1, 30), text.Length - at);
                switch (random.Next(5))
                {
                    case 0: text.Remove(at, count); break;
                    case 1: text.Insert(at, Spice[random.Next(Spice.Length)]); break;
                    case 2: text[at] = Spice[random.Next(Spice.Length)]; break;
                    case 3: text.Insert(random.Next(text.Length), text.ToString(at, count)); break;
                    default: text.Length = at + 1; break;
                }
            }
            // Checking decodes every instruction too.
            IReadOnlyList<PtxFinding> findings = PtxCheck.Run("fuzz", text.ToString());
            Assert.All(findings, finding => Assert.DoesNotContain('\n', finding.What));
        }
    }
}
