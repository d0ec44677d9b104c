using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Agent.Ledger;
using Demarc.Agent.Local;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Steps;

/// <summary>What the harness does to a step.</summary>
public enum StepFault
{
    None,
    FailsBeforeEffect,
    FailsAfterEffectAnswerLost,
    ThrowsAfterEffect,
    KilledAnywhere,
    KilledTwiceAnywhere,
    RunTwice,
}

/// <summary>
/// Runs one step through the production executor, ledger and hands, with a fault, and asks the same of every outcome: its entry was on disk before
/// its effect, the effect happened once, the receipt came after it, and the ledger says so.
/// </summary>
public sealed class StepHarness : IDisposable
{
    private readonly AgentLab lab = new();
    private readonly AgentMemoryStore store = new();
    private readonly StepWorld world;
    private readonly TimeProvider time;
    private readonly StepSample sample;
    private readonly ChangeId change;
    private readonly bool undo;
    private readonly string before;
    private StepFault fault;
    private int touchesLeft = int.MaxValue;
    private int killsLeft;
    private CancellationTokenSource life = new();

    public StepHarness(Func<StepWorld> makeWorld, Func<string, IReadOnlyList<StepSample>> samples, string kind, StepFault fault, bool undo, TimeProvider? realTime = null)
    {
        time = realTime ?? lab.Time;
        world = makeWorld();
        sample = samples(lab.Sealing.Recipient.ToString()).Single(s => s.Step.Kind == kind);
        this.fault = fault;
        this.undo = undo;
        change = Begin();
        Prepare();
        before = world.Describe();
        world.Trace.Clear();
        store.Touch = what =>
        {
            if (what == "after journal") world.Trace.Add("entry " + store.Journal[^1].Body.Kind);
            Touched(what);
        };
        world.Touch = Touched;
    }

    /// <summary>How many operations the last run had: the places where it can be killed.</summary>
    public int Touches { get; private set; }

    /// <summary>Runs to the end, however often it is killed on the way; kills at the given operation.</summary>
    public void Run(int killAt = -1, int kills = 0)
    {
        killsLeft = kills;
        do
        {
            Touches = 0;
            touchesLeft = killsLeft > 0 ? killAt : int.MaxValue;
        }
        while (!RunOnce());
        var touches = Touches;
        touchesLeft = int.MaxValue;
        Judge();
        Touches = touches;
        if (fault == StepFault.RunTwice) Again();
    }

    public void Dispose()
    {
        life.Dispose();
        lab.Dispose();
    }

    private bool RunOnce()
    {
        life.Dispose();
        life = new CancellationTokenSource();
        var ledger = lab.Open(store);
        var executor = new StepExecutor(ledger, new FaultyHands(this, Hands()), new Reports(), time, NullLogger.Instance);
        try
        {
            Assert.Null(Pump(executor.RunAsync(change, life.Token)));
            return true;
        }
        catch (OperationCanceledException) when (life.IsCancellationRequested)
        {
            return false;
        }
    }

    private void Judge()
    {
        var ledger = lab.Open(store);
        var status = ledger.State.Changes[change].Status;
        var trace = world.Trace;
        var started = trace.IndexOf("entry change.step-started");
        var finished = trace.IndexOf("entry change.step-finished");
        foreach (var effect in sample.Effects)
        {
            var times = trace.Count(line => line.StartsWith(effect, StringComparison.Ordinal));
            // A verification leaves nothing behind: the one whose answer was lost may be done again.
            if (effect == "verify") Assert.True(times >= 1, $"{effect}: {times}\n{string.Join("\n", trace)}");
            else Assert.True(times == 1, $"{effect} happened {times} times:\n{string.Join("\n", trace)}");
            var at = trace.FindIndex(line => line.StartsWith(effect, StringComparison.Ordinal));
            Assert.True(started >= 0 && started < at && at < finished, $"{effect} is not between its entries:\n{string.Join("\n", trace)}");
        }

        Assert.Single(store.Journal, entry => entry.Data is StepStarted { Step: 0 });
        Assert.Single(store.Journal, entry => entry.Data is StepFinished { Step: 0 });
        if (sample.Step is MintCredential) Assert.Single(store.Journal, entry => entry.Data is CredentialIssued);
        if (!undo)
        {
            Assert.Equal(ChangeStatus.Succeeded, status);
            Assert.NotEqual(sample.Effects.Count > 0 && sample.Effects[0] != "verify" ? before : "", world.Describe());
        }
        else if (sample.Undoes)
        {
            Assert.Equal(ChangeStatus.RolledBack, status);
            Assert.Single(store.Journal, entry => entry.Data is StepUndone { Step: 0 });
            Assert.Equal(before, world.Describe());
        }
        else
        {
            Assert.Equal(ChangeStatus.Failed, status);
        }

        // What the agent wrote folds on the plane as well: both sides hold the same ledger.
        lab.Sync(ledger);
        Assert.Empty(ledger.Outbox);
        Assert.Empty(store.ReadEvidence());
        Assert.Equal(lab.State.Changes[change].Status, status);
    }

    private void Again()
    {
        var after = world.Describe();
        var effects = world.Trace.Count;
        var hands = Hands();
        var context = Context();
        var again = Pump(Twice());
        Assert.True(again.IsDone, again.Text);
        Assert.Equal(after, world.Describe());
        if (sample.Step is not VerifyInstance) Assert.Equal(effects, world.Trace.Count);

        async Task<StepOutcome> Twice() =>
            undo && sample.Undoes
                ? await hands.UndoAsync(sample.Step, context, CancellationToken.None)
                : await hands.CheckAsync(sample.Step, context, CancellationToken.None) ?? await hands.ApplyAsync(sample.Step, context, CancellationToken.None);
    }

    private ChangeId Begin()
    {
        var ledger = lab.Open(store);
        lab.Sync(ledger);
        var id = lab.Request("instances.create", "alpha", AgentLab.Order());
        lab.Sync(ledger);
        var plan = Plan.Of(undo ? [sample.Step, StepSamples.Breaker] : [sample.Step]);
        Assert.Null(ledger.Write(new ChangePlanned(id, plan.Text, plan.Hash)).Refusal);
        Assert.Null(ledger.Write(new ChangeStarted(id, plan.Hash)).Refusal);
        lab.Sync(ledger);
        return id;
    }

    private void Prepare()
    {
        var hands = Hands();
        foreach (var step in sample.Before)
        {
            var outcome = Pump(hands.ApplyAsync(step, Context(), CancellationToken.None).AsTask());
            Assert.True(outcome.IsDone, outcome.Text);
        }
    }

    private LocalHands Hands() =>
        new(world.Machine, world.Processes, world.Folders, world.Files, world.Probe, time, lab.Fill, NullLogger.Instance, () => new HashSet<int>());

    private StepContext Context() => new(lab.Environment, change, (_, _) => { });

    private void Touched(string what)
    {
        Touches++;
        if (touchesLeft-- > 0) return;
        killsLeft--;
        life.Cancel();
        throw new OperationCanceledException($"killed {what}", life.Token);
    }

    // Turns the clock while the task waits for it. The task runs on one logical thread; this one only turns.
    private T Pump<T>(Task<T> task)
    {
        var patience = System.Diagnostics.Stopwatch.StartNew();
        // Waits for the end without throwing what it ended with.
        var ended = Task.WhenAny(task);
        while (!ended.Wait(1))
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(60), "the step does not end");
            lab.Time.Advance(LocalLimits.Poll);
        }

        return task.GetAwaiter().GetResult();
    }

    /// <summary>The production hands, with the world's answer lost or never asked for, once.</summary>
    private sealed class FaultyHands(StepHarness harness, IHands inner) : IHands
    {
        public ValueTask<Observation> ObserveAsync(CancellationToken stop) => inner.ObserveAsync(stop);

        public async ValueTask<StepOutcome?> CheckAsync(InstanceStep step, StepContext context, CancellationToken stop) =>
            StepSamples.IsBreaker(step) ? null : await inner.CheckAsync(step, context, stop);

        public async ValueTask<StepOutcome> ApplyAsync(InstanceStep step, StepContext context, CancellationToken stop)
        {
            if (StepSamples.IsBreaker(step)) return StepOutcome.Final("broken on purpose");
            return harness.undo ? await inner.ApplyAsync(step, context, stop) : await FaultyAsync(() => inner.ApplyAsync(step, context, stop));
        }

        public async ValueTask<StepOutcome> UndoAsync(InstanceStep step, StepContext context, CancellationToken stop) =>
            StepSamples.IsBreaker(step) ? StepOutcome.Done("nothing to undo") : await FaultyAsync(() => inner.UndoAsync(step, context, stop));

        private async ValueTask<StepOutcome> FaultyAsync(Func<ValueTask<StepOutcome>> act)
        {
            var now = harness.fault;
            if (now is StepFault.FailsBeforeEffect or StepFault.FailsAfterEffectAnswerLost or StepFault.ThrowsAfterEffect) harness.fault = StepFault.None;
            if (now == StepFault.FailsBeforeEffect) return StepOutcome.Retry("failed before its effect");
            var outcome = await act();
            if (now == StepFault.FailsAfterEffectAnswerLost) return StepOutcome.Retry("the answer was lost");
            if (now == StepFault.ThrowsAfterEffect) throw new IOException("the answer was lost");
            return outcome;
        }
    }
}
