namespace MiniLM.Cpu.Threading;

/// <summary>What a group of rows costs, in multiply-adds.</summary>
/// <param name="Rows">Rows of the group.</param>
/// <param name="Head">One head over all rows, projections included: the smallest piece of attention that a member takes.</param>
/// <param name="Row">Everything after attention, one row.</param>
internal readonly record struct GroupWork(int Rows, long Head, long Row)
{
    /// <summary>Of the member of a team that has most to do.</summary>
    internal long Load(int teamSize, int heads) => RoundUp(heads, teamSize) * Head + RoundUp(Rows, teamSize) * Row;

    private static long RoundUp(int count, int parts) => (count + parts - 1) / parts;
}

/// <summary>Which threads compute which groups together, where there are fewer groups than threads: so that the greatest load is least.</summary>
/// <remarks>
/// A group that is computed by all threads has all of them at its barriers, and leaves those idle for whom there is no head. For each
/// number of teams: groups, the greatest first, go to the team with the least to do (Graham 1969); then each further thread to the team
/// with the most (some numbers are passed over where there are many). Of all these the least load is taken, of equal ones that with the
/// most teams: it has the smallest barriers. A pure function of its arguments; nothing is allocated after the first call.
/// </remarks>
internal sealed class TeamSchedule(int threads, int heads)
{
    private readonly int[] _sizes = new int[threads], _bestSizes = new int[threads], _last = new int[threads];
    private readonly long[] _loads = new long[threads];
    private readonly PriorityQueue<int, (long, int)> _queue = new(threads); // teams by load; of equal ones the first
    private int[] _order = [], _team = [], _bestTeam = [], _before = [];
    private long[] _alone = [];
    private int _groups;

    // Of many teams one more or less changes little, and a plan must not cost what it saves.
    private const int Skip = 16;

    /// <summary>Number of teams of the last plan.</summary>
    internal int Teams { get; private set; }

    /// <summary>How many numbers of teams the last plan looked at.</summary>
    internal int Tried { get; private set; }

    /// <summary>The greatest load of the last plan.</summary>
    internal long Load { get; private set; }

    /// <summary>Members of a team; together all threads.</summary>
    internal int Size(int team) => _bestSizes[team];

    /// <summary>The team of a group.</summary>
    internal int TeamOf(int group) => _bestTeam[group];

    /// <summary>The team of a member and that team's first member: teams are made of neighbours.</summary>
    internal (int Team, int First) Place(int member)
    {
        int team = 0, first = 0;
        while (member >= first + _bestSizes[team]) { first += _bestSizes[team++]; }
        return (team, first);
    }

    /// <param name="groups">At least one.</param>
    internal void Plan(ReadOnlySpan<GroupWork> groups)
    {
        Reserve(groups);
        (Load, Teams, Tried) = (long.MaxValue, 0, 0);
        for (int teams = Math.Min(_groups, threads); teams >= 1; teams -= 1 + teams / Skip)
        {
            Tried++;
            // The greatest group has at best all threads that the other teams leave.
            if (groups[_order[0]].Load(threads - teams + 1, heads) >= Load) { continue; }
            Assign(groups, teams);
            long load = HandOutThreads(groups, teams);
            if (load >= Load) { continue; }
            (Load, Teams) = (load, teams);
            _sizes.CopyTo(_bestSizes, 0);
            _team.AsSpan(0, _groups).CopyTo(_bestTeam);
        }
    }

    private void Reserve(ReadOnlySpan<GroupWork> groups)
    {
        _groups = groups.Length;
        if (_order.Length < _groups)
        {
            (_order, _team, _bestTeam, _before, _alone) = (new int[_groups], new int[_groups], new int[_groups], new int[_groups], new long[_groups]);
        }
        for (int i = 0; i < _groups; i++) { (_order[i], _alone[i]) = (i, -groups[i].Load(1, heads)); } // negative: the greatest first
        Array.Sort(_alone, _order, 0, _groups);
    }

    private void Assign(ReadOnlySpan<GroupWork> groups, int teams)
    {
        _queue.Clear();
        for (int team = 0; team < teams; team++)
        {
            (_loads[team], _last[team]) = (0, -1);
            _queue.Enqueue(team, (0, team));
        }
        foreach (int group in _order.AsSpan(0, _groups))
        {
            int least = _queue.Dequeue();
            (_team[group], _before[group], _last[least]) = (least, _last[least], group);
            _loads[least] += groups[group].Load(1, heads);
            _queue.Enqueue(least, (_loads[least], least));
        }
    }

    /// <summary>One thread each, then always one more where most is to be done; returns the greatest load.</summary>
    private long HandOutThreads(ReadOnlySpan<GroupWork> groups, int teams)
    {
        _sizes.AsSpan().Clear();
        _sizes.AsSpan(0, teams).Fill(1);
        _queue.Clear();
        for (int team = 0; team < teams; team++) { _queue.Enqueue(team, (-_loads[team], team)); }
        for (int left = threads - teams; left > 0; left--)
        {
            int most = _queue.Dequeue();
            _sizes[most]++;
            _loads[most] = 0;
            for (int group = _last[most]; group >= 0; group = _before[group]) { _loads[most] += groups[group].Load(_sizes[most], heads); }
            _queue.Enqueue(most, (-_loads[most], most));
        }
        return _loads[_queue.Peek()];
    }
}
