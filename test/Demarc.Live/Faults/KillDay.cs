using System.Diagnostics;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Live.Faults;

/// <summary>
/// kill -9 of plane, agent or engine at random moments of a day's work. Nothing that was acknowledged may be lost on either side, every change must
/// end, and everything comes to rest by itself: plane and agent are only ever started again as they were, engines not even that.
/// </summary>
public sealed class KillDay(ITestOutputHelper output)
{
    private const int DefaultKills = 200;
    private static readonly string[] Kinds = ["demarc-plane", "demarc-agent", "demarc-engine"];

    [Fact]
    public async Task A_killed_engine_is_back_within_seconds()
    {
        NeedPrograms();
        await using var quickstart = await StartAsync();
        var credential = await quickstart.JsonAsync("instances", "credentials", "docs");
        using var milvus = new MilvusDoor(credential.GetProperty("uri").GetString()!, credential.GetProperty("user").GetString()!, credential.GetProperty("password").GetString()!);
        Assert.True(await milvus.IsHealthyAsync());
        var victim = Assert.Single(Processes.Of("demarc-engine", quickstart.Data));
        Assert.True(Processes.Kill(victim.Pid));
        var clock = Stopwatch.StartNew();
        await UntilAsync("the killed engine to be back", () => Task.FromResult(!Processes.IsAlive(victim)), TimeSpan.FromSeconds(5));
        await UntilAsync("the killed engine to be back", milvus.IsHealthyAsync, TimeSpan.FromSeconds(20));
        var back = Assert.Single(Processes.Of("demarc-engine", quickstart.Data));
        Assert.NotEqual(victim.StartTicks, back.StartTicks);
        output.WriteLine($"healthy again {clock.Elapsed.TotalSeconds:0.0} s after kill -9");
        await UntilAsync("the heal to stand in the ledger", async () => (await quickstart.DemarcAsync("changes", "list")) is { ExitCode: 0 } list && list.Output.Contains("instances.heal", StringComparison.Ordinal), TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Nothing_acknowledged_is_lost_and_everything_converges()
    {
        NeedPrograms();
        var seed = Number("DEMARC_KILL_SEED") ?? Random.Shared.Next();
        var kills = Number("DEMARC_KILLS") ?? DefaultKills;
        Say($"{kills} kills, DEMARC_KILL_SEED={seed} replays their kinds and moments");
        await using var quickstart = await StartAsync();
        try
        {
            await RunAsync(quickstart, seed, kills);
        }
        catch
        {
            foreach (var log in Directory.EnumerateFiles(Path.Combine(quickstart.Data, "logs"))) Say($"── {Path.GetFileName(log)}\n{string.Join('\n', File.ReadLines(log).TakeLast(60))}");
            throw;
        }
    }

    private async Task RunAsync(Quickstart quickstart, int seed, int kills)
    {
        var plane = Assert.Single(Processes.Of("demarc-plane", quickstart.Data));
        var agent = Assert.Single(Processes.Of("demarc-agent", quickstart.Data));
        await using var day = new Day(quickstart, new Uri(plane.Value("--url")!), seed);
        await using var planes = await TakeOverAsync(plane, quickstart);
        await using var agents = await TakeOverAsync(agent, quickstart);
        day.Begin();
        var clock = Stopwatch.StartNew();
        var done = await KillAsync(day, planes, agents, quickstart, seed, kills);
        Say($"killed {string.Join(", ", done.Select(k => $"{k.Key} {k.Value}"))} in {clock.Elapsed.TotalSeconds:0} s; now the day ends");
        await day.EndAsync();
        await RestAsync(day);
        Say($"at rest {clock.Elapsed.TotalSeconds:0} s after the first kill");
        await CheckAsync(day, quickstart);
        foreach (var (what, count) in day.Promises.Done.OrderBy(pair => pair.Key)) Say($"  {count,6} {what}");
        foreach (var (why, count) in day.Promises.Unsettled.CountBy(w => w).OrderByDescending(w => w.Value).Take(15)) Say($"  {count,6} × unsettled {why}");
        Assert.Empty(planes.OwnEnds);
        Assert.Empty(agents.OwnEnds);
        Assert.Equal(kills, done.Values.Sum());
        Assert.All(Kinds, kind => Assert.True(done[kind] >= kills / 10, $"{kind} was killed {done[kind]} times of {kills}"));
        Assert.True(day.Rows > kills && day.Promises.Kept.Count > kills / 2, $"only {day.Rows} rows and {day.Promises.Kept.Count} entries were acknowledged: the day did not happen");
        string[] whole = [.. new[] { "create", "suspend", "resume", "delete", "restore", "modify" }.Select(action => $"instances.{action} succeeded"), "instances.delete rejected", "charter signatures", "exports verified", "row deletes"];
        Assert.All(whole, what => Assert.True(kills < DefaultKills || day.Promises.Done.ContainsKey(what), $"no {what} all day"));
    }

    private async Task<Dictionary<string, int>> KillAsync(Day day, Supervised planes, Supervised agents, Quickstart quickstart, int seed, int kills)
    {
        var random = new Random(seed);
        var done = Kinds.ToDictionary(kind => kind, _ => 0);
        for (var i = 0; i < kills; i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(50, 3500)), TimeProvider.System);
            var kind = Kinds[random.Next(Kinds.Length)];
            var which = random.Next();
            // A moment at which the victim does not run is no kill: it is waited for.
            await UntilAsync($"a {kind} to kill", () => Task.FromResult(kind switch { "demarc-plane" => planes.Kill(), "demarc-agent" => agents.Kill(), _ => KillEngine(quickstart, which) }), TimeSpan.FromMinutes(2));
            done[kind]++;
            await day.NoticeAsync();
            Assert.Empty(planes.OwnEnds.Concat(agents.OwnEnds));
            Assert.True(day.Promises.Broken.IsEmpty, $"after {i + 1} kills: {string.Join("\n", day.Promises.Broken)}");
            if ((i + 1) % 20 == 0) Say($"{i + 1} kills, {day.Promises.Kept.Count} entries and {day.Rows} rows acknowledged");
        }

        return done;
    }

    private static bool KillEngine(Quickstart quickstart, int which)
    {
        var living = Processes.Of("demarc-engine", quickstart.Data).OrderBy(p => p.Value("--instance"), StringComparer.Ordinal).ToList();
        return living.Count > 0 && Processes.Kill(living[which % living.Count].Pid);
    }

    // At rest: nothing open, the agent connected, and its countersignature over the very end of the ledger.
    private static async Task RestAsync(Day day) => await UntilAsync(
        "both sides to be at rest",
        async () => await day.Customer.GetAsync("", ViewJson.Default.EnvironmentView) is { OpenChanges: 0, AgentConnected: true, Findings: 0 } view && view.AgentVerifiedSize == view.Size,
        TimeSpan.FromMinutes(3));

    private static async Task CheckAsync(Day day, Quickstart quickstart)
    {
        var ofPlane = await BothLedgers.OfPlaneAsync(day.Customer);
        var ofAgent = BothLedgers.OfAgent(Path.Combine(quickstart.Data, "agent"));
        foreach (var (id, (index, bytes)) in day.Promises.Kept)
        {
            if (!ofPlane[(int)index].AsSpan().SequenceEqual(bytes)) day.Promises.Broken.Enqueue($"entry {id} is not at its index {index} in the plane");
            if (!ofAgent[(int)index].AsSpan().SequenceEqual(bytes)) day.Promises.Broken.Enqueue($"entry {id} is not at its index {index} in the agent's replica");
        }

        var entries = ofPlane.ConvertAll(bytes => Entry.Read(bytes).Entry!);
        foreach (var entry in entries.Where(entry => day.Promises.Refused.ContainsKey(entry.Id))) day.Promises.Broken.Enqueue($"entry {entry.Id} ({entry.Body.Kind}) was refused ({day.Promises.Refused[entry.Id]}) and stands in the ledger");
        Assert.Empty(day.Promises.Broken);
        Assert.Equal(ofPlane.Count, ofAgent.Count);
        Assert.Equal(BothLedgers.Root(ofPlane), BothLedgers.Root(ofAgent));
        Assert.Equal(entries.Count, entries.DistinctBy(entry => entry.Id).Count());

        var state = BothLedgers.Fold(ofAgent);
        Assert.Empty(state.OpenChanges);
        var verify = await quickstart.JsonAsync("audit", "verify");
        Assert.Equal(BothLedgers.Root(ofPlane), verify.GetProperty("root").GetString());
        Assert.StartsWith("agent.local", verify.GetProperty("countersignedBy").GetString(), StringComparison.Ordinal);
    }

    private static async Task<Quickstart> StartAsync()
    {
        var quickstart = new Quickstart { Ports = Quickstart.FreePorts() };
        await quickstart.InitializeAsync();
        return quickstart;
    }

    // What 'up' has started is killed and started again under supervision, with the very same words.
    private static async Task<Supervised> TakeOverAsync(Seen running, Quickstart quickstart)
    {
        var name = Path.GetFileName(running.Words[0]);
        Assert.True(Processes.Kill(running.Pid));
        await UntilAsync($"{name} to end", () => Task.FromResult(!Processes.IsAlive(running)), TimeSpan.FromSeconds(10));
        return new Supervised(name, [.. running.Words], Path.Combine(quickstart.Data, "logs", name + ".log"));
    }

    private static async Task UntilAsync(string what, Func<Task<bool>> there, TimeSpan patience)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await there())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < patience, $"waited {patience.TotalSeconds} s for {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
    }

    private void Say(string line)
    {
        output.WriteLine(line);
        TestContext.Current.SendDiagnosticMessage(line);
    }

    private static int? Number(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), out var number) ? number : null;

    private static void NeedPrograms()
    {
        if (Quickstart.Programs is null) Assert.Skip("DEMARC_BIN names no built programs: run ./dev live");
    }
}
