using MiniLM.Evaluation;

namespace MiniLM.Tests.Evaluation;

/// <summary>Every measure, by its names, of rankings small enough to be computed by hand.</summary>
public sealed class MeasureTests
{
    private const int NotJudged = JudgedRanking.NotJudged, NotPooled = JudgedRanking.NotPooled, MaxGrade = 4;
    private const double Epsilon = 1e-5;

    private static readonly double Log3 = Math.Log2(3), Log5 = Math.Log2(5), Log6 = Math.Log2(6);

    /// <summary>Relevant at ranks 1, 4 and 7, and one that is not retrieved.</summary>
    private static readonly JudgedRanking Ranking = new([2, NotPooled, 0, 1, NotJudged, 0, 3], [3, 2, 1, 1, 0, 0, 0], 1, MaxGrade);

    private static readonly JudgedRanking NothingRetrieved = new([], [1, 0], 1, MaxGrade);

    private static readonly JudgedRanking NothingRelevant = new([0, NotPooled], [0, 0], 1, MaxGrade);

    private static readonly double Precisions = 1 + 2.0 / 4 + 3.0 / 7, Gain = 2 + 1 / Log5 + 1, Ideal = 3 + 2 / Log3 + 0.5 + 1 / Log5;

    private static Measure Named(string name) => Assert.Single(MeasureNames.Parse([name]));

    private static readonly (string Names, double Expected)[] ByHand =
    [
        ("num_ret NumRet", 7), ("num_rel NumRel", 4), ("num_rel_ret NumRelRet NumRet(rel=1)", 3), ("num_q NumQ", 1), ("num_nonrel_judged_ret", 2),
        ("P_5 P.5 P@5 Precision@5", 2.0 / 5), ("P_1 P@1", 1), ("P_10", 3.0 / 10), ("P(rel=2)@7", 2.0 / 7), ("P(judged_only=True)@5", 3.0 / 5),
        ("recall_5 R@5 Recall@5", 2.0 / 4), ("recall_4 R@4", 2.0 / 4), ("recall_3", 1.0 / 4),
        ("relative_P_2", 1.0 / 2), ("relative_P_5", 2.0 / 4),
        ("Rprec RPrec", 2.0 / 4), ("Rprec(rel=2)", 1.0 / 2),
        ("Rprec_mult_0.20", 1), ("Rprec_mult.0.4", 1.0 / 2), ("Rprec_mult_1.00", 2.0 / 4), ("Rprec_mult_2.00", 3.0 / 8),
        ("success_1 Success@1", 1), ("Success(rel=3)@6", 0), ("Success(rel=3)@7", 1),
        ("recip_rank RR MRR RR@1", 1), ("RR(rel=3)", 1.0 / 7), ("RR(rel=3)@6", 0), ("RR(rel=3)@7", 1.0 / 7),
        ("map AP MAP map_cut_7", Precisions / 4), ("map_cut_4 AP@4 map_cut_6", 1.5 / 4), ("AP(rel=3)", 1.0 / 7),
        ("AP(judged_only=true)", (1 + 2.0 / 3 + 3.0 / 5) / 4),
        ("gm_map", Math.Log(Precisions / 4)), ("yaap", Math.Log((1 + Precisions) / (5 - Precisions))),
        ("bpref Bpref BPref", (1 + (1 - 1.0 / 3) + (1 - 2.0 / 3)) / 4), ("Bpref(rel=3)", 0), ("gm_bpref", Math.Log(0.5)),
        ("infAP", (1 + (1.0 / 4 + 3.0 / 4 * (2.0 / 3) * ((1 + Epsilon) / (2 + 2 * Epsilon)))
            + (1.0 / 7 + 6.0 / 7 * (5.0 / 6) * ((2 + Epsilon) / (4 + 2 * Epsilon)))) / 4),
        ("iprec_at_recall_0.00 IPrec@0", 1), ("iprec_at_recall_0.10 IPrec@.1", 1), ("iprec_at_recall_0.50 IPrec@.5 IPrec(recall=.5)", 2.0 / 4),
        ("iprec_at_recall_0.75", 3.0 / 7), ("iprec_at_recall_1.00 IPrec@1", 0),
        ("11pt_avg", (3 + 3 * 0.5 + 2 * (3.0 / 7)) / 11), ("11pt_avg.0.5,1", 0.25),
        ("ndcg nDCG NDCG ndcg_cut_7 nDCG@7 ndcg_cut_1000", Gain / Ideal), ("ndcg_cut_3 nDCG@3", 2 / (3 + 2 / Log3 + 0.5)),
        ("ndcg_cut_4", (2 + 1 / Log5) / Ideal),
        ("nDCG(dcg='exp-log2')", (3 + 1 / Log5 + 7.0 / 3) / (7 + 3 / Log3 + 0.5 + 1 / Log5)), ("nDCG(dcg=\"log2\")@3", 2 / (3 + 2 / Log3 + 0.5)),
        ("nDCG(dcg='exp-log2')@1 nDCG(cutoff=1,dcg='exp-log2')", 3.0 / 7), ("dcg", Gain), ("ideal_dcg", Ideal),
        ("ndcg.1=0,3=1 nDCG(gains={1:0,3:1})", (2 + 1.0 / 3) / (2 + 1 / Log3)), ("nDCG(gains={0:1,1:0,2:0,3:0})@3", 0.5 / (1 + 1 / Log3 + 0.5)),
        ("ndcg_1=0,2=0,3=0,0=1", (0.5 + 1 / Math.Log2(7)) / (1 + 1 / Log3 + 0.5)),
        ("ndcg_rel", (2.0 / 3 + (2 + 1 / Log5) / Ideal + 2 * Gain / Ideal) / 4),
        ("Rndcg", (2.0 / 3 + 2 / (3 + 2 / Log3) + (2 + 1 / Log5) / Ideal + Gain / Ideal) / 4),
        ("G", (2 / Log3 + 1 / Log6 + 3 / Log6) / 7), ("binG", (1 + 1.0 / 2 + 1 / Log6) / 4),
        ("set_P SetP", 3.0 / 7), ("set_recall SetR", 3.0 / 4), ("set_map SetAP", 9.0 / 28), ("set_relative_P SetRelP SetP(relative=True)", 3.0 / 4),
        ("set_F SetF", 2 * 3.0 / 7 * 0.75 / (3.0 / 7 + 0.75)), ("set_F.3 set_F_3 SetF(beta=3)", 4 * 3.0 / 7 * 0.75 / (3 * 3.0 / 7 + 0.75)),
        ("utility", -1), ("utility.2,-1,-3,0.5", 6 - 4 - 3 - 4),
        ("unj_5", 2.0 / 5), ("unj_10", 2.0 / 10), ("Judged@5", 4.0 / 5), ("Judged Judged@10", 6.0 / 7),
        ("rbp", 0.1 * (2.0 / 3 + Math.Pow(0.9, 3) / 3 + Math.Pow(0.9, 6))), ("rbp.p=0.5", 0.5 * (2.0 / 3 + 0.125 / 3 + Math.Pow(0.5, 6))),
        ("rbp.p=0.5,1=0,2=0,3=1", 0.5 * Math.Pow(0.5, 6)),
        ("rbp_resid", 0.1 * (0.9 + Math.Pow(0.9, 4)) + Math.Pow(0.9, 7)),
        ("RBP(p=0.5,rel=2)", 0.5 * (1 + Math.Pow(0.5, 6))), ("RBP(p=.5,rel=2)@6", 0.5), ("RBP(rel=1)@4", 0.2 * (1 + Math.Pow(0.8, 3))),
        ("RBP(p=.5)", 0.5 * (0.5 + 0.125 * 0.25 + Math.Pow(0.5, 6) * 0.75)),
        ("ERR", 3.0 / 16 + 13.0 / 16 * (1.0 / 16) / 4 + 13.0 / 16 * (15.0 / 16) * (7.0 / 16) / 7),
        ("ERR@4", 3.0 / 16 + 13.0 / 16 * (1.0 / 16) / 4), ("ERR@3", 3.0 / 16),
    ];

    [Fact]
    public void EveryName_GivesWhatIsComputedByHand()
    {
        foreach ((string names, double expected) in ByHand)
        {
            foreach (string name in names.Split(' '))
            {
                double actual = Named(name).Value(Ranking);
                Assert.True(Math.Abs(expected - actual) < 1e-14, FormattableString.Invariant($"{name}: {expected} expected, {actual}"));
            }
        }
    }

    [Fact]
    public void RankingWithNothingInIt_IsZeroByEveryMeasureButCountsAndLogarithms()
    {
        foreach (Measure measure in MeasureNames.Parse(["all_trec,nDCG@10,AP,RR@10,R@100,Judged,ERR@5,RBP,IPrec@.5"]).Where(measure => measure.IsNumber))
        {
            double expected = measure.Name switch
            {
                "num_rel" or "num_q" => 1,
                "gm_map" or "gm_bpref" => Math.Log(1e-5),
                _ => 0,
            };
            Assert.True(expected == measure.Value(NothingRetrieved), $"{measure.Name}: {measure.Value(NothingRetrieved)}");
        }
    }

    [Fact]
    public void QueryWithNothingRelevant_IsZeroByEveryMeasureOfRelevance()
    {
        string[] others = ["num_q", "num_ret", "num_nonrel_judged_ret", "gm_map", "gm_bpref", "utility", "unj_5", "unj_10", "unj_20", "rbp_resid", "Judged"];
        string names = "all_trec,nDCG@10,nDCG(dcg='exp-log2'),AP@3,RR,R@100,Judged,ERR,RBP,RBP(rel=1),IPrec@.5";
        foreach (Measure measure in MeasureNames.Parse([names]).Where(measure => measure.IsNumber))
        {
            if (!others.Contains(measure.Name)) { Assert.True(measure.Value(NothingRelevant) == 0, $"{measure.Name}: {measure.Value(NothingRelevant)}"); }
        }
        Assert.Equal(-2, Named("utility").Value(NothingRelevant));
        Assert.Equal(1, Named("num_nonrel_judged_ret").Value(NothingRelevant));
    }

    [Fact]
    public void Rndcg_LooksAtTheEndOfARankingThatIsTwoLongerThanTheBestOne()
    {
        int[] judged = [1];
        double AtLength(int length) => Named("Rndcg").Value(new JudgedRanking([.. Enumerable.Repeat(0, length - 1), 1], judged, 1, 1));
        Assert.Equal(0, AtLength(2));
        Assert.Equal((0 + 1 / Math.Log2(4)) / 2, AtLength(3), 1e-15);
    }

    [Fact]
    public void InterpolatedPrecision_TakesTheNumberOfDocumentsThatARecallRoundsTo()
    {
        // The n-th of 5000 relevant documents is at rank 2n - 1: the precision falls from one to the next.
        int[] judged = [.. Enumerable.Repeat(1, 5000)];
        JudgedRanking falling = new([.. Enumerable.Range(0, 9999).Select(rank => 1 - rank % 2)], judged, 1, 1);
        Assert.Equal((1 + Enumerable.Range(1, 10).Sum(i => 500.0 * i / (1000 * i - 1))) / 11, Named("11pt_avg").Value(falling), 1e-14);
        // 1.0995 + 0.9 is just below 2: one document is enough, and one of two is found.
        JudgedRanking half = new([1], [1, 1], 1, 1);
        Assert.Equal((1, 0), (InterpolatedPrecision.At(half, 0.54975), InterpolatedPrecision.At(half, 0.55025)));
        Assert.Equal((1, 1 / 2.0), (Precision.AtMultipleOfR(half, 0.54975), Precision.AtMultipleOfR(half, 0.55025)));
    }

    [Fact]
    public void RbpResidual_IsZeroWhenAllIsJudged() => Assert.Equal(0, Named("rbp_resid").Value(new JudgedRanking([1, 0], [1, 0], 1, 1)));

    [Theory]
    [InlineData("relstring", "2-01.03")]
    [InlineData("relstring.3", "2-0")]
    [InlineData("relstring_20", "2-01.03")]
    public void RelevanceString_HasACharacterForEveryGrade(string name, string expected) => Assert.Equal(expected, Named(name).Text!(Ranking));

    [Fact]
    public void RelevanceString_HasOneCharacterForGradesAboveNine() =>
        Assert.Equal("9>", Named("relstring").Text!(new JudgedRanking([9, 10], [10, 9], 1, 10)));

    [Theory]
    [InlineData(0.03125, 4, "0.0312")] // exactly between two texts: to the even one, as printf
    [InlineData(0.09375, 4, "0.0938")]
    [InlineData(-0.03125, 4, "-0.0312")]
    [InlineData(0.00005, 4, "0.0001")] // as a double a little above
    [InlineData(0.125, 2, "0.12")]
    [InlineData(0.375, 2, "0.38")]
    [InlineData(-358, 4, "-358.0000")]
    public void Fixed_RoundsAsPrintfDoes(double value, int digits, string expected) => Assert.Equal(expected, TrecEvalFormat.Fixed(value, digits));

    [Fact]
    public void RankBiasedOverlap_OfRankingsThatAreComputedByHand()
    {
        // Overlaps 0, 2 at depths 1, 2; agreement goes on as 1.
        Assert.Equal(0.5 / 0.5 * (0 + 1 * 0.25) + 1 * 0.25, RankBiasedOverlap.Extrapolated(["a", "b"], ["b", "a"], 0.5), 1e-15);
        Assert.Equal((0 - 2) * 0.5 / 1 + 2 * Math.Log(2), RankBiasedOverlap.LowerBound(["a", "b"], ["b", "a"], 0.5), 1e-15);
        Assert.Equal(0, RankBiasedOverlap.Extrapolated([], ["a"], 0.5));
        Assert.Equal(0, RankBiasedOverlap.LowerBound(["a"], [], 0.5));
    }

    [Fact]
    public void InformationRetrievalMeasures_PutTheLowerIdFirstAmongEqualScores()
    {
        (string, double)[] hits = [("b", 1), ("a", 1), ("c", 2)];
        InformationRetrievalMeasures at2 = InformationRetrievalMeasures.At(hits, new HashSet<string> { "a", "x", "y" }, 2);
        Assert.Equal(new InformationRetrievalMeasures(1, 1.0 / 2, 1.0 / 3, 1 / Log3 / (1 + 1 / Log3), 1.0 / 2, 0.5 / 2), at2);
        Assert.Equal(default, InformationRetrievalMeasures.At(hits, new HashSet<string> { "b" }, 2));
        Assert.Equal(0.5, InformationRetrievalMeasures.Mean([at2, default]).Accuracy);
        Assert.Throws<ArgumentOutOfRangeException>(() => InformationRetrievalMeasures.At(hits, new HashSet<string>(), 2));
    }
}
