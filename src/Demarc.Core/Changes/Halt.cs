using System.Collections.Immutable;
using Demarc.Core.Charter;

namespace Demarc.Core.Changes;

/// <summary>What somebody wants of a change that goes on without them.</summary>
public enum HaltKind
{
    /// <summary>Stand still, and go on when told to.</summary>
    Pause,

    /// <summary>End: undone or as it stands, as the charter has it.</summary>
    Stop,
}

/// <summary>
/// A hold on a change. A person asks; the agent halts at the next safe place and says so. In between the agent's entries still count, because
/// what they say may have happened before the agent heard of the hold.
/// </summary>
/// <param name="Kind">Pause or stop.</param>
/// <param name="By">Which sides asked; nobody when the agent stops what it inherited too late. Each side lifts its own pause only; a stop is never lifted.</param>
/// <param name="Why">Why, in the words of the side that asked last.</param>
/// <param name="At">Since when.</param>
/// <param name="RollsBack">For a stop: whether what was done is undone.</param>
/// <param name="StandsStill">Whether the agent has halted.</param>
public sealed record Halt(HaltKind Kind, ImmutableSortedSet<Party> By, string Why, DateTimeOffset At, bool RollsBack, bool StandsStill)
{
    /// <summary>As in <c>paused by the customer: not during the sale</c>.</summary>
    public string Words => $"{(Kind == HaltKind.Pause ? "paused" : "stopped")} by the {(By.IsEmpty ? "agent" : string.Join(" and the ", By.Select(PartyWords.Word)))}: {Why}";
}

/// <summary>A plan that did not fit any more when it was to start, and took its approvals with it.</summary>
/// <param name="Hash">Its hash.</param>
/// <param name="Why">What is different now.</param>
/// <param name="Approvals">How many approvals it had.</param>
/// <param name="At">When the agent found out.</param>
public sealed record VoidedPlan(string Hash, string Why, int Approvals, DateTimeOffset At)
{
    /// <summary>As in <c>plan void: recycle-data of alpha is not needed any more (1 approval of it counts no more)</c>.</summary>
    public string Words => $"plan void: {Why}" + Approvals switch
    {
        0 => "",
        1 => " (1 approval of it counts no more)",
        _ => $" ({Approvals} approvals of it count no more)",
    };

    /// <summary>What another plan does that this one did not, and the reverse.</summary>
    internal static VoidedPlan Between(Plan old, Plan next, int approvals, DateTimeOffset at)
    {
        var before = old.Steps.Select(Line).ToList();
        var after = next.Steps.Select(Line).ToList();
        var gone = before.Except(after).ToList();
        var come = after.Except(before).ToList();
        var why = (gone.Count, come.Count) switch
        {
            (0, 0) => "the same steps with other details or in another order",
            (_, 0) => $"no longer {string.Join(", ", gone)}",
            (0, _) => $"now also {string.Join(", ", come)}",
            _ => $"{string.Join(", ", come)} instead of {string.Join(", ", gone)}",
        };
        return new VoidedPlan(old.Hash, why, approvals, at);
    }

    private static string Line(Instances.InstanceStep step) => step.Touches.IsEmpty ? step.Kind : $"{step.Kind} ({string.Join(", ", step.Touches)})";
}

/// <summary>Bounds of what people say to a change.</summary>
public static class HaltLimits
{
    /// <summary>Characters of a reason: a sentence or two, which both parties read.</summary>
    public const int MaxReason = 1000;

    /// <summary>Why a reason cannot stand in the ledger, or null.</summary>
    public static string? Fault(string reason) =>
        string.IsNullOrWhiteSpace(reason) ? "reason is empty: say why, the other side reads it"
        : reason.Length > MaxReason ? $"reason has {reason.Length} characters, at most {MaxReason} are allowed"
        : null;
}
