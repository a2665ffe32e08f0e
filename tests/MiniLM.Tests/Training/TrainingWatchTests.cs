using MiniLM.Training;

namespace MiniLM.Tests.Training;

public sealed class TrainingWatchTests
{
    private static (int Step, string Name)[] Watch(int steps, Func<int, TrainingStep> step, double? atChance = null, int warmup = 0)
    {
        TrainingWatch watch = new([("train.tsv", atChance)], warmup);
        return [.. Enumerable.Range(1, steps).SelectMany(number => watch.After(step(number)).Select(warning => (number, warning.Name)))];
    }

    private static TrainingStep Good(int number) => new(number, 1 - number * .001, 1e-5, 1 + number % 3, true, 100, 120, [(0, 1 - number * .001)], null);

    private static TrainingStep Of(int number, double loss) => Good(number) with { Loss = loss, Losses = [(0, loss)] };

    [Fact]
    public void AHealthyRun_IsSilent() => Assert.Empty(Watch(400, Good, atChance: 1.2));

    [Fact]
    public void EqualOutputs_AreSaidOnceWithinTwoHundredSteps()
    {
        static double? Probe(int number, double spread) => number % 50 == 0 ? spread : null;
        Assert.Equal([(100, "constant-scores")], Watch(300, number => Good(number) with { Spread = Probe(number, 9e-4) }));
        Assert.Equal([(200, "constant-scores")], Watch(300, number => Good(number) with { Spread = Probe(number, number > 100 ? 0 : .5) }));
        Assert.Empty(Watch(300, number => Good(number) with { Spread = Probe(number, number % 100 == 0 ? .1 : 0) }));
        Assert.Empty(Watch(300, number => Good(number) with { Spread = Probe(number, 1e-3) }));
    }

    // A model that has not moved yet is no sign, but a warm-up of any length does not silence the watch for more than a hundred steps.
    [Fact]
    public void ALossOfAGuess_IsSaidAfterTheWarmUp()
    {
        TrainingStep Stuck(int number) => Of(number, .69 + number % 2 * .005);
        Assert.Equal([(50, "loss-at-chance")], Watch(200, Stuck, Math.Log(2)));
        Assert.Equal([(80, "loss-at-chance")], Watch(200, Stuck, Math.Log(2), warmup: 30));
        Assert.Equal([(150, "loss-at-chance")], Watch(200, Stuck, Math.Log(2), warmup: 5000));
        Assert.Equal([(50, "loss-at-chance")], Watch(200, number => Of(number, 3), Math.Log(2))); // worse than a guess
        Assert.Empty(Watch(200, Stuck, null));
        Assert.Empty(Watch(200, number => Of(number, .67), Math.Log(2)));
    }

    [Fact]
    public void OfSeveralDataSets_EachIsLookedAt()
    {
        (int Step, string Message)[] Said(double first, double second, Func<int, int[]> sets)
        {
            TrainingWatch watch = new([("a.tsv", 1), ("b.tsv", 2)], warmup: 0);
            return [.. Enumerable.Range(1, 200).SelectMany(number => watch.After(
                Good(number) with { Losses = [.. sets(number).Select(set => (set, set == 0 ? first : second))] })
                .Select(warning => (number, warning.Message)))];
        }
        static int[] InTurns(int number) => [1 - number % 2];
        static int[] Together(int number) => [0, 1];
        Assert.Empty(Said(.5, 1, InTurns));
        (int step, string message) = Assert.Single(Said(1, 1, InTurns));
        Assert.Equal(51, step); // not before 50 steps
        Assert.StartsWith("step 51: the loss on a.tsv has been 1.0000 for 25 batches, and a guess gives 1.0000: nothing is learnt.", message);
        Assert.Contains("on b.tsv", Assert.Single(Said(.5, 2, InTurns)).Message);
        Assert.Equal([50, 50], Said(1, 2, Together).Select(said => said.Step));
    }

    [Fact]
    public void ANormAHundredTimesTheOthers_IsSaid()
    {
        Assert.Equal([(30, "exploding-norm")], Watch(40, number => Good(number) with { GradientNorm = number == 30 ? 201 : 2 }));
        Assert.Empty(Watch(40, number => Good(number) with { GradientNorm = number == 30 ? 199 : 2 }));
        Assert.Empty(Watch(40, number => Good(number) with { GradientNorm = number == 15 ? 1e6 : 2 })); // too early to know
    }

    [Fact]
    public void NoGradient_IsSaidUnlessTheLossIsGone()
    {
        Assert.Equal([(50, "no-gradient")], Watch(60, number => Good(number) with { GradientNorm = 0, Loss = 2e-3 }));
        Assert.Empty(Watch(60, number => Good(number) with { GradientNorm = 0, Loss = 5e-4 }));
        Assert.Empty(Watch(60, number => Good(number) with { GradientNorm = number < 5 ? 1 : 0, Loss = number < 5 ? 1 : 0 }));
        Assert.Equal([(50, "no-gradient")], Watch(60, number => Good(number) with { GradientNorm = 0, Loss = 0 })); // it was never there
    }

    [Fact]
    public void SkippedSteps_AreSaidWhenTheyAreMany()
    {
        Assert.Equal([(26, "loss-scale")], Watch(100, number => Good(number) with { IsTaken = false }));
        Assert.Empty(Watch(100, number => Good(number) with { IsTaken = number > 25 }));
    }
}
