using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Changes;

/// <summary>The path that every wish takes: decide, request, wait for the plan, show it, follow it.</summary>
internal static class ChangeRequesting
{
    /// <summary>Asks the charter, through the plane, what it says; changes nothing.</summary>
    public static async Task<int> DryRunAsync(Invocation invocation, Party party, InstanceRequest request)
    {
        var decision = await invocation.Client(party).PostAsync($"{invocation.Path}/decide", request, LedgerJson.Default.InstanceRequest, ViewJson.Default.DecisionView, invocation.Stop);
        invocation.Terminal.Result(decision, terminal => terminal.Facts(
            ("request", $"{request.Action} {request.Instance} by the {party.Word()}"), ("decision", decision.Decision), ("rule", decision.Rule),
            ("approval", decision.Who is { } who ? $"of the {who}" : null), ("why", decision.Why)));
        return decision.Decision == "denied" ? ExitCodes.Refused : ExitCodes.Ok;
    }

    /// <summary>Requests, and stays until the change ends or awaits somebody, unless told not to wait.</summary>
    public static async Task<int> RunAsync(Invocation invocation, Party party, InstanceRequest request, bool noWait)
    {
        if (request.Fault() is { } fault) throw CommandFailedException.Usage(fault);
        var id = ChangeId.New(invocation.Host.Random);
        await invocation.AppendAsync(party, new ChangeRequested(id, request));
        invocation.Terminal.Say($"Requested {request.Action} {request.Instance} as the {party.Word()}: change {id}");
        var client = invocation.Client(party);
        if (noWait)
        {
            var requested = await client.GetAsync($"{invocation.Path}/changes/{id}", ViewJson.Default.ChangeView, invocation.Stop);
            invocation.Terminal.Result(requested, terminal => terminal.Line(requested.Id));
            return ExitCodes.Ok;
        }

        return await FollowAsync(invocation, party, id.Value, showPlan: true);
    }

    /// <summary>Follows a change from wherever it stands to its end, or until it awaits a person.</summary>
    public static async Task<int> FollowAsync(Invocation invocation, Party party, string change, bool showPlan)
    {
        var follower = new ChangeFollower(invocation, invocation.Client(party));
        if (showPlan)
        {
            var planned = await follower.UntilAsync(change, ChangeEnds.IsPlanned);
            if (planned.PlanHash is not null && !invocation.Terminal.Json) ChangePrinter.Plan(invocation.Terminal, planned);
        }

        var printer = new ChangePrinter(invocation.Terminal);
        var last = await follower.UntilAsync(change, ChangeEnds.StandsStill, printer.Progress);
        if (invocation.Terminal.Json) invocation.Terminal.Result(last, _ => { });
        return ChangeEnds.Conclude(invocation, last);
    }
}
