using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Ledger;
using Demarc.Protocol;

namespace Demarc.Sim;

/// <summary>
/// Stands beside the machine and lets no session have anything that people have not signed for. It keeps its own account, of what people really signed, of
/// the entries that have arrived on the agent's disk and of when, on the clock that never jumps; it asks none of the code that it looks at.
/// </summary>
internal sealed class SessionInspector(SimWorld world, SimSessions sessions)
{
    /// <summary>A second, as promised, and how far apart the looks are.</summary>
    private static readonly TimeSpan Cut = TimeSpan.FromSeconds(1) + Look;

    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(5);

    // How long a break may be on its way through the agent's own threads before whoever works in a session has heard of it.
    private static readonly TimeSpan Notice = TimeSpan.FromMilliseconds(10);

    private readonly Dictionary<SessionId, Asked> asked = [];
    private readonly HashSet<(SessionId Session, string Key, string Terms)> approved = [];
    private readonly Dictionary<SessionId, HashSet<string>> arrivedApprovals = [];
    private readonly Dictionary<SessionId, TimeSpan> seen = [];
    private readonly HashSet<SessionId> revoked = [];
    private readonly HashSet<SessionId> cutHere = [];
    private readonly HashSet<string> removed = [];
    private readonly HashSet<string> revokedAgents = [];
    private readonly HashSet<SessionId> begun = [];
    private readonly HashSet<SessionId> forced = [];
    private readonly HashSet<SessionId> reviewed = [];
    private readonly HashSet<(SessionId Session, string Hash)> released = [];
    private readonly Dictionary<SessionId, Queue<string>> typed = [];
    private readonly Dictionary<string, (SessionId Session, SessionSays Says, string Text)> words = [];
    private readonly Dictionary<SessionId, (SimStream Stream, TimeSpan Heard)> streams = [];
    private readonly HashSet<SessionId> preapprovedUsed = [];
    private TimeSpan agentSince;
    private bool looks;

    private static TimeSpan Look { get; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Sessions that had something, were ended with something, and commands that ran.</summary>
    public int Opened => begun.Count;

    public int Commands { get; private set; }

    /// <summary>A person signs a request.</summary>
    public void Asks(SessionId id, SessionTerms terms, string hash, string key) => asked[id] = new Asked(terms, hash, key);

    /// <summary>A person of the customer signs an approval.</summary>
    public void Approves(SessionId id, string key, string hash) => approved.Add((id, key, hash));

    /// <summary>The customer signs the release of a bundle.</summary>
    public void Releases(SessionId id, string hash) => released.Add((id, hash));

    /// <summary>Who works in a session signs a word.</summary>
    public void Says(SessionId id, SessionSays says, string text, ReadOnlyMemory<byte> word) => words[Convert.ToBase64String(word.Span)] = (id, says, text);

    /// <summary>Somebody at the agent's machine has cut a session.</summary>
    public void CutHere(SessionId id) => cutHere.Add(id);

    public bool IsRevoked(SessionId id) => revoked.Contains(id);

    public void AgentStarts()
    {
        agentSince = world.Loop.Now;
        streams.Clear();
        typed.Clear();
        foreach (var id in seen.Keys.ToList()) seen[id] = world.Loop.Now;
    }

    // What was said at its socket the agent did not write down before it died; whoever said it sees that, and says it again.
    public void AgentDied() => cutHere.Clear();

    /// <summary>Entries have arrived on the agent's disk.</summary>
    public void Arrived(Entry entry)
    {
        switch (entry.Data)
        {
            case SessionRequested d: seen[d.Session] = world.Loop.Now; break;
            case SessionApproved d when approved.Contains((d.Session, entry.Author.KeyId, d.Terms)):
                arrivedApprovals.TryAdd(d.Session, []);
                arrivedApprovals[d.Session].Add(entry.Author.KeyId);
                seen[d.Session] = world.Loop.Now;
                break;
            case SessionOpened d: Forced(d); break;
            case SessionRevoked d: revoked.Add(d.Session); break;
            case SessionReviewed d when world.People.Customers.Contains(entry.Author.KeyId): reviewed.Add(d.Session); break;
            case MemberAdded d: removed.Remove(d.Key); break;
            case MemberRemoved d: removed.Add(d.Key); break;
            case AgentRevoked d: revokedAgents.Add(d.Agent); break;
            default: break;
        }
    }

    /// <summary>The agent writes an entry that it will act on.</summary>
    public void Writes(Entry entry)
    {
        switch (entry.Data)
        {
            case SessionOpened d:
                if (Unreviewed() is { } open && asked.TryGetValue(d.Session, out var other) && !world.People.Customers.Contains(other.Key)) world.Loop.Violate($"{d.Session} is opened for the vendor, and {open}, opened by override, is not reviewed");
                break;
            case SessionEnded d when sessions.Machine.Belongings.FirstOrDefault(it => it.Session == d.Session) is { } left:
                world.Loop.Violate($"the agent says that {d.Session} is over, and {left.What} of it is still there");
                break;
            case ChangeStarted d when Unreviewed() is { } first && world.AgentDisk.Written().Changes.GetValueOrDefault(d.Change) is { RequestedFor: Party.Vendor }:
                world.Loop.Violate($"{d.Change} of the vendor is started, and {first}, opened by override, is not reviewed");
                break;
            default: break;
        }
    }

    private void Forced(SessionOpened opened)
    {
        if (asked.TryGetValue(opened.Session, out var ask) && ask.Terms.Override) forced.Add(opened.Session);
    }

    // One that was opened by override and that the customer has not looked at, by what is on the agent's disk.
    private SessionId? Unreviewed()
    {
        foreach (var id in forced) if (!reviewed.Contains(id)) return id;
        foreach (var row in world.AgentDisk.Outbox)
        {
            // A revocation that the plane took before it heard of the opening makes that void: it has no place any more, and nothing was done in it.
            if (world.AgentDisk.Read(row.Envelope).Entry!.Data is SessionOpened opened && asked.TryGetValue(opened.Session, out var ask) && ask.Terms.Override
                && world.AgentDisk.Written().Sessions.GetValueOrDefault(opened.Session)?.OpenedAt is not null) return opened.Session;
        }

        return null;
    }

    /// <summary>A word that the plane brings reaches the agent.</summary>
    public void Hears(SessionInput input, SimStream stream)
    {
        if (!words.Remove(Convert.ToBase64String(input.Envelope.Span), out var word) || word.Session.Value != input.Session) return;
        if (word.Says == SessionSays.Attach && !streams.ContainsKey(word.Session)) streams[word.Session] = (stream, world.Loop.Now);
        if (streams.TryGetValue(word.Session, out var known) && known.Stream == stream) streams[word.Session] = (stream, world.Loop.Now);
        if (word.Says != SessionSays.Command) return;
        typed.TryAdd(word.Session, []);
        typed[word.Session].Enqueue(word.Text);
    }

    /// <summary>The agent runs a command: one that was typed, and each once.</summary>
    public void Runs(SessionId id, string command)
    {
        Commands++;
        while (typed.GetValueOrDefault(id) is { Count: > 0 } waiting)
        {
            if (Full(waiting.Dequeue()) == command) return;
        }

        world.Loop.Violate($"'{command}' is run in {id}, and nobody who works in it has typed it, or not again");
    }

    /// <summary>A piece of a bundle leaves.</summary>
    public void Leaves(BundlePart part)
    {
        var id = SessionId.Parse(part.Session);
        if (sessions.Machine.Bundles.GetValueOrDefault(id) is not { } bundle) world.Loop.Violate($"a piece of the bundle of {id} leaves, and the session is over");
        else if (!released.Contains((id, ContentHash(bundle)))) world.Loop.Violate($"the bundle of {id} leaves, and the customer has not released it");
    }

    /// <summary>A session is about to have something.</summary>
    public void Gives(SimBelonging it)
    {
        world.Loop.Trace.Line(world.Loop.Now, "session", $"{it.Session} has {it.What}");
        begun.Add(it.Session);
        if (Against(it).FirstOrDefault() is { } against) world.Loop.Violate($"{it.Session} is given {it.What}, and {against}");
        if (!looks) Next();
    }

    /// <summary>What must be true when all has been calm for a while.</summary>
    public void Verdict()
    {
        var state = world.AgentDisk.Verified;
        foreach (var id in state.OpenSessions)
        {
            var session = state.Sessions[id];
            if (session.ExpiresAt < world.AgentWallTime - TimeSpan.FromSeconds(10)) world.Loop.Violate($"{id} is {session.Word}, and its time was over at {session.ExpiresAt:u}");
            if (session.Revocation is not null && session.Status == SessionStatus.Open) world.Loop.Violate($"{id} was revoked and is still open");
            if (!SessionViews.Waiting(state).Any(w => w.For is "vendor" or "customer" && w.What.Contains(id.Value, StringComparison.Ordinal))) world.Loop.Violate($"{id} is {session.Word} and waits for nobody");
        }

        foreach (var session in state.Sessions.Values.Where(s => s.OpenedAt is not null && s.Status == SessionStatus.Ended)) Recorded(session);
        foreach (var it in sessions.Machine.Belongings.Where(it => state.Sessions[it.Session].Status != SessionStatus.Open)) world.Loop.Violate($"{it.Session} is {state.Sessions[it.Session].Word} and {it.What} of it is still there");
    }

    // The lines at the agent, chained here anew, pass through what the ledger says, and end there unless the agent itself was taken away; the plane's copy is a beginning of them.
    private void Recorded(Session session)
    {
        var lines = sessions.Machine.Recordings.GetValueOrDefault(session.Id)?.Bytes ?? [];
        var head = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"demarc recording 1\n{session.TermsHash}\n"));
        var (passed, last) = (false, "");
        for (int at = 0, end; (end = Array.IndexOf(lines, (byte)'\n', at)) >= 0; at = end + 1)
        {
            head = System.Security.Cryptography.SHA256.HashData([.. head, .. lines.AsSpan(at, end - at)]);
            last = Convert.ToHexStringLower(head);
            passed |= last == session.Recording!.Head;
        }

        var orphaned = session.End!.Why == SessionEndReason.AuthorityLost;
        if (!passed || last != session.Recording!.Head && !orphaned) world.Loop.Violate($"the recording of {session.Id} is not the one of the ledger ({session.End.Detail})");
        if (world.Hub?.Sessions?.TapeOf(world.Environment, session) is not { } tape) return;
        var copy = tape.Read(0);
        var whole = lines.AsSpan(0, Array.LastIndexOf(lines, (byte)'\n') + 1);
        if (sessions.Machine.Recordings[session.Id].HasLost) return;
        if (!whole.StartsWith(copy)) world.Loop.Violate($"the plane's copy of the recording of {session.Id} is another one");
        else if (!orphaned && copy.Length < whole.Length) world.Loop.Violate($"the plane has {copy.Length} of {whole.Length} bytes of the recording of {session.Id} ({session.End.Detail})");
    }

    // As the agent spells what was typed: with what was left out filled in.
    private static string Full(string line) => line.Trim() == "vmstat" ? "vmstat 5" : line.Trim();

    private static string ContentHash(byte[] bytes) => "sha256:" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes));

    private void Next()
    {
        looks = true;
        world.At(world.Loop.Now + Look, () =>
        {
            looks = false;
            foreach (var it in sessions.Machine.Belongings) Watch(it);
            if (sessions.Machine.Belongings.Count > 0) Next();
        });
    }

    // Whatever speaks against it has a second to take effect, counted from when a living agent could know.
    private void Watch(SimBelonging it)
    {
        if (world.Agent is not { IsAlive: true } || agentSince == default)
        {
            it.Against.Clear();
            return;
        }

        var now = Against(it).ToList();
        foreach (var gone in it.Against.Keys.Except(now).ToList()) it.Against.Remove(gone);
        foreach (var against in now)
        {
            it.Against.TryAdd(against, world.Loop.Now);
            var since = it.Against[against] > agentSince ? it.Against[against] : agentSince;
            if (world.Loop.Now - since > Cut) world.Loop.Violate($"{it.Session} still has {it.What} {(world.Loop.Now - since).TotalSeconds:0.0} s after: {against}");
        }
    }

    // Everything that says at this moment that a session must not have it.
    private IEnumerable<string> Against(SimBelonging it)
    {
        var id = it.Session;
        var state = world.AgentDisk.Verified;
        if (!asked.TryGetValue(id, out var ask))
        {
            yield return "no person has asked for it";
            yield break;
        }

        if (state.Sessions.GetValueOrDefault(id) is not { } session || session.TermsHash != ask.Hash)
        {
            yield return "the verified replica does not hold what was asked for";
            yield break;
        }

        if (session.Status != SessionStatus.Open) yield return "its opening does not stand, or not any more, in the verified replica";
        if (it.MadeBy != world.Agent) yield return "the agent that made it is dead";
        if (revoked.Contains(id)) yield return "it was revoked";
        if (cutHere.Contains(id)) yield return "it was cut at the agent";
        if (removed.Contains(ask.Key)) yield return "who asked for it is no member any more";
        if (revokedAgents.Contains(world.AgentKey.Public.KeyId)) yield return "the agent was revoked";
        if (Unauthorised(id, ask, state.Charter!) is { } unauthorised) yield return unauthorised;
        if (seen.TryGetValue(id, out var from) && world.Loop.Now - from > TimeSpan.FromMinutes(ask.Terms.Minutes)) yield return "its time is over";
        if (world.AgentWallTime > session.ExpiresAt) yield return "its time is over by the agent's clock";
        // Nobody works in a bundle: it waits at the agent, whoever is lost.
        if (ask.Terms.Kind == SessionKind.Bundle) yield break;
        if (world.AgentDisk.Refusal is not null) yield return "the plane is refused";
        if (!streams.TryGetValue(id, out var stream)) yield return "nobody has attached to it";
        else if (world.Loop.Now - stream.Stream.LostAt > Notice) yield return "the stream of it is lost";
        else if (world.Loop.Now - stream.Heard > Silence) yield return "nothing is heard of who works in it";
    }

    // By the charter on the agent's disk and by what people signed: enough approvals of theirs, one that was given beforehand, or an override that both allow.
    private string? Unauthorised(SessionId id, Asked ask, CharterDocument charter)
    {
        var rule = charter[TaskId.Emergency];
        if (ask.Terms.Override) return rule.Override ? null : "the charter allows no override";
        var action = ask.Terms.Kind switch { SessionKind.Terminal => "emergency.terminal", SessionKind.Milvus => "emergency.milvus", _ => "emergency.bundle" };
        if (!rule.Approval.TryGetValue(action, out var need)) return null;
        var keys = arrivedApprovals.GetValueOrDefault(id) ?? [];
        if (keys.Count(key => world.People.Customers.Contains(key) && !(need.NotRequester && key == ask.Key)) >= need.Customer) return null;
        if (!charter.Preapproved.Any(act => act.Action == action)) return "the customer has not approved it";
        preapprovedUsed.Add(id);
        return preapprovedUsed.Count <= charter.Preapproved.Single(act => act.Action == action).Uses ? null : "what was approved beforehand is used up";
    }

    private sealed record Asked(SessionTerms Terms, string Hash, string Key);
}
