using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Agent.Local;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Agents;
using Demarc.Plane.Ledger;

namespace Demarc.Sim;

/// <summary>
/// One run: a plane, an agent with local hands, a machine, a network and people, all out of one seed. A storm of faults and wishes, then calm in which
/// everything has to come to an end or to wait for somebody who is named.
/// </summary>
internal sealed class SimWorld
{
    private readonly SimProcess nature;
    private readonly SimTime clock;
    private readonly SigningKey planeKey;
    private TimeSpan leap;
    private TimeSpan agentSkew;
    private TimeSpan planeSkew;
    private Sequencer? sequencer;
    private bool storm = true;
    private int crashes;

    private SimWorld(SimPlan plan, Action<string>? print)
    {
        Plan = plan;
        Dice = new Random(plan.Seed);
        Loop = new SimLoop(new Random(plan.Seed ^ 0x5eed), new SimTrace(print));
        nature = new SimProcess(Loop, "nature") { Wall = () => leap };
        clock = new SimTime(Loop, nature);
        planeKey = SigningKey.Generate(Dice.NextBytes);
        var stranger = SigningKey.Generate(Dice.NextBytes);
        AgentKey = stranger;
        Signer = new CheckpointSigner("plane.sim", planeKey);
        Faults = new SimFaults(Loop, Dice);
        Machine = new SimMachine(Loop, Dice);
        AgentDisk = new SimAgentDisk { AllGenuine = plan is { Treason: Treason.None, Broken: Broken.None } };
        Inspector = new Inspector(this);
        Traitor = new Traitor(this, stranger);
        People = new SimPeople(this, Dice, stranger);
        if (plan.Sessions) Sessions = new SimSessions(this, plan.Seed);
    }

    public SimPlan Plan { get; }

    public Random Dice { get; }

    public SimLoop Loop { get; }

    public EnvironmentId Environment { get; } = EnvironmentId.Parse("sim-one");

    public CheckpointSigner Signer { get; }

    public SimFaults Faults { get; }

    public SimMachine Machine { get; }

    public Inspector Inspector { get; }

    public Traitor Traitor { get; }

    public SimPeople People { get; }

    /// <summary>Emergency sessions; null in a run without them.</summary>
    public SimSessions? Sessions { get; }

    public SimAgentDisk AgentDisk { get; }

    public SimPlaneDisk PlaneDisk { get; } = new();

    public List<SimStream> Streams { get; } = [];

    public bool Partitioned { get; private set; }

    public SimProcess? Plane { get; private set; }

    public AgentHub? Hub { get; private set; }

    public SimProcess? Agent { get; private set; }

    public AgentLedger? AgentLedger { get; private set; }

    public SigningKey AgentKey { get; private set; }

    public byte[] FoundingHash { get; set; } = [];

    public DateTimeOffset WallTime => clock.GetUtcNow();

    /// <summary>What the agent's clock on the wall says.</summary>
    public DateTimeOffset AgentWallTime => WallTime + agentSkew;

    /// <summary>Runs a plan to its end. On the thread that calls, and on no other.</summary>
    public static SimResult Run(SimPlan plan, Action<string>? print = null)
    {
        var world = new SimWorld(plan, print);
        try
        {
            world.Live();
        }
        catch (Exception failure)
        {
            world.Loop.Violate($"the simulation itself failed: {failure}");
        }
        finally
        {
            world.Sessions?.Dispose();
        }

        return new SimResult(plan.Seed, world.Loop.Violation, world.Loop.Trace.Hash, [.. world.Loop.Trace.Last], world.PlaneDisk.Rows.Count, world.Inspector.Effects, world.Inspector.Halts, world.Inspector.Postponed, world.crashes, world.Traitor.DoneAt is not null, world.Loop.Steps, world.Sessions?.Inspector.Opened ?? 0, world.Sessions?.Inspector.Commands ?? 0);
    }

    /// <summary>Does something at a moment, outside of every process.</summary>
    public void At(TimeSpan when, Action action) =>
        new SimTimer(Loop, nature, _ => action(), null).Change(when > Loop.Now ? when - Loop.Now : TimeSpan.Zero, Timeout.InfiniteTimeSpan);

    /// <summary>Starts something that belongs to no process.</summary>
    public void Nature(string what, Func<Task> work) => nature.Go(what, work);

    public Task WaitAsync(TimeSpan a) => Task.Delay(a, clock);

    /// <summary>Hands an entry to the plane as a person does; null when no answer came.</summary>
    public async Task<Appended?> SubmitAsync(Entry entry)
    {
        if (Plane is not { IsAlive: true } plane || sequencer is not { } to) return null;
        var answer = new TaskCompletionSource<Appended?>();
        plane.Go("a request", async () =>
        {
            try
            {
                answer.TrySetResult(await to.AppendAsync(Environment, entry, CancellationToken.None));
            }
            catch (LedgerUnavailableException)
            {
                answer.TrySetResult(null);
            }
        });
        await Task.WhenAny(answer.Task, WaitAsync(TimeSpan.FromSeconds(5)));
        return answer.Task.IsCompletedSuccessfully ? answer.Task.Result : null;
    }

    /// <summary>What the plane shows.</summary>
    public async Task<EnvironmentState?> LookAsync()
    {
        if (Plane is not { IsAlive: true } plane || sequencer is not { } at) return null;
        var answer = new TaskCompletionSource<EnvironmentState?>();
        plane.Go("a look", async () => answer.TrySetResult((await at.FindAsync(Environment, CancellationToken.None))?.State));
        await Task.WhenAny(answer.Task, WaitAsync(TimeSpan.FromSeconds(5)));
        return answer.Task.IsCompletedSuccessfully ? answer.Task.Result : null;
    }

    /// <summary>An agent with this key takes the machine over.</summary>
    public void Employ(SigningKey key)
    {
        AgentKey = key;
        Agent?.Die("replaced");
        if (Agent is null) StartAgent();
    }

    private void Live()
    {
        StartPlane();
        nature.Go("the founding", People.FoundAsync);
        Loop.RunUntil(SimPlan.Founding);
        if (Loop.Violation is null && Agent is null) Loop.Violate("the environment was not founded in time");
        Faults.Rate = Plan.FaultRate;
        nature.Go("the people", PeopleAsync);
        if (Plan.Treason == Treason.None) nature.Go("somebody who watches", WatchAsync);
        if (Sessions is not null) nature.Go("the people of sessions", Sessions.People.LiveAsync);
        nature.Go("the weather", () => new Weather(this, Dice).BlowAsync());
        if (Plan.Treason != Treason.None) At(Loop.Now + Dice.Between(20, 100), () => Traitor.Armed = true);
        Loop.RunUntil(SimPlan.Founding + Plan.Storm);
        storm = false;
        Faults.Rate = 0;
        CalmDown();
        nature.Go("the last decisions", LastDecisionsAsync);
        var end = SimPlan.Founding + Plan.Storm + Plan.Calm;
        Loop.RunUntil(end);
        // Also in the calm something is said now and then: what was said in this moment is let arrive.
        for (var late = 1; late <= 10 && OnItsWay; late++) Loop.RunUntil(end + TimeSpan.FromSeconds(late));
        if (Loop.Violation is null) new Verdict(this).Reach();
    }

    private bool OnItsWay =>
        Plan.Treason == Treason.None && (AgentDisk.Outbox.Count > 0 || AgentDisk.Entries.Count != PlaneDisk.Rows.Count || PlaneDisk.Head?.Countersigned?.Size != PlaneDisk.Rows.Count);

    public bool Stormy => storm;

    public void CrashAgent() => Agent?.Die("killed");

    public void CrashPlane() => Plane?.Die("killed");

    public void Partition(bool on)
    {
        Partitioned = on;
        if (on) foreach (var stream in Streams.ToList()) stream.Cut();
    }

    /// <summary>Nothing passes between plane and agent from this moment on, until a while has passed on the clocks on the walls.</summary>
    public void HoldBack(TimeSpan time)
    {
        Loop.Trace.Line(Loop.Now, "weather", "a start is kept back");
        At(Loop.Now, () => Partition(true));
        At(Loop.Now + TimeSpan.FromSeconds(2), () => Leap(time));
        At(Loop.Now + TimeSpan.FromSeconds(4), () => Partition(false));
    }

    public void Leap(TimeSpan by)
    {
        Loop.Trace.Line(Loop.Now, "clock", $"{by.TotalDays:0.###} days pass");
        leap += by;
    }

    public void Skew(TimeSpan agent, TimeSpan plane) => (agentSkew, planeSkew) = (agent, plane);

    private void CalmDown()
    {
        Loop.Trace.Line(Loop.Now, "weather", "calm");
        Partitioned = false;
        Machine.BucketMounted = true;
        Machine.FreeMib = 50_000;
        Machine.BadStarts = 0;
        Machine.PutBack();
    }

    private async Task PeopleAsync()
    {
        while (storm)
        {
            await WaitAsync(Dice.Between(0.2, 9));
            await People.ActAsync();
        }
    }

    private async Task WatchAsync()
    {
        while (storm)
        {
            await WaitAsync(Dice.Between(0.1, 1.5));
            await People.WatchAsync();
        }
    }

    private async Task LastDecisionsAsync()
    {
        await WaitAsync(TimeSpan.FromMinutes(4));
        if (Sessions is not null) await Sessions.People.LastLooksAsync();
        if (Dice.Chance(0.5)) await People.DecideAllAsync();
    }

    private void StartPlane()
    {
        var process = new SimProcess(Loop, "plane") { Wall = () => leap + planeSkew };
        var time = new SimTime(Loop, process);
        process.Died = () =>
        {
            crashes++;
            SimLedgerStore.Crash(PlaneDisk, Plan.Broken);
            foreach (var stream in Streams.ToList()) stream.Cut();
            At(Loop.Now + Dice.Between(0.2, 12), StartPlane);
        };
        Plane = process;
        sequencer = null;
        process.Go("the plane", async () =>
        {
            await Task.Yield();
            var store = new SimLedgerStore(this, process, time, PlaneDisk);
            var mine = new Sequencer(store, Signer, new HostingRule(People.VendorRoot.Public.KeyId, Signer.VerifierKey));
            Hub = new AgentHub(mine, new AgentBoard(store, time), time, "sim") { Sessions = Sessions?.Board(mine, time) };
            sequencer = mine;
            await mine.RunAsync(CancellationToken.None);
        });
    }

    private void StartAgent()
    {
        var process = new SimProcess(Loop, "agent") { Wall = () => leap + agentSkew };
        var time = new SimTime(Loop, process);
        process.Died = () =>
        {
            crashes++;
            Sessions?.AgentDied();
            foreach (var stream in Streams.ToList()) stream.Cut();
            At(Loop.Now + Dice.Between(0.2, 8), StartAgent);
        };
        Agent = process;
        process.Go("the agent", async () =>
        {
            await Task.Yield();
            try
            {
                await RunAgentAsync(process, time);
            }
            catch (IOException)
            {
                // A disk that fails ends the agent; whoever supervises it starts it again.
                process.Die("its disk failed");
            }
        });
    }

    private async Task RunAgentAsync(SimProcess process, SimTime time)
    {
        var log = new SimLog(Loop, process);
        var identity = new AgentIdentity(new ReplicaTrust(Environment, FoundingHash), AgentKey, "sim");
        var (ledger, fault) = AgentLedger.Open(new SimAgentStore(this, process, AgentDisk), identity, time, SimRandom.Filler(Dice), log);
        if (ledger is null)
        {
            Loop.Violate($"the agent's disk is not what it wrote: {fault}");
            return;
        }

        AgentLedger = ledger;
        var access = new SimMachineAccess(this, process, time);
        var hands = new LocalHands(access, access, access, access, access, time, SimRandom.Filler(Dice), log, () => ledger.State.Instances.Values.Select(instance => instance.Port).ToHashSet()) { PasswordRounds = 1 };
        var link = new SimLink(this, process, AgentKey.Public, time);
        var core = new AgentCore(identity, ledger, BrokenParts.Of(Plan.Broken, link, hands), BrokenParts.Of(Plan.Broken, hands, ledger), time, SimRandom.Filler(Dice), log);
        Sessions?.Equip(this, core, process, ledger, access, time);
        await core.RunAsync(CancellationToken.None);
    }
}
