using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Changes;

/// <summary><c>demarc withdraw CHANGE</c>: who asked for a change takes it back before it starts.</summary>
internal static class WithdrawCommand
{
    public static Command Create()
    {
        var id = new Argument<string>("change") { Description = "The change, as in c-5hq2m7xk." };
        var reason = new Option<string>("--reason") { Description = "Why; it stands in the ledger.", DefaultValueFactory = _ => "no longer wanted", HelpName = "TEXT" };
        return new Verb("withdraw", "Take back a change that has not started.", invocation => RunAsync(invocation, invocation.Get(id)!, invocation.Get(reason)!), [id, reason]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string id, string reason)
    {
        var name = ChangeNames.Parsed(id);
        var path = $"{invocation.Path}/changes/{name}";
        var before = await invocation.Reader.GetAsync(path, ViewJson.Default.ChangeView, invocation.Stop);
        var party = invocation.Acting(before.RequestedBy == "customer" ? Party.Customer : Party.Vendor);
        await invocation.AppendAsync(party, new ChangeWithdrawn(name, reason));
        var change = await invocation.Client(party).GetAsync(path, ViewJson.Default.ChangeView, invocation.Stop);
        invocation.Terminal.Result(change, terminal => terminal.Line($"Change {change.Id} is {change.Status}."));
        return ExitCodes.Ok;
    }
}
