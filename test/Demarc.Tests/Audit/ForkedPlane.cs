using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;
using Demarc.Tests.Cli;
using Demarc.Tests.Hosting;
using Demarc.Tests.Ledger;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Audit;

/// <summary>
/// A plane that shows two histories: two whole planes with one key and one name, which give the same environment the same beginning and go on apart. Every
/// signature in both is right.
/// </summary>
internal sealed class ForkedPlane : IAsyncDisposable
{
    private ForkedPlane(RunningPlane one, RunningPlane other) => (One, Other) = (one, other);

    public RunningPlane One { get; }

    public RunningPlane Other { get; }

    public PlaneWorld World => One.World;

    public static async Task<ForkedPlane> StartAsync()
    {
        var forked = new ForkedPlane(await RunningPlane.StartAsync(), await RunningPlane.StartAsync());
        var beginning = forked.World.UpToAgent();
        await forked.One.AppendAllAsync(beginning);
        await forked.Other.AppendAllAsync(beginning);
        return forked;
    }

    /// <summary>Entries that both show.</summary>
    public async Task BothAsync(int count)
    {
        var entries = Enumerable.Range(0, count).Select(i => World.Finding($"both-{World.Time.GetUtcNow().Ticks}-{i}")).ToList();
        await One.AppendAllAsync(entries);
        await Other.AppendAllAsync(entries);
    }

    /// <summary>Entries that only one of them shows.</summary>
    public async Task AloneAsync(RunningPlane plane, int count)
    {
        for (var i = 0; i < count; i++) await plane.AppendAllAsync([World.Finding($"alone-{(plane == One ? "one" : "other")}-{i}")]);
    }

    public string[] At(RunningPlane plane) => ["--plane", plane.Client.BaseAddress!.ToString(), "--environment", "acme"];

    /// <summary>A member's shell that has had nothing to do with either.</summary>
    public CommandLine Shell(byte? member = null)
    {
        var shell = new CommandLine { Time = World.Time };
        shell.Bring("customer", member is { } number ? Sample.Key(number) : World.Customer);
        return shell;
    }

    /// <summary>The customer's agent, which was shown what a plane shows now, at its door.</summary>
    public async Task<AgentAtItsDoor> AgentAsync(RunningPlane plane)
    {
        var view = (await plane.Sequencer.FindAsync(PlaneWorld.Acme, CancellationToken.None))!;
        var bytes = new List<ReadOnlyMemory<byte>>();
        await foreach (var entry in plane.Sequencer.Store.ReadAsync(PlaneWorld.Acme, 0, view.Size, CancellationToken.None)) bytes.Add(entry);
        var (ledger, fault) = AgentLedger.Open(new AgentMemoryStore(), new AgentIdentity(new ReplicaTrust(PlaneWorld.Acme, MerkleHash.Leaf(bytes[0].Span)), World.Agent, "machine"), World.Time, span => span.Clear(), NullLogger.Instance);
        Assert.True(ledger is not null, fault);
        Assert.True(ledger.Accept(0, bytes, view.Checkpoint), ledger.Refusal);
        return new AgentAtItsDoor(ledger);
    }

    public async ValueTask DisposeAsync()
    {
        await One.DisposeAsync();
        await Other.DisposeAsync();
    }
}

/// <summary>An agent's ledger behind a real door.</summary>
internal sealed class AgentAtItsDoor : IAsyncDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly CancellationTokenSource stop = new();
    private readonly AgentHome home;
    private readonly AgentDoor door;
    private readonly Task running;

    public AgentAtItsDoor(AgentLedger ledger)
    {
        home = AgentHome.Take(folder.Path)!;
        door = AgentDoor.Open(home, TimeProvider.System, NullLogger.Instance).Door!;
        new LedgerAsks(ledger).Register(door);
        var exclusive = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;
        running = Task.Factory.StartNew(() => door.RunAsync(stop.Token), CancellationToken.None, TaskCreationOptions.None, exclusive).Unwrap();
    }

    public string Data => folder.Path;

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAny(running);
        door.Dispose();
        home.Dispose();
        stop.Dispose();
        folder.Dispose();
    }
}
