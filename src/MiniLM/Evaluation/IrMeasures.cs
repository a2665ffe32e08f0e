namespace MiniLM.Evaluation;

/// <summary>Measures under the names of ir_measures: <c>name(parameter=value, ...)@cutoff</c>.</summary>
internal static class IrMeasures
{
    private const double Persistence = 0.8;

    /// <summary>What stands behind a name.</summary>
    private sealed record Arguments(string Measure)
    {
        internal int? Rel { get; private init; }
        internal bool JudgedOnly { get; private init; }
        internal int K { get; private init; } = int.MaxValue;
        internal double Recall { get; private init; }
        internal double P { get; private init; } = Persistence;
        internal double Beta { get; private init; } = 1;
        internal bool Relative { get; private init; }
        internal bool IsExponential { get; private init; }
        internal Gains? Gains { get; private init; }

        internal Arguments With(string name, string value) => name switch
        {
            "rel" => this with { Rel = Parameters.Cutoff(Measure, value, "grade") },
            "cutoff" => this with { K = Parameters.Cutoff(Measure, value) },
            "recall" => this with { Recall = Parameters.Share(Measure, value) },
            "p" => this with { P = Parameters.Share(Measure, value) },
            "beta" => this with { Beta = Parameters.Number(Measure, value) },
            "judged_only" => this with { JudgedOnly = Truth(value) },
            "relative" => this with { Relative = Truth(value) },
            "dcg" => this with { IsExponential = Dcg(value) },
            "gains" => this with { Gains = Parameters.Gains(Measure, Parameters.Pairs(Measure, value.Trim('{', '}', ' '), ':')) },
            _ => throw new ArgumentException($"{Measure}: no parameter {Quoted.Text(name)}"),
        };

        private bool Truth(string value) => value switch
        {
            "True" or "true" => true,
            "False" or "false" => false,
            _ => throw new ArgumentException($"{Measure}: {Quoted.Text(value)} is neither True nor False"),
        };

        private bool Dcg(string value) => value.Trim('\'', '"') switch
        {
            "log2" => false,
            "exp-log2" => true,
            _ => throw new ArgumentException($"{Measure}: dcg is 'log2' or 'exp-log2', not {Quoted.Text(value)}"),
        };
    }

    /// <summary>A measure.</summary>
    /// <param name="Names">The first is the usual one.</param>
    /// <param name="Takes">Its parameters beside rel and judged_only; the first one is what stands behind '@', and '!' says that it must be there.</param>
    /// <param name="Of">The number of a query.</param>
    private sealed record Family(string[] Names, string[] Takes, Func<JudgedRanking, Arguments, double> Of)
    {
        internal MeasureSummary Summary { get; init; }
    }

    private static readonly Family[] Families =
    [
        new(["nDCG", "NDCG"], ["cutoff", "dcg", "gains"], (ranking, given) => CumulativeGain.Normalized(ranking, Worth(given), given.K)),
        new(["AP", "MAP"], ["cutoff"], (ranking, given) => AveragePrecision.At(ranking, given.K)),
        new(["RR", "MRR"], ["cutoff"], (ranking, given) => Precision.ReciprocalRank(ranking, given.K)),
        new(["P", "Precision"], ["cutoff!"], (ranking, given) => Precision.At(ranking, given.K)),
        new(["R", "Recall"], ["cutoff!"], (ranking, given) => Precision.Recall(ranking, given.K)),
        new(["Success"], ["cutoff!"], (ranking, given) => Precision.Success(ranking, given.K)),
        new(["Judged"], ["cutoff"], (ranking, given) => Precision.Judged(ranking, given.K)),
        new(["ERR"], ["cutoff"], (ranking, given) => ExpectedReciprocalRank.At(ranking, given.K)),
        new(["RBP"], ["cutoff", "p"], (ranking, given) => given.Rel is null
            ? RankBiasedPrecision.Graded(ranking, given.P, given.K) : RankBiasedPrecision.Binary(ranking, given.P, given.K)),
        new(["Rprec", "RPrec"], [], (ranking, _) => Precision.AtR(ranking)),
        new(["Bpref", "BPref"], [], (ranking, _) => BinaryPreference.Of(ranking)),
        new(["infAP"], [], (ranking, _) => AveragePrecision.Inferred(ranking)),
        new(["IPrec"], ["recall!"], (ranking, given) => InterpolatedPrecision.At(ranking, given.Recall)),
        new(["SetP"], ["relative"], (ranking, given) => given.Relative ? Precision.RelativeOfSet(ranking) : Precision.OfSet(ranking)),
        new(["SetRelP"], [], (ranking, _) => Precision.RelativeOfSet(ranking)),
        new(["SetR"], [], (ranking, _) => Precision.RecallOfSet(ranking)),
        new(["SetF"], ["beta"], (ranking, given) => Precision.FOfSet(ranking, given.Beta)),
        new(["SetAP"], [], (ranking, _) => Precision.AverageOfSet(ranking)),
        new(["NumQ"], [], (_, _) => 1) { Summary = MeasureSummary.Queries },
        new(["NumRet"], [], (ranking, given) => given.Rel is null ? ranking.Retrieved : ranking.RelevantRetrieved) { Summary = MeasureSummary.Sum },
        new(["NumRelRet"], [], (ranking, _) => ranking.RelevantRetrieved) { Summary = MeasureSummary.Sum },
        new(["NumRel"], [], (ranking, _) => ranking.Relevant) { Summary = MeasureSummary.Sum },
    ];

    internal static IEnumerable<string> Names => Families.SelectMany(family => family.Names);

    /// <summary>The measure of a name; null: there is none.</summary>
    /// <exception cref="ArgumentException">A parameter that it does not take, or lacks.</exception>
    internal static IEnumerable<Measure>? Find(string text)
    {
        int at = text.LastIndexOf('@'), open = text.IndexOf('(');
        string head = at < 0 ? text : text[..at], name = open < 0 ? head : text[..open];
        if (Array.Find(Families, family => family.Names.Contains(name)) is not { } family) { return null; }
        string? cutoff = family.Takes.FirstOrDefault();
        Dictionary<string, string> values = new(StringComparer.Ordinal);
        if (open >= 0)
        {
            if (!head.EndsWith(')')) { throw new ArgumentException($"{Quoted.Text(text)}: the brackets stand before the cutoff, as in {name}(rel=2)@5"); }
            foreach (string pair in Split(head[(open + 1)..^1]))
            {
                string[] sides = pair.Split('=', 2, StringSplitOptions.TrimEntries);
                if (sides.Length < 2 || !values.TryAdd(sides[0], sides[1]))
                {
                    throw new ArgumentException($"{Quoted.Text(text)}: give parameters once each, as in (rel=2)");
                }
            }
        }
        if (at >= 0 && !values.TryAdd(cutoff?.TrimEnd('!') ?? "cutoff", text[(at + 1)..])) { throw new ArgumentException($"{Quoted.Text(text)}: two cutoffs"); }
        if (cutoff is not null && cutoff.EndsWith('!') && !values.ContainsKey(cutoff[..^1]))
        {
            throw new ArgumentException($"{Quoted.Text(text)}: has no {cutoff[..^1]}. Write {text}@{(cutoff == "cutoff!" ? "10" : ".1")}");
        }
        Arguments given = new(text);
        string[] known = [.. family.Takes.Select(one => one.TrimEnd('!')), "rel", "judged_only"];
        foreach ((string parameter, string value) in values)
        {
            if (!known.Contains(parameter))
            {
                throw new ArgumentException($"{Quoted.Text(text)}: {name} has no parameter {Quoted.Text(parameter)}; it has {string.Join(", ", known)}");
            }
            given = given.With(parameter, value);
        }
        return
        [
            new Measure(text, ranking => family.Of(Narrowed(ranking, given), given))
            {
                Summary = family.Summary,
                IsCount = family.Summary != MeasureSummary.Mean,
            },
        ];
    }

    private static JudgedRanking Narrowed(JudgedRanking ranking, Arguments given)
    {
        JudgedRanking at = given.Rel is { } level ? ranking.At(level) : ranking;
        return given.JudgedOnly ? at.JudgedOnly() : at;
    }

    private static Gains Worth(Arguments given) => given.Gains ?? (given.IsExponential ? Gains.Exponential : Gains.Linear);

    /// <summary>At commas that are in no braces.</summary>
    private static IEnumerable<string> Split(string parameters)
    {
        int start = 0, depth = 0;
        for (int i = 0; i < parameters.Length; i++)
        {
            depth += parameters[i] switch { '{' => 1, '}' => -1, _ => 0 };
            if (parameters[i] != ',' || depth > 0) { continue; }
            yield return parameters[start..i];
            start = i + 1;
        }
        if (start < parameters.Length) { yield return parameters[start..]; }
    }
}
