using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Protocol;
using Google.Protobuf;

namespace Demarc.Sim;

/// <summary>
/// Who asks for sessions, works in them, approves, rejects, ends and reviews them, by what the plane shows; and those who may not, and try. The plane that
/// carries their words loses some, brings some twice, and some that nobody has said.
/// </summary>
internal sealed class SimSessionPeople
{
    private static readonly string[] Lines = ["help", "uptime", "vmstat", "vmstat 300", "disk", "stop", "uptime; id", "log alpha 5", "collections", "count docs", "version", "rm"];

    private readonly SimWorld world;
    private readonly SimSessions sessions;
    private readonly Random dice;
    private readonly SigningKey night;
    private readonly SigningKey stranger;
    private readonly HashSet<SessionId> worked = [];

    public SimSessionPeople(SimWorld world, SimSessions sessions)
    {
        (this.world, this.sessions, dice) = (world, sessions, sessions.Dice);
        night = SigningKey.Generate(dice.NextBytes);
        stranger = SigningKey.Generate(dice.NextBytes);
    }

    private SimPeople People => world.People;

    /// <summary>For as long as it storms.</summary>
    public async Task LiveAsync()
    {
        await People.SayAsync(People.VendorRoot, new MemberAdded(night.Public.KeyId, Role.Operator, "night shift"));
        while (world.Stormy)
        {
            await world.WaitAsync(dice.Between(0.2, 3));
            if (await world.LookAsync() is not { } state) continue;
            var roll = dice.Next(100);
            if (roll < 22) await AskAsync(state);
            else if (roll < 52) await DecideAsync(state);
            else if (roll < 78) Work(state);
            else if (roll < 86) await EndAsync(state);
            else if (roll < 93) await LookBackAsync(state);
            else if (roll < 98) await TrespassAsync(state);
            else await StaffAsync(state);
        }
    }

    /// <summary>What was opened by override is looked at in the end, or nothing of the vendor's would begin any more.</summary>
    public async Task LastLooksAsync()
    {
        for (var i = 0; i < 4 && await world.LookAsync() is { AwaitReview.IsEmpty: false } state; i++)
        {
            await LookBackAsync(state);
            await world.WaitAsync(dice.Between(1, 20));
        }
    }

    private async Task AskAsync(EnvironmentState state)
    {
        var kind = dice.Pick<SessionKind>([SessionKind.Terminal, SessionKind.Terminal, SessionKind.Milvus, SessionKind.Bundle]);
        var ready = state.Instances.Values.FirstOrDefault(instance => instance.Status == InstanceStatus.Ready);
        if (kind == SessionKind.Milvus && ready is null) kind = SessionKind.Terminal;
        var milvus = kind == SessionKind.Milvus;
        var terms = new SessionTerms(kind, milvus ? ready!.Id : null, dice.Pick([1, 1, 1, 2, 3, 10, 60, 61]), dice.Chance(0.15), milvus ? sessions.Recipient.ToString() : null, "to see what is wrong");
        var key = dice.Next(10) switch { 0 => People.CustomerRoot, < 4 => night, _ => People.VendorOperator };
        await AskAsync(key, terms);
    }

    private Task AskAsync(SigningKey key, SessionTerms terms)
    {
        var id = SessionId.New(dice.NextBytes);
        sessions.Inspector.Asks(id, terms, terms.Hash(id, key.Public.KeyId), key.Public.KeyId);
        return People.SayAsync(key, new SessionRequested(id, terms));
    }

    private async Task DecideAsync(EnvironmentState state)
    {
        var waiting = state.OpenSessions.Select(id => state.Sessions[id]).Where(s => s.Status == SessionStatus.Requested).ToList();
        if (waiting.Count == 0) return;
        var session = dice.Pick(waiting);
        var customer = dice.Chance(0.5) ? People.CustomerRoot : People.CustomerApproverKey;
        switch (dice.Next(12))
        {
            case 0: await People.SayAsync(customer, new SessionRejected(session.Id, "no")); break;
            case 1: await People.SayAsync(Asker(session), new SessionWithdrawn(session.Id, "not needed")); break;
            case 2: await MustRefuseAsync(customer, new SessionApproved(session.Id, "sha256:" + new string('0', 64))); break;
            default:
                // What is approved is the hash of the text that is shown.
                var hash = SessionTerms.HashOf(session.Terms.Text(session.Id, session.RequestedBy));
                sessions.Inspector.Approves(session.Id, customer.Public.KeyId, hash);
                await People.SayAsync(customer, new SessionApproved(session.Id, hash));
                break;
        }
    }

    private void Work(EnvironmentState state)
    {
        var ready = state.OpenSessions.Select(id => state.Sessions[id]).Where(s => s is { Status: SessionStatus.Approved, Terms.Kind: not SessionKind.Bundle } && !worked.Contains(s.Id)).ToList();
        if (ready.Count == 0) return;
        var session = dice.Pick(ready);
        // Who asked works in it, mostly; now and then somebody else would like to, with the plane's help.
        var by = dice.Chance(0.93) ? Asker(session) : dice.Pick([stranger, People.CustomerRoot, night]);
        if (by.Public.KeyId == session.RequestedBy) worked.Add(session.Id);
        world.Nature("somebody works in a session", () => new Stint(this, session, by).WorkAsync(dice.Between(3, dice.Chance(0.3) ? 120 : 25)));
        // A clock that is set back while somebody works must not give them more than their minutes.
        if (dice.Chance(0.1)) world.At(world.Loop.Now + dice.Between(2, 20), () => world.Skew(TimeSpan.FromMinutes(-dice.Next(1, 90)), TimeSpan.Zero));
    }

    private async Task EndAsync(EnvironmentState state)
    {
        var open = state.OpenSessions.Select(id => state.Sessions[id]).Where(s => s.Status is SessionStatus.Approved or SessionStatus.Open).ToList();
        if (open.Count == 0) return;
        var session = dice.Pick(open);
        if (dice.Chance(0.25) && sessions.Worker is { } worker)
        {
            world.Agent!.Go("a cut at the agent", async () =>
            {
                await Task.Yield();
                if (worker.CutHere(session.Id)) sessions.Inspector.CutHere(session.Id);
            });
            return;
        }

        await People.SayAsync(dice.Chance(0.6) ? People.CustomerRoot : dice.Chance(0.5) ? People.CustomerApproverKey : People.VendorRoot, new SessionRevoked(session.Id, "enough seen"));
    }

    private async Task LookBackAsync(EnvironmentState state)
    {
        if (state.Sessions.Values.FirstOrDefault(s => s is { Status: SessionStatus.Open, Bundle.Released: false }) is { } bundle && dice.Chance(0.6))
        {
            sessions.Inspector.Releases(bundle.Id, bundle.Bundle!.Hash);
            await People.SayAsync(People.CustomerRoot, new SessionReleased(bundle.Id, bundle.Bundle.Hash));
            return;
        }

        var over = state.Sessions.Values.Where(s => s.Status == SessionStatus.Ended && s.Review is null).OrderBy(s => s.Terms.Override ? 0 : 1).ThenBy(s => s.Id.Value, StringComparer.Ordinal).FirstOrDefault();
        if (over is not null) await People.SayAsync(dice.Chance(0.5) ? People.CustomerRoot : People.CustomerApproverKey, new SessionReviewed(over.Id, over.Recording!.Head, "as agreed"));
    }

    private async Task TrespassAsync(EnvironmentState state)
    {
        var terms = new SessionTerms(SessionKind.Terminal, null, 1, false, null, "mine");
        var waiting = state.OpenSessions.Select(id => state.Sessions[id]).FirstOrDefault(s => s.Status == SessionStatus.Requested);
        var open = state.OpenSessions.Select(id => state.Sessions[id]).FirstOrDefault(s => s.Status >= SessionStatus.Approved);
        var over = state.Sessions.Values.Where(s => s.Status == SessionStatus.Ended && s.Review is null).OrderBy(s => s.Id.Value, StringComparer.Ordinal).FirstOrDefault();
        (SigningKey Key, EntryData Data) attempt = dice.Next(8) switch
        {
            0 => (People.Viewer, new SessionRequested(SessionId.New(dice.NextBytes), terms)),
            1 => (People.CustomerApproverKey, new SessionRequested(SessionId.New(dice.NextBytes), terms)),
            2 when waiting is not null => (dice.Pick([People.VendorRoot, People.VendorOperator, People.Viewer, stranger]), new SessionApproved(waiting.Id, waiting.TermsHash)),
            3 when open is not null => (People.VendorOperator, new SessionOpened(open.Id, open.TermsHash, open.ExpiresAt, "by myself", null, new string('a', 64))),
            4 when over is not null => (dice.Pick([People.VendorRoot, People.Viewer, stranger]), new SessionReviewed(over.Id, over.Recording!.Head, "all is well")),
            5 when open is { Bundle: { } bundle } => (People.VendorRoot, new SessionReleased(open.Id, bundle.Hash)),
            6 when open is not null => (dice.Pick([People.Viewer, stranger]), new SessionRevoked(open.Id, "mine")),
            _ => (stranger, new SessionRequested(SessionId.New(dice.NextBytes), terms)),
        };
        await MustRefuseAsync(attempt.Key, attempt.Data);
    }

    // The night shift leaves, and comes back; whoever the agent is, and what the charter allows, changes.
    private async Task StaffAsync(EnvironmentState state)
    {
        if (dice.Chance(0.25) && state.Agent is not null && world.Plan.Treason == Treason.None)
        {
            // The agent dies in the middle of whatever is open, and another one takes its place.
            world.CrashAgent();
            await People.ReplaceAgentAsync(state);
        }
        else if (dice.Chance(0.3)) await People.AmendAsync(Toggled(state.Charter!));
        else if (state.Members.ContainsKey(night.Public.KeyId)) await People.SayAsync(People.VendorRoot, new MemberRemoved(night.Public.KeyId));
        else await People.SayAsync(People.VendorRoot, new MemberAdded(night.Public.KeyId, Role.Operator, "night shift"));
    }

    private static CharterDocument Toggled(CharterDocument charter)
    {
        var rule = charter[TaskId.Emergency];
        return charter with { Version = charter.Version + 1, Rules = charter.Rules.SetItem(TaskId.Emergency, rule with { Override = !rule.Override }) };
    }

    private async Task MustRefuseAsync(SigningKey key, EntryData data)
    {
        var outcome = await world.SubmitAsync(Entry.Write(world.Environment, Entry.NewId(dice.NextBytes), world.WallTime, data, key));
        if (outcome is { Refusal: null }) world.Loop.Violate($"the plane took a {data.GetType().Name} from somebody who may not");
    }

    private SigningKey Asker(Session session) =>
        session.RequestedBy == night.Public.KeyId ? night : session.RequestedBy == People.CustomerRoot.Public.KeyId ? People.CustomerRoot : People.VendorOperator;

    /// <summary>One person at the other end of one session, over the plane that lives now.</summary>
    private sealed class Stint(SimSessionPeople people, Session session, SigningKey by)
    {
        private readonly SimWorld world = people.world;
        private readonly Random dice = people.dice;
        private readonly SigningKey key = SigningKey.Generate(people.dice.NextBytes);
        private long seq;

        public async Task WorkAsync(TimeSpan stay)
        {
            if (world.Plane is not { IsAlive: true } plane || world.Hub?.Sessions?.LineOf(world.Environment) is not { } line) return;
            var until = world.Loop.Now + stay;
            await SayAsync(plane, line, SessionSays.Attach, key.Public.KeyId, by);
            while (world.Loop.Now < until && plane.IsAlive && !line.Lost.Task.IsCompleted)
            {
                await world.WaitAsync(dice.Chance(0.01) ? dice.Between(4, 9) : dice.Between(0.3, 1));
                if (dice.Chance(0.35)) await SayAsync(plane, line, SessionSays.Command, dice.Pick(Lines), key);
                else await SayAsync(plane, line, SessionSays.Beat, "", key);
                if (await world.LookAsync() is { } state && state.Sessions[session.Id].IsEnded) return;
            }

            // They leave, their connection breaks, or nothing is heard of them any more.
            if (dice.Chance(0.5)) await SayAsync(plane, line, SessionSays.Leave, "", key);
            else if (dice.Chance(0.6)) await SendAsync(plane, line, new PlaneFrame { SessionGone = new SessionGone { Session = session.Id.Value, Reason = "gone" } });
        }

        private async Task SayAsync(SimProcess plane, Plane.Emergency.SessionBoard.Line line, SessionSays says, string text, SigningKey signer)
        {
            var word = SessionWord.Write(world.Environment, session.Id, session.TermsHash, seq, world.WallTime, says, text, signer);
            if (says != SessionSays.Attach || signer.Public.KeyId == session.RequestedBy) people.sessions.Inspector.Says(session.Id, says, text, word);
            if (dice.Chance(0.02)) await SendAsync(plane, line, Frame(SessionWord.Write(world.Environment, session.Id, session.TermsHash, seq, world.WallTime, SessionSays.Command, "disk", people.stranger)));
            seq++;
            await SendAsync(plane, line, Frame(word));
            if (dice.Chance(0.02)) await SendAsync(plane, line, Frame(word));
        }

        private PlaneFrame Frame(ReadOnlyMemory<byte> word) => new() { SessionInput = new SessionInput { Session = session.Id.Value, Envelope = ByteString.CopyFrom(word.Span) } };

        private async Task SendAsync(SimProcess plane, Plane.Emergency.SessionBoard.Line line, PlaneFrame frame)
        {
            var sent = new TaskCompletionSource();
            plane.Go("a word", async () =>
            {
                try
                {
                    await line.Send(frame, CancellationToken.None);
                }
                catch (System.Threading.Channels.ChannelClosedException)
                {
                    // The agent's stream is gone.
                }

                sent.TrySetResult();
            });
            await Task.WhenAny(sent.Task, world.WaitAsync(TimeSpan.FromSeconds(5)));
        }
    }
}
