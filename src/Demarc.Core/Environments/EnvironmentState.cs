using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;

namespace Demarc.Core.Environments;

/// <summary>
/// Everything an environment is: a pure fold over its ledger, never stored as a second truth. Immutable, so that a reader holds a
/// consistent state for as long as it likes while the next is made.
/// </summary>
public sealed record EnvironmentState
{
    /// <summary>The state before the first entry.</summary>
    public static EnvironmentState Empty { get; } = new();

    /// <summary>Its id; empty before it is founded.</summary>
    public EnvironmentId Id { get; init; }

    /// <summary>What its founding entry says; null before it.</summary>
    public EnvironmentFounded? Founding { get; init; }

    /// <summary>The planes that gave entries their order, one after the other; the last one does now.</summary>
    public ImmutableList<PlaneTerm> Planes { get; init; } = [];

    /// <summary>The verifier key of the plane in force; empty before the founding.</summary>
    public string PlaneKey => Planes.IsEmpty ? "" : Planes[^1].Key;

    /// <summary>The plane that the very last entry has moved the ledger away from: it may sign this head and none after it. Otherwise null.</summary>
    public string? HandedOverFrom { get; init; }

    /// <summary>Since when and why the vendor is severed; null when it is not.</summary>
    public Severance? Severed { get; init; }

    /// <summary>How many entries have been folded.</summary>
    public long Size { get; init; }

    /// <summary>Members by key id.</summary>
    public ImmutableDictionary<string, Member> Members { get; init; } = ImmutableDictionary<string, Member>.Empty;

    /// <summary>Who held keys that count for nothing any more, by key id: for showing who wrote what, never for deciding.</summary>
    public ImmutableDictionary<string, Member> Former { get; init; } = ImmutableDictionary<string, Member>.Empty;

    /// <summary>Whom OpenID providers know, by <see cref="Subject.Id"/>, and as which member each may read.</summary>
    public ImmutableSortedDictionary<string, MemberLink> Links { get; init; } = ImmutableSortedDictionary.Create<string, MemberLink>(StringComparer.Ordinal);

    /// <summary>The latest time that any entry says.</summary>
    public DateTimeOffset LatestAt { get; init; }

    /// <summary>The charter in force; null until both parties have signed one.</summary>
    public CharterDocument? Charter { get; init; }

    /// <summary>Its exact text, as signed; null as long as none is in force.</summary>
    public string? CharterYaml { get; init; }

    /// <summary>A proposed charter that is not yet signed by both.</summary>
    public CharterProposal? Proposal { get; init; }

    /// <summary>Every charter that has been in force, oldest first; the last one is.</summary>
    public ImmutableList<CharterTerm> Charters { get; init; } = [];

    /// <summary>How often each preapproved act of the charter in force has been used.</summary>
    public ImmutableSortedDictionary<string, int> PreapprovedUses { get; init; } = ImmutableSortedDictionary<string, int>.Empty;

    /// <summary>Requests of people in the last day, oldest first.</summary>
    public ImmutableList<RecentRequest> RecentRequests { get; init; } = [];

    /// <summary>Invitations not used up, by key id.</summary>
    public ImmutableDictionary<string, AgentInvited> Invitations { get; init; } = ImmutableDictionary<string, AgentInvited>.Empty;

    /// <summary>The agent in force; null before one has joined or after it was revoked.</summary>
    public JoinedAgent? Agent { get; init; }

    /// <summary>Every change ever, by id; ended ones without their plan.</summary>
    public ImmutableDictionary<ChangeId, Change> Changes { get; init; } = ImmutableDictionary<ChangeId, Change>.Empty;

    /// <summary>Changes that have not ended, oldest first.</summary>
    public ImmutableList<ChangeId> Open { get; init; } = [];

    /// <summary>Every emergency session ever, by id.</summary>
    public ImmutableDictionary<SessionId, Session> Sessions { get; init; } = ImmutableDictionary<SessionId, Session>.Empty;

    /// <summary>Sessions that have not ended, oldest first.</summary>
    public ImmutableList<SessionId> OpenSessions { get; init; } = [];

    /// <summary>Sessions that were opened by override and that the customer has not reviewed: until then nothing of the vendor's begins.</summary>
    public ImmutableList<SessionId> AwaitReview { get; init; } = [];

    /// <summary>Instances that exist, those in the recycle bin included.</summary>
    public ImmutableSortedDictionary<InstanceId, Instance> Instances { get; init; } = ImmutableSortedDictionary<InstanceId, Instance>.Empty;

    /// <summary>Open findings by name.</summary>
    public ImmutableSortedDictionary<string, Finding> Findings { get; init; } = ImmutableSortedDictionary<string, Finding>.Empty;

    /// <summary>What the customer lets leave beyond the charter, in bytes, by day and class.</summary>
    public ImmutableDictionary<EgressConsentKey, long> EgressConsents { get; init; } = ImmutableDictionary<EgressConsentKey, long>.Empty;

    /// <summary>The last entry under each task.</summary>
    public ImmutableDictionary<TaskId, LastAct> LastActs { get; init; } = ImmutableDictionary<TaskId, LastAct>.Empty;

    /// <summary>Ids of entries that give authority (members, agents, charters): one that comes again is a replay.</summary>
    public ImmutableHashSet<string> AuthorityIds { get; init; } = [];

    /// <summary>The party and role of a key, or null for a stranger.</summary>
    public Member? MemberOf(PublicKey key) => Members.GetValueOrDefault(key.KeyId);

    /// <summary>The member of a key whose time is not over; null otherwise.</summary>
    public Member? MemberAt(PublicKey key, DateTimeOffset at) => MemberOf(key) is { } member && !member.IsExpired(at) ? member : null;

    /// <summary>The member that a person signed in with an OpenID provider may read as, or null for a stranger.</summary>
    public Member? MemberOf(Subject subject) => Links.TryGetValue(subject.Id, out var link) ? Members.GetValueOrDefault(link.Key) : null;

    /// <summary>Whose key it is or was, or null for a stranger: for showing, never for deciding.</summary>
    public Member? WriterOf(PublicKey key) => MemberOf(key) ?? Former.GetValueOrDefault(key.KeyId);

    /// <summary>What finds this environment for whoever asks for theirs: keys of members, and ids of linked subjects.</summary>
    public IEnumerable<string> ReaderIds => Members.Keys.Concat(Links.Keys);

    /// <summary>The changes that have not ended.</summary>
    public IEnumerable<Change> OpenChanges => Open.Select(id => Changes[id]);
}

/// <summary>A charter on the table.</summary>
/// <param name="Document">What it says.</param>
/// <param name="Yaml">Its exact text.</param>
/// <param name="Sha256">Hex hash of its text: what is signed.</param>
/// <param name="Proposed">The entry that proposed it.</param>
/// <param name="Signatures">The entries that signed it, at most one of each party.</param>
public sealed record CharterProposal(CharterDocument Document, string Yaml, string Sha256, CharterAct Proposed, ImmutableArray<CharterAct> Signatures)
{
    /// <summary>Who has signed.</summary>
    public IEnumerable<Party> Signed => Signatures.Select(signature => signature.Party);
}

/// <summary>A request of a person, counted where the charter limits them.</summary>
/// <param name="Task">Under which task.</param>
/// <param name="At">When.</param>
public readonly record struct RecentRequest(TaskId Task, DateTimeOffset At);

/// <summary>The last entry under a task.</summary>
/// <param name="Index">Its place in the ledger.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="At">When.</param>
/// <param name="By">Who: a party's word, or <c>agent</c>.</param>
public sealed record LastAct(long Index, string Kind, DateTimeOffset At, string By);

/// <summary>Trouble in somebody's task.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Task">The row it falls under.</param>
/// <param name="Resource">What is concerned.</param>
/// <param name="Reason">What is wrong.</param>
/// <param name="Remedy">What to do.</param>
/// <param name="RaisedAt">Since when.</param>
public sealed record Finding(string Name, TaskId Task, string Resource, string Reason, string Remedy, DateTimeOffset RaisedAt);
