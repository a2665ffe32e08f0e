namespace MiniLM.Evaluation;

/// <summary>The measures of trec_eval 10 under its names, with its parameters, in the order in which it prints them.</summary>
internal static class TrecEvalMeasures
{
    private const double Persistence = 0.9;

    private static readonly int[] Cutoffs = [5, 10, 15, 20, 30, 100, 200, 500, 1000];

    /// <summary>Makes the measures of a name from what follows it; null: nothing does.</summary>
    private delegate IEnumerable<Measure> Maker(string name, string? parameters);

    private static readonly (string Name, Maker Make)[] Families =
    [
        ("runid", One(_ => double.NaN, MeasureSummary.Tag)),
        ("num_q", Count(_ => 1, MeasureSummary.Queries)),
        ("num_ret", Count(ranking => ranking.Retrieved)),
        ("num_rel", Count(ranking => ranking.Relevant)),
        ("num_rel_ret", Count(ranking => ranking.RelevantRetrieved)),
        ("map", One(ranking => AveragePrecision.At(ranking, int.MaxValue))),
        ("gm_map", One(ranking => AveragePrecision.Logarithm(AveragePrecision.At(ranking, int.MaxValue)), MeasureSummary.GeometricMean)),
        ("Rprec", One(Precision.AtR)),
        ("bpref", One(BinaryPreference.Of)),
        ("recip_rank", One(ranking => Precision.ReciprocalRank(ranking, int.MaxValue))),
        ("iprec_at_recall", AtLevels(InterpolatedPrecision.At, InterpolatedPrecision.Recalls)),
        ("P", AtCutoffs(Precision.At, Cutoffs)),
        ("relstring", RelevanceString),
        ("recall", AtCutoffs(Precision.Recall, Cutoffs)),
        ("infAP", One(AveragePrecision.Inferred)),
        ("gm_bpref", One(ranking => AveragePrecision.Logarithm(BinaryPreference.Of(ranking)), MeasureSummary.GeometricMean)),
        ("Rprec_mult", AtLevels(Precision.AtMultipleOfR, [0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0])),
        ("utility", OfNumbers(Precision.Utility, [1, -1, 0, 0])),
        ("11pt_avg", OfNumbers(InterpolatedPrecision.Average, InterpolatedPrecision.Recalls, takesAnyCount: true)),
        ("binG", One(NormalizedGain.Binary)),
        ("G", OfGains(NormalizedGain.Of)),
        ("dcg", OfGains((ranking, gains) => CumulativeGain.Discounted(ranking, gains))),
        ("ideal_dcg", OfGains(CumulativeGain.Ideal)),
        ("ndcg", OfGains((ranking, gains) => CumulativeGain.Normalized(ranking, gains))),
        ("ndcg_rel", OfGains(CumulativeGain.AtRelevant)),
        ("Rndcg", OfGains(CumulativeGain.AtLevels)),
        ("ndcg_cut", AtCutoffs((ranking, k) => CumulativeGain.Normalized(ranking, Gains.Linear, k), Cutoffs)),
        ("map_cut", AtCutoffs(AveragePrecision.At, Cutoffs)),
        ("relative_P", AtCutoffs(Precision.Relative, Cutoffs)),
        ("success", AtCutoffs(Precision.Success, [1, 5, 10])),
        ("set_P", One(Precision.OfSet)),
        ("set_relative_P", One(Precision.RelativeOfSet)),
        ("set_recall", One(Precision.RecallOfSet)),
        ("set_map", One(Precision.AverageOfSet)),
        ("set_F", OfNumbers((ranking, weights) => Precision.FOfSet(ranking, weights[0]), [1])),
        ("num_nonrel_judged_ret", Count(ranking => ranking.Grades.Count(grade => grade >= 0 && grade < ranking.Level))),
        ("yaap", One(AveragePrecision.LogOdds)),
        ("rbp", OfGainsAndPersistence(RankBiasedPrecision.Scaled)),
        ("rbp_resid", OfGainsAndPersistence((ranking, _, p) => RankBiasedPrecision.Residual(ranking, p))),
        ("unj", AtCutoffs(Precision.Unjudged, [5, 10, 20])),
    ];

    private static readonly Dictionary<string, string[]> Sets = new(StringComparer.Ordinal)
    {
        ["official"] =
            ["runid", "num_q", "num_ret", "num_rel", "num_rel_ret", "map", "gm_map", "Rprec", "bpref", "recip_rank", "iprec_at_recall", "P"],
        ["set"] = ["runid", "num_q", "num_ret", "num_rel", "num_rel_ret", "utility", "set_P", "set_recall", "set_relative_P", "set_map", "set_F"],
        ["all_trec"] = [.. Families.Select(family => family.Name).Except(["dcg", "ideal_dcg", "yaap"])],
    };

    /// <summary>Names of measures, of families and of sets.</summary>
    internal static IEnumerable<string> Names => Families.Select(family => family.Name).Concat(Sets.Keys);

    /// <summary>The measures of a name; null: trec_eval has none of it.</summary>
    /// <param name="name">Of a measure or a set.</param>
    /// <param name="given">Families that a set leaves out, since they are named with parameters of their own.</param>
    /// <exception cref="ArgumentException">Parameters that it does not take.</exception>
    internal static IEnumerable<Measure>? Find(string name, string[] given)
    {
        if (Sets.TryGetValue(name, out string[]? names)) { return names.Except(given).SelectMany(one => Make(one, null)!); }
        int dot = name.IndexOf('.'), line = name.LastIndexOf('_');
        return Make(name, null) ?? (dot > 0 ? Make(name[..dot], name[(dot + 1)..]) : null)
            ?? (line > 0 && Parameters.IsValue(name[(line + 1)..].Split(',')[0]) ? Make(name[..line], name[(line + 1)..]) : null);
    }

    private static IEnumerable<Measure>? Make(string name, string? parameters)
    {
        int place = Array.FindIndex(Families, family => family.Name == name);
        return place < 0 ? null : Families[place].Make(name, parameters).Select(measure => measure with { Place = place });
    }

    private static Maker One(Func<JudgedRanking, double> of, MeasureSummary summary = MeasureSummary.Mean) => (name, parameters) =>
        parameters is null ? [new Measure(name, of) { Summary = summary }] : throw new ArgumentException($"{name}: has no parameters, not {parameters}");

    private static Maker Count(Func<JudgedRanking, double> of, MeasureSummary summary = MeasureSummary.Sum) =>
        (name, parameters) => One(of, summary)(name, parameters).Select(measure => measure with { IsCount = true });

    private static Maker AtCutoffs(Func<JudgedRanking, int, double> at, int[] usual) => (name, parameters) =>
        (parameters is null ? usual : Parameters.Cutoffs(name, parameters)).Select(k => new Measure($"{name}_{k}", ranking => at(ranking, k)));

    private static Maker AtLevels(Func<JudgedRanking, double, double> at, double[] usual) => (name, parameters) =>
        Numbers(name, parameters, usual).Order().Select(level =>
            new Measure($"{name}_{TrecEvalFormat.Fixed(level, 2)}", ranking => at(ranking, level)));

    private static Maker OfNumbers(Func<JudgedRanking, double[], double> of, double[] usual, bool takesAnyCount = false) => (name, parameters) =>
    {
        double[] numbers = Numbers(name, parameters, usual);
        return takesAnyCount || numbers.Length == usual.Length ? [new Measure(Named(name, parameters), ranking => of(ranking, numbers))]
            : throw new ArgumentException($"{name}: takes {usual.Length} number(s), not {parameters}");
    };

    private static Maker OfGains(Func<JudgedRanking, Gains, double> of) => (name, parameters) =>
    {
        Gains gains = parameters is null ? Gains.Linear : Parameters.Gains(name, Parameters.Pairs(name, parameters, '='));
        return [new Measure(Named(name, parameters), ranking => of(ranking, gains))];
    };

    private static Maker OfGainsAndPersistence(Func<JudgedRanking, Gains, double, double> of) => (name, parameters) =>
    {
        Dictionary<string, double> pairs = parameters is null ? [] : Parameters.Pairs(name, parameters, '=');
        double p = pairs.Remove("p", out double given) ? given : Persistence;
        if (p is not (>= 0 and <= 1)) { throw new ArgumentException($"{name}: p is from 0 to 1, not {parameters}"); }
        Gains gains = Parameters.Gains(name, pairs);
        return [new Measure(Named(name, parameters), ranking => of(ranking, gains, p))];
    };

    /// <summary>Grades of the first documents, a character each: '-' is not pooled, '.' not judged, '>' above 9.</summary>
    private static IEnumerable<Measure> RelevanceString(string name, string? parameters)
    {
        int length = parameters is null ? 10 : Parameters.Cutoff(name, parameters);
        yield return new Measure(Named(name, parameters), _ => double.NaN)
        {
            Summary = MeasureSummary.None,
            Text = ranking => string.Concat(ranking.Grades.Take(length).Select(Character)),
        };

        static char Character(int grade) => grade switch
        {
            JudgedRanking.NotPooled => '-',
            JudgedRanking.NotJudged => '.',
            > 9 => '>',
            _ => (char)('0' + grade),
        };
    }

    private static double[] Numbers(string name, string? parameters, double[] usual) =>
        parameters is null ? usual : [.. parameters.Split(',').Select(text => Parameters.Number(name, text))];

    private static string Named(string name, string? parameters) => parameters is null ? name : $"{name}_{parameters}";
}
