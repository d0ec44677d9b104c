using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Plane.Agents;
using Demarc.Plane.Ledger;
using Demarc.Protocol;
using Demarc.Tests.Ledger;
using Google.Protobuf;
using Status = Demarc.Protocol.Status;

namespace Demarc.Tests.Agents;

/// <summary>
/// A stolen or rewritten agent that holds the right certificate and lies about the changes it carries out. Whatever it hands in stands in the ledger
/// only where an honest agent could have put it; what is refused leaves the ledger as it was, and a notice with the reason.
/// </summary>
public sealed class DoctoredAgentTests
{
    private static readonly ChangeId Running = ChangeId.Parse("c-books");
    private static readonly ChangeId Waiting = ChangeId.Parse("c-files");
    private static readonly ChangeId Unapproved = ChangeId.Parse("c-delete");
    private static readonly Plan Steps = Plan.Of([new StopEngine(InstanceId.Parse("books"), "2.6.4", 19530, 512), new AwaitHealthy(InstanceId.Parse("books"), 19530)]);

    public static TheoryData<string, string> Lies => new()
    {
        { "a receipt signed by another key", "an agent hands in its own entries only" },
        { "a receipt signed by another key in the agent's name", "signature" },
        { "a receipt for a change that another instance waits for", "is requested and cannot have steps reported" },
        { "a receipt for a change that nobody asked for", "there is no change c-nobody" },
        { "the second step before the first", "step 1 of change c-books is not finished" },
        { "a receipt for a step that has not begun", "step 2 of change c-books is not under way" },
        { "a receipt for a step beyond the plan", "has 2 steps, not a step 3" },
        { "a step begun twice", "step 1 of change c-books has begun before" },
        { "an undo that nothing failed for", "no step of change c-books has failed" },
        { "success half way", "has steps that are not finished" },
        { "a start nobody has approved", "cannot start" },
        { "success of a plan nobody has approved", "is planned and cannot succeed" },
        { "an approval of its own plan", "no member" },
        { "another plan for what runs", "is running and cannot be planned" },
        { "a plan that reaches for another instance", "touches another instance" },
        { "a change it has no standing authority for", "no standing authority for instances.delete" },
        { "a credential for another change's instance", "c-books" },
        { "a receipt of another environment", "the entry is for environment other" },
        { "a receipt larger than any entry", "at most 65535 are allowed" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task A_lie_about_a_change_is_refused(string lie, string says)
    {
        await using var hub = await WithChangesAsync();
        await using var conversation = await hub.ConversingAsync();
        var before = await hub.ViewAsync();
        conversation.Say(new AgentFrame { Submit = Lie(hub.World, lie) });
        var result = await conversation.ResultAsync();
        Assert.Equal(SubmitResult.OutcomeOneofCase.Refusal, result.OutcomeCase);
        Assert.Contains(says, result.Refusal, StringComparison.Ordinal);
        Assert.Contains(says, Assert.Single(await hub.NoticesAsync()).Text, StringComparison.Ordinal);
        Assert.Equal(before.Size, (await hub.ViewAsync()).Size);

        // The honest report of the same step still has its place.
        conversation.Submit(hub.World.Write(new StepFinished(Running, 0, "stopped"), hub.World.Agent));
        Assert.Equal((ulong)before.Size, (await conversation.ResultAsync()).Index);
    }

    [Fact]
    public async Task A_replayed_receipt_counts_once()
    {
        await using var hub = await WithChangesAsync();
        await using var conversation = await hub.ConversingAsync();
        var receipt = hub.World.Write(new StepFinished(Running, 0, "stopped"), hub.World.Agent);
        conversation.Submit(receipt);
        var index = (await conversation.ResultAsync()).Index;
        var size = (await hub.ViewAsync()).Size;

        // The identical entry is the answer that was lost: it is given again, and nothing is written.
        conversation.Submit(receipt);
        Assert.Equal(index, (await conversation.ResultAsync()).Index);
        Assert.Equal(size, (await hub.ViewAsync()).Size);
        Assert.Empty(await hub.NoticesAsync());

        // The same words as a new entry, and other words under the id that was used, are lies.
        conversation.Submit(hub.World.Write(new StepFinished(Running, 0, "stopped"), hub.World.Agent));
        Assert.Contains("step 1 of change c-books is not under way", (await conversation.ResultAsync()).Refusal, StringComparison.Ordinal);
        var other = Entry.Write(PlaneWorld.Acme, receipt.Id, hub.World.Time.GetUtcNow(), new StepStarted(Running, 1), hub.World.Agent);
        conversation.Submit(other);
        Assert.Contains(receipt.Id, (await conversation.ResultAsync()).Refusal, StringComparison.Ordinal);
        Assert.Equal(size, (await hub.ViewAsync()).Size);
    }

    [Fact]
    public async Task A_report_of_a_change_that_has_ended_is_refused()
    {
        await using var hub = await WithChangesAsync();
        await using var conversation = await hub.ConversingAsync();
        foreach (var data in new EntryData[] { new StepFailed(Running, 0, "it does not stop"), new StepUndone(Running, 0, "nothing to undo"), new ChangeRolledBack(Running, "it does not stop") })
        {
            conversation.Submit(hub.World.Write(data, hub.World.Agent));
            Assert.Equal(SubmitResult.OutcomeOneofCase.Index, (await conversation.ResultAsync()).OutcomeCase);
        }

        var size = (await hub.ViewAsync()).Size;
        foreach (var data in new EntryData[] { new StepFinished(Running, 0, "stopped after all"), new ChangeSucceeded(Running, "all is well"), new ChangeStarted(Running, Steps.Hash), new ChangeFailed(Running, "no") })
        {
            conversation.Submit(hub.World.Write(data, hub.World.Agent));
            Assert.Contains("rolled back", (await conversation.ResultAsync()).Refusal, StringComparison.Ordinal);
        }

        Assert.Equal(size, (await hub.ViewAsync()).Size);
    }

    [Theory]
    [InlineData("observation")]
    [InlineData("countersignature")]
    public async Task An_oversized_report_ends_the_conversation(string report)
    {
        await using var hub = await WithChangesAsync();
        await using var conversation = await hub.ConversingAsync();
        conversation.Say(report == "observation"
            ? new AgentFrame { Status = new Status { ObservationJson = ByteString.CopyFrom(new byte[AgentHubLimits.StatusBytes + 1]) } }
            : new AgentFrame { Countersign = new Countersign { Checkpoint = new string('x', AgentHubLimits.CheckpointCharacters + 1) } });
        Assert.Contains(report, await conversation.GoodbyeAsync(), StringComparison.Ordinal);
        Assert.Contains("are allowed", Assert.Single(await hub.NoticesAsync()).Text, StringComparison.Ordinal);
        await conversation.Ended.WaitAsync(Patience.Limit);
        Assert.False(hub.Presence.Connected);
    }

    // One change runs and is at its first step, one waits to be planned, and one has a plan that the customer has not approved.
    private static async Task<HubWorld> WithChangesAsync()
    {
        var hub = await HubWorld.CreateAsync();
        var world = hub.World;
        var delete = Plan.Of([new StopEngine(InstanceId.Parse("old"), "2.6.4", 19531, 512)]);
        var create = Plan.Of([new StopEngine(InstanceId.Parse("old"), "2.6.4", 19531, 512)]);
        var first = ChangeId.Parse("c-old");
        await hub.Running.AppendAllAsync(
        [
            world.Order("c-old", "old"),
            world.Write(new ChangePlanned(first, create.Text, create.Hash), world.Agent),
            world.Write(new ChangeStarted(first, create.Hash), world.Agent),
            world.Write(new StepStarted(first, 0), world.Agent),
            world.Write(new StepFinished(first, 0, "done"), world.Agent),
            world.Write(new ChangeSucceeded(first, "checked"), world.Agent),
            world.Order("c-books", "books"),
            world.Order("c-files", "files"),
            world.Write(new ChangeRequested(Unapproved, new InstanceRequest(ChangeAction.Delete.Name, InstanceId.Parse("old"), null)), world.Vendor),
            world.Write(new ChangePlanned(Unapproved, delete.Text, delete.Hash), world.Agent),
            world.Write(new ChangePlanned(Running, Steps.Text, Steps.Hash), world.Agent),
            world.Write(new ChangeStarted(Running, Steps.Hash), world.Agent),
            world.Write(new StepStarted(Running, 0), world.Agent),
        ]);
        return hub;
    }

    private static Submit Lie(PlaneWorld world, string lie)
    {
        var agent = world.Agent;
        var honest = new StepFinished(Running, 0, "stopped");
        var unapproved = Plan.Of([new StopEngine(InstanceId.Parse("old"), "2.6.4", 19531, 512)]);
        var foreign = Plan.Of([new EraseData(InstanceId.Parse("books"))]);
        var entry = lie switch
        {
            "a receipt signed by another key" => world.Write(honest, world.Stranger),
            "a receipt for a change that another instance waits for" => world.Write(new StepFinished(Waiting, 0, "stopped"), agent),
            "a receipt for a change that nobody asked for" => world.Write(new StepFinished(ChangeId.Parse("c-nobody"), 0, "stopped"), agent),
            "the second step before the first" => world.Write(new StepStarted(Running, 1), agent),
            "a receipt for a step that has not begun" => world.Write(new StepFinished(Running, 1, "healthy"), agent),
            "a receipt for a step beyond the plan" => world.Write(new StepFinished(Running, 2, "more"), agent),
            "a step begun twice" => world.Write(new StepStarted(Running, 0), agent),
            "an undo that nothing failed for" => world.Write(new StepUndone(Running, 0, "undone"), agent),
            "success half way" => world.Write(new ChangeSucceeded(Running, "trust me"), agent),
            "a start nobody has approved" => world.Write(new ChangeStarted(Unapproved, unapproved.Hash), agent),
            "success of a plan nobody has approved" => world.Write(new ChangeSucceeded(Unapproved, "deleted"), agent),
            "an approval of its own plan" => world.Write(new ChangeApproved(Unapproved, unapproved.Hash), agent),
            "another plan for what runs" => world.Write(new ChangePlanned(Running, Steps.Text, Steps.Hash), agent),
            "a plan that reaches for another instance" => world.Write(new ChangePlanned(Waiting, foreign.Text, foreign.Hash), agent),
            "a change it has no standing authority for" => world.Write(new ChangeRequested(ChangeId.Parse("c-own"), new InstanceRequest(ChangeAction.Delete.Name, InstanceId.Parse("old"), null)), agent),
            "a credential for another change's instance" => world.Write(new CredentialIssued(Running, InstanceId.Parse("old"), "root", "sealed to somebody"), agent),
            "a receipt of another environment" => world.Write(EnvironmentId.Parse("other"), honest, agent),
            _ => world.Write(honest, agent),
        };
        var bytes = lie switch
        {
            "a receipt signed by another key in the agent's name" => UnderAnotherSignature(world, entry),
            "a receipt larger than any entry" => [.. entry.Bytes.Span, .. new byte[Entry.MaxBytes]],
            _ => entry.Bytes.ToArray(),
        };
        return new Submit { EntryId = entry.Id, Envelope = ByteString.CopyFrom(bytes) };
    }

    // The agent's payload and key id, over which another key has signed.
    private static byte[] UnderAnotherSignature(PlaneWorld world, Entry honest)
    {
        var envelope = DsseEnvelope.Parse(honest.Bytes).Envelope!;
        var forged = DsseEnvelope.Sign(Entry.PayloadType, envelope.Payload.Span, world.Stranger);
        var text = System.Text.Encoding.UTF8.GetString(forged.Bytes.Span);
        return System.Text.Encoding.UTF8.GetBytes(text.Replace(world.Stranger.Public.KeyId, world.Agent.Public.KeyId, StringComparison.Ordinal));
    }
}
