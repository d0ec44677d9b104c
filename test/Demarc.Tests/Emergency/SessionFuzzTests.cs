using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Tests.Environments;

namespace Demarc.Tests.Emergency;

/// <summary>Random acts of everybody around sessions, sensible and not, at random times: none is ever open without authority, none goes on after its end, and nothing is counted wrong.</summary>
public sealed class SessionFuzzTests
{
    private static readonly SessionId[] Ids = [SessionId.Parse("s-one"), SessionId.Parse("s-two"), SessionId.Parse("s-three"), SessionId.Parse("s-four")];

    [Fact]
    public void Any_acts_in_any_order()
    {
        var (accepted, opened) = (new HashSet<string>(), 0);
        for (var seed = 0; seed < 150; seed++)
        {
            var random = new Random(seed);
            var world = new World(seed + 1).Joined();
            var emergency = CharterDocument.Default[TaskId.Emergency] with { Override = seed % 2 == 0 };
            world.Chartered(CharterDocument.Default with
            {
                Version = 2,
                Rules = CharterDocument.Default.Rules.SetItem(TaskId.Emergency, emergency),
                Preapproved = seed % 3 == 0 ? [new PreapprovedAct("night", "emergency.terminal", null, 2, new DateOnly(2026, 12, 31))] : [],
            });
            var (bob, eve) = (world.Key(), world.Key());
            world.Do(new MemberAdded(bob.Public.KeyId, Role.Operator, "bob"), world.Vendor);
            for (var act = 0; act < 200; act++)
            {
                world.Now = world.Now.AddSeconds(random.Next(400));
                var by = new[] { world.Vendor, world.Customer, world.Agent, bob, eve, world.Plane }[random.Next(6)];
                var entry = world.Write(Act(world, random, bob), random.Next(4) == 0 ? by : Right(world, random, bob));
                var before = world.State;
                var folded = EnvironmentFold.Apply(before, entry);
                if (folded.State is not { } after)
                {
                    Assert.False(string.IsNullOrWhiteSpace(folded.Refusal));
                    continue;
                }

                Assert.False(entry.Author.Equals(eve.Public) || entry.Author.Equals(world.Plane.Public), $"seed {seed}, act {act}: a stranger's {entry.Body.Kind} has a place");
                Holds(before, after, entry, $"seed {seed}, act {act}, {entry.Body.Kind}");
                if (entry.Data is SessionOpened) opened++;
                accepted.Add(entry.Body.Kind);
                world.State = after;
                lastRight = null;
            }
        }

        foreach (var kind in EntryKind.All.Where(kind => kind.Name.StartsWith("session.", StringComparison.Ordinal) && kind.Name != "session.credential-issued")) Assert.Contains(kind.Name, accepted);
        Assert.True(opened > 100, $"only {opened} were opened: the test is worth something only while random acts get somewhere");
    }

    private EntryData? lastRight;

    private static void Holds(EnvironmentState before, EnvironmentState after, Entry entry, string where)
    {
        foreach (var session in after.Sessions.Values)
        {
            var was = before.Sessions.GetValueOrDefault(session.Id);
            Assert.True(was is not { IsEnded: true } || was.Status == session.Status, $"{where}: {session.Id} had ended and goes on");
            Assert.True(was?.OpenedAt is null || was.OpenedAt == session.OpenedAt, $"{where}: {session.Id} is opened twice");
            Assert.Equal(!session.IsEnded, after.OpenSessions.Contains(session.Id));
            Assert.Equal(session.AwaitsForcedReview, after.AwaitReview.Contains(session.Id));
            if (session.Status == SessionStatus.Open && was?.Status != SessionStatus.Open)
            {
                Assert.True(session.Terms.Override || session.Preapproved is not null || session.Approvals.Any(a => a.Party == Party.Customer), $"{where}: {session.Id} is open and nobody of the customer has approved it");
                Assert.True(session.OpenedAt < session.ExpiresAt, $"{where}: {session.Id} is opened after its time");
                Assert.True(before.MemberOf(KeyOf(session.RequestedBy)) is not null, $"{where}: {session.Id} is opened for nobody");
            }

            if (session.Recording is { } mark && was?.Recording is { } then) Assert.True(mark.Events >= then.Events, $"{where}: a recording goes backwards");
        }

        Assert.True(after.OpenSessions.Count <= 2, $"{where}: more sessions than the charter allows");
        var consumed = after.Sessions.Values.Count(s => s.Preapproved == "night" && (!s.IsEnded || s.OpenedAt is not null));
        Assert.Equal(consumed, after.PreapprovedUses.GetValueOrDefault("night"));
        Assert.True(consumed <= 2, $"{where}: more was approved beforehand than was agreed on");
        if (!before.AwaitReview.IsEmpty) Assert.False(entry.Data is SessionRequested && before.MemberOf(entry.Author)?.Party == Party.Vendor, $"{where}: the vendor goes on before the review");
    }

    private SigningKey Right(World world, Random random, SigningKey bob) => EntryKind.Of(lastRight!) switch
    {
        { Author: EntryAuthor.Agent } => world.Agent,
        { Permission: Permission.Approve } => world.Customer,
        { Permission: Permission.Own } => world.Vendor,
        _ => random.Next(2) == 0 ? world.Vendor : bob,
    };

    private EntryData Act(World world, Random random, SigningKey bob)
    {
        var id = Ids[random.Next(Ids.Length)];
        if (world.State.Sessions.GetValueOrDefault(id) is { IsEnded: true, AwaitsForcedReview: false } && random.Next(2) == 0) id = SessionId.New(world.Fill);
        else if (!world.State.OpenSessions.IsEmpty && random.Next(2) == 0) id = world.State.OpenSessions[random.Next(world.State.OpenSessions.Count)];
        if (!world.State.AwaitReview.IsEmpty && random.Next(3) == 0) id = world.State.AwaitReview[0];
        var session = world.State.Sessions.GetValueOrDefault(id);
        var mark = session?.Recording ?? new RecordingMark(0, 0, "h");
        return lastRight = random.Next(14) switch
        {
            0 or 1 => new SessionRequested(id, new SessionTerms(random.Next(4) == 0 ? SessionKind.Bundle : SessionKind.Terminal, null, random.Next(-1, 62), random.Next(4) == 0, null, "why")),
            2 or 3 => new SessionApproved(id, random.Next(6) == 0 ? "sha256:00" : session?.TermsHash ?? ""),
            4 or 5 => new SessionOpened(id, session?.TermsHash ?? "", session?.ExpiresAt ?? world.Now, "shut in", random.Next(2) == 0 ? null : 61999, "h0"),
            6 => new SessionRecorded(id, mark.Events + random.Next(3), mark.Bytes + random.Next(30), "h1"),
            7 => new SessionEnded(id, (SessionEndReason)random.Next(10), "d", mark.Events + random.Next(2), mark.Bytes, "h2", "nothing"),
            8 when random.Next(2) == 0 => new SessionRevoked(id, "enough"),
            9 when random.Next(3) == 0 => new SessionRejected(id, "no"),
            10 when random.Next(3) == 0 => new SessionWithdrawn(id, "changed my mind"),
            11 when random.Next(3) == 0 => new SessionRefused(id, "rule", "no"),
            12 => new SessionReviewed(id, mark.Head, "seen"),
            13 when random.Next(30) == 0 => new MemberRemoved(bob.Public.KeyId),
            _ => session?.Bundle is null ? new SessionPrepared(id, "b", 10) : new SessionReleased(id, "b"),
        };
    }

    private static PublicKey KeyOf(string id) => PublicKey.TryParse(id, out var key) ? key : throw new InvalidOperationException(id);
}
