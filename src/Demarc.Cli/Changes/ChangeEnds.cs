using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Changes;

/// <summary>What the end of a change means to the shell and to the person.</summary>
internal static class ChangeEnds
{
    public static bool IsEnded(ChangeView change) => change.Status is "succeeded" or "failed" or "rolled back" or "refused" or "rejected" or "withdrawn" or "expired" or "stopped";

    /// <summary>It has a plan, or will never have one.</summary>
    public static bool IsPlanned(ChangeView change) => change.PlanHash is not null || IsEnded(change);

    /// <summary>It has ended, or it stands still until a person acts or time passes.</summary>
    public static bool StandsStill(ChangeView change) => IsEnded(change) || change.Status is "planned" or "paused" || (change.Status == "approved" && change.Waits is not null);

    /// <summary>Prints the outcome; a change that did not succeed ends the command.</summary>
    public static int Conclude(Invocation invocation, ChangeView change)
    {
        if (change.Status == "succeeded")
        {
            invocation.Terminal.Say($"✓ {change.Action} {change.Instance}: {Terminal.Terminal.Printable(change.Reason ?? "done")}");
            return ExitCodes.Ok;
        }

        if (change.Status == "planned")
        {
            foreach (var awaited in change.Awaited)
                invocation.Terminal.Say($"Change {change.Id} awaits {awaited.Words}: demarc approve {change.Id} --as {awaited.Party.Word()}");
            return ExitCodes.Ok;
        }

        if (change.Status == "paused")
        {
            invocation.Terminal.Say($"Change {change.Id} is {Terminal.Terminal.Printable(change.Held ?? "paused")}");
            foreach (var party in change.HeldBy)
                invocation.Terminal.Say($"The {party.Word()} can let it go on: demarc changes resume {change.Id} --as {party.Word()} --reason TEXT");
            return ExitCodes.Ok;
        }

        if (!IsEnded(change))
        {
            invocation.Terminal.Say($"Change {change.Id} is {change.Status} and {Terminal.Terminal.Printable(change.Waits ?? "goes on")}: the agent starts it then. 'demarc changes follow {change.Id}' shows it.");
            return ExitCodes.Ok;
        }

        throw new CommandFailedException(
            change.Status == "refused" ? ExitCodes.Refused : ExitCodes.Failed,
            $"Change {change.Id} ({change.Action} {change.Instance}) was {(change.Status == "failed" ? "not done" : change.Status)}: {Terminal.Terminal.Printable(change.Reason ?? "no reason was given").TrimEnd('.')}.",
            change.Status == "failed" ? $"'demarc changes show {change.Id}' shows which step stands where." : null);
    }
}
