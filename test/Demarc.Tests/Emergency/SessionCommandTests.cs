using Demarc.Agent.Agents;
using Demarc.Agent.Emergency;
using Demarc.Core.Emergency;
using Demarc.Tests.Cli;
using Demarc.Tests.Ledger;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Emergency;

/// <summary>The commands of both parties against a whole plane and a whole agent, from the request to the review.</summary>
public sealed class SessionCommandTests
{
    [Fact]
    public async Task A_session_from_its_request_to_its_review()
    {
        await using var lab = await SessionLab.StartAsync();
        using var shell = Shell(lab);
        await shell.RefusedAsync(2, "A milvus session is of one instance.", "emergency", "request", "milvus", "--reason", "x");
        await shell.RefusedAsync(3, "tasks.emergency.override", "emergency", "request", "terminal", "--override", "--yes", "--reason", "x");
        await shell.RefusedAsync(3, "allows 60", "emergency", "request", "terminal", "-m", "100", "--reason", "x");
        var asked = await shell.MustAsync("emergency", "request", "terminal", "-m", "5", "--reason", "searches time out");
        var id = asked.Out.Trim();
        Assert.Contains($"demarc emergency approve {id} --as customer", asked.Error, StringComparison.Ordinal);
        await shell.RefusedAsync(3, $"Session {id} is requested. It awaits the approval of the customer.", "emergency", "open", id);
        await shell.RefusedAsync(3, "awaits no approval of the vendor", "emergency", "approve", id, "--yes", "--as", "vendor");
        var approved = await shell.MustAsync("emergency", "approve", id, "--yes");
        Assert.Contains("reason: \"searches time out\"", approved.Out, StringComparison.Ordinal);
        var worked = await shell.MustAsync("emergency", "open", id, "--command", "kernel", "--command", "uptime; id");
        Assert.Contains("Linux", worked.Out, StringComparison.Ordinal);
        Assert.Contains("not run: ';' means nothing here", worked.Out, StringComparison.Ordinal);
        Assert.Contains($"{id} is over: who worked in it left", worked.Error, StringComparison.Ordinal);
        await shell.RefusedAsync(1, $"Session {id} is ended", "emergency", "open", id);
        Assert.Equal("ended", (await shell.MustAsync("emergency", "list", "-o", "json")).Json[0].GetProperty("status").GetString());
        Assert.Contains("lines", (await shell.MustAsync("emergency", "show", id)).Out, StringComparison.Ordinal);
        Assert.Contains("$ kernel", (await shell.MustAsync("emergency", "watch", id)).Out, StringComparison.Ordinal);
        var played = await shell.MustAsync("emergency", "play", id, "--fast");
        Assert.Contains("the recording is whole", played.Error, StringComparison.Ordinal);
        await shell.MustAsync("emergency", "review", id, "--note", "kernel and uptime, nothing else");
        Assert.Contains("kernel and uptime", (await shell.MustAsync("emergency", "show", id)).Out, StringComparison.Ordinal);
        await shell.RefusedAsync(4, "There is no session 's-nothing'", "emergency", "show", "s-nothing");
    }

    [Fact]
    public async Task Somebody_writes_to_the_recording_and_it_is_not_played()
    {
        await using var lab = await SessionLab.StartAsync();
        using var shell = Shell(lab);
        var id = (await shell.MustAsync("emergency", "request", "terminal", "-m", "5", "--reason", "x")).Out.Trim();
        await shell.MustAsync("emergency", "approve", id, "--yes");
        await shell.MustAsync("emergency", "open", id, "--command", "kernel");
        var session = lab.At(SessionId.Parse(id));
        await SessionLab.Until(() => lab.Board.TapeOf(PlaneWorld.Acme, session).Mark == session.Recording);
        var copy = Path.Combine(lab.Plane.Options.Data, "sessions", "acme", id + ".cast");
        await File.WriteAllTextAsync(copy, (await File.ReadAllTextAsync(copy, TestContext.Current.CancellationToken)).Replace("kernel", "nothin", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        await shell.RefusedAsync(6, "a line was altered, dropped, added or moved", "emergency", "play", id, "--fast");
    }

    [Fact]
    public async Task The_customer_cuts_and_releases_at_the_agent_itself()
    {
        await using var lab = await SessionLab.StartAsync();
        using var shell = Shell(lab);
        using var stop = new CancellationTokenSource();
        var (door, fault) = AgentDoor.Open(lab.Home, TimeProvider.System, NullLogger.Instance);
        Assert.Null(fault);
        new SessionAsks(lab.Agent.Sessions, lab.Agent.Sessions.Hands!, lab.Agent).Register(door!);
        var asking = (await lab.OnAgent(() => door!.RunAsync(stop.Token)));
        var data = new[] { "--agent-data", lab.AgentFolder };

        var id = (await shell.MustAsync("emergency", "request", "terminal", "-m", "5", "--reason", "x")).Out.Trim();
        await shell.MustAsync("emergency", "approve", id, "--yes");
        var working = shell.RunAsync("emergency", "open", id, "--command", "vmstat 300");
        await SessionLab.Until(() => lab.At(SessionId.Parse(id)).Status == SessionStatus.Open);
        Assert.Contains("nothing of it runs any more", (await shell.MustAsync(["emergency", "revoke", id, "--at-agent", .. data])).Out, StringComparison.Ordinal);
        var cut = await working;
        Assert.Equal(3, cut.ExitCode);
        Assert.Contains("cut at the agent itself", cut.Error, StringComparison.Ordinal);
        await shell.RefusedAsync(1, "No session", ["emergency", "revoke", id, "--at-agent", .. data]);
        await shell.RefusedAsync(2, "--reason is missing", "emergency", "revoke", id);

        var bundle = (await shell.MustAsync("emergency", "request", "bundle", "-m", "5", "--reason", "x")).Out.Trim();
        await shell.MustAsync("emergency", "approve", bundle, "--yes");
        await SessionLab.Until(() => lab.At(SessionId.Parse(bundle)).Bundle is not null);
        Assert.Contains("\"bundle\": 1", (await shell.MustAsync(["emergency", "release", bundle, "--show", .. data])).Out, StringComparison.Ordinal);
        await shell.RefusedAsync(3, "the customer's to release", ["emergency", "release", bundle, "--yes", "--as", "vendor", .. data]);
        await shell.MustAsync(["emergency", "release", bundle, "--yes", .. data]);
        var file = Path.Combine(shell.Folder, "bundle.json");
        await shell.MustAsync("emergency", "open", bundle, "--to", file);
        Assert.Contains(bundle, await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await stop.CancelAsync();
        await asking.ContinueWith(static _ => { }, TaskScheduler.Default);
        door!.Dispose();
    }

    private static CommandLine Shell(SessionLab lab)
    {
        var shell = new CommandLine();
        shell.Bring("vendor", lab.World.Vendor);
        shell.Bring("customer", lab.World.Customer);
        shell.Variables["DEMARC_PLANE"] = lab.Plane.Client.BaseAddress!.ToString();
        shell.Variables["DEMARC_ENVIRONMENT"] = "acme";
        return shell;
    }
}
