using System.CommandLine;
using Demarc.Cli.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;

namespace Demarc.Cli.Instances;

/// <summary>The commands that name an instance and nothing else: suspend, resume, delete, restore. They differ in their action only.</summary>
internal static class InstanceActionCommand
{
    public static IEnumerable<Command> CreateAll() =>
    [
        Create("suspend", "Stop an instance and keep its data.", ChangeAction.Suspend),
        Create("resume", "Start a suspended instance.", ChangeAction.Resume),
        Create("delete", "Move an instance to the recycle bin, for 30 days. The customer approves.", ChangeAction.Delete),
        Create("restore", "Take an instance back from the recycle bin.", ChangeAction.Restore),
    ];

    private static Verb Create(string verb, string description, ChangeAction action)
    {
        var name = new Argument<string>("name") { Description = "The instance." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only say what the charter decides." };
        var noWait = GlobalOptions.NoWait();
        return new Verb(verb, description, invocation =>
        {
            var party = invocation.Ordering;
            var request = new InstanceRequest(action.Name, InstanceNames.Parsed(invocation.Get(name)!), null);
            return invocation.Get(dryRun) ? ChangeRequesting.DryRunAsync(invocation, party, request) : ChangeRequesting.RunAsync(invocation, party, request, invocation.Get(noWait));
        }, [name, dryRun, noWait]);
    }
}
