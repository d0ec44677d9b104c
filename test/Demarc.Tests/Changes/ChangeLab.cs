using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Ledger;
using Demarc.Agent.Local;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;
using Demarc.Tests.Steps;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Changes;

/// <summary>An agent's worker over fakes, with a plane that sequences when told to. The agent can be killed at any durable write or effect and starts again from its disk.</summary>
internal sealed class ChangeLab : IDisposable
{
    private FakeProbe probe;
    private ChangeWorker worker = null!;
    private CancellationTokenSource life = new();
    private int touchesLeft = int.MaxValue;

    public ChangeLab(AgentLab? lab = null)
    {
        Lab = lab ?? new AgentLab();
        World = FakeWorld.Make(out var folders, out _, out probe);
        Folders = folders;
        World.Touch = _ => Touched();
        Restart();
        Lab.Sync(Ledger);
    }

    public AgentLab Lab { get; }

    public AgentMemoryStore Store { get; private set; } = new();

    public StepWorld World { get; }

    public FakeFolders Folders { get; }

    public FakeProbe Probe => probe;

    public PlanePresence Plane { get; } = new() { Connected = true };

    public AgentLedger Ledger { get; private set; } = null!;

    /// <summary>How many durable writes and effects there were since the last start: the places where the agent can be killed.</summary>
    public int Touches { get; private set; }

    /// <summary>Called before a step is applied; a test lets people act in the middle of it here.</summary>
    public Action<InstanceStep>? Applying { get; set; }

    /// <summary>Told when a step is applied or undone, whatever comes of it.</summary>
    public List<string> Calls { get; } = [];

    public Change this[ChangeId id] => Lab.State.Changes[id];

    /// <summary>A new process over the same disk.</summary>
    public void Restart()
    {
        Touches = 0;
        touchesLeft = int.MaxValue;
        Store.Touch = _ => Touched();
        life.Dispose();
        life = new CancellationTokenSource();
        Ledger = Lab.Open(Store);
        var hands = new WatchedHands(this, new LocalHands(World.Machine, World.Processes, World.Folders, World.Files, World.Probe, Lab.Time, Lab.Fill, NullLogger.Instance, () => Ledger.State.Instances.Values.Select(i => i.Port).ToHashSet()));
        worker = new ChangeWorker(Ledger, hands, new StepExecutor(Ledger, hands, new Reports(), Lab.Time, NullLogger.Instance), Plane, Lab.Time, NullLogger.Instance);
    }

    /// <summary>The agent is revoked and what it had not reported yet is lost; another begins on the same machine with an empty folder.</summary>
    public void ReplaceAgent()
    {
        Lab.ReplaceAgent();
        Store = new AgentMemoryStore();
        Restart();
    }

    /// <summary>The agent dies at the n-th touch from now on; <see cref="Settle"/> starts it again.</summary>
    public void KillAfter(int touches) => touchesLeft = touches;

    /// <summary>Works and syncs until neither side has anything left to do.</summary>
    public void Settle()
    {
        for (var round = 0; round < 60; round++)
        {
            var size = Lab.Entries.Count;
            try
            {
                Lab.Sync(Ledger);
                // A halted worker goes on after a while.
                Lab.Time.Advance(ChangeLimits.AfterRefusal);
                Drain();
                Lab.Sync(Ledger);
            }
            catch (OperationCanceledException) when (life.IsCancellationRequested)
            {
                Restart();
                continue;
            }

            if (Lab.Entries.Count == size && Ledger.Outbox.Count == 0) return;
        }

        Assert.Fail("it does not come to rest");
    }

    /// <summary>Works until the worker finds nothing more, without the plane hearing of it.</summary>
    public void Drain()
    {
        for (var pass = 0; pass < 100; pass++)
        {
            if (!Pump(worker.PassAsync(life.Token))) return;
        }

        Assert.Fail("the worker does not come to rest");
    }

    public void Dispose()
    {
        life.Dispose();
        Lab.Dispose();
    }

    private bool Pump(Task<bool> task)
    {
        var patience = System.Diagnostics.Stopwatch.StartNew();
        var ended = Task.WhenAny(task);
        while (!ended.Wait(1))
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(60), "the worker does not end");
            Lab.Time.Advance(LocalLimits.Poll);
        }

        return task.GetAwaiter().GetResult();
    }

    private void Touched()
    {
        Touches++;
        if (touchesLeft-- > 0) return;
        life.Cancel();
        throw new OperationCanceledException("killed", life.Token);
    }

    private sealed class WatchedHands(ChangeLab lab, IHands inner) : IHands
    {
        public ValueTask<Observation> ObserveAsync(CancellationToken stop) => inner.ObserveAsync(stop);

        public ValueTask<StepOutcome?> CheckAsync(InstanceStep step, StepContext context, CancellationToken stop) => inner.CheckAsync(step, context, stop);

        public async ValueTask<StepOutcome> ApplyAsync(InstanceStep step, StepContext context, CancellationToken stop)
        {
            lab.Calls.Add(step.Kind);
            lab.Applying?.Invoke(step);
            return await inner.ApplyAsync(step, context, stop);
        }

        public async ValueTask<StepOutcome> UndoAsync(InstanceStep step, StepContext context, CancellationToken stop)
        {
            lab.Calls.Add("undo " + step.Kind);
            return await inner.UndoAsync(step, context, stop);
        }
    }
}
