namespace MiniLM.Kernels;

/// <summary>Four 32-bit registers: 16 bytes of memory, or a 16x16 fragment of fp16.</summary>
public struct Quad { public uint X, Y, Z, W; }

/// <summary>Two 32-bit registers.</summary>
public struct Pair { public uint X, Y; }

/// <summary>Two floats.</summary>
public struct Float2 { public float X, Y; }

/// <summary>Four floats: 16 bytes of memory, or a 16x8 fragment of sums.</summary>
public struct Float4 { public float X, Y, Z, W; }
