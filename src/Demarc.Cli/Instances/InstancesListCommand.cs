using System.CommandLine;
using Demarc.Core.Environments;

namespace Demarc.Cli.Instances;

/// <summary><c>demarc instances list</c>.</summary>
internal static class InstancesListCommand
{
    public static Command Create() => new Verb("list", "List the instances of the environment, the recycle bin included.", RunAsync);

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var instances = await invocation.Reader.GetAsync($"{invocation.Path}/instances", ViewJson.Default.ImmutableArrayInstanceView, invocation.Stop);
        invocation.Terminal.Result(instances, terminal =>
        {
            if (instances.IsEmpty) terminal.Line("There are no instances yet. 'demarc order NAME' makes one.");
            else terminal.Table(["instance", "status", "healthy", "version", "size", "memory", "uri", "labels"], instances.Select(Row));
        });
        return ExitCodes.Ok;
    }

    private static IReadOnlyList<string> Row(InstanceView i) =>
    [
        i.Id, i.Status, InstancesShowCommand.Healthy(i), i.Version, i.Size, InstancesShowCommand.UsedMemory(i) is { } used ? $"{used} of {i.MemoryMib} MiB" : $"{i.MemoryMib} MiB", i.Uri,
        string.Join(", ", i.Labels.Select(l => $"{l.Key}={l.Value}")),
    ];
}
