using System.CommandLine;
using Demarc.Cli.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;

namespace Demarc.Cli.Instances;

/// <summary><c>demarc instances modify NAME</c>: another size or other labels; what is not named stays.</summary>
internal static class InstancesModifyCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "The instance." };
        var size = OrderOptions.Size(null);
        var labels = OrderOptions.Labels();
        var dryRun = new Option<bool>("--dry-run") { Description = "Only say what the charter decides." };
        var noWait = GlobalOptions.NoWait();
        return new Verb("modify", "Change an instance's size or labels.", invocation => RunAsync(
            invocation, invocation.Get(name)!, invocation.Get(size), invocation.Get(labels) ?? [], invocation.Get(dryRun), invocation.Get(noWait)),
            [name, size, labels, dryRun, noWait]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string name, string? size, string[] labels, bool dryRun, bool noWait)
    {
        if (size is null && labels.Length == 0) throw CommandFailedException.Usage("Nothing is to be changed.", "Name a --size or labels (all that it shall have) with --label.");
        var party = invocation.Ordering;
        var id = InstanceNames.Parsed(name);
        var present = await invocation.Client(party).GetAsync($"{invocation.Path}/instances/{id}", ViewJson.Default.InstanceView, invocation.Stop);
        var order = new InstanceOrder(
            present.Version,
            InstanceSizes.Parse(size ?? present.Size) ?? throw new CommandFailedException(ExitCodes.Failed, $"The plane says that {id} has the size '{present.Size}', which this version does not know.", "Name a --size."),
            labels.Length == 0 ? present.Labels : OrderOptions.Read(labels));
        var request = new InstanceRequest(ChangeAction.Modify.Name, id, order);
        return dryRun ? await ChangeRequesting.DryRunAsync(invocation, party, request) : await ChangeRequesting.RunAsync(invocation, party, request, noWait);
    }
}
