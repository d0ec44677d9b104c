using System.Globalization;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Instances;

namespace Demarc.Core.Changes;

/// <summary>What an approved change waits for, and until when.</summary>
/// <param name="What">In words, as in <c>waits for window nightly, opens 2026-11-26 02:00+01:00</c>.</param>
/// <param name="Until">When it may start; null when that moment never comes.</param>
public sealed record ChangeWait(string What, DateTimeOffset? Until);

/// <summary>
/// When a change may start, as far as time goes. Plane, agent and CLI ask the same function; what counts is the clock of the agent, which starts it. A window
/// bounds the start, not the end: a change that has begun goes on when its window closes, because half a change is worse than a late one.
/// </summary>
public static class ChangeWaits
{
    /// <summary>
    /// How long after its window has closed the first step of a change may still begin: its start was written while the window was open, and then
    /// both sides had to agree on it. Later than that the agent takes the start back.
    /// </summary>
    public static TimeSpan Tolerance { get; } = TimeSpan.FromMinutes(1);

    /// <summary>Why the change may not start at this moment, or null when it may.</summary>
    public static ChangeWait? Until(EnvironmentState state, Change change, DateTimeOffset at)
    {
        if (change.RequestedFor == Party.Vendor && SessionRules.Blocked(state) is { } blocked) return new ChangeWait($"waits for the review: {blocked}", null);
        var deferred = change.DeferredUntil > at ? change.DeferredUntil : null;
        var putOff = deferred is null ? "" : $"put off by the customer until {deferred:u}";
        if (state.Charter?.WindowOf(change.Action) is not var (name, window)) return deferred is null ? null : new ChangeWait(putOff, deferred);
        if (window.NextOpening(deferred ?? at) is not { } opens) return new ChangeWait($"waits for window {name}, which does not open again", null);
        if (opens <= at) return null;
        var late = opens >= change.ExpiresAt ? $", after the change expires ({change.ExpiresAt:u})" : "";
        var words = $"waits for window {name}, opens {Local(window, opens)}{late}";
        return new ChangeWait(deferred is null ? words : opens == deferred ? putOff : $"{putOff}, then {words}", opens);
    }

    /// <summary>Why a change that was started must not begin its first step at this moment, or null when it may.</summary>
    public static string? TooLate(EnvironmentState state, Change change, DateTimeOffset at)
    {
        if (state.Charter?.WindowOf(change.Action) is not var (name, window) || window.IsOpen(at) || window.IsOpen(at - Tolerance)) return null;
        return $"window {name} was closed when both sides held the start" + (window.NextOpening(at) is { } opens ? $"; it opens {Local(window, opens)}" : "");
    }

    /// <summary>What a request would wait for if it were approved now, or null.</summary>
    public static string? AtRequest(EnvironmentState state, InstanceRequest request, DateTimeOffset at) =>
        Window(state, request) is var (name, window) && !window.IsOpen(at) && window.NextOpening(at) is { } opens ? $"waits for window {name}, opens {Local(window, opens)}" : null;

    /// <summary>Why a person's request could never start: its window does not open before it expires. Null when it does.</summary>
    public static Decision.Denied? NeverOpens(EnvironmentState state, InstanceRequest request, DateTimeOffset at)
    {
        if (Window(state, request) is not var (name, window)) return null;
        var expires = at + InstanceLimits.ChangeExpiresAfter;
        var opens = window.NextOpening(at);
        return opens < expires
            ? null
            : new Decision.Denied(
                $"tasks.{ChangeAction.ByName(request.Action)!.Task.Slug()}.window.{request.Action}",
                $"window {name} {(opens is { } later ? $"opens next at {Local(window, later)}" : "does not open again")}, and the change would expire at {expires:u}: ask closer to it, or amend the charter.");
    }

    private static (string Name, TimeWindow Window)? Window(EnvironmentState state, InstanceRequest request) =>
        ChangeAction.ByName(request.Action) is { } action ? state.Charter?.WindowOf(action) : null;

    private static string Local(TimeWindow window, DateTimeOffset at) =>
        at.ToOffset(window.Zone.OffsetAt(at)).ToString("yyyy-MM-dd HH:mmzzz", CultureInfo.InvariantCulture);
}
