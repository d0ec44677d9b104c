using System.CommandLine;
using Demarc.Cli.Changes;
using Demarc.Core.Environments;

namespace Demarc.Cli.Instances;

/// <summary><c>demarc instances show NAME</c>.</summary>
internal static class InstancesShowCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "The instance." };
        return new Verb("show", "Show one instance.", invocation => RunAsync(invocation, invocation.Get(name)!), [name]);
    }

    public static string Healthy(InstanceView instance) => (instance.Status, instance.Healthy) switch
    {
        ("suspended" or "deleted", _) => "not running",
        (_, true) => "yes",
        (_, false) => "no",
        _ => "unknown",
    };

    /// <summary>Memory in use, where something runs: the last look at what has stopped since means nothing.</summary>
    public static long? UsedMemory(InstanceView instance) => instance is { Status: not ("suspended" or "deleted"), Healthy: true } ? instance.UsedMemoryMib : null;

    private static async Task<int> RunAsync(Invocation invocation, string name)
    {
        var i = await invocation.Reader.GetAsync($"{invocation.Path}/instances/{InstanceNames.Parsed(name)}", ViewJson.Default.InstanceView, invocation.Stop);
        invocation.Terminal.Result(i, terminal => terminal.Facts(
            ("instance", i.Id), ("status", i.Status), ("healthy", Healthy(i)), ("uri", i.Uri), ("version", $"milvus {i.Version}"), ("size", $"{i.Size} ({i.MemoryMib} MiB)"),
            ("memory", UsedMemory(i) is { } used ? $"{used} MiB in use" : null), ("labels", i.Labels.IsEmpty ? null : string.Join(", ", i.Labels.Select(l => $"{l.Key}={l.Value}"))),
            ("created", ChangePrinter.Moment(i.CreatedAt)), ("deleted", ChangePrinter.Moment(i.DeletedAt)), ("erased", ChangePrinter.Moment(i.PurgeDueAt)),
            ("last change", i.LastChange), ("credential", i.HasCredential ? $"demarc instances credentials {i.Id}" : "not minted yet")));
        return ExitCodes.Ok;
    }
}
