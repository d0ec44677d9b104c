using System.CommandLine;

namespace Demarc.Cli.Audit;

/// <summary><c>demarc audit export DIR</c>: verifies the ledger, then writes it as files that other people's verifiers read.</summary>
internal static class AuditExportCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("folder") { Description = "A new or empty folder." };
        var uncountersigned = new Option<bool>("--uncountersigned") { Description = "Export up to the newest entry, though the agent may not have countersigned it yet." };
        var format = new Option<string>("--format") { Description = "tiles: C2SP tlog-tiles, which anybody can verify. jsonl, ocsf: one line an entry, for other programs to read.", DefaultValueFactory = _ => "tiles" }.OneOf("tiles", "jsonl", "ocsf");
        return new Verb("export", "Export the ledger as C2SP tlog-tiles with its checkpoint, up to the newest head that plane and agent have both signed.", invocation => RunAsync(invocation, invocation.Get(folder)!, invocation.Get(uncountersigned), invocation.Get(format)!), [folder, uncountersigned, format]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string folder, bool uncountersigned, string format)
    {
        folder = Path.GetFullPath(folder);
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()) throw new CommandFailedException(ExitCodes.Failed, $"'{folder}' is not empty.", "Name a new folder: two exports must not mix.");
        var countersigned = uncountersigned ? null : await AuditLedger.CountersignedHeadAsync(invocation);
        var newest = await AuditLedger.HeadAsync(invocation);
        var note = countersigned ?? newest;
        var check = new LedgerCheck(new Trust(null, null, invocation.Config.Founded.GetValueOrDefault(invocation.Environment.Value), Environment: invocation.Environment.Value));
        using var writer = new ExportWriter(folder);
        await AuditLedger.ReadAsync(invocation, 0, LedgerCheck.ReadNote(note).Checkpoint.Size, (_, bytes) =>
        {
            check.Add(bytes);
            writer.Add(bytes);
        });
        var report = check.Finish(note);
        var manifest = new ExportManifest(format == "tiles" ? ExportFolder.Format : format, report.Environment, report.Size, report.Root, report.CustomerRoot, report.VendorRoot, report.PlaneKey, invocation.Host.Now);
        var lines = format == "jsonl" ? "ledger.jsonl" : $"ledger.{format}.jsonl";
        if (format == "tiles") writer.Finish(note, manifest);
        else writer.Finish(lines, (path, entries) => LedgerLines.Write(path, format == "ocsf", check.State, entries));
        if (report.CountersignedBy is null && check.State.Agent is not null)
            invocation.Terminal.Say("The agent has not countersigned this head yet, so that verifying the export asks for --uncountersigned. Export again later for the word of both sides.");
        invocation.Terminal.Result(manifest, terminal => terminal.Line(format == "tiles"
            ? $"Exported {report.Size} verified entries to {folder}. Anybody can check them: demarc audit verify --offline '{folder}' --customer-root {report.CustomerRoot} --vendor-root {report.VendorRoot}"
            : $"Exported {report.Size} verified entries to {Path.Combine(folder, lines)}, one a line. Lines prove nothing by themselves: keep an export with --format tiles beside them."));
        if (LedgerCheck.ReadNote(newest).Checkpoint.Size - report.Size is > 0 and var later)
            invocation.Terminal.Say($"{later} later entries are not in it: the agent has not countersigned them yet. Export again once it is connected, or now with --uncountersigned.");
        return ExitCodes.Ok;
    }
}
