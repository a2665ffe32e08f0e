using MiniLM.Cpu.Threading;

namespace MiniLM.Cpu.Tests;

/// <summary>One protocol: a member's exception, wherever it happens, ends the run, is what the caller gets, and leaves a pool that is as good as new.</summary>
public sealed class WorkerPoolTests
{
    private const int Barriers = 3;

    public static TheoryData<int, bool> Pools()
    {
        TheoryData<int, bool> pools = [];
        for (int size = 1; size <= 8; size++)
        {
            pools.Add(size, true);
            pools.Add(size, false);
        }
        return pools;
    }

    [Theory, MemberData(nameof(Pools))]
    public void AFailureOfAnyMember_BeforeOrBehindAnyBarrier_IsWhatTheCallerGets(int size, bool callerComputes)
    {
        using WorkerPool pool = new(size, callerComputes);
        for (int failing = 0; failing < size; failing++)
        {
            for (int place = 0; place <= Barriers; place++)
            {
                var planted = new InvalidOperationException($"member {failing} at {place}");
                Exception thrown = Assert.Throws<InvalidOperationException>(() => pool.Run(member => Meet(pool.All, member == failing ? place : -1, planted)));
                Assert.Same(planted, thrown);
                AssertHealthy(pool, callerComputes);
            }
        }
    }

    [Theory, MemberData(nameof(Pools))]
    public void FailuresOfAllMembersAtOnce_GiveOneOfThem_AndNoneLater(int size, bool callerComputes)
    {
        using WorkerPool pool = new(size, callerComputes);
        for (int repeat = 0; repeat < 20; repeat++)
        {
            Exception[] planted = [.. Enumerable.Range(0, size).Select(member => new InvalidOperationException($"member {member}"))];
            Exception thrown = Assert.Throws<InvalidOperationException>(() => pool.Run(member => throw planted[member]));
            Assert.Contains(thrown, planted);
            AssertHealthy(pool, callerComputes);
        }
    }

    [Theory, MemberData(nameof(Pools))]
    public void AFailure_ReleasesOnesOwnTeamAndTakesOthersOutAtTheirCheckpoint(int size, bool callerComputes)
    {
        using WorkerPool pool = new(size, callerComputes);
        pool.Teams[0].Form((size + 1) / 2);
        pool.Teams[^1].Form(Math.Max(1, size / 2));
        Assert.Throws<InvalidOperationException>(() => pool.Run(member =>
        {
            if (member == 0) { throw new InvalidOperationException("the first team's"); }
            if (member < (size + 1) / 2) { pool.Teams[0].Wait(); }
            while (true) { pool.Checkpoint(); } // the other team has no barrier in common with the one that failed
        }));
        AssertHealthy(pool, callerComputes);
    }

    [Theory, MemberData(nameof(Pools))]
    public void Cancellation_EndsTheRunAtEveryMembersCheckpoint(int size, bool callerComputes)
    {
        using WorkerPool pool = new(size, callerComputes);
        using CancellationTokenSource source = new();
        int begun = 0;
        Assert.Throws<OperationCanceledException>(() => pool.Run(
            _ =>
            {
                if (Interlocked.Increment(ref begun) == size) { source.Cancel(); }
                while (true) { pool.Checkpoint(); }
            },
            source.Token));
        Assert.Equal(size, begun);
        Assert.Throws<OperationCanceledException>(() => pool.Run(_ => begun++, source.Token)); // nobody begins
        Assert.Equal(size, begun);
        AssertHealthy(pool, callerComputes);
    }

    [Theory]
    [InlineData(0, true), InlineData(3, true), InlineData(0, false), InlineData(3, false)]
    public void AThreadThatCannotStart_EndsThoseThatDid(int startable, bool callerComputes)
    {
        List<Thread> started = [];
        OutOfMemoryException thrown = Assert.Throws<OutOfMemoryException>(() => new WorkerPool(6, callerComputes, Start));
        Assert.Equal("no more threads", thrown.Message);
        Assert.Equal(startable, started.Count);
        Assert.All(started, thread => Assert.False(thread.IsAlive));

        void Start(Thread thread)
        {
            if (started.Count == startable) { throw new OutOfMemoryException("no more threads"); }
            thread.Start();
            started.Add(thread);
        }
    }

    /// <summary>Every member once, on threads of the pool's own where that was asked for, through barriers that hold.</summary>
    private static void AssertHealthy(WorkerPool pool, bool callerComputes)
    {
        int size = pool.All.Size, caller = Environment.CurrentManagedThreadId;
        int[] runs = new int[size], threads = new int[size], seen = new int[size];
        pool.Run(member =>
        {
            threads[member] = Environment.CurrentManagedThreadId;
            Interlocked.Increment(ref runs[member]);
            pool.All.Wait();
            seen[member] = runs.Sum();
            pool.All.Wait();
        });
        Assert.All(runs, count => Assert.Equal(1, count));
        Assert.All(seen, sum => Assert.Equal(size, sum));
        Assert.Equal(size, threads.Distinct().Count());
        Assert.Equal(callerComputes, threads.Contains(caller));
    }

    private static void Meet(Team team, int failingPlace, Exception planted)
    {
        for (int place = 0; place <= Barriers; place++)
        {
            if (place == failingPlace) { throw planted; }
            if (place < Barriers) { team.Wait(); }
        }
    }

    [Fact]
    public void AnInterruptedCaller_LeavesNoMemberAtWork()
    {
        using WorkerPool pool = new(2, callerComputes: false);
        using ManualResetEventSlim started = new(), goOn = new();
        int ended = 0, endedAtReturn = 0;
        bool wasInterrupted = false;
        Thread caller = new(() =>
        {
            pool.Run(_ =>
            {
                started.Set();
                goOn.Wait();
                Interlocked.Increment(ref ended);
            });
            endedAtReturn = ended;
            try { Thread.Sleep(Timeout.Infinite); }
            catch (ThreadInterruptedException) { wasInterrupted = true; }
        });
        caller.Start();
        started.Wait();
        caller.Interrupt();
        goOn.Set();
        caller.Join();
        Assert.Equal(2, endedAtReturn);
        Assert.True(wasInterrupted);
        int ran = 0;
        pool.Run(_ => Interlocked.Increment(ref ran));
        Assert.Equal(2, ran);
    }

    // One interrupt a round, anywhere: while members are woken, or together with the end of their work. The run behind it, without one, ends too.
    [Theory]
    [InlineData(1, false), InlineData(3, false), InlineData(3, true)]
    public void AnInterruptAtAnyMoment_LosesNoEndOfThisRunOrTheNext(int size, bool callerComputes)
    {
        using WorkerPool pool = new(size, callerComputes);
        const int Rounds = 300;
        int ran = 0, endedEarly = 0, round = 0;
        Thread caller = new(() =>
        {
            for (int next = 1; next <= Rounds; next++)
            {
                Volatile.Write(ref round, next);
                pool.Run(_ => Interlocked.Increment(ref ran));
                if (ran != (2 * next - 1) * size) { endedEarly++; }
                try { Thread.Sleep(Timeout.Infinite); }
                catch (ThreadInterruptedException) { }
                pool.Run(_ => Interlocked.Increment(ref ran));
            }
        });
        caller.Start();
        Random random = new(1);
        for (int next = 1; next <= Rounds; next++)
        {
            SpinWait.SpinUntil(() => Volatile.Read(ref round) == next);
            Thread.SpinWait(random.Next(2_000));
            caller.Interrupt();
        }
        caller.Join();
        Assert.Equal((2 * Rounds * size, 0), (ran, endedEarly));
    }
}
