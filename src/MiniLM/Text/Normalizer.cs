namespace MiniLM.Text;

/// <summary>What is done to a text before it is split: BertNormalizer in one pass, or else a list of Hugging Face's normalizers, each on the whole
/// text.</summary>
/// <param name="bert">Does it all where there are no steps.</param>
/// <param name="steps">In their order.</param>
internal sealed class Normalizer(BertNormalizer bert, params NormalizerStep[] steps)
{
    internal BertNormalizer Bert => bert;

    internal NormalizerStep[] Steps => steps;

    internal static Normalizer None { get; } = new(BertNormalizer.None);

    /// <summary>Whether a cut before a space changes nothing.</summary>
    internal bool CanCutAtSpaces => !Steps.Any(step => step is ReplaceStep { HasSpace: true } or PatternStep);

    /// <summary>Steps as one BertNormalizer where it does the same: itself with Lowercase before or behind it.</summary>
    internal static Normalizer Of(IReadOnlyList<NormalizerStep> steps)
    {
        BertNormalizer? bert = null;
        bool lowers = false;
        foreach (NormalizerStep step in steps)
        {
            if (step is LowercaseStep) { lowers = true; }
            else if (step is BertStep only && bert is null) { bert = only.Normalizer; }
            else { return new Normalizer(BertNormalizer.None, [.. steps]); }
        }
        bert ??= BertNormalizer.None;
        return new Normalizer(lowers ? bert with { Lowercase = true } : bert);
    }

    /// <summary>The same behind Lowercase, unless it is there already.</summary>
    internal Normalizer AfterLowercase() => Steps.Length == 0 ? new Normalizer(Bert with { Lowercase = true })
        : Steps.Any(step => step is LowercaseStep) ? this : new Normalizer(Bert, [new LowercaseStep(), .. Steps]);

    // In one pass marks that are dropped leave no place behind; step by step one that is kept, and was moved before them, has theirs.
    private AlignedText StepByStep(AlignedText text)
    {
        text = new BertStep(Bert with { StripAccents = false, Lowercase = false }).Apply(text);
        text = new StripNonspacingStep().Apply(new UnicodeFormStep(isComposed: false, isCompatible: false).Apply(text));
        return Bert.Lowercase ? new LowercaseStep().Apply(text) : text;
    }

    /// <inheritdoc cref="BertNormalizer.Normalize"/>
    internal void Normalize<TTracking>(ReadOnlySpan<char> text, int origin, NormalizedText output, CancellationToken cancellation = default)
        where TTracking : struct, IOriginTracking
    {
        if (Steps.Length == 0)
        {
            int start = output.Length;
            Bert.Normalize<TTracking>(text, origin, output, cancellation);
            if (TTracking.Enabled && output.HasKeptMarks) { output.Realign(start, StepByStep(new AlignedText(text, origin))); }
            return;
        }
        AlignedText aligned = new(text, origin);
        foreach (NormalizerStep step in Steps)
        {
            cancellation.ThrowIfCancellationRequested();
            aligned = step.Apply(aligned);
        }
        for (int i = 0; i < aligned.Points.Count; i++) { output.Append<TTracking>(aligned.Points[i], aligned.Origins[i].Start, aligned.Origins[i].End); }
    }
}
