using System.Collections.Immutable;
using System.CommandLine;
using Demarc.Cli.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;

namespace Demarc.Cli.Instances;

/// <summary><c>demarc order NAME</c>: from an order to an instance that was written to, searched and read back.</summary>
internal static class OrderCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "Name of the new instance: 2 to 40 of a-z, 0-9 and '-'." };
        var version = new Option<string?>("--version") { Description = "Milvus version. Default: the newest that the agent offers.", HelpName = "X.Y.Z" };
        var size = OrderOptions.Size("small");
        var labels = OrderOptions.Labels();
        var dryRun = new Option<bool>("--dry-run") { Description = "Only say what the charter decides." };
        var noWait = GlobalOptions.NoWait();
        return new Verb("order", "Order a new Milvus instance and follow it until it is ready.", invocation => RunAsync(
            invocation, invocation.Get(name)!, invocation.Get(version), invocation.Get(size)!, invocation.Get(labels) ?? [], invocation.Get(dryRun), invocation.Get(noWait)),
            [name, version, size, labels, dryRun, noWait]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string name, string? version, string size, string[] labels, bool dryRun, bool noWait)
    {
        var party = invocation.Ordering;
        var instance = InstanceNames.Parsed(name);
        var order = new InstanceOrder(version ?? await NewestAsync(invocation, party), InstanceSizes.Parse(size)!.Value, OrderOptions.Read(labels));
        var request = new InstanceRequest(ChangeAction.Create.Name, instance, order);
        return dryRun ? await ChangeRequesting.DryRunAsync(invocation, party, request) : await ChangeRequesting.RunAsync(invocation, party, request, noWait);
    }

    /// <summary>The newest version that the agent says it can provision.</summary>
    internal static async Task<string> NewestAsync(Invocation invocation, Party party)
    {
        try
        {
            var seen = await invocation.Client(party).GetAsync($"{invocation.Path}/observation", ViewJson.Default.Observation, invocation.Stop);
            if (seen.Versions.MaxBy(v => Version.TryParse(v, out var parsed) ? parsed : new Version()) is { } newest) return newest;
        }
        catch (CommandFailedException none) when (none.ExitCode == ExitCodes.NotFound)
        {
            // No observation yet: said below, with the way round.
        }

        throw new CommandFailedException(ExitCodes.Failed, "No agent has told yet which Milvus versions it offers.", "Name one with --version, or see 'demarc status' for the agent.");
    }
}

/// <summary>Options of an order, and how their texts are read.</summary>
internal static class OrderOptions
{
    public static Option<string?> Size(string? byDefault)
    {
        var size = new Option<string?>("--size") { Description = "How big: small (512 MiB), medium (2 GiB) or large (8 GiB)." };
        if (byDefault is not null) size.DefaultValueFactory = _ => byDefault;
        return size.OneOf("small", "medium", "large");
    }

    public static Option<string[]> Labels() => new("--label", "-l") { Description = "A label of your own; may be given several times.", HelpName = "KEY=VALUE" };

    public static ImmutableSortedDictionary<string, string> Read(IEnumerable<string> labels)
    {
        var read = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var label in labels)
        {
            var at = label.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0) throw CommandFailedException.Usage($"--label '{label}' is not KEY=VALUE.");
            if (!read.TryAdd(label[..at], label[(at + 1)..])) throw CommandFailedException.Usage($"--label '{label[..at]}' is given twice.", "Keep one of them.");
        }

        return read.ToImmutable();
    }
}

/// <summary>Names of instances on the command line.</summary>
internal static class InstanceNames
{
    public static InstanceId Parsed(string name) => InstanceId.TryParse(name, out var id)
        ? id
        : throw CommandFailedException.Usage($"'{name}' is not the name of an instance: {InstanceId.Form}.");
}
