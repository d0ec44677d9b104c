using System.Collections.Immutable;
using System.CommandLine;
using Demarc.Cli.Agents;
using Demarc.Cli.Quickstart;
using Demarc.Core.Charter;

namespace Demarc.Cli.Environments;

/// <summary>
/// <c>demarc sever</c>: the customer takes over, on the machine of their agent. Every step looks first whether it is done, and what must not be lost is on disk before the
/// next one begins: killed anywhere and run again, the command ends where it would have ended. The first step alone revokes; all others only build what goes on.
/// </summary>
internal static class SeverCommand
{
    public static Command Create()
    {
        var reason = new Option<string>("--reason") { Description = "Why; it stands in the ledger for both parties.", DefaultValueFactory = _ => "no reason was given", HelpName = "TEXT" };
        var rehearse = new Option<bool>("--rehearse") { Description = "Do it all in a sandbox, touch nothing, and say what would be lost and how long it takes." };
        var quiet = new Option<bool>("--do-not-tell") { Description = "Do not hand the entry to the vendor's plane afterwards. Told or not, it cannot prevent anything." };
        var yes = GlobalOptions.Yes();
        return new Verb("sever", "Take over from the vendor (customer only): its trust ends at once, your own plane goes on, instances run throughout.", invocation =>
        {
            if (invocation.AsGiven == Party.Vendor) throw new CommandFailedException(ExitCodes.Refused, "Only the customer's owner severs: it is the customer's account.");
            var place = OwnPlaneOptions.Of(invocation);
            return invocation.Get(rehearse)
                ? new SeverRehearsal(invocation, place).RunAsync()
                : RunAsync(invocation, place, invocation.Get(reason)!, invocation.Get(quiet), invocation.Get(yes));
        }, [reason, rehearse, quiet, yes, .. OwnPlaneOptions.All]);
    }

    private static async Task<int> RunAsync(Invocation invocation, OwnPlaneOptions options, string reason, bool doNotTell, bool yes)
    {
        var acts = new Acts(invocation);
        var taking = new TakingOver(invocation, options, acts);
        var before = await taking.LookAsync();
        if (!before.Severed)
        {
            Say(invocation, before, options, await taking.PlannedAsync(reason));
            invocation.Terminal.Confirm($"Sever the vendor from environment '{before.Environment}'?", yes);
        }

        var cut = await taking.CutAsync(reason);
        await taking.TakeLedgerAsync();
        var plane = await taking.RunPlaneAsync();
        await taking.SequenceAsync(plane);
        var followed = await taking.FollowAsync(plane);
        var told = doNotTell ? null : await taking.TellVendorAsync(plane);
        taking.Remember(plane);
        var report = new SeverReport(before.Environment, plane.ToString().TrimEnd('/'), options.Plane, cut.Entry, followed.Size, cut.Withdrawn, cut.Goes, told, acts.Elapsed.TotalSeconds);
        invocation.Terminal.Result(report, terminal => Print(terminal, report));
        return ExitCodes.Ok;
    }

    private static void Say(Invocation invocation, BeforeSevering before, OwnPlaneOptions options, Core.Agents.RehearsedSeverance planned)
    {
        var terminal = invocation.Terminal;
        terminal.Say($"You are about to sever the vendor from environment '{before.Environment}'.");
        terminal.Say($"  at once      the agent closes its link to {before.Plane} and never opens it again");
        terminal.Say("  the vendor   can do nothing here any more: orders, approvals and keys of its people are refused, by your agent and by everybody who verifies");
        terminal.Say($"  ends         {Changes(planned.Withdrawn, "change of the vendor that has not begun", "changes of the vendor that have not begun")}; {planned.Invitations} open invitation{(planned.Invitations == 1 ? "" : "s")} of agents");
        terminal.Say($"  goes on      {Changes(planned.Goes, "change that has begun", "changes that have begun")}, to the end; you can stop it. {planned.Instances.Length} instance{(planned.Instances.Length == 1 ? "" : "s")}, untouched");
        terminal.Say($"  yours        all 17 tasks, as charter version {planned.CharterAfter}; limits, windows and your own approvals stay as they are");
        terminal.Say($"  your plane   runs on this machine, with its data in {options.Plane}; the whole ledger goes with it");
        terminal.Say("  the way back demarc rejoin, with a charter that both of you sign anew");
        foreach (var change in planned.Withdrawn) terminal.Say($"               ends: {change}");
        foreach (var change in planned.Goes) terminal.Say($"               goes on: {change}");
    }

    private static string Changes(ImmutableArray<string> changes, string one, string many) => $"{changes.Length} {(changes.Length == 1 ? one : many)}";

    private static void Print(Terminal.Terminal terminal, SeverReport done)
    {
        terminal.Line($"✓ The vendor is severed from environment '{done.Environment}' since entry {done.Entry}. Every task is yours.");
        terminal.Facts(
            ("your plane", $"{done.Plane}   (this profile uses it from now on)"), ("its data", done.Data), ("ledger", $"{done.Size} entries, verified by your agent"),
            ("vendor's plane", done.Told), ("took", $"{done.Seconds.ToString("0.0", System.Globalization.CultureInfo.InvariantCulture)} s"));
        terminal.Line();
        terminal.Line("Next:");
        terminal.Line("  demarc charter show                          every task is the customer's");
        terminal.Line("  demarc audit verify                          the whole ledger, under your plane's signature");
        terminal.Line("  demarc rejoin                                bring the vendor back, by a charter that both sign");
    }
}

/// <summary>What stands when the vendor is severed.</summary>
internal sealed record SeverReport(string Environment, string Plane, string Data, long Entry, long Size, int Withdrawn, int Goes, string? Told, double Seconds);

/// <summary>How things stand before.</summary>
/// <param name="Environment">Which environment.</param>
/// <param name="Plane">Address of the plane that the agent follows.</param>
/// <param name="PlaneKey">Its key.</param>
/// <param name="Severed">Whether the vendor is severed already, and the command only goes on.</param>
internal sealed record BeforeSevering(string Environment, string Plane, string PlaneKey, bool Severed);

/// <summary>Where the customer's agent and plane are on this machine.</summary>
/// <param name="Quickstart">The quickstart's folder, with the defaults of everything else.</param>
/// <param name="Plane">Data folder of the customer's own plane.</param>
/// <param name="Programs">Where the programs are.</param>
internal sealed record OwnPlaneOptions(QuickstartFolder Quickstart, string Plane, Programs Programs)
{
    private static readonly Option<string?> PlaneData = new("--plane-data") { Description = "Data folder of your own plane on this machine. Default: own-plane in the quickstart's folder.", HelpName = "DIR" };
    private static readonly Option<string?> Binaries = new("--binaries") { Description = "Folder with demarc-plane and demarc-agent. Default: $DEMARC_BIN, or beside this program.", HelpName = "DIR" };

    /// <summary>The options.</summary>
    public static IEnumerable<Symbol> All => [AgentDoorClient.Data, PlaneData, Binaries];

    /// <summary>What was said, else the quickstart's.</summary>
    public static OwnPlaneOptions Of(Invocation invocation)
    {
        var quickstart = QuickstartFolder.Of(invocation, null);
        return new OwnPlaneOptions(quickstart, Path.GetFullPath(invocation.Get(PlaneData) ?? quickstart.OwnPlane), Programs.Of(invocation, invocation.Get(Binaries)));
    }

    /// <summary>The agent's data folder.</summary>
    public string Agent(Invocation invocation) => Path.GetFullPath(invocation.Get(AgentDoorClient.Data) ?? Quickstart.Agent);
}
