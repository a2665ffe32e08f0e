using MiniLM.Batching;

namespace MiniLM.Training;

/// <summary>A batch as other engines take it, every sequence filled up on its right: [sequences, Length], as transformers' DataCollatorWithPadding.</summary>
/// <param name="Length">Of each sequence.</param>
/// <param name="TokenIds">input_ids.</param>
/// <param name="TypeIds">token_type_ids, 0 for padding.</param>
/// <param name="AttentionMask">1 for tokens, 0 for padding.</param>
internal sealed record PaddedBatch(int Length, int[] TokenIds, byte[] TypeIds, byte[] AttentionMask)
{
    /// <param name="batch">The sequences.</param>
    /// <param name="padTokenId">Id of the padding.</param>
    /// <param name="multipleOf">The length is the longest sequence's, rounded up to a multiple of this.</param>
    internal static PaddedBatch Of(PackedBatch batch, int padTokenId, int multipleOf)
    {
        int longest = 0;
        for (int sequence = 0; sequence < batch.Sequences; sequence++) { longest = Math.Max(longest, batch.Length(sequence)); }
        int length = RoundUp(longest, multipleOf), size = checked(batch.Sequences * length);
        PaddedBatch padded = new(length, new int[size], new byte[size], new byte[size]);
        Array.Fill(padded.TokenIds, padTokenId);
        for (int sequence = 0; sequence < batch.Sequences; sequence++)
        {
            (int from, int to, int tokens) = (batch.Offsets[sequence], sequence * length, batch.Length(sequence));
            batch.TokenIds.AsSpan(from, tokens).CopyTo(padded.TokenIds.AsSpan(to));
            batch.TypeIds.AsSpan(from, tokens).CopyTo(padded.TypeIds.AsSpan(to));
            padded.AttentionMask.AsSpan(to, tokens).Fill(1);
        }
        return padded;
    }

    internal static int RoundUp(int length, int multipleOf) => checked((length + multipleOf - 1) / multipleOf * multipleOf);
}
