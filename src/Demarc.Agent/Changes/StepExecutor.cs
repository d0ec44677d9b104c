using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Core.Changes;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Changes;

/// <summary>
/// Carries out a running change, from wherever it stands. Every effect has its entry on disk before it and its receipt after it, so a crash at any
/// point leaves one of three things to do on the next start: look whether the effect of a step under way is there, go on, or go on undoing. It is
/// the only code that calls the hands.
/// </summary>
public sealed class StepExecutor(AgentLedger ledger, IHands hands, Reports reports, TimeProvider time, ILogger log)
{
    // Inherited changes of which this process has seen that what is said to be done is done.
    private readonly HashSet<ChangeId> looked = [];

    /// <summary>
    /// Whether the customer has told this agent, at its own door, to begin nothing: neither for a person nor on its own authority. It needs no plane, and
    /// stands in the ledger as a finding as soon as there is one.
    /// </summary>
    public bool IsHeld => ledger.State.Findings.ContainsKey(AgentFindings.ChangesHeld);

    /// <summary>Runs until the change has ended or is held, or until the ledger refuses an entry; then nothing more is done and the refusal is returned.</summary>
    public async Task<string?> RunAsync(ChangeId id, CancellationToken stop)
    {
        while (ledger.State.Changes.TryGetValue(id, out var change) && change is { Status: ChangeStatus.Running, IsPaused: false })
        {
            stop.ThrowIfCancellationRequested();
            if (IsHeld && !IsUnderWay(change)) return null;
            var refusal = MustHalt(change) ? StandStill(change)
                : change.IsUndoing ? await UndoNextAsync(change, stop)
                : await DoNextAsync(change, stop);
            if (refusal is null) continue;
            AgentLog.ChangeHalted(log, id.Value, refusal);
            return refusal;
        }

        return null;
    }

    // A step under way is finished first, unless all it does is wait: half an effect is no place to halt. When everything is done there is nothing to hold.
    private static bool MustHalt(Change change) =>
        change.Halt is { StandsStill: false } halt
        && !(halt.Kind == HaltKind.Stop && change.IsUndoing)
        && change.Steps.Any(progress => progress.Status != StepStatus.Finished)
        && !IsUnderWay(change);

    private static bool IsUnderWay(Change change) =>
        change.Steps.Where((progress, at) => progress.Status == StepStatus.Started && !change.Plan!.Steps[at].Touches.IsEmpty).Any();

    private string? StandStill(Change change)
    {
        AgentLog.ChangeStandsStill(log, change.Id.Value, change.Halt!.Words);
        return ledger.Write(new ChangeHalted(change.Id, change.Holds)).Refusal;
    }

    private async Task<string?> DoNextAsync(Change change, CancellationToken stop)
    {
        var at = 0;
        while (at < change.Steps.Length && change.Steps[at].Status == StepStatus.Finished) at++;
        if (at == change.Steps.Length) return ledger.Write(new ChangeSucceeded(change.Id, Proof(change))).Refusal;
        var step = change.Plan!.Steps[at];
        if (change.Steps[at].Status == StepStatus.Waiting && ledger.Write(new StepStarted(change.Id, at)).Refusal is { } refused) return refused;
        AgentLog.StepBegins(log, change.Id.Value, at + 1, change.Steps.Length, step.Kind);

        var context = Context(change, at, step.Kind);
        context.Report(0, step.Kind);
        async Task<StepOutcome> Do(CancellationToken token) => await LostAsync(change, at, token) ?? await hands.CheckAsync(step, context, token) ?? await hands.ApplyAsync(step, context, token);
        var outcome = step.Touches.IsEmpty
            ? await UnlessHeldAsync(change.Id, held => AttemptAsync(step, Do, held, stop), stop)
            : await AttemptAsync(step, Do, CancellationToken.None, stop);
        if (!outcome.IsDone)
        {
            if (step.Touches.IsEmpty && ledger.State.Changes.GetValueOrDefault(change.Id) is { } now && (IsHeld || MustHalt(now))) return null;

            AgentLog.StepFailed(log, change.Id.Value, at + 1, step.Kind, outcome.Text);
            return ledger.Write(new StepFailed(change.Id, at, Line(outcome.Text))).Refusal;
        }

        if (outcome.Credential is { } credential && ledger.State.Instances.GetValueOrDefault(step.Instance)?.Credential != credential
            && ledger.Write(new CredentialIssued(change.Id, step.Instance, credential.User, credential.Sealed)).Refusal is { } unissued)
            return unissued;
        context.Report(1, outcome.Text);
        return ledger.Write(new StepFinished(change.Id, at, Line(outcome.Text))).Refusal;
    }

    // The agent before may have undone what it had reported as done, not knowing yet that it was revoked, and nobody would ever hear of it: whoever inherits a change looks first whether
    // it stands where the ledger says. Of several steps the last one that touched anything tells, since each takes the one before for granted.
    private async Task<StepOutcome?> LostAsync(Change change, int at, CancellationToken stop)
    {
        if (!change.Inherited || looked.Contains(change.Id)) return null;
        for (var before = at - 1; before >= 0; before--)
        {
            var step = change.Plan!.Steps[before];
            if (step.Touches.IsEmpty) continue;
            if (await hands.CheckAsync(step, Context(change, before, step.Kind), stop) is not { IsDone: true }) return StepOutcome.Final($"what step {before + 1} ({step.Kind}) did is not there any more");
            break;
        }

        looked.Add(change.Id);
        return null;
    }

    // The failed step's undo entry repeats why it failed, so that the state alone tells the whole story after a restart.
    private async Task<string?> UndoNextAsync(Change change, CancellationToken stop)
    {
        var at = change.Steps.Length - 1;
        while (at >= 0 && !change.MustUndo(at)) at--;
        var why = (change.Halt is { Kind: HaltKind.Stop, StandsStill: true } halt ? halt.Words : null)
            ?? change.Steps.Last(progress => progress.Status is StepStatus.Failed or StepStatus.Undone).Receipt
            ?? "a step failed";
        if (at < 0) return ledger.Write(new ChangeRolledBack(change.Id, Line(why))).Refusal;

        var step = change.Plan!.Steps[at];
        if (!step.Reversible && change.Steps[at].Status != StepStatus.Waiting) return ledger.Write(new ChangeFailed(change.Id, Line($"{why}; step {at + 1} ({step.Kind}) cannot be undone"))).Refusal;
        var outcome = await AttemptAsync(step, token => hands.UndoAsync(step, Context(change, at, $"undo {step.Kind}"), token).AsTask(), CancellationToken.None, stop);
        if (!outcome.IsDone)
        {
            AgentLog.StepFailed(log, change.Id.Value, at + 1, $"undo {step.Kind}", outcome.Text);
            return ledger.Write(new ChangeFailed(change.Id, Line($"{why}; step {at + 1} ({step.Kind}) could not be undone: {outcome.Text}"))).Refusal;
        }

        var receipt = change.Steps[at].Status == StepStatus.Failed ? $"{outcome.Text} (undone because: {why})" : outcome.Text;
        return ledger.Write(new StepUndone(change.Id, at, Line(receipt))).Refusal;
    }

    /// <summary>What only waits is broken off as soon as somebody pauses or stops the change, or holds the agent.</summary>
    private async Task<StepOutcome> UnlessHeldAsync(ChangeId id, Func<CancellationToken, Task<StepOutcome>> work, CancellationToken stop)
    {
        using var held = new CancellationTokenSource();
        var working = work(held.Token);
        while (!working.IsCompleted)
        {
            var changed = ledger.Changed.Next;
            if (IsHeld || ledger.State.Changes.GetValueOrDefault(id) is { Halt.StandsStill: false }) held.Cancel();
            await Task.WhenAny(working, held.IsCancellationRequested ? working : changed);
        }

        stop.ThrowIfCancellationRequested();
        return await working;
    }

    private async Task<StepOutcome> AttemptAsync(InstanceStep step, Func<CancellationToken, Task<StepOutcome>> attempt, CancellationToken held, CancellationToken stop)
    {
        // The authority of the first attempt counts for all of them: the entry that stands behind them was written under it.
        var authority = ledger.Authority;
        for (var n = 1; ; n++)
        {
            var outcome = await OnceAsync(step, attempt, authority, held, stop);
            if (outcome.IsDone || outcome.IsFinal || n == ChangeLimits.MaxAttempts) return outcome;
            AgentLog.StepRetries(log, step.Instance.Value, step.Kind, n, outcome.Text);
            await Task.Delay(ChangeLimits.RetryDelay * n, time, stop);
        }
    }

    private async Task<StepOutcome> OnceAsync(InstanceStep step, Func<CancellationToken, Task<StepOutcome>> attempt, CancellationToken authority, CancellationToken held, CancellationToken stop)
    {
        using var late = new CancellationTokenSource(ChangeLimits.Attempt(step), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource([late.Token, held, stop, authority]);
        try
        {
            // What came to an end while the next attempt was waited for must not see it begin.
            either.Token.ThrowIfCancellationRequested();
            return await attempt(either.Token);
        }
        catch (OperationCanceledException) when (authority.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            // The entry that would say so is refused by the ledger, so nothing follows: whoever is the agent next goes on from here.
            return StepOutcome.Final("this agent was revoked meanwhile");
        }
        catch (OperationCanceledException) when (held.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            return StepOutcome.Final("broken off: the change is held");
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            return StepOutcome.Retry($"{step.Kind} took longer than {ChangeLimits.Attempt(step).TotalSeconds:0} s");
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            // Whatever the world answers is an outcome of the step, never the end of the agent.
            return StepOutcome.Retry($"{fault.GetType().Name}: {fault.Message}");
        }
    }

    private StepContext Context(Change change, int at, string what)
    {
        var steps = change.Steps.Length;
        return new StepContext(ledger.State.Id, change.Id, (fraction, message) => reports.Progress(change.Id, at, steps, Math.Clamp(fraction, 0, 1), message.Length == 0 ? what : message))
        {
            Knows = other => ChangeId.TryParse(other, out var id) && ledger.State.Changes.ContainsKey(id),
        };
    }

    // The last step of a plan that ends in a running instance is its verification; of the others each receipt says what was seen.
    private static string Proof(Change change) => Line(change.Steps[^1].Receipt ?? "all steps are finished");

    private static string Line(string text)
    {
        var line = text.ReplaceLineEndings(" ");
        return line.Length <= ChangeLimits.MaxReceipt ? line : line[..(ChangeLimits.MaxReceipt - 1)] + "…";
    }
}
