using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Changes;

/// <summary><c>demarc reject CHANGE --reason TEXT</c>: an approver says no.</summary>
internal static class RejectCommand
{
    public static Command Create()
    {
        var id = new Argument<string>("change") { Description = "The change, as in c-5hq2m7xk." };
        var reason = new Option<string>("--reason") { Description = "Why; it stands in the ledger.", Required = true, HelpName = "TEXT" };
        return new Verb("reject", "Reject a change that awaits approval.", invocation => RunAsync(invocation, invocation.Get(id)!, invocation.Get(reason)!), [id, reason]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string id, string reason)
    {
        var name = ChangeNames.Parsed(id);
        var party = invocation.Acting(Party.Customer);
        await invocation.AppendAsync(party, new ChangeRejected(name, reason));
        var change = await invocation.Client(party).GetAsync($"{invocation.Path}/changes/{name}", ViewJson.Default.ChangeView, invocation.Stop);
        invocation.Terminal.Result(change, terminal => terminal.Line($"Change {change.Id} is {change.Status}."));
        return ExitCodes.Ok;
    }
}
