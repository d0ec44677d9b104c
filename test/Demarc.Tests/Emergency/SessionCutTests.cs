using System.Security.Cryptography;
using Demarc.Core.Access;
using Demarc.Core.Emergency;
using Demarc.Core.Ledger;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Emergency;

/// <summary>Sessions end at once: on a revocation, on a cut at the agent, with their time, with either stream, with the key that asked, and with the agent.</summary>
public sealed class SessionCutTests
{
    [Fact]
    public async Task A_session_is_worked_in_recorded_on_both_sides_and_left()
    {
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync();
        await using var worker = await lab.AttachAsync(session);
        Assert.Contains("how long the machine has been up", await worker.RunAsync("help"), StringComparison.Ordinal);
        Assert.Contains("load average", await worker.RunAsync("uptime"), StringComparison.Ordinal);
        Assert.Contains("not run: ';' means nothing here", await worker.RunAsync("uptime; id"), StringComparison.Ordinal);
        await worker.SayAsync(SessionSays.Leave);
        var ended = await lab.EndedAsync(session.Id);
        Assert.Equal(SessionEndReason.Left, ended.End!.Why);
        Assert.Contains("no shell", ended.Confinement, StringComparison.Ordinal);
        await SessionLab.Until(() => lab.Board.TapeOf(PlaneWorld.Acme, ended).Mark == ended.Recording);
        var here = lab.Board.TapeOf(PlaneWorld.Acme, ended).Read(0);
        Assert.Null(RecordingChain.Fault(here, ended.TermsHash, ended.Recording!));
        Assert.Equal(here, await File.ReadAllBytesAsync(Path.Combine(lab.AgentFolder, "sessions", session.Id + ".cast"), TestContext.Current.CancellationToken));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(lab.AgentFolder, "sessions", session.Id + ".cast")));
    }

    [Fact]
    public async Task A_revocation_cuts_what_runs_within_a_second()
    {
        await using var lab = await SessionLab.StartAsync();
        for (var cut = 0; cut < 5; cut++)
        {
            var session = await lab.ApprovedAsync();
            await using var worker = await RunningAsync(lab, session);
            var began = TimeProvider.System.GetTimestamp();
            await lab.SayAsync(cut % 2 == 0 ? lab.World.Customer : lab.World.Vendor, new SessionRevoked(session.Id, "enough seen"));
            var ended = await lab.EndedAsync(session.Id);
            Assert.True(TimeProvider.System.GetElapsedTime(began) < SessionLimits.Cut * 2, "revoked, and not over within two seconds on a busy machine");
            Assert.True(lab.Agent.Sessions.LastCut < SessionLimits.Cut);
            Assert.Equal(SessionEndReason.Revoked, ended.End!.Why);
            Assert.Empty(Vmstats(lab, session));
        }
    }

    [Fact]
    public async Task A_cut_at_the_agent_needs_no_plane()
    {
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync();
        await using var worker = await RunningAsync(lab, session);
        Assert.True(await lab.OnAgent(() => lab.Agent.Sessions.CutHere(session.Id)));
        Assert.Equal(SessionEndReason.CutAtAgent, (await lab.EndedAsync(session.Id)).End!.Why);

        // And what is not open yet is kept from being opened.
        var next = await lab.ApprovedAsync();
        Assert.True(await lab.OnAgent(() => lab.Agent.Sessions.CutHere(next.Id)));
        Assert.Equal(SessionStatus.Refused, (await lab.EndedAsync(next.Id)).Status);
        Assert.False(await lab.OnAgent(() => lab.Agent.Sessions.CutHere(next.Id)));
    }

    [Fact]
    public async Task Its_time_ends_it()
    {
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync(ago: TimeSpan.FromSeconds(56));
        await using var worker = await RunningAsync(lab, session);
        var ended = await lab.EndedAsync(session.Id);
        Assert.Equal(SessionEndReason.Expired, ended.End!.Why);
        Assert.InRange(ended.EndedAt!.Value, session.ExpiresAt, session.ExpiresAt + SessionLimits.Cut);
        Assert.Empty(Vmstats(lab, session));
    }

    [Fact]
    public async Task Losing_the_stream_of_who_works_in_it_ends_it()
    {
        await using var lab = await SessionLab.StartAsync();
        var broken = await lab.ApprovedAsync();
        await using (var worker = await RunningAsync(lab, broken)) worker.Break();
        Assert.Equal(SessionEndReason.OperatorLost, (await lab.EndedAsync(broken.Id)).End!.Why);

        // One that is only silent is lost as well.
        var silent = await lab.ApprovedAsync();
        await using var mute = await RunningAsync(lab, silent);
        mute.Beats = false;
        var ended = await lab.EndedAsync(silent.Id);
        Assert.Equal(SessionEndReason.OperatorLost, ended.End!.Why);
        Assert.Contains("nothing was heard", ended.End.Detail, StringComparison.Ordinal);
        await SessionLab.Until(() => mute.IsClosed);
    }

    [Fact]
    public async Task Losing_the_agent_s_stream_ends_it_and_the_recording_arrives_later()
    {
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync();
        await using var worker = await RunningAsync(lab, session);

        // The stream is torn; the agent dials again by itself.
        await lab.OnAgent(() =>
        {
            lab.Agent.Traffic.Lost();
            return true;
        });
        var ended = await lab.EndedAsync(session.Id);
        Assert.Equal(SessionEndReason.PlaneLost, ended.End!.Why);
        Assert.Empty(Vmstats(lab, session));
    }

    [Fact]
    public async Task Whoever_is_removed_works_no_longer()
    {
        await using var lab = await SessionLab.StartAsync();
        var bob = Sample.Key(60);
        await lab.SayAsync(lab.World.Vendor, new MemberAdded(bob.Public.KeyId, Role.Operator, "bob"));
        var session = await lab.ApprovedAsync(by: bob);
        await using var worker = await lab.AttachAsync(session, bob);
        await worker.ShowsAsync("opened for");
        await lab.SayAsync(lab.World.Vendor, new MemberRemoved(bob.Public.KeyId));
        Assert.Equal(SessionEndReason.Revoked, (await lab.EndedAsync(session.Id)).End!.Why);
    }

    [Fact]
    public async Task An_agent_that_stops_ends_it_and_one_that_was_killed_ends_it_at_its_next_start()
    {
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync();
        await using (var worker = await RunningAsync(lab, session)) await lab.StopAgentAsync();
        Assert.Empty(Vmstats(lab, session));
        await lab.StartAgentAsync();
        Assert.Equal(SessionEndReason.AgentStopped, (await lab.EndedAsync(session.Id)).End!.Why);

        // Killed: the ledger says open, a recording is there, and no process of this agent knows of it.
        var second = await lab.ApprovedAsync();
        var opened = Path.Combine(lab.AgentFolder, "sessions", second.Id + ".cast");
        var chain = RecordingChain.Begin(second.TermsHash);
        var header = RecordingChain.Header(second, TimeProvider.System.GetUtcNow());
        chain.Add(header);
        await File.WriteAllBytesAsync(opened, [.. header, (byte)'\n', .. "[1.0,\"o\",\"half a li"u8], TestContext.Current.CancellationToken);
        await lab.OnAgent(() => lab.Agent.Ledger.Write(new SessionOpened(second.Id, second.TermsHash, second.ExpiresAt, "by an agent before this one", 61999, chain.Head)));
        var ended = await lab.EndedAsync(second.Id);
        Assert.Equal((SessionEndReason.AgentStopped, chain.Head), (ended.End!.Why, ended.Recording!.Head));
        Assert.Contains("nothing of it ran any more", ended.End.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_recording_that_was_damaged_at_the_agent_is_said_to_be()
    {
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync();
        await File.WriteAllTextAsync(Path.Combine(lab.AgentFolder, "sessions", session.Id + ".cast"), "{}\n[1.0,\"o\",\"another story\"]\n", TestContext.Current.CancellationToken);
        await lab.OnAgent(() => lab.Agent.Ledger.Write(new SessionOpened(session.Id, session.TermsHash, session.ExpiresAt, "x", null, new string('a', 64))));
        Assert.Contains("it was damaged", (await lab.EndedAsync(session.Id)).End!.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bundle_waits_for_the_customer_and_then_leaves_as_it_was_shown()
    {
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync(SessionKind.Bundle);
        await SessionLab.Until(() => lab.At(session.Id).Bundle is not null);
        var path = Path.Combine(lab.AgentFolder, "sessions", session.Id + ".bundle.json");
        var shown = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        var hash = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(shown));
        Assert.Equal(hash, lab.At(session.Id).Bundle!.Hash);
        Assert.Null(lab.Board.Bundle(PlaneWorld.Acme, session.Id));
        await lab.SayAsync(lab.World.Customer, new SessionReleased(session.Id, hash));
        Assert.Equal(SessionEndReason.Left, (await lab.EndedAsync(session.Id)).End!.Why);
        await SessionLab.Until(() => lab.Board.Bundle(PlaneWorld.Acme, session.Id) is not null);
        Assert.Equal(shown, lab.Board.Bundle(PlaneWorld.Acme, session.Id));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task A_bundle_that_was_put_in_the_place_of_the_released_one_does_not_leave()
    {
        await using var lab = await SessionLab.StartAsync();
        var session = await lab.ApprovedAsync(SessionKind.Bundle);
        await SessionLab.Until(() => lab.At(session.Id).Bundle is not null);
        await File.WriteAllTextAsync(Path.Combine(lab.AgentFolder, "sessions", session.Id + ".bundle.json"), "all the keys", TestContext.Current.CancellationToken);
        await lab.SayAsync(lab.World.Customer, new SessionReleased(session.Id, lab.At(session.Id).Bundle!.Hash));
        Assert.Equal(SessionEndReason.Failed, (await lab.EndedAsync(session.Id)).End!.Why);
        Assert.Null(lab.Board.Bundle(PlaneWorld.Acme, session.Id));
    }

    private static async Task<Worker> RunningAsync(SessionLab lab, Session session)
    {
        var worker = await lab.AttachAsync(session);
        await worker.ShowsAsync("opened for");
        await worker.SayAsync(SessionSays.Command, "vmstat 300");
        await worker.ShowsAsync("procs");
        return worker;
    }

    // What runs as the session's own account, of which nothing may be left.
    private static IReadOnlyList<int> Vmstats(SessionLab lab, Session session)
    {
        var words = lab.At(session.Id).Confinement!;
        var at = words.IndexOf("as account ", StringComparison.Ordinal);
        if (at < 0) return [];
        var account = int.Parse(words.AsSpan(at + 11, 5), System.Globalization.CultureInfo.InvariantCulture);
        return Agent.Emergency.CommandRun.Leftovers(new Agent.Emergency.Confinement(account, true, ""), 0);
    }
}
