namespace MiniLM.Training;

/// <summary>When a run logs, evaluates or saves.</summary>
public enum IntervalStrategy
{
    /// <summary>Never.</summary>
    No,

    /// <summary>Every so many steps.</summary>
    Steps,

    /// <summary>At the end of every epoch.</summary>
    Epoch,

    /// <summary>Whenever an evaluation is better than all before: for saving only.</summary>
    Best,
}
