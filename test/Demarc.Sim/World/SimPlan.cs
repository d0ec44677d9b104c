namespace Demarc.Sim;

/// <summary>Parts that are broken on purpose, to see that the simulator can fail.</summary>
internal enum Broken
{
    None,

    /// <summary>The agent's store says that an entry is kept and keeps nothing.</summary>
    OutboxNotDurable,

    /// <summary>The plane's store answers before it has flushed, and a crash takes what was not.</summary>
    PlaneStoreNotDurable,

    /// <summary>The agent carries a step out when it is approved, without starting anything first.</summary>
    ExecutorSkipsJournal,

    /// <summary>The agent goes on with a change that stands paused.</summary>
    PausedGoesOn,

    /// <summary>The agent acts on what the plane sends before anything of it is verified.</summary>
    ReplicaSkipsVerification,

    /// <summary>A session that was revoked goes on.</summary>
    RevokedGoesOn,

    /// <summary>What a session had is said to be gone, and stays.</summary>
    AccountLeftBehind,

    /// <summary>A session has its account before its opening stands in the ledger.</summary>
    AccountBeforeLedger,

    /// <summary>An agent that starts leaves what a dead one had given.</summary>
    NothingClearedAtStart,
}

/// <summary>What kind of run it is.</summary>
internal sealed record SimPlan(int Seed, Treason Treason, Broken Broken, double FaultRate, TimeSpan Storm, TimeSpan Calm)
{
    /// <summary>Of forty strikes of the weather, how many more than usual set the clocks.</summary>
    public int ClockJumps { get; init; }

    /// <summary>Whether there are emergency sessions in it.</summary>
    public bool Sessions { get; init; }

    public static TimeSpan Founding { get; } = TimeSpan.FromSeconds(8);

    private static int Treasons { get; } = Enum.GetValues<Treason>().Length - 1;

    /// <summary>Every run of a seed is the same; every tenth one has a bad plane.</summary>
    public static SimPlan Of(int seed)
    {
        var dice = new Random(seed);
        var treason = seed % 10 == 9 ? (Treason)(1 + dice.Next(Treasons)) : Treason.None;
        return new SimPlan(seed, treason, Broken.None, treason == Treason.None && dice.Chance(0.85) ? 0.004 + dice.NextDouble() * 0.02 : 0, dice.Between(60, 200), TimeSpan.FromMinutes(treason == Treason.None ? 12 : 3))
        {
            Sessions = new Random(seed ^ 0x5e551).Chance(0.4),
        };
    }
}

/// <summary>How a run ended.</summary>
internal sealed record SimResult(int Seed, string? Violation, ulong Hash, IReadOnlyList<string> Last, long Entries, int Effects, int Halts, int Postponed, int Crashes, bool Betrayed, long Steps, int Opened, int Commands);
