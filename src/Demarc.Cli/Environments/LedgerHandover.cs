using System.Text.Json.Nodes;
using Demarc.Cli.Agents;
using Demarc.Cli.Audit;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Environments;

/// <summary>Carries a ledger: out of the agent into files, and from one plane to another. Whoever receives it verifies it; the carrier is not believed.</summary>
internal static class LedgerHandover
{
    /// <summary>Writes the agent's own copy as an export (tlog-tiles with the checkpoint that both sides signed), beside its place first, so that a half one is never taken for whole.</summary>
    public static async Task<AuditReport> ExportAsync(Invocation invocation, AgentDoorClient door, string folder, Trust trust)
    {
        using var writer = new ExportWriter(folder);
        var check = new LedgerCheck(trust);
        string? note = null;
        await foreach (var line in door.AskAsync(AgentDoorClient.Ask("ledger.export"), invocation.Stop))
        {
            if (line["entry"] is not JsonValue entry)
            {
                note = (string?)line["checkpoint"];
                continue;
            }

            var bytes = Convert.FromBase64String((string)entry!);
            check.Add(bytes);
            writer.Add(bytes);
        }

        if (note is null) throw new CommandFailedException(ExitCodes.Failed, "The agent gave no checkpoint with its ledger.");
        var report = check.Finish(note);
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        writer.Finish(note, new ExportManifest(ExportFolder.Format, report.Environment, report.Size, report.Root, report.CustomerRoot, report.VendorRoot, report.PlaneKey, invocation.Host.Now));
        return report;
    }

    /// <summary>Hands on what one plane holds and the other does not; gives how many entries. Refused by a plane with a history of its own.</summary>
    public static async Task<long> PushAsync(Invocation invocation, PlaneClient from, PlaneClient to, EnvironmentId id)
    {
        var path = $"/v1/environments/{id}";
        var end = (await from.GetAsync(path, ViewJson.Default.EnvironmentView, invocation.Stop)).Size;
        var held = (await to.GetAsync(path, ViewJson.Default.EnvironmentView, invocation.Stop)).Size;
        if (held > end) throw Fork(to.Address, end, held - end);
        var first = held;

        // Each piece begins with the last entry that is held: a plane with another one there says so at once.
        do
        {
            var part = await from.GetAsync($"{path}/part?from={Math.Max(0, held - 1)}", ViewJson.Default.LedgerPart, invocation.Stop);
            var taken = await to.PostAsync($"{path}/import", part, ViewJson.Default.LedgerPart, ViewJson.Default.AppendedView, invocation.Stop);
            if (taken.Size <= held && held < end) throw new CommandFailedException(ExitCodes.Failed, $"The plane at {to.Address} took no entry in: it holds {taken.Size}.");
            held = taken.Size;
        }
        while (held < end);

        return held - first;
    }

    /// <summary>The plane has gone on by itself.</summary>
    public static CommandFailedException Fork(Uri plane, long size, long more) => new(
        ExitCodes.NotVerified, $"The plane at {plane.ToString().TrimEnd('/')} has a history of its own: {more} entries beyond the {size} of the customer's ledger.",
        "Its operator gives that up, and keeps it as a file: stop that plane, export this ledger, and 'demarc-plane import --set-aside'.");
}
