using System.Collections.Immutable;
using System.Text.Json;
using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Plane.Agents;
using Demarc.Protocol;
using Demarc.Tests.Ledger;
using Google.Protobuf;
using Status = Demarc.Protocol.Status;

namespace Demarc.Tests.Agents;

/// <summary>The plane's side of the conversation, frame by frame.</summary>
public sealed class HubSessionTests
{
    [Fact]
    public async Task Feeds_from_where_the_agent_is_and_then_what_is_new()
    {
        await using var hub = await HubWorld.CreateAsync();
        await using var conversation = hub.Dial();
        conversation.Hello();
        Assert.Equal("0.1.0", (await conversation.NextAsync()).Welcome.PlaneVersion);
        var batch = (await conversation.NextAsync()).Batch;
        var view = await hub.ViewAsync();
        Assert.Equal(0UL, batch.First);
        Assert.Equal(view.Size, batch.Envelopes.Count);
        Assert.Equal(view.Checkpoint, batch.Checkpoint);
        Assert.True(hub.Presence.Connected);
        Assert.Equal("1.2.3", hub.Presence.Version);

        await hub.Running.AppendAsync(hub.World.Member(20, Role.Viewer));
        var next = (await conversation.NextAsync()).Batch;
        Assert.Equal((ulong)view.Size, next.First);
        Assert.Single(next.Envelopes);
        Assert.Equal((await hub.ViewAsync()).Checkpoint, next.Checkpoint);
    }

    [Fact]
    public async Task A_long_way_is_caught_up_in_batches_that_each_prove_themselves()
    {
        await using var hub = await HubWorld.CreateAsync();
        var members = Enumerable.Range(0, AgentHubLimits.BatchEntries + 40).Select(i => hub.World.Finding($"finding-{i}")).ToList();
        await Task.WhenAll(members.Select(hub.Running.AppendAsync));
        var view = await hub.ViewAsync();
        await using var conversation = hub.Dial();
        conversation.Hello();
        await conversation.NextAsync(PlaneFrame.FrameOneofCase.Welcome);
        var frontier = new MerkleFrontier();
        var batches = 0;
        while (frontier.Size < view.Size)
        {
            var batch = (await conversation.NextAsync()).Batch;
            Assert.Equal((ulong)frontier.Size, batch.First);
            foreach (var envelope in batch.Envelopes) frontier.AppendEntry(envelope.Span);
            var checkpoint = hub.World.Signer.Open(PlaneWorld.Acme, batch.Checkpoint, out _, out _)!;
            Assert.Equal(frontier.Size, checkpoint.Size);
            Assert.Equal(frontier.Root(), checkpoint.Root);
            batches++;
        }

        Assert.Equal(2, batches);
    }

    [Fact]
    public async Task Submitted_entries_are_answered_in_order_and_fed_back()
    {
        await using var hub = await HubWorld.CreateAsync();
        await using var conversation = await hub.ConversingAsync();
        var entries = Enumerable.Range(0, 100).Select(i => hub.World.Finding($"finding-{i}")).ToList();
        var size = (await hub.ViewAsync()).Size;
        foreach (var entry in entries) conversation.Submit(entry);
        var fed = 0;
        for (var answered = 0; answered < entries.Count || fed < entries.Count;)
        {
            var frame = await conversation.NextAsync();
            if (frame.FrameCase == PlaneFrame.FrameOneofCase.Batch)
            {
                fed += frame.Batch.Envelopes.Count;
                continue;
            }

            Assert.Equal(entries[answered].Id, frame.SubmitResult.EntryId);
            Assert.Equal((ulong)(size + answered), frame.SubmitResult.Index);
            answered++;
        }

        conversation.Submit(entries[3]);
        Assert.Equal((ulong)(size + 3), (await conversation.ResultAsync()).Index);
    }

    public static TheoryData<string, string> DoctoredReports => new()
    {
        { "someone else's entry", "an agent hands in its own entries only" },
        { "a person's entry", "an agent hands in its own entries only" },
        { "another environment", "the entry is for environment other" },
        { "a broken signature", "does not fit the payload" },
        { "not an envelope", "envelope" },
        { "another id", "entry_id is not" },
        { "an illegal transition", "there is no change" },
        { "a wrong plan hash", "plan" },
        { "an entry too long", "at most 65535 are allowed" },
    };

    [Theory]
    [MemberData(nameof(DoctoredReports))]
    public async Task A_doctored_report_is_refused_and_noted(string doctored, string says)
    {
        await using var hub = await HubWorld.CreateAsync();
        await hub.Running.AppendAsync(hub.World.Order("c-one", "books"));
        await using var conversation = await hub.ConversingAsync();
        var size = (await hub.ViewAsync()).Size;
        conversation.Say(new AgentFrame { Submit = Doctor(hub.World, doctored) });
        var result = await conversation.ResultAsync();
        Assert.Equal(SubmitResult.OutcomeOneofCase.Refusal, result.OutcomeCase);
        Assert.Contains(says, result.Refusal, StringComparison.Ordinal);
        Assert.Equal(size, (await hub.ViewAsync()).Size);
        var notice = Assert.Single(await hub.NoticesAsync());
        Assert.Equal(NoticeKinds.ReportRefused, notice.Kind);

        // One refused report does not end the conversation of an agent that has merely lost a race.
        conversation.Submit(hub.World.Finding("honest"));
        Assert.Equal((ulong)size, (await conversation.ResultAsync()).Index);
    }

    [Fact]
    public async Task A_countersignature_is_checked_and_kept()
    {
        await using var hub = await HubWorld.CreateAsync();
        await using var conversation = await hub.ConversingAsync();
        var view = await hub.ViewAsync();
        var note = Countersign(hub.World, view.Checkpoint, hub.World.Agent);
        conversation.Say(new AgentFrame { Countersign = new Countersign { Checkpoint = note } });
        await view.Superseded.WaitAsync(Patience.Limit);
        Assert.Equal(note, (await hub.ViewAsync()).Countersigned!.Note);
        Assert.Equal(view.Size, hub.Presence.VerifiedSize);
        Assert.Equal(note, (await hub.Store.HeadAsync(PlaneWorld.Acme, CancellationToken.None))!.Countersigned!.Note);
    }

    [Theory]
    [InlineData("another root", "does not carry the signature")]
    [InlineData("another root, signed by the plane's key", "is not this ledger's")]
    [InlineData("a larger size, signed by the plane's key", "more than there are")]
    [InlineData("someone else's line", "there is no line of agent.acme")]
    [InlineData("another environment", "the checkpoint is of 'demarc/other'")]
    [InlineData("no note at all", "note:")]
    public async Task A_countersignature_of_anything_else_ends_the_conversation(string doctored, string says)
    {
        await using var hub = await HubWorld.CreateAsync();
        await using var conversation = await hub.ConversingAsync();
        var view = await hub.ViewAsync();
        var world = hub.World;
        var note = doctored switch
        {
            "another root" => Countersign(world, SignedNote.Sign(new Checkpoint("demarc/acme", view.Size, new byte[32]).Body, new NoteSigner("plane.test", world.Stranger)).ToString(), world.Agent),
            "another root, signed by the plane's key" => Countersign(world, world.Signer.Sign(PlaneWorld.Acme, view.Size, new byte[32]), world.Agent),
            "a larger size, signed by the plane's key" => Countersign(world, world.Signer.Sign(PlaneWorld.Acme, view.Size + 1, view.Root), world.Agent),
            "someone else's line" => Countersign(world, view.Checkpoint, world.Stranger),
            "another environment" => Countersign(world, world.Signer.Sign(EnvironmentId.Parse("other"), view.Size, view.Root), world.Agent),
            _ => "hello",
        };
        conversation.Say(new AgentFrame { Countersign = new Countersign { Checkpoint = note } });
        Assert.Contains(says, await conversation.GoodbyeAsync(), StringComparison.Ordinal);
        Assert.Contains(says, Assert.Single(await hub.NoticesAsync()).Text, StringComparison.Ordinal);
        Assert.Null((await hub.ViewAsync()).Countersigned);
        Assert.False(hub.Presence.Connected);
    }

    [Fact]
    public async Task A_revoked_agent_gets_the_proof_and_is_off_at_once()
    {
        await using var hub = await HubWorld.CreateAsync();
        await using var conversation = await hub.ConversingAsync();
        var revoke = hub.World.Revoke();
        await hub.Running.AppendAsync(revoke);
        var batch = (await conversation.NextAsync()).Batch;
        Assert.Equal(revoke.Bytes.ToArray(), batch.Envelopes[^1].ToByteArray());
        Assert.Equal(Goodbyes.Revoked, await conversation.GoodbyeAsync());
        Assert.Equal(Goodbyes.Revoked, await conversation.Ended.WaitAsync(Patience.Limit));
        Assert.True(conversation.WasHeard);
        Assert.False(hub.Presence.Connected);

        await using var back = hub.Dial();
        back.Hello();
        Assert.Equal(Goodbyes.Revoked, await back.GoodbyeAsync());
    }

    [Fact]
    public async Task A_stalled_agent_holds_up_nobody_and_is_cut_when_revoked()
    {
        await using var hub = await HubWorld.CreateAsync();
        await using var conversation = await hub.ConversingAsync();
        conversation.Stalled = new TaskCompletionSource();
        for (var i = 0; i < 40; i++) await hub.Running.AppendAsync(hub.World.Finding($"finding-{i}"));
        await hub.Running.AppendAsync(hub.World.Revoke());

        // Only the clock of the conversation moves: what it waits for is its own last words, not the agent.
        while (!conversation.Ended.IsCompleted)
        {
            hub.World.Time.Advance(AgentHubLimits.LastWords / 4);
            await Task.Yield();
        }

        Assert.Equal(Goodbyes.Revoked, await conversation.Ended);
        Assert.False(conversation.WasHeard);
        Assert.Null((await hub.Running.AppendAsync(hub.World.Member(20, Role.Viewer))).Refusal);
    }

    [Fact]
    public async Task A_second_stream_supersedes_the_first()
    {
        await using var hub = await HubWorld.CreateAsync();
        await using var first = await hub.ConversingAsync();
        await using var second = await hub.ConversingAsync();
        Assert.Equal(Goodbyes.Superseded, await first.GoodbyeAsync());
        await first.Ended.WaitAsync(Patience.Limit);
        Assert.True(hub.Presence.Connected);
        second.Submit(hub.World.Finding("mine"));
        Assert.Equal(SubmitResult.OutcomeOneofCase.Index, (await second.ResultAsync()).OutcomeCase);
        second.HangUp();
        await second.Ended.WaitAsync(Patience.Limit);
        Assert.False(hub.Presence.Connected);
    }

    [Fact]
    public async Task A_silent_agent_is_let_go_and_one_that_pings_is_not()
    {
        await using var hub = await HubWorld.CreateAsync();
        await using var conversation = await hub.ConversingAsync();
        var finding = hub.World.Finding("mine");
        // A round ends when the plane has answered, so that the clock never runs ahead of what was heard.
        for (var round = 0; round < 12 || conversation.Pings == 0; round++)
        {
            conversation.Say(new AgentFrame { Ping = new Ping() });
            conversation.Submit(finding);
            await conversation.ResultAsync();
            hub.World.Time.Advance(AgentHubLimits.Ping);
        }

        Assert.False(conversation.Ended.IsCompleted);
        while (!conversation.Ended.IsCompleted)
        {
            hub.World.Time.Advance(AgentHubLimits.Ping);
            await Task.Yield();
        }

        Assert.Equal(Goodbyes.Silent, await conversation.Ended);
    }

    [Theory]
    [InlineData("no hello", "the first frame must be hello")]
    [InlineData("another environment", "the certificate is for environment acme")]
    [InlineData("protocol 0", "protocol 0 is not spoken here")]
    [InlineData("more than there is", "its store was set back")]
    public async Task A_wrong_greeting_is_answered_with_the_reason(string greeting, string says)
    {
        await using var hub = await HubWorld.CreateAsync();
        await using var conversation = hub.Dial();
        switch (greeting)
        {
            case "no hello":
                conversation.Say(new AgentFrame { Ping = new Ping() });
                break;
            case "another environment":
                conversation.Hello(environment: "other");
                break;
            case "protocol 0":
                conversation.Say(new AgentFrame { Hello = new Hello { Environment = "acme" } });
                break;
            default:
                conversation.Say(new AgentFrame { Hello = new Hello { Protocol = 1, Environment = "acme", Size = 1000 } });
                break;
        }

        Assert.Contains(says, await conversation.GoodbyeAsync(), StringComparison.Ordinal);
        await conversation.Ended.WaitAsync(Patience.Limit);
        Assert.False(hub.Presence.Connected);
    }

    [Fact]
    public async Task An_agent_of_another_history_is_noted_and_still_fed_so_that_it_can_see_for_itself()
    {
        await using var hub = await HubWorld.CreateAsync();
        await using var conversation = hub.Dial();
        conversation.Say(new AgentFrame { Hello = new Hello { Protocol = 1, Environment = "acme", Size = 2, Root = ByteString.CopyFrom(new byte[32]) } });
        await conversation.NextAsync(PlaneFrame.FrameOneofCase.Welcome);
        Assert.Equal(2UL, (await conversation.NextAsync()).Batch.First);
        Assert.Equal(NoticeKinds.HistoryDiffers, Assert.Single(await hub.NoticesAsync()).Kind);
    }

    [Fact]
    public async Task A_refusal_of_this_plane_is_shown_even_after_a_restart_until_the_agent_follows_again()
    {
        await using var hub = await HubWorld.CreateAsync();
        await using (var conversation = await hub.ConversingAsync())
        {
            conversation.Say(new AgentFrame { Refuse = new Refuse { Reason = "forked", Detail = "root differs at 7" } });
            Assert.Contains("forked: root differs at 7", await conversation.GoodbyeAsync(), StringComparison.Ordinal);
        }

        var afterRestart = new AgentBoard(hub.Store, hub.World.Time);
        Assert.Equal("forked: root differs at 7", (await afterRestart.ReadAsync(PlaneWorld.Acme, CancellationToken.None)).Refusal);

        await using var back = await hub.ConversingAsync();
        back.Say(new AgentFrame { Countersign = new Countersign { Checkpoint = Countersign(hub.World, (await hub.ViewAsync()).Checkpoint, hub.World.Agent) } });
        await hub.UntilAsync(presence => presence.Refusal is null);
        var later = new AgentBoard(hub.Store, hub.World.Time);
        Assert.Null((await later.ReadAsync(PlaneWorld.Acme, CancellationToken.None)).Refusal);
    }

    [Fact]
    public async Task Progress_and_observations_are_kept_in_memory_within_bounds()
    {
        await using var hub = await HubWorld.CreateAsync();
        await hub.Running.AppendAsync(hub.World.Order("c-one", "books"));
        await using var conversation = await hub.ConversingAsync();
        conversation.Say(Progress("c-nowhere", 0.5));
        conversation.Say(Progress("c-one", double.NaN));
        conversation.Say(Progress("c-one", 7));
        await hub.UntilAsync(presence => presence.Progress.ContainsKey("c-one"));
        Assert.Equal(["c-one"], hub.Presence.Progress.Keys);
        Assert.Equal(1, hub.Presence.Progress["c-one"].Fraction);
        Assert.Equal(AgentHubLimits.Message + 1, hub.Presence.Progress["c-one"].Message.Length);

        var seen = new Observation(hub.World.Time.GetUtcNow(), "local", new MachineFacts("m", "os", "X64", 2, 100, 50, 1), new NetworkFacts([], []), new ClusterFacts("s", 0), new BucketFacts("b", true, true, 1, null), [1], [], ImmutableSortedDictionary<InstanceId, ObservedInstance>.Empty);
        conversation.Say(new AgentFrame { Status = new Status { ObservationJson = ByteString.CopyFrom(JsonSerializer.SerializeToUtf8Bytes(seen, LedgerJson.Default.Observation)) } });
        await hub.UntilAsync(presence => presence.Observation?.Machine.Name == "m");
        conversation.Say(new AgentFrame { Status = new Status { ObservationJson = ByteString.CopyFromUtf8("{\"at\":1}") } });
        Assert.Equal("the observation cannot be read", await conversation.GoodbyeAsync());
    }

    [Fact]
    public async Task An_agent_gone_mad_wears_out_neither_disk_nor_plane()
    {
        await using var hub = await HubWorld.CreateAsync();
        await using var conversation = await hub.ConversingAsync();
        var forged = Doctor(hub.World, "someone else's entry");
        for (var i = 0; i < AgentHubLimits.NoticesPerStream + 30; i++)
        {
            conversation.Say(new AgentFrame { Submit = forged });
            Assert.NotEmpty((await conversation.ResultAsync()).Refusal);
        }

        Assert.Equal(AgentHubLimits.NoticesPerStream, (await hub.NoticesAsync()).Count);
    }

    [Fact]
    public async Task When_the_plane_stops_the_agent_is_told()
    {
        await using var hub = await HubWorld.CreateAsync();
        await using var conversation = await hub.ConversingAsync();
        conversation.StopPlane();
        Assert.Equal(Goodbyes.Stopping, await conversation.GoodbyeAsync());
    }

    private static AgentFrame Progress(string change, double fraction) =>
        new() { Progress = new Progress { Change = change, Step = 1, Steps = 2, Fraction = fraction, Message = new string('x', 10_000) } };

    private static string Countersign(PlaneWorld world, string checkpoint, SigningKey key) =>
        SignedNote.Parse(checkpoint).Note!.AddSignature(NoteSigner.Cosigner(key == world.Agent ? "agent.acme" : "agent.else", key, world.Time.GetUtcNow())).ToString();

    private static Submit Doctor(PlaneWorld world, string doctored)
    {
        var change = Demarc.Core.Changes.ChangeId.Parse("c-one");
        var entry = doctored switch
        {
            "someone else's entry" => world.Write(new FindingCleared("x"), world.Stranger),
            "a person's entry" => world.Member(30, Role.Owner),
            "another environment" => world.Write(EnvironmentId.Parse("other"), new FindingCleared("x"), world.Agent),
            "an illegal transition" => world.Write(new ChangeSucceeded(Demarc.Core.Changes.ChangeId.Parse("c-none"), "done"), world.Agent),
            "a wrong plan hash" => world.Write(new ChangePlanned(change, "{}", new string('0', 64)), world.Agent),
            _ => world.Finding("honest-before"),
        };
        var bytes = entry.Bytes.ToArray();
        if (doctored == "a broken signature") bytes = System.Text.Encoding.UTF8.GetBytes(ResignedText(bytes));
        if (doctored == "not an envelope") bytes = [1, 2, 3];
        if (doctored == "an entry too long") bytes = new byte[Entry.MaxBytes + 1];
        return new Submit { EntryId = doctored == "another id" ? "entry-other" : entry.Id, Envelope = ByteString.CopyFrom(bytes) };
    }

    /// <summary>The payload of one entry under the signature of another.</summary>
    private static string ResignedText(byte[] envelope)
    {
        using var json = JsonDocument.Parse(envelope);
        var payload = json.RootElement.GetProperty("payload").GetString()!;
        var body = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(payload));
        var other = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(body.Replace("make room", "make way", StringComparison.Ordinal)));
        return System.Text.Encoding.UTF8.GetString(envelope).Replace(payload, other, StringComparison.Ordinal);
    }
}
