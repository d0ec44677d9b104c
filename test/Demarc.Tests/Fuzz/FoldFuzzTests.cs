using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Fuzz;

/// <summary>
/// Random acts of everybody, sensible and not, in any order: the fold gives each its place or a reason, gives the same state every time and however the entries
/// are handed over, and never lets in what the authors have no right to.
/// </summary>
public sealed class FoldFuzzTests
{
    private static readonly ChangeId[] Changes = [ChangeId.Parse("c-aaaaaaaaaa"), ChangeId.Parse("c-bbbbbbbbbb"), ChangeId.Parse("c-cccccccccc")];
    private static readonly InstanceId[] Instances = [InstanceId.Parse("docs"), InstanceId.Parse("logs")];

    private static readonly string[] Charters = [.. Enumerable.Range(0, 4).Select(version => CharterYaml.Write(CharterDocument.Default with { Version = version }))];

    [Fact]
    public void Any_acts_in_any_order()
    {
        var (accepted, refused) = (new HashSet<string>(), new HashSet<string>());
        for (var seed = 0; seed < 120; seed++)
        {
            var (world, random) = (new PlaneWorld(), new Random(seed));
            var entries = seed % 4 == 0 ? [] : world.UpToAgent().ToList();
            var (state, _, fault) = EnvironmentFold.ApplyAll(EnvironmentState.Empty, entries);
            Assert.Null(fault);
            for (var act = 0; act < 250; act++)
            {
                world.Time.Advance(TimeSpan.FromSeconds(random.Next(100)));
                var entry = Act(world, random, state);
                var folded = EnvironmentFold.Apply(state, entry);
                var again = EnvironmentFold.Apply(state, entry);
                Assert.Equal(folded.Refusal, again.Refusal);
                if (folded.State is not { } next)
                {
                    Assert.True(folded.Refusal is { Length: > 0 }, $"seed {seed}, act {act}: neither a place nor a reason");
                    refused.Add(entry.Body.Kind);
                    continue;
                }

                Assert.False(entry.Author == world.Stranger.Public, $"seed {seed}, act {act}: a stranger's {entry.Body.Kind} has a place");
                Holds(state, next, entry, $"seed {seed}, act {act}, {entry.Body.Kind}");
                accepted.Add(entry.Body.Kind);
                state = next;
                entries.Add(entry);
            }

            var (whole, count, refusal) = EnvironmentFold.ApplyAll(EnvironmentState.Empty, entries);
            Assert.Null(refusal);
            Assert.Equal(entries.Count, count);
            Assert.Equal(Seen(state), Seen(whole));
        }

        // The test is worth something only while random acts do get somewhere.
        foreach (var kind in new[] { "change.requested", "change.planned", "change.started", "change.step-started", "change.step-finished", "change.step-failed", "change.withdrawn", "finding.raised", "member.added", "charter.proposed", "agent.revoked", "change.paused", "change.resumed", "change.stopped", "change.halted", "change.postponed", "vendor.severed", "plane.moved" })
            Assert.Contains(kind, accepted);
        Assert.True(refused.Count > 15, string.Join(", ", refused));
    }

    private static void Holds(EnvironmentState before, EnvironmentState after, Entry entry, string where)
    {
        Assert.True(after.Size == before.Size + 1, where);
        foreach (var change in after.Changes.Values)
        {
            var was = before.Changes.GetValueOrDefault(change.Id);
            Assert.True(was is null || was.EndedAt is null || was.Status == change.Status, $"{where}: {change.Id} had ended and goes on");
            if (was is { IsPaused: true } && change.IsPaused) Assert.True(was.Steps.SequenceEqual(change.Steps), $"{where}: {change.Id} stands still and its steps change");
            if (change.Halt is { StandsStill: true }) Assert.True(change.Status == ChangeStatus.Running && change.Steps.All(step => step.Status != StepStatus.Started), $"{where}: {change.Id} stands still in a step");
            if (change.Status == ChangeStatus.Running) Assert.True(after.Charter is not null && change.Awaits.IsEmpty, $"{where}: {change.Id} runs without authority");
        }

        Assert.True(after.Instances.Count <= before.Instances.Count || entry.Author == after.Agent?.Key, $"{where}: an instance that no agent made");
        Assert.True(after.Members.Values.Count(member => member.IsRoot) == 2, $"{where}: the roots are two");
        Severed(before, after, entry, where);
    }

    private static void Severed(EnvironmentState before, EnvironmentState after, Entry entry, string where)
    {
        var author = before.MemberOf(entry.Author);
        if (before.Severed is not null) Assert.True(author?.Party != Party.Vendor || entry.Data is CharterSigned, $"{where}: a severed vendor acts");
        if (after.Severed is not null)
        {
            Assert.True(after.Charter is null || after.Charter.Rules.Values.All(rule => rule.Owner == Owner.Customer), $"{where}: a task is not the customer's");
            Assert.True(after.OpenChanges.All(change => change.RequestedFor != Party.Vendor || !change.IsWaiting), $"{where}: a change of the vendor waits");
            Assert.True(after.OpenChanges.All(change => change.NeedsApproval?.Includes(Party.Vendor) != true || !change.IsWaiting), $"{where}: the vendor is waited for");
        }

        if (after.PlaneKey == before.PlaneKey || before.Founding is null) return;
        Assert.True(entry.Data is VendorSevered or PlaneMoved && author is { Party: Party.Customer, Role: Role.Owner }, $"{where}: somebody else moves the ledger");
        Assert.True(!after.MaySign(before.PlaneKey) || entry.Data is PlaneMoved, $"{where}: a severed plane still signs");
    }

    private static string Plane(int number) => new NoteKey($"plane.{number}", Sample.Key((byte)(200 + number)).Public).ToString();

    private static string Seen(EnvironmentState state) => string.Join('\n',
        [.. ViewOf.Responsibilities(state).Select(row => row.ToString()), .. state.Changes.Values.OrderBy(c => c.Id.Value, StringComparer.Ordinal).Select(c => $"{c.Id} {c.Status} {c.PlanHash}"), .. state.Instances.Values.Select(i => $"{i.Id} {i.Status}"), .. state.Members.Keys.Order(StringComparer.Ordinal)]);

    private static Entry Act(PlaneWorld world, Random random, EnvironmentState state)
    {
        T Any<T>(params T[] from) => from[random.Next(from.Length)];
        string Someone() => Sample.Key((byte)random.Next(1, 60)).Public.KeyId;
        var change = Any(Changes);
        var instance = Any(Instances);
        var known = state.Changes.GetValueOrDefault(change);
        var plan = Plan.Of([new CreateData(instance), new StartEngine(instance, "2.6.4", 19530, 512)]);
        var hash = random.Next(6) == 0 ? "sha256:" + new string('0', 64) : known?.PlanHash ?? plan.Hash;
        var step = random.Next(4) == 0 ? random.Next(-1, 4) : known?.Steps.Count(progress => progress.Status == StepStatus.Finished) + random.Next(2) ?? 0;
        var yaml = Charters[random.Next(4)];
        EntryData data = random.Next(31) switch
        {
            0 => new EnvironmentFounded("Again", world.Customer.Public.KeyId, world.Vendor.Public.KeyId, world.Signer.VerifierKey, PlaneWorld.Sealing),
            1 => new CharterProposed(random.Next(0, 4), yaml),
            2 => new CharterSigned(random.Next(0, 4), random.Next(3) == 0 ? CharterText.Hash(yaml) : state.Proposal?.Sha256 ?? CharterText.Hash(yaml)),
            3 => new MemberAdded(Someone(), Any(Enum.GetValues<Role>()), "somebody"),
            4 => Any<EntryData>(new MemberRemoved(Someone()), new MemberReplaced(Someone(), Someone()), new MemberExpirySet(Someone(), world.Time.GetUtcNow() + TimeSpan.FromMinutes(random.Next(-5, 50))), new RootReplaced(Someone(), Someone(), "lost")),
            5 => new AgentInvited(world.Invitation.Public.KeyId, world.Time.GetUtcNow() + TimeSpan.FromMinutes(random.Next(-5, 50))),
            6 when random.Next(40) == 0 => new AgentRevoked(world.Agent.Public.KeyId, "lost"),
            7 => new AgentJoined(world.Agent.Public.KeyId, world.Invitation.Public.KeyId, "machine"),
            8 or 9 => new ChangeRequested(change, new InstanceRequest(Any("instances.create", "instances.create", "instances.delete", "instances.suspend", "instances.heal", "instances.nonsense"), instance, random.Next(3) == 0 ? null : new InstanceOrder("2.6.4", InstanceSize.Small, ImmutableSortedDictionary<string, string>.Empty))),
            10 or 11 => new ChangePlanned(change, random.Next(6) == 0 ? "[]" : plan.Text, plan.Hash),
            12 => new ChangeApproved(change, hash),
            13 when random.Next(3) == 0 => new ChangeRejected(change, "no"),
            14 when random.Next(3) == 0 => Any<EntryData>(new ChangeWithdrawn(change, "changed my mind"), new ChangeStopped(change, "enough")),
            15 when random.Next(3) == 0 => new ChangeRefused(change, "tasks.provision", "no"),
            16 or 17 => new ChangeStarted(change, hash),
            18 or 23 => new StepStarted(change, step),
            19 or 24 => Any<EntryData>(new StepFinished(change, step, "done"), new StepFailed(change, step, "broken"), new StepUndone(change, step, "undone")),
            20 => Any<EntryData>(new ChangeSucceeded(change, "proof"), new ChangeFailed(change, "why"), new ChangeRolledBack(change, "why"), new ChangeExpired(change)),
            21 => new CredentialIssued(change, instance, "root", "not sealed"),
            22 => new FindingRaised(Any("bucket-full", "data-docs"), Any(Enum.GetValues<TaskId>()), "thing", "broken", "mend it"),
            25 when random.Next(2) == 0 => Any<EntryData>(new ChangePaused(change, "wait"), new ChangePaused(change, "wait"), new ChangeResumed(change, "on"), random.Next(3) == 0 ? new ChangeStopped(change, "end") : new ChangeDeferred(change, world.Time.GetUtcNow() + TimeSpan.FromMinutes(random.Next(-5, 50)), "later")),
            26 when random.Next(2) == 0 => Any<EntryData>(new ChangeHalted(change, 1), new ChangeHalted(change, random.Next(4)), new ChangePostponed(change, "late")),
            30 when random.Next(30) == 0 => random.Next(2) == 0 ? new VendorSevered(Plane(random.Next(3)), "over") : new PlaneMoved(Plane(random.Next(3)), "elsewhere"),
            27 or 28 or 29 when known is { IsEnded: false } => Next(known, plan, random),
            _ => new FindingCleared(Any("bucket-full", "data-docs")),
        };

        // Mostly by whom it should be, else by anybody.
        var right = EntryKind.Of(data).Author == EntryAuthor.Agent ? world.Agent : Any(world.Vendor, world.Customer);
        var by = random.Next(5) == 0 ? Any(world.Vendor, world.Customer, world.Agent, world.Invitation, world.Stranger) : right;
        return data is AgentJoined ? world.Write(data, world.Agent, world.Invitation) : data is EnvironmentFounded ? world.Write(data, world.Customer, world.Vendor) : world.Write(data, by);
    }

    /// <summary>What comes next for a change when all goes well: without it hardly any would get as far as their steps.</summary>
    private static EntryData Next(Change change, Plan plan, Random random) => change.Status switch
    {
        ChangeStatus.Running when change.Halt is { StandsStill: false } && random.Next(2) == 0 => new ChangeHalted(change.Id, change.Holds),
        ChangeStatus.Running when change.Steps.All(step => step.Status == StepStatus.Waiting) && random.Next(6) == 0 => new ChangePostponed(change.Id, "late"),
        ChangeStatus.Running when change.Halt is null && random.Next(12) == 0 => new ChangeStopped(change.Id, "enough"),
        _ when change.Halt is { Kind: HaltKind.Pause } => new ChangeResumed(change.Id, "on"),
        ChangeStatus.Requested => new ChangePlanned(change.Id, plan.Text, plan.Hash),
        ChangeStatus.Planned => new ChangeApproved(change.Id, change.PlanHash!),
        ChangeStatus.Approved => new ChangeStarted(change.Id, change.PlanHash!),
        _ when change.Steps.Any(step => step.Status == StepStatus.Started) => new StepFinished(change.Id, change.Steps.Count(step => step.Status == StepStatus.Finished), "done"),
        _ => new StepStarted(change.Id, change.Steps.Count(step => step.Status == StepStatus.Finished)),
    };
}
