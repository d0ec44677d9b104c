using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Changes;

/// <summary>What the end of a change means to the shell and to the person.</summary>
internal static class ChangeEnds
{
    public static bool IsEnded(ChangeView change) => change.Status is "succeeded" or "failed" or "rolled back" or "refused" or "rejected" or "withdrawn" or "expired";

    /// <summary>It has a plan, or will never have one.</summary>
    public static bool IsPlanned(ChangeView change) => change.PlanHash is not null || IsEnded(change);

    /// <summary>It has ended, or it stands still until a person acts.</summary>
    public static bool StandsStill(ChangeView change) => IsEnded(change) || change.Status == "planned";

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
            foreach (var party in change.Awaits)
                invocation.Terminal.Say($"Change {change.Id} awaits the {party.Word()}'s approval: demarc approve {change.Id} --as {party.Word()}");
            return ExitCodes.Ok;
        }

        throw new CommandFailedException(
            change.Status == "refused" ? ExitCodes.Refused : ExitCodes.Failed,
            $"Change {change.Id} ({change.Action} {change.Instance}) was {(change.Status == "failed" ? "not done" : change.Status)}: {Terminal.Terminal.Printable(change.Reason ?? "no reason was given").TrimEnd('.')}.",
            change.Status == "failed" ? $"'demarc changes show {change.Id}' shows which step stands where." : null);
    }
}
