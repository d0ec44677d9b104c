using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Environments;
using Demarc.Core.Instances;

namespace Demarc.Agent.Changes;

/// <summary>
/// What touches the world: looks at it, and carries out one step. Implementations honour the token promptly, keep no state of their own that a
/// crash could lose, and say of every effect whether it is there by looking, never by remembering.
/// </summary>
public interface IHands
{
    /// <summary>Looks at everything planners and reconcilers need.</summary>
    ValueTask<Observation> ObserveAsync(CancellationToken stop);

    /// <summary>Whether the step's effect is there already: done with a receipt, failed when something foreign stands in its place, null when it is not there.</summary>
    ValueTask<StepOutcome?> CheckAsync(InstanceStep step, StepContext context, CancellationToken stop);

    /// <summary>Brings the effect about and says done only when it has seen it. Called again after any failure or crash.</summary>
    ValueTask<StepOutcome> ApplyAsync(InstanceStep step, StepContext context, CancellationToken stop);

    /// <summary>Takes back what this change brought about, and nothing else. Done when there was nothing to take back. Called again after any failure or crash.</summary>
    ValueTask<StepOutcome> UndoAsync(InstanceStep step, StepContext context, CancellationToken stop);
}

/// <summary>Under which change a step runs.</summary>
/// <param name="Environment">The environment.</param>
/// <param name="Change">The change.</param>
/// <param name="Report">Says how far the step is, 0 to 1, and what it does; for people who watch.</param>
public sealed record StepContext(EnvironmentId Environment, ChangeId Change, Action<double, string> Report)
{
    /// <summary>Whether the ledger knows a change. A revoked agent has had some of its own that nobody ever heard of, and what they left behind is undone with the change that was under way.</summary>
    public Func<string, bool> Knows { get; init; } = static _ => true;
}

/// <summary>What became of one attempt at a step. Receipts and reasons stand in the ledger: one line, nothing secret.</summary>
/// <param name="IsDone">Whether the effect was seen.</param>
/// <param name="Text">The receipt, or why it failed.</param>
/// <param name="IsFinal">For a failure: whether trying again is pointless.</param>
/// <param name="Credential">What a mint-credential step sealed to the customer.</param>
public readonly record struct StepOutcome(bool IsDone, string Text, bool IsFinal, SealedCredential? Credential)
{
    /// <summary>The effect was seen.</summary>
    public static StepOutcome Done(string receipt, SealedCredential? credential = null) => new(true, receipt, true, credential);

    /// <summary>It failed, and may go well the next time.</summary>
    public static StepOutcome Retry(string why) => new(false, why, false, null);

    /// <summary>It failed, and will fail again.</summary>
    public static StepOutcome Final(string why) => new(false, why, true, null);
}

/// <summary>Bounds of carrying out changes.</summary>
public static class ChangeLimits
{
    /// <summary>Attempts at one step: the third failure in a row is not an accident.</summary>
    public const int MaxAttempts = 3;

    /// <summary>Longest receipt or reason that goes into the ledger.</summary>
    public const int MaxReceipt = 500;

    /// <summary>Between attempts, times the attempt's number.</summary>
    public static TimeSpan RetryDelay { get; } = TimeSpan.FromSeconds(1);

    /// <summary>One attempt, whatever the step expects: a slow disk or a large collection to load is no failure.</summary>
    public static TimeSpan MinAttempt { get; } = TimeSpan.FromSeconds(60);

    /// <summary>How often the worker looks without having been woken: expiry and backoff come due by the clock.</summary>
    public static TimeSpan Look { get; } = TimeSpan.FromSeconds(5);

    /// <summary>After the plane refused an entry of a change, how long it is left alone: the entries that say why are on their way.</summary>
    public static TimeSpan AfterRefusal { get; } = TimeSpan.FromSeconds(5);

    /// <summary>The time one attempt at a step may take.</summary>
    public static TimeSpan Attempt(InstanceStep step) => TimeSpan.FromTicks(Math.Max(MinAttempt.Ticks, step.Expected.Ticks * 20));
}
