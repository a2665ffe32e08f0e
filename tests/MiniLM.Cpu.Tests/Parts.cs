namespace MiniLM.Cpu.Tests;

/// <summary>Pieces that one block is cut into.</summary>
internal static unsafe class Parts
{
    /// <summary>Writes all, then looks whether one lies over another.</summary>
    /// <remarks>The system maps blocks below one another: of two alike, parts that outgrow their block by a page lie over the other's.</remarks>
    internal static void AssertApart(params (nint Start, long Floats)[] parts)
    {
        for (int i = 0; i < parts.Length; i++) { Part(i).Fill(i + 1); }
        for (int i = 0; i < parts.Length; i++) { Assert.False(Part(i).ContainsAnyExcept(i + 1), $"part {i}"); }

        Span<float> Part(int index) => new((void*)parts[index].Start, (int)parts[index].Floats);
    }
}
