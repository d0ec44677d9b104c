using Demarc.Core.Environments;

namespace Demarc.Core.Changes;

/// <summary>What an approved change waits for, and until when.</summary>
/// <param name="What">In words, as in <c>waits for window nightly, opens 2026-11-26 02:00+01:00</c>.</param>
/// <param name="Until">When it may start; null when that moment never comes.</param>
public sealed record ChangeWait(string What, DateTimeOffset? Until);

/// <summary>
/// When a change may start, as far as time goes. Plane, agent and CLI ask the same function; what counts is the clock of the agent, which starts it.
/// </summary>
public static class ChangeWaits
{
    /// <summary>
    /// How long after its window has closed the first step of a change may still begin: its start was written while the window was open, and then
    /// both sides had to agree on it. Later than that the agent takes the start back.
    /// </summary>
    public static TimeSpan Tolerance { get; } = TimeSpan.FromMinutes(1);

    /// <summary>Why the change may not start at this moment, or null when it may.</summary>
    public static ChangeWait? Until(EnvironmentState state, Change change, DateTimeOffset at) =>
        change.DeferredUntil is { } deferred && deferred > at ? new ChangeWait($"put off by the customer until {deferred:u}", deferred) : null;

    /// <summary>Why a change that was started must not begin its first step at this moment, or null when it may.</summary>
    public static string? TooLate(EnvironmentState state, Change change, DateTimeOffset at) => null;
}
