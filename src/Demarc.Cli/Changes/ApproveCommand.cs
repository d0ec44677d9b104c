using System.CommandLine;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Changes;

/// <summary>
/// <c>demarc approve CHANGE</c>: shows the plan, read from the very text whose hash is then signed. The hash is computed here, from what
/// was shown; what a plane says the hash is counts for nothing.
/// </summary>
internal static class ApproveCommand
{
    public static Command Create()
    {
        var id = new Argument<string>("change") { Description = "The change, as in c-5hq2m7xk." };
        var yes = GlobalOptions.Yes();
        var noWait = GlobalOptions.NoWait();
        return new Verb("approve", "Approve the plan of a change, exactly as it is shown.", invocation => RunAsync(invocation, invocation.Get(id)!, invocation.Get(yes), invocation.Get(noWait)), [id, yes, noWait]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string id, bool yes, bool noWait)
    {
        var name = ChangeNames.Parsed(id);
        var party = invocation.Acting(Party.Customer);
        var change = await invocation.Client(party).GetAsync($"{invocation.Path}/changes/{name}", ViewJson.Default.ChangeView, invocation.Stop);
        var plan = PlanToSign(change);
        if (!change.Awaits.Contains(party))
            throw new CommandFailedException(change.Awaits.IsEmpty ? ExitCodes.Failed : ExitCodes.Refused, $"Change {change.Id} is {change.Status} and awaits no approval of the {party.Word()}.", change.Awaits.IsEmpty ? null : $"It awaits {string.Join(" and ", change.Awaited.Select(awaited => awaited.Words))}.");
        if (!invocation.Terminal.Json)
        {
            invocation.Terminal.Line($"{change.Action} {change.Instance}, requested by the {change.RequestedBy}");
            if (change.Voided is { } voided) invocation.Terminal.Line(Terminal.Terminal.Printable(voided));
            if (change.Waits is { } waits) invocation.Terminal.Line(Terminal.Terminal.Printable(waits));
            ChangePrinter.Plan(invocation.Terminal, plan);
        }

        invocation.Terminal.Confirm($"Approve this plan as the {party.Word()}?", yes);
        await invocation.AppendAsync(party, new ChangeApproved(name, plan.Hash));
        invocation.Terminal.Say($"Approved {plan.Hash} as the {party.Word()}");
        if (!noWait) return await ChangeRequesting.FollowAsync(invocation, party, name.Value, showPlan: false);
        var after = await invocation.Client(party).GetAsync($"{invocation.Path}/changes/{name}", ViewJson.Default.ChangeView, invocation.Stop);
        invocation.Terminal.Result(after, terminal => terminal.Line(after.Status));
        return ExitCodes.Ok;
    }

    /// <summary>The plan in the text that the plane shows, if that is the plan the ledger has pinned.</summary>
    internal static Plan PlanToSign(ChangeView change)
    {
        if (change.PlanText is null) throw new CommandFailedException(ExitCodes.Failed, $"Change {change.Id} is {change.Status} and has no plan to approve.");
        if (Plan.Read(change.PlanText) is not { } plan)
            throw new CommandFailedException(ExitCodes.Failed, $"The plan of change {change.Id} has steps that this version does not know.", "Update demarc before you approve what you cannot read.");
        return plan.Hash == change.PlanHash
            ? plan
            : throw new CommandFailedException(ExitCodes.NotVerified, $"The plane shows a plan of change {change.Id} whose hash is {plan.Hash}, and says that it is {change.PlanHash}.", "Approve nothing from this plane, and run 'demarc audit verify'.");
    }
}
