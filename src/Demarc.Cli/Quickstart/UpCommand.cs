using System.CommandLine;
using Demarc.Cli.Samples;

namespace Demarc.Cli.Quickstart;

/// <summary>
/// <c>demarc up</c>: the whole job on one machine. Everything it does is a step that looks first whether it is done already, so that
/// running it twice is safe and quick.
/// </summary>
internal static class UpCommand
{
    /// <summary>A question whose answer stands in the project's own documents.</summary>
    private const string SampleQuery = "why can neither side rewrite the ledger";

    public static Command Create()
    {
        var data = DataOption();
        var text = new Option<string[]>("--text") { Description = "A text file or folder to load beside the project's own documents; may be given several times.", HelpName = "PATH" };
        var binaries = new Option<string?>("--binaries") { Description = "Folder with demarc-plane, demarc-agent and demarc-engine. Default: $DEMARC_BIN, or beside this program.", HelpName = "DIR" };
        return new Verb("up", "Run the whole job on this machine: plane, agent, a Milvus instance, a searchable sample.", invocation =>
            RunAsync(invocation, invocation.Get(data), invocation.Get(text) ?? [], invocation.Get(binaries)), [data, text, binaries]);
    }

    public static Option<string?> DataOption() => new("--data") { Description = "Folder of the quickstart. Default: ~/.local/share/demarc.", HelpName = "DIR" };

    private static async Task<int> RunAsync(Invocation invocation, string? data, string[] named, string? binaries)
    {
        if (!OperatingSystem.IsLinux()) throw new CommandFailedException(ExitCodes.Failed, "The quickstart runs on Linux.", "Elsewhere, run it in a container or a virtual machine.");
        Paragraphs.MustExist(named);
        var programs = Programs.Of(invocation, binaries);
        var folder = QuickstartFolder.Of(invocation, data);
        if (Directory.Exists(folder.Root) && !folder.Exists && Directory.EnumerateFileSystemEntries(folder.Root).Any())
            throw new CommandFailedException(ExitCodes.Failed, $"{folder.Root} holds something that is not a quickstart's.", "Name an empty or new folder with --data.");
        var acts = new Acts(invocation);
        var sides = new Sides(invocation, folder, programs, acts);
        var address = await sides.PlaneAsync();

        // The processor is idle while programs start and disks sync: text becomes vectors meanwhile.
        var sample = Task.Run(() => SampleCollection.Prepare(named), invocation.Stop);
        await sides.EnvironmentAsync(address);
        await sides.AgentAsync(address);
        var instance = new SampleInstance(invocation, folder, acts);
        var credential = await instance.ReadyAsync();
        using var milvus = new MilvusConnection(credential.Uri, credential.User, credential.Password);
        await instance.AnsweringAsync(milvus);
        var prepared = await sample;
        await acts.DoAsync("sample collection", () => prepared.LoadAsync(milvus, folder.SampleWeights, invocation.Stop), loaded =>
            $"{(loaded ? "loaded" : "already holds")} {prepared.Rows.Count} paragraphs in collection {SampleCollection.Name}");
        var hits = await milvus.SearchAsync(SampleCollection.Name, prepared.Method.Of(SampleQuery), 3, invocation.Stop);
        var searchable = acts.Elapsed;
        var link = await sides.ConsoleLinkAsync(address);
        var report = new UpReport(QuickstartNames.Environment, address.ToString().TrimEnd('/'), credential.Instance, credential.Uri, credential.User, SampleCollection.Name, prepared.Rows.Count, SampleQuery, [.. hits], link, searchable.TotalSeconds, folder.Root);
        invocation.Terminal.Result(report, terminal => Print(terminal, report, Programs.IsOnPath(invocation)));
        return ExitCodes.Ok;
    }

    private static void Print(Terminal.Terminal terminal, UpReport up, bool isFound)
    {
        terminal.Line();
        terminal.Line($"Searched {up.Rows} paragraphs for \"{up.Query}\":");
        SearchCommand.Print(terminal, up.Hits);
        terminal.Line();
        terminal.Facts(
            ("Milvus", up.Uri), ("credential", $"demarc instances credentials {up.Instance}   (opens with the customer's key only)"),
            ("console", up.Console is { } link ? $"{link}   (one-time link; a new one: demarc console)" : null), ("plane", up.Plane), ("data", up.Data),
            ("ready in", $"{up.Seconds.ToString("0.0", System.Globalization.CultureInfo.InvariantCulture)} s"));
        terminal.Line();
        terminal.Line("Next:");
        if (!isFound) terminal.Line($"  {$"PATH=\"{AppContext.BaseDirectory.TrimEnd('/')}:$PATH\"",-43}  so that your shell finds demarc");
        terminal.Line("  demarc charter show                          who is responsible for what, live");
        terminal.Line("  demarc search \"what happens to a deleted instance\"");
        terminal.Line("  demarc instances delete docs                 planned now, run only once the customer approves");
    }
}

/// <summary>What stands when <c>up</c> is done.</summary>
internal sealed record UpReport(
    string Environment, string Plane, string Instance, string Uri, string User, string Collection, int Rows, string Query, System.Collections.Immutable.ImmutableArray<Hit> Hits, string? Console, double Seconds, string Data);
