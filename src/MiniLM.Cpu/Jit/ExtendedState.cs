namespace MiniLM.Cpu.Jit;

/// <summary>What register state the operating system saves (XCR0): there is no intrinsic for xgetbv.</summary>
internal static unsafe class ExtendedState
{
    // xor ecx, ecx; xgetbv; ret: the low half of XCR0 comes back in eax under every calling convention of x86-64.
    private static ReadOnlySpan<byte> Code => [0x31, 0xc9, 0x0f, 0x01, 0xd0, 0xc3];

    /// <summary>Only where CPUID says that the system uses xsave (OSXSAVE); null: the system refuses executable memory, so that nobody knows.</summary>
    internal static uint? Enabled() => ExecutableMemory.TryLoad(Code) is var code and not 0 ? ((delegate* unmanaged<uint>)code)() : null;
}
