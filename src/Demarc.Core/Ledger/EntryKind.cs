using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json.Serialization.Metadata;
using Demarc.Core.Access;
using Demarc.Core.Charter;

namespace Demarc.Core.Ledger;

/// <summary>Who writes entries of a kind.</summary>
public enum EntryAuthor
{
    /// <summary>A person with a key on their own device.</summary>
    Person,

    /// <summary>The joined agent.</summary>
    Agent,

    /// <summary>A person, or the agent under standing authority.</summary>
    PersonOrAgent,
}

/// <summary>One kind of entry: its name for ever, who writes it, and what it takes. Mirrored by a golden file.</summary>
/// <param name="Name">As in <c>change.requested</c>.</param>
/// <param name="Task">The row of the table it falls under; for changes and findings, their own row.</param>
/// <param name="Author">Who writes it.</param>
/// <param name="Permission">What a person needs to write it.</param>
/// <param name="Type">The data it carries.</param>
public sealed record EntryKind(string Name, TaskId? Task, EntryAuthor Author, Permission Permission, JsonTypeInfo Type)
{
    /// <summary>Every kind, in the order of the golden file.</summary>
    public static ImmutableArray<EntryKind> All { get; } =
    [
        new("environment.founded", TaskId.Access, EntryAuthor.Person, Permission.Own, LedgerJson.Default.EnvironmentFounded),
        new("charter.proposed", TaskId.Access, EntryAuthor.Person, Permission.Own, LedgerJson.Default.CharterProposed),
        new("charter.signed", TaskId.Access, EntryAuthor.Person, Permission.Own, LedgerJson.Default.CharterSigned),
        new("member.added", TaskId.Access, EntryAuthor.Person, Permission.Own, LedgerJson.Default.MemberAdded),
        new("member.removed", TaskId.Access, EntryAuthor.Person, Permission.Own, LedgerJson.Default.MemberRemoved),
        new("member.rekeyed", TaskId.Access, EntryAuthor.Person, Permission.Look, LedgerJson.Default.MemberRekeyed),
        new("member.replaced", TaskId.Access, EntryAuthor.Person, Permission.Own, LedgerJson.Default.MemberReplaced),
        new("member.expiry-set", TaskId.Access, EntryAuthor.Person, Permission.Own, LedgerJson.Default.MemberExpirySet),
        new("root.replaced", TaskId.Access, EntryAuthor.Person, Permission.Own, LedgerJson.Default.RootReplaced),
        new("token.issued", TaskId.Access, EntryAuthor.Person, Permission.Own, LedgerJson.Default.TokenIssued),
        new("member.linked", TaskId.Access, EntryAuthor.Person, Permission.Own, LedgerJson.Default.MemberLinked),
        new("member.unlinked", TaskId.Access, EntryAuthor.Person, Permission.Own, LedgerJson.Default.MemberUnlinked),
        new("agent.invited", TaskId.Identity, EntryAuthor.Person, Permission.Own, LedgerJson.Default.AgentInvited),
        new("agent.joined", TaskId.Identity, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.AgentJoined),
        new("agent.revoked", TaskId.Identity, EntryAuthor.Person, Permission.Own, LedgerJson.Default.AgentRevoked),
        new("vendor.severed", TaskId.Access, EntryAuthor.Person, Permission.Own, LedgerJson.Default.VendorSevered),
        new("plane.moved", TaskId.Audit, EntryAuthor.Person, Permission.Own, LedgerJson.Default.PlaneMoved),
        new("change.requested", null, EntryAuthor.PersonOrAgent, Permission.Operate, LedgerJson.Default.ChangeRequested),
        new("change.planned", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.ChangePlanned),
        new("change.approved", null, EntryAuthor.Person, Permission.Approve, LedgerJson.Default.ChangeApproved),
        new("change.rejected", null, EntryAuthor.Person, Permission.Approve, LedgerJson.Default.ChangeRejected),
        new("change.withdrawn", null, EntryAuthor.Person, Permission.Operate, LedgerJson.Default.ChangeWithdrawn),
        new("change.refused", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.ChangeRefused),
        new("change.started", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.ChangeStarted),
        new("change.step-started", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.StepStarted),
        new("change.step-finished", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.StepFinished),
        new("change.step-failed", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.StepFailed),
        new("change.step-undone", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.StepUndone),
        new("change.succeeded", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.ChangeSucceeded),
        new("change.failed", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.ChangeFailed),
        new("change.rolled-back", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.ChangeRolledBack),
        new("change.expired", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.ChangeExpired),
        new("change.paused", null, EntryAuthor.Person, Permission.Halt, LedgerJson.Default.ChangePaused),
        new("change.resumed", null, EntryAuthor.Person, Permission.Halt, LedgerJson.Default.ChangeResumed),
        new("change.stopped", null, EntryAuthor.Person, Permission.Halt, LedgerJson.Default.ChangeStopped),
        new("change.deferred", null, EntryAuthor.Person, Permission.Approve, LedgerJson.Default.ChangeDeferred),
        new("change.halted", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.ChangeHalted),
        new("change.postponed", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.ChangePostponed),
        new("credential.issued", TaskId.Access, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.CredentialIssued),
        new("finding.raised", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.FindingRaised),
        new("finding.cleared", null, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.FindingCleared),
        new("egress.consented", TaskId.Monitoring, EntryAuthor.Person, Permission.Approve, LedgerJson.Default.EgressConsented),
        new("session.requested", TaskId.Emergency, EntryAuthor.Person, Permission.Operate, LedgerJson.Default.SessionRequested),
        new("session.approved", TaskId.Emergency, EntryAuthor.Person, Permission.Approve, LedgerJson.Default.SessionApproved),
        new("session.rejected", TaskId.Emergency, EntryAuthor.Person, Permission.Approve, LedgerJson.Default.SessionRejected),
        new("session.withdrawn", TaskId.Emergency, EntryAuthor.Person, Permission.Operate, LedgerJson.Default.SessionWithdrawn),
        new("session.revoked", TaskId.Emergency, EntryAuthor.Person, Permission.Halt, LedgerJson.Default.SessionRevoked),
        new("session.refused", TaskId.Emergency, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.SessionRefused),
        new("session.opened", TaskId.Emergency, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.SessionOpened),
        new("session.credential-issued", TaskId.Emergency, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.SessionCredentialIssued),
        new("session.recorded", TaskId.Emergency, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.SessionRecorded),
        new("session.prepared", TaskId.Emergency, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.SessionPrepared),
        new("session.released", TaskId.Emergency, EntryAuthor.Person, Permission.Approve, LedgerJson.Default.SessionReleased),
        new("session.ended", TaskId.Emergency, EntryAuthor.Agent, Permission.Agent, LedgerJson.Default.SessionEnded),
        new("session.reviewed", TaskId.Emergency, EntryAuthor.Person, Permission.Approve, LedgerJson.Default.SessionReviewed),
    ];

    private static readonly FrozenDictionary<string, EntryKind> Names = All.ToFrozenDictionary(kind => kind.Name);
    private static readonly FrozenDictionary<Type, EntryKind> Types = All.ToFrozenDictionary(kind => kind.Type.Type);

    /// <summary>The kind of a name, or null when this version does not know it.</summary>
    public static EntryKind? ByName(string name) => Names.GetValueOrDefault(name);

    /// <summary>The kind that carries the data.</summary>
    public static EntryKind Of(EntryData data) => Types[data.GetType()];
}
