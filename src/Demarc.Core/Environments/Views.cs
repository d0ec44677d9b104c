using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Monitoring;

namespace Demarc.Core.Environments;

/// <summary>One row of the responsibility table, live.</summary>
/// <param name="Number">1 to 17.</param>
/// <param name="Task">Its slug.</param>
/// <param name="Group">Its group, in English.</param>
/// <param name="GroupJapanese">Its group, in Japanese.</param>
/// <param name="English">Its name.</param>
/// <param name="Japanese">Its name, as published.</param>
/// <param name="Owner">Who owns it under the charter in force.</param>
/// <param name="State"><c>ok</c>, <c>working</c>, <c>waiting</c>, <c>attention</c>, or <c>later</c> for a task this version does not yet carry out.</param>
/// <param name="LastAct">The last entry under it.</param>
/// <param name="Waiting">What waits, and for whom.</param>
public sealed record ResponsibilityView(int Number, string Task, string Group, string GroupJapanese, string English, string Japanese, Owner Owner, string State, LastAct? LastAct, ImmutableArray<WaitingView> Waiting);

/// <summary>Something that waits for somebody.</summary>
/// <param name="Task">Under which row.</param>
/// <param name="For">Whom it waits for: <c>vendor</c>, <c>customer</c>, <c>agent</c>, or <c>time</c> when only time moves it on.</param>
/// <param name="What">What, in one line.</param>
/// <param name="Command">The command that moves it on; null when only time does.</param>
public sealed record WaitingView(string Task, string For, string What, string? Command);

/// <summary>An environment at a glance.</summary>
public sealed record EnvironmentView(string Id, string Name, long Size, string CustomerRoot, string VendorRoot, string PlaneKey, string CustomerSealing, int? Charter, int? ProposedCharter, ImmutableArray<Party> ProposalSignedBy, string? Agent, string? AgentName, bool AgentConnected, string? AgentRefusal, long AgentVerifiedSize, int Instances, int OpenChanges, int Findings)
{
    /// <summary>Since when and why the vendor is severed; null when it is not.</summary>
    public SeveredView? Severed { get; init; }

    /// <summary>The planes that gave entries their order, one after the other; <c>PlaneKey</c> is the last one's.</summary>
    public ImmutableArray<PlaneTermView> Planes { get; init; } = [];
}

/// <summary>The customer has taken over.</summary>
/// <param name="At">Since when.</param>
/// <param name="Entry">Which entry says so.</param>
/// <param name="By">Whose key signed it.</param>
/// <param name="Reason">Why.</param>
/// <param name="Withdrawn">How many changes of the vendor ended with it.</param>
public sealed record SeveredView(DateTimeOffset At, long Entry, string By, string Reason, int Withdrawn);

/// <summary>A plane, and the entry that put it in force.</summary>
public sealed record PlaneTermView(string Key, long From);

/// <summary>A piece of a ledger from a plane that hands it over: base64 entries, and the checkpoint over exactly the size after them.</summary>
public sealed record LedgerPart(long First, ImmutableArray<string> Entries, string Checkpoint);

/// <summary>A member. <c>LastActedAt</c> is when they last signed something into the ledger, <c>LastUsedOn</c> the day (UTC) on which the plane last let their key in.</summary>
public sealed record MemberView(string Key, Party Party, string Role, string Name, bool IsRoot, DateTimeOffset? ExpiresAt, DateTimeOffset? LastActedAt, DateOnly? LastUsedOn);

/// <summary>The charter in force and the one on the table.</summary>
public sealed record CharterView(int? Version, string? Yaml, int? ProposedVersion, string? ProposedYaml, string? ProposedSha256, ImmutableArray<Party> SignedBy);

/// <summary>One step of a change.</summary>
public sealed record StepView(int Number, string Kind, ImmutableArray<string> Touches, bool Reversible, double ExpectedSeconds, string Status, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string? Receipt);

/// <summary>A change. <c>PlanText</c> is the exact text that the hash covers; null when not yet planned.</summary>
public sealed record ChangeView(string Id, string Action, string Task, string Instance, InstanceOrder? Order, string Status, string RequestedBy, DateTimeOffset RequestedAt, string? NeedsApproval, ImmutableArray<Party> Awaits, string? PlanHash, string? PlanText, ImmutableArray<StepView> Steps, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string? Reason)
{
    /// <summary>Exactly whose approval is missing.</summary>
    public ImmutableArray<AwaitedView> Awaited { get; init; } = [];

    /// <summary>Who holds it up and why; null when nobody does.</summary>
    public string? Held { get; init; }

    /// <summary>The parties that hold it up.</summary>
    public ImmutableArray<Party> HeldBy { get; init; } = [];

    /// <summary>Why it does not start yet though nobody's word is missing, as in <c>waits for window nightly, opens 2026-11-26 02:00+01:00</c>.</summary>
    public string? Waits { get; init; }

    /// <summary>Until when it waits so.</summary>
    public DateTimeOffset? WaitsUntil { get; init; }

    /// <summary>Whom it waits for: <c>vendor</c>, <c>customer</c>, <c>agent</c> or <c>time</c>.</summary>
    public ImmutableArray<string> WaitingFor { get; init; } = [];

    /// <summary>Why its last plan was void, as in <c>plan void: …</c>; null when none was.</summary>
    public string? Voided { get; init; }

    /// <summary>Until when the customer has put it off.</summary>
    public DateTimeOffset? DeferredUntil { get; init; }

    /// <summary>When it expires if it has not started by then; null once it has.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}

/// <summary>Approvals that a change still needs of one party.</summary>
/// <param name="Party">Of which.</param>
/// <param name="Missing">How many more people.</param>
/// <param name="Roles">In one of these roles; empty for every role that may approve.</param>
/// <param name="NotRequester">Whether the person who asked does not count.</param>
/// <param name="Words">As people say it, as in <c>2 more approvals of the customer by owner or approver</c>.</param>
public sealed record AwaitedView(Party Party, int Missing, ImmutableArray<string> Roles, bool NotRequester, string Words);

/// <summary>An instance.</summary>
public sealed record InstanceView(string Id, string Status, string Version, string Size, int MemoryMib, ImmutableSortedDictionary<string, string> Labels, string Uri, DateTimeOffset CreatedAt, DateTimeOffset? DeletedAt, DateTimeOffset? PurgeDueAt, string LastChange, bool HasCredential, bool? Healthy, long? UsedMemoryMib);

/// <summary>A finding.</summary>
public sealed record FindingView(string Name, string Task, Owner Owner, string Resource, string Reason, string Remedy, DateTimeOffset RaisedAt);

/// <summary>The sealed first credential.</summary>
public sealed record CredentialView(string Instance, string Uri, string User, string Sealed);

/// <summary>An answer of the charter.</summary>
/// <param name="Decision"><c>allowed</c>, <c>needs-approval</c> or <c>denied</c>.</param>
/// <param name="Rule">The rule path.</param>
/// <param name="Who">Whose approval, where needed.</param>
/// <param name="Why">Why not, where denied.</param>
public sealed record DecisionView(string Decision, string Rule, string? Who, string? Why)
{
    /// <summary>What it would wait for even if everybody had approved; null when it could start at once.</summary>
    public string? Waits { get; init; }
}

/// <summary>What a plane says of itself to everyone.</summary>
public sealed record PlaneView(string Name, string Version, string PlaneKey, string Hub, string HubCa, string? VendorRoot);

/// <summary>Where an entry came to stand.</summary>
public sealed record AppendedView(long Index, long Size);

/// <summary>Raw entries, base64 of their exact bytes, and the checkpoint that covers them.</summary>
public sealed record EntriesView(long First, long Size, ImmutableArray<string> Entries, string Checkpoint);

/// <summary>An inclusion or consistency proof: base64 hashes, in the order of RFC 6962.</summary>
public sealed record ProofView(long First, long Size, ImmutableArray<string> Hashes);

/// <summary>Asks to join, or for another certificate after the last one ran out: the same envelope again.</summary>
/// <param name="Environment">Which environment.</param>
/// <param name="Envelope">Base64 of the <c>agent.joined</c> envelope.</param>
/// <param name="Csr">Base64 DER of a PKCS#10 request for an ECDSA P-256 key.</param>
/// <param name="Proof">Base64 of <see cref="Agents.CertificateRequestProof"/>: the envelope can be read in the ledger, so that it alone proves nothing.</param>
public sealed record JoinRequest(string Environment, string Envelope, string Csr, string Proof);

/// <summary>Joined: base64 DER certificate, PEM authority, address of the hub.</summary>
public sealed record JoinReply(string Certificate, string Ca, string Hub);

/// <summary>A one-time sign-in link for a browser.</summary>
public sealed record LinkView(string Url);

/// <summary>A charter's text to look at before it is proposed.</summary>
public sealed record CharterDraft(string Yaml);

/// <summary>What a draft says: everything that is wrong with it, or else what it changes, in words.</summary>
/// <param name="NextVersion">The version that the next charter has.</param>
/// <param name="Faults">What is wrong, each with its line; empty when it can be proposed.</param>
/// <param name="Differences">What it changes against the charter in force; empty when it has faults, or when none is in force.</param>
public sealed record CharterCheckView(int NextVersion, ImmutableArray<CharterFault> Faults, ImmutableArray<CharterDifference> Differences);

/// <summary>How many browsers were signed out.</summary>
public sealed record SignedOutView(int Browsers);

/// <summary>An entry that was looked for, as a member may read it. <c>By</c> is its author's party, or <c>agent</c>.</summary>
public sealed record FoundEntryView(long Index, DateTimeOffset At, string Kind, string Author, string? By, string Task, string? Change, string? Instance, string Id, string LeafHash, JsonElement Data);

/// <summary>A page of entries, newest first; <c>Next</c> is the <c>before</c> of the page after it, null when there is none.</summary>
public sealed record SearchView(long Size, ImmutableArray<FoundEntryView> Entries, long? Next);

/// <summary>An error, as RFC 9457 has it, with the field and the remedy.</summary>
public sealed record ProblemView(string Type, string Title, int Status, string? Detail, string? Field, string? Remedy);

/// <summary>How views are written and read on both sides of the REST API.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, AllowDuplicateProperties = false, MaxDepth = 16)]
[JsonSerializable(typeof(ImmutableArray<ResponsibilityView>))]
[JsonSerializable(typeof(ImmutableArray<EnvironmentView>))]
[JsonSerializable(typeof(ImmutableArray<MemberView>))]
[JsonSerializable(typeof(ImmutableArray<AccessLine>))]
[JsonSerializable(typeof(ImmutableArray<ChangeView>))]
[JsonSerializable(typeof(ImmutableArray<InstanceView>))]
[JsonSerializable(typeof(ImmutableArray<FindingView>))]
[JsonSerializable(typeof(CharterView))]
[JsonSerializable(typeof(ImmutableArray<Emergency.SessionView>))]
[JsonSerializable(typeof(Emergency.SessionView))]
[JsonSerializable(typeof(ImmutableArray<CharterVersionView>))]
[JsonSerializable(typeof(CredentialView))]
[JsonSerializable(typeof(DecisionView))]
[JsonSerializable(typeof(SearchView))]
[JsonSerializable(typeof(Explanation))]
[JsonSerializable(typeof(PlaneView))]
[JsonSerializable(typeof(AppendedView))]
[JsonSerializable(typeof(EntriesView))]
[JsonSerializable(typeof(LedgerPart))]
[JsonSerializable(typeof(ProofView))]
[JsonSerializable(typeof(JoinRequest))]
[JsonSerializable(typeof(JoinReply))]
[JsonSerializable(typeof(LinkView))]
[JsonSerializable(typeof(SignedOutView))]
[JsonSerializable(typeof(CharterDraft))]
[JsonSerializable(typeof(CharterCheckView))]
[JsonSerializable(typeof(HookRequest))]
[JsonSerializable(typeof(HookAddedView))]
[JsonSerializable(typeof(HookView))]
[JsonSerializable(typeof(ImmutableArray<HookView>))]
[JsonSerializable(typeof(ImmutableArray<DeliveryView>))]
[JsonSerializable(typeof(DeliveryView))]
[JsonSerializable(typeof(NotificationBody))]
[JsonSerializable(typeof(ProblemView))]
[JsonSerializable(typeof(InstanceRequest))]
[JsonSerializable(typeof(Agents.Observation))]
public sealed partial class ViewJson : JsonSerializerContext;
