using System.Collections.Concurrent;
using System.Globalization;

namespace Demarc.Sim;

/// <summary>
/// Thousands of runs of production code, each out of one number. A run that fails prints its number; the number alone brings it back, step for step:
/// <c>./dev sim 1 NUMBER</c>.
/// </summary>
public sealed class Runs(ITestOutputHelper output)
{
    private const int Fast = 1000;
    private const int MostThreads = 2;

    private static int? OneSeed => int.TryParse(Environment.GetEnvironmentVariable("DEMARC_SIM_SEED"), CultureInfo.InvariantCulture, out var seed) ? seed : null;

    private static int First => int.TryParse(Environment.GetEnvironmentVariable("DEMARC_SIM_FIRST"), CultureInfo.InvariantCulture, out var first) ? first : 0;

    private static int Wanted => int.TryParse(Environment.GetEnvironmentVariable("DEMARC_SIM_RUNS"), CultureInfo.InvariantCulture, out var runs) ? runs : Fast;

    [Fact]
    public void Every_seed_keeps_its_promises()
    {
        if (OneSeed is { } seed)
        {
            var result = OnOwnThread(() => SimWorld.Run(SimPlan.Of(seed), Console.Out.WriteLine));
            output.WriteLine($"seed {seed}: {result.Entries} entries, {result.Effects} effects, {result.Opened} sessions, {result.Crashes} crashes, {result.Steps} steps, trace {result.Hash:x16}");
            Assert.True(result.Violation is null, Told(result));
            return;
        }

        var results = RunAll(First, Wanted);
        output.WriteLine($"{results.Count} runs, {results.Sum(r => r.Entries)} entries, {results.Sum(r => r.Effects)} effects, {results.Sum(r => r.Halts)} halts, {results.Sum(r => r.Postponed)} starts taken back, {results.Sum(r => r.Crashes)} crashes, {results.Count(r => r.Betrayed)} bad planes, {results.Sum(r => r.Opened)} sessions opened, {results.Sum(r => r.Commands)} commands in them, {results.Sum(r => r.Steps)} steps");
        var failed = results.Where(r => r.Violation is not null).OrderBy(r => r.Seed).ToList();
        Assert.True(failed.Count == 0, failed.Count == 0 ? "" : $"{failed.Count} of {results.Count} runs failed: seeds {string.Join(", ", failed.Take(20).Select(r => r.Seed))}\n{string.Join("\n", failed.Take(20).Select(r => $"  {r.Seed}: {r.Violation}"))}\n{Told(failed[0])}");
        Assert.True(results.Sum(r => r.Effects) > results.Count, "hardly anything happened: the runs prove nothing");
        Assert.True(results.Count < 100 || results.Sum(r => r.Opened) > results.Count / 4 && results.Sum(r => r.Commands) > results.Count / 4, "hardly any session was opened: the runs prove nothing of them");
        Assert.True(results.Count < 100 || results.Sum(r => r.Halts) > results.Count / 10, "hardly anything was held up: the runs prove nothing of it");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(42)]
    [InlineData(10)]
    public void A_seed_replays_identically(int seed)
    {
        var first = OnOwnThread(() => SimWorld.Run(SimPlan.Of(seed)));
        var again = OnOwnThread(() => SimWorld.Run(SimPlan.Of(seed)));
        Assert.Equal((first.Hash, first.Steps, first.Entries), (again.Hash, again.Steps, again.Entries));
        Assert.NotEqual(first.Hash, OnOwnThread(() => SimWorld.Run(SimPlan.Of(seed + 1))).Hash);
    }

    /// <summary>The pause after a refused entry and the backoff of healing were counted on the clock on the wall: set back by an hour, the agent stood still for an hour.</summary>
    [Theory]
    [InlineData(81)]
    [InlineData(94)]
    public void A_clock_that_is_set_back_does_not_stop_the_agent(int seed)
    {
        var result = OnOwnThread(() => SimWorld.Run(WithoutSessions(seed) with { Storm = TimeSpan.FromSeconds(190), FaultRate = 0.015, Treason = Treason.None, ClockJumps = 10 }));
        Assert.True(result.Violation is null, Told(result));
    }

    /// <summary>The plane kept an entry and its answer was lost with the stream; the agent had verified all there was and never said so again.</summary>
    [Fact]
    public void A_countersignature_lost_with_its_stream_is_sent_again()
    {
        var result = OnOwnThread(() => SimWorld.Run(WithoutSessions(357)));
        Assert.True(result.Violation is null, Told(result));
    }

    /// <summary>The entry that revokes the agent arrived in the middle of a step, or between two attempts at it, and the step went on to its effect.</summary>
    [Theory]
    [InlineData(937)]
    [InlineData(18441)]
    public void A_step_under_way_ends_when_the_agent_is_revoked(int seed)
    {
        var result = OnOwnThread(() => SimWorld.Run(WithoutSessions(seed)));
        Assert.True(result.Violation is null, Told(result));
    }

    /// <summary>The disk kept a batch with a pause in it and failed to say so; in the moment before the agent ended, another of its tasks began a step.</summary>
    [Fact]
    public void Nothing_is_begun_once_the_disk_has_failed()
    {
        var result = OnOwnThread(() => SimWorld.Run(WithoutSessions(46004)));
        Assert.True(result.Violation is null, Told(result));
    }

    /// <summary>The agent's answer to a pause was still on its way when the pause was lifted and another was asked for: the plane took it for the answer to the second, and the step under way had no place any more.</summary>
    [Theory]
    [InlineData(4222)]
    [InlineData(9841)]
    public void An_answer_to_a_hold_that_was_lifted_is_not_taken_for_one_to_the_next(int seed)
    {
        var result = OnOwnThread(() => SimWorld.Run(WithoutSessions(seed)));
        Assert.True(result.Violation is null, Told(result));
    }

    /// <summary>What a revoked agent had done and could not report any more stayed behind when its change was stopped afterwards.</summary>
    [Theory]
    [InlineData(53)]
    [InlineData(377)]
    [InlineData(681)]
    [InlineData(684)]
    [InlineData(911)]
    public void What_a_revoked_agent_never_reported_is_taken_back(int seed)
    {
        var result = OnOwnThread(() => SimWorld.Run(WithoutSessions(seed)));
        Assert.True(result.Violation is null, Told(result));
    }

    /// <summary>A revoked agent undid what it had reported as done, unheard; its successor went on behind it and proved an instance of the old size.</summary>
    [Fact]
    public void Whoever_goes_on_with_a_change_looks_whether_it_stands_where_the_ledger_says() => Holds(SimPlan.Of(40667));

    /// <summary>A start that a pause had made void came to count again when it was lifted, while the agent healed the same instance.</summary>
    [Fact]
    public void Nothing_is_begun_for_an_instance_while_a_start_is_in_doubt() => Holds(SimPlan.Of(42144));

    /// <summary>A vendor's session that was approved before another opened by override was opened all the same, while that one awaited its review.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(46)]
    [InlineData(142)]
    public void Nothing_of_the_vendor_s_is_opened_while_an_override_awaits_its_review(int seed) => Holds(WithSessions(seed));

    /// <summary>Of a session whose end the agent said only after it had come back, the plane never asked for the lines that the lost stream had taken.</summary>
    [Theory]
    [InlineData(145)]
    [InlineData(151)]
    [InlineData(495)]
    public void The_plane_gets_the_lines_that_a_lost_stream_took(int seed) => Holds(WithSessions(seed));

    /// <summary>A line that the disk kept and said it had not was no part of the chain; and what a dead agent had written, its successor stated in the ledger before it was safe on the disk.</summary>
    [Theory]
    [InlineData(161)]
    [InlineData(298)]
    [InlineData(355)]
    [InlineData(491)]
    public void The_recording_is_the_one_of_the_ledger_whatever_the_disk_did(int seed) => Holds(WithSessions(seed));

    /// <summary>The agent noticed only at its next look, after up to five seconds, that a clock set ahead had ended a session, or that what a dead agent had given was not gone yet.</summary>
    [Theory]
    [InlineData(232)]
    [InlineData(313)]
    [InlineData(365)]
    [InlineData(422)]
    public void What_a_session_had_is_gone_within_a_second_of_its_end(int seed) => Holds(WithSessions(seed));

    /// <summary>A clock on the wall that was set back gave a session more than its minutes.</summary>
    [Fact]
    public void A_clock_that_is_set_back_makes_no_session_longer()
    {
        foreach (var seed in Enumerable.Range(0, 25)) Holds(WithSessions(seed) with { Storm = TimeSpan.FromSeconds(190), Treason = Treason.None, ClockJumps = 20 });
    }

    /// <summary>What waited in a slow stream of a released bundle left after the session had been revoked.</summary>
    [Fact]
    public void Of_a_bundle_nothing_leaves_once_its_session_is_over() => Holds(WithSessions(52) with { Storm = TimeSpan.FromSeconds(190), ClockJumps = 10 });

    [Theory]
    [InlineData("OutboxNotDurable")]
    [InlineData("PlaneStoreNotDurable")]
    [InlineData("ExecutorSkipsJournal")]
    [InlineData("ReplicaSkipsVerification")]
    [InlineData("PausedGoesOn")]
    [InlineData("RevokedGoesOn")]
    [InlineData("AccountLeftBehind")]
    [InlineData("AccountBeforeLedger")]
    [InlineData("NothingClearedAtStart")]
    public void A_broken_part_is_found(string part)
    {
        var broken = Enum.Parse<Broken>(part);
        var found = Enumerable.Range(0, 40).Select(seed => OnOwnThread(() => SimWorld.Run(SimPlan.Of(seed) with { Broken = broken, FaultRate = 0.01, Treason = Treason.None, Sessions = broken >= Broken.RevokedGoesOn }))).FirstOrDefault(result => result.Violation is not null);
        Assert.True(found is not null, $"forty runs with {part} went well: the simulator sees nothing");
        output.WriteLine($"{part}: {found.Violation}");
    }

    [Theory]
    [InlineData("RewritesEntry")]
    [InlineData("DropsEntry")]
    [InlineData("ForksHistory")]
    [InlineData("ForgesSignature")]
    [InlineData("ReplaysCheckpoint")]
    [InlineData("InjectsChange")]
    [InlineData("InjectsApproval")]
    [InlineData("ReordersEntries")]
    [InlineData("ReplaysApproval")]
    [InlineData("ServesOldCharter")]
    [InlineData("VendorApproves")]
    [InlineData("VendorLiftsHold")]
    [InlineData("VendorRemovesCustomer")]
    [InlineData("VendorReplacesRoot")]
    [InlineData("VendorInvites")]
    [InlineData("VendorConsents")]
    [InlineData("VendorErases")]
    [InlineData("VendorStarts")]
    public void A_bad_plane_is_refused_also_when_the_vendor_is_in_it(string deed)
    {
        var treason = Enum.Parse<Treason>(deed);
        var results = Enumerable.Range(0, 8).Select(seed => OnOwnThread(() => SimWorld.Run(SimPlan.Of(seed) with { Treason = treason, FaultRate = 0, Sessions = false, Calm = TimeSpan.FromMinutes(3) }))).ToList();
        Assert.All(results, result => Assert.True(result.Violation is null, Told(result)));
        Assert.Contains(results, result => result.Betrayed);
    }

    private static SimPlan WithSessions(int seed) => SimPlan.Of(seed) with { Sessions = true };

    private static void Holds(SimPlan plan)
    {
        var result = OnOwnThread(() => SimWorld.Run(plan));
        Assert.True(result.Violation is null, Told(result));
    }

    // The run that the seed was before there were sessions, dice and all.
    private static SimPlan WithoutSessions(int seed) => SimPlan.Of(seed) with { Sessions = false };

    private static List<SimResult> RunAll(int first, int count)
    {
        var results = new ConcurrentBag<SimResult>();
        var next = first - 1;
        var threads = Enumerable.Range(0, Math.Min(MostThreads, Environment.ProcessorCount)).Select(_ => new Thread(() =>
        {
            int seed;
            while ((seed = Interlocked.Increment(ref next)) < first + count)
            {
                var result = SimWorld.Run(SimPlan.Of(seed));
                // Of a hundred thousand runs only those that failed have their last words remembered.
                results.Add(result.Violation is null ? result with { Last = [] } : result);
                if (result.Violation is not null) Say($"seed {seed}: {result.Violation}");
                else if (count > Fast && results.Count % Fast == 0) Say($"{results.Count} of {count} runs");
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return [.. results];
    }

    // An hour's work says how far it is; the runner itself shows nothing before the end.
    private static void Say(string line)
    {
        using var terminal = Console.OpenStandardError();
        terminal.Write(System.Text.Encoding.UTF8.GetBytes(line + "\n"));
    }

    // A world is one thread's; the one that xunit gives has a synchronization context of its own.
    private static SimResult OnOwnThread(Func<SimResult> run)
    {
        SimResult? result = null;
        var thread = new Thread(() => result = run());
        thread.Start();
        thread.Join();
        return result!;
    }

    private static string Told(SimResult result) =>
        $"seed {result.Seed}: {result.Violation}\n{string.Join("\n", result.Last)}\nReplay it with: ./dev sim 1 {result.Seed}";
}
