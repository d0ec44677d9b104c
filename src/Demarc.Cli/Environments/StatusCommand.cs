using System.Collections.Immutable;
using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Environments;

/// <summary><c>demarc status</c>: one look at everything: the plane, the agent, instances, and what waits for whom.</summary>
internal static class StatusCommand
{
    public static Command Create() => new Verb("status", "Show what runs and what waits for whom.", RunAsync);

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var (client, path) = (invocation.Reader, invocation.Path);
        var plane = await client.PlaneAsync(invocation.Stop);
        var environment = await client.GetAsync(path, ViewJson.Default.EnvironmentView, invocation.Stop);
        var instances = await client.GetAsync($"{path}/instances", ViewJson.Default.ImmutableArrayInstanceView, invocation.Stop);
        var findings = await client.GetAsync($"{path}/findings", ViewJson.Default.ImmutableArrayFindingView, invocation.Stop);
        var rows = await client.GetAsync($"{path}/responsibilities", ViewJson.Default.ImmutableArrayResponsibilityView, invocation.Stop);
        var status = new StatusReport(client.Address.ToString().TrimEnd('/'), plane.Name, plane.Version, environment, instances, findings, [.. rows.SelectMany(row => row.Waiting)]);
        invocation.Terminal.Result(status, terminal => Print(terminal, status));
        return ExitCodes.Ok;
    }

    private static void Print(Terminal.Terminal terminal, StatusReport status)
    {
        var e = status.Environment;
        terminal.Facts(
            ("plane", $"{status.PlaneName} {status.PlaneVersion} at {status.Plane}"), ("environment", $"{e.Id}, {e.Size} entries, charter {(e.Charter is { } v ? $"version {v}" : "none")}"),
            ("severed", EnvShowCommand.Severed(e)), ("agent", EnvShowCommand.Agent(e)), ("findings", status.Findings.IsEmpty ? "none" : $"{status.Findings.Length}"));
        foreach (var i in status.Instances) terminal.Line($"  {i.Id}: {i.Status}, healthy: {Instances.InstancesShowCommand.Healthy(i)}, {i.Uri}");
        foreach (var f in status.Findings) terminal.Line($"  finding for the {f.Owner.Word()} ({f.Task}): {Terminal.Terminal.Printable($"{f.Reason} {f.Remedy}")}");
        foreach (var w in status.Waiting) terminal.Line($"  waits for {(w.For == "time" ? "time to pass" : $"the {w.For}")}: {Terminal.Terminal.Printable(w.What)}{(w.Command is { } command ? $" — {command}" : "")}");
    }
}

/// <summary>The whole look, as JSON has it.</summary>
internal sealed record StatusReport(
    string Plane, string PlaneName, string PlaneVersion, EnvironmentView Environment, ImmutableArray<InstanceView> Instances, ImmutableArray<FindingView> Findings, ImmutableArray<WaitingView> Waiting);
