using MiniLM.Evaluation;

namespace MiniLM.Tests.Evaluation;

public sealed class MeasureNamesTests
{
    private static string[] Names(params string[] lists) => [.. MeasureNames.Parse(lists).Select(measure => measure.Name)];

    [Theory]
    [InlineData("nDCG@10,AP RR@10", "nDCG@10 AP RR@10")]
    [InlineData("ndcg_cut.5,10,AP", "ndcg_cut_5 ndcg_cut_10 AP")]
    [InlineData("ndcg_cut.10,5", "ndcg_cut_5 ndcg_cut_10")]
    [InlineData("P.5,11pt_avg", "P_5 11pt_avg")]
    [InlineData("P(rel=2,judged_only=True)@5,P@5", "P(rel=2,judged_only=True)@5 P@5")]
    [InlineData("success", "success_1 success_5 success_10")]
    [InlineData("iprec_at_recall.0.5,.25", "iprec_at_recall_0.25 iprec_at_recall_0.50")]
    [InlineData("utility.2,-1,0,0,map", "utility_2,-1,0,0 map")]
    [InlineData("ndcg.1=3,2=9,Rprec", "ndcg_1=3,2=9 Rprec")]
    [InlineData("set_F.0.5,relstring.20", "set_F_0.5 relstring_20")]
    [InlineData("map,map,set_P,map", "map set_P")]
    [InlineData("Rprec_mult.5,0.125", "Rprec_mult_0.12 Rprec_mult_5.00")]
    public void Parse_SplitsNamesAndKeepsParametersTogether(string list, string expected) =>
        Assert.Equal(expected.Split(' '), Names(list));

    [Fact]
    public void Parse_TakesBlanksWithinBrackets() => Assert.Equal(["P(rel=2, judged_only=True)@5", "AP"], Names("P(rel=2, judged_only=True)@5", "AP"));

    [Fact]
    public void PrecisionOfTrecEval_HasItsUsualCutoffs() =>
        Assert.Equal(["P_5", "P_10", "P_15", "P_20", "P_30", "P_100", "P_200", "P_500", "P_1000"], Names("P"));

    [Fact]
    public void Sets_HoldTheirMembersInTheOrderOfTrecEval()
    {
        string[] all = Names("all_trec");
        Assert.Equal(["runid", "num_q", "num_ret", "num_rel", "num_rel_ret", "map", "gm_map", "Rprec", "bpref", "recip_rank", "iprec_at_recall_0.00"],
            all[..11]);
        Assert.Equal(["rbp", "rbp_resid", "unj_5", "unj_10", "unj_20"], all[^5..]);
        Assert.DoesNotContain("yaap", all);
        Assert.DoesNotContain("dcg", all);
        Assert.Equal(["runid", "num_q", "num_ret", "num_rel", "num_rel_ret", "utility", "set_P", "set_recall", "set_relative_P", "set_map", "set_F"],
            Names("set"));
        Assert.Equal("P_1000", Names("official")[^1]);
    }

    [Fact]
    public void Sets_LeaveOutWhatIsNamedWithParameters()
    {
        string[] names = Names("relstring.20,official,P.7,all_trec,recall_7");
        Assert.Equal(["relstring_20", "P_7"], names.Where(name => name.Split('_')[0] is "relstring" or "P"));
        Assert.Contains("recall_5", names);
        Assert.Contains("recall_7", names);
    }

    [Theory]
    [InlineData("ndgc@10", "unknown measure 'ndgc@10'. Did you mean NDCG or nDCG or ndcg?")]
    [InlineData("ndcg_cutt_10", "Did you mean ndcg_cut?")]
    [InlineData("recal.5", "Did you mean Recall or recall?")]
    [InlineData("10", "unknown measure '10'.")]
    [InlineData(" , ", "no measure is named")]
    [InlineData("R", "'R': has no cutoff. Write R@10")]
    [InlineData("IPrec", "'IPrec': has no recall. Write IPrec@.1")]
    [InlineData("IPrec@1.5", "1.5 is not from 0 to 1")]
    [InlineData("nDCG@0", "the cutoff '0' is not a whole number from 1")]
    [InlineData("nDCG@ten", "the cutoff 'ten' is not a whole number from 1")]
    [InlineData("P_0", "the cutoff '0' is not a whole number from 1")]
    [InlineData("P.5,5", "a cutoff is there twice")]
    [InlineData("P(rel=x)@5", "the grade 'x' is not a whole number from 1")]
    [InlineData("P(rel=2,rel=3)@5", "give parameters once each")]
    [InlineData("P(level=2)@5", "P has no parameter 'level'; it has cutoff, rel, judged_only")]
    [InlineData("P(cutoff=5)@5", "two cutoffs")]
    [InlineData("P(rel=2@5", "the brackets stand before the cutoff, as in P(rel=2)@5")]
    [InlineData("Rprec@5", "Rprec has no parameter 'cutoff'")]
    [InlineData("nDCG(dcg='log10')", "dcg is 'log2' or 'exp-log2'")]
    [InlineData("nDCG(gains={a:1})", "'a' is not a grade")]
    [InlineData("AP(judged_only=yes)", "'yes' is neither True nor False")]
    [InlineData("RBP(p=2)", "2 is not from 0 to 1")]
    [InlineData("map.5", "map: has no parameters, not 5")]
    [InlineData("utility.1,2", "utility: takes 4 number(s), not 1,2")]
    [InlineData("set_F.x", "'x' is not a number")]
    [InlineData("ndcg.1=x", "'x' is not a number")]
    [InlineData("ndcg.1=2,1=3", "is no list of different names")]
    [InlineData("rbp.p=2", "p is from 0 to 1")]
    public void Parse_SaysWhatIsWrong(string list, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => MeasureNames.Parse([list])).Message);
}
