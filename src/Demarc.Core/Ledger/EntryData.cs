using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Monitoring;

namespace Demarc.Core.Ledger;

/// <summary>What an entry says, by kind. Every field says how far it may be shown; one that does not counts as secret.</summary>
public abstract record EntryData;

/// <summary>Founds an environment; signed by both roots, first entry of every ledger.</summary>
/// <param name="Name">What people call it.</param>
/// <param name="CustomerRoot">The customer's root key.</param>
/// <param name="VendorRoot">The vendor's root key.</param>
/// <param name="PlaneKey">The verifier key (C2SP vkey) whose checkpoints the agent accepts.</param>
/// <param name="CustomerSealing">The age recipient to which the customer's secrets are sealed.</param>
public sealed record EnvironmentFounded([property: Public] string Name, [property: Public] string CustomerRoot, [property: Public] string VendorRoot, [property: Public] string PlaneKey, [property: Public] string CustomerSealing) : EntryData;

/// <summary>Proposes a charter; its text is what is signed.</summary>
/// <param name="Version">The number after the one in force.</param>
/// <param name="Yaml">The exact text.</param>
public sealed record CharterProposed([property: Public] int Version, [property: Public] string Yaml) : EntryData;

/// <summary>One party's owner signs a proposed charter. With both signatures it is in force.</summary>
/// <param name="Version">Which.</param>
/// <param name="Sha256">Hex hash of its text.</param>
public sealed record CharterSigned([property: Public] int Version, [property: Public] string Sha256) : EntryData;

/// <summary>An owner adds a person to their own party.</summary>
/// <param name="Key">The person's key.</param>
/// <param name="Role">What they may do.</param>
/// <param name="Name">What people call them.</param>
/// <param name="ExpiresAt">When the key counts for nothing any more; null for never.</param>
public sealed record MemberAdded([property: Public] string Key, [property: Public] Role Role, [property: Sensitive] string Name, [property: Public] DateTimeOffset? ExpiresAt = null) : EntryData;

/// <summary>An owner gives a service of their own party a key of its own, with what it may do and until when.</summary>
/// <param name="Key">The token's public half.</param>
/// <param name="Name">What it is for.</param>
/// <param name="Scope">What it may do: of look, audit and operate.</param>
/// <param name="ExpiresAt">When it ends.</param>
public sealed record TokenIssued([property: Public] string Key, [property: Sensitive] string Name, [property: Public] ImmutableArray<Permission> Scope, [property: Public] DateTimeOffset ExpiresAt) : EntryData;

/// <summary>A member changes their own key; signed by the old one and the new one.</summary>
/// <param name="NewKey">The key from here on.</param>
public sealed record MemberRekeyed([property: Public] string NewKey) : EntryData;

/// <summary>An owner puts another key in the place of one that a member of their own party has lost.</summary>
/// <param name="Key">The lost key.</param>
/// <param name="NewKey">The same person's key from here on.</param>
public sealed record MemberReplaced([property: Public] string Key, [property: Public] string NewKey) : EntryData;

/// <summary>An owner says until when a key of their own party counts.</summary>
/// <param name="Key">Whose.</param>
/// <param name="ExpiresAt">When it counts for nothing any more; null for never, which a service's token cannot be given.</param>
public sealed record MemberExpirySet([property: Public] string Key, [property: Public] DateTimeOffset? ExpiresAt) : EntryData;

/// <summary>Owners of a party together put another root in the place of theirs; signed by each of them and by the new root.</summary>
/// <param name="Root">The root that is replaced.</param>
/// <param name="NewRoot">The one in its place.</param>
/// <param name="Reason">Why.</param>
public sealed record RootReplaced([property: Public] string Root, [property: Public] string NewRoot, [property: Sensitive] string Reason) : EntryData;

/// <summary>An owner lets whom an OpenID provider knows by this name read as a member of their own party: to look and to ask, never to decide.</summary>
/// <param name="Key">As which member.</param>
/// <param name="Issuer">The provider's issuer, exactly as its tokens name it.</param>
/// <param name="Subject">Its name for the person.</param>
public sealed record MemberLinked([property: Public] string Key, [property: Public] string Issuer, [property: Sensitive] string Subject) : EntryData;

/// <summary>An owner takes such a link back.</summary>
/// <param name="Issuer">The provider's issuer.</param>
/// <param name="Subject">Its name for the person.</param>
public sealed record MemberUnlinked([property: Public] string Issuer, [property: Sensitive] string Subject) : EntryData;

/// <summary>An owner removes a person of their own party.</summary>
/// <param name="Key">Whose key.</param>
public sealed record MemberRemoved([property: Public] string Key) : EntryData;

/// <summary>The customer invites one agent: whoever holds the invitation's key can join once before it expires.</summary>
/// <param name="Invitation">The invitation's public key; its private half is the join token.</param>
/// <param name="ExpiresAt">When it is worth nothing.</param>
public sealed record AgentInvited([property: Public] string Invitation, [property: Public] DateTimeOffset ExpiresAt) : EntryData;

/// <summary>The agent joins; signed by its own key and by the invitation's.</summary>
/// <param name="Agent">The agent's key.</param>
/// <param name="Invitation">The invitation it used up.</param>
/// <param name="Name">The machine's name.</param>
public sealed record AgentJoined([property: Public] string Agent, [property: Public] string Invitation, [property: Sensitive] string Name) : EntryData;

/// <summary>An owner of either side cuts the agent off.</summary>
/// <param name="Agent">Whose key.</param>
/// <param name="Reason">Why.</param>
public sealed record AgentRevoked([property: Public] string Agent, [property: Sensitive] string Reason) : EntryData;

/// <summary>The customer's owner takes over: the vendor's people may do nothing any more, every task is the customer's, and another plane gives entries their order.</summary>
/// <param name="PlaneKey">The verifier key of the customer's plane; heads from this entry on are its.</param>
/// <param name="Reason">Why.</param>
public sealed record VendorSevered([property: Public] string PlaneKey, [property: Sensitive] string Reason) : EntryData;

/// <summary>The customer's owner moves the ledger to another plane, which gives entries their order from here on.</summary>
/// <param name="PlaneKey">That plane's verifier key.</param>
/// <param name="Reason">Why.</param>
public sealed record PlaneMoved([property: Public] string PlaneKey, [property: Sensitive] string Reason) : EntryData;

/// <summary>A signed wish.</summary>
/// <param name="Change">The change's new name.</param>
/// <param name="Request">What is wanted.</param>
public sealed record ChangeRequested([property: Public] ChangeId Change, [property: Public] InstanceRequest Request) : EntryData;

/// <summary>The agent pins a plan.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Plan">The exact text of the plan.</param>
/// <param name="Hash">Its hash.</param>
public sealed record ChangePlanned([property: Public] ChangeId Change, [property: Public] string Plan, [property: Public] string Hash) : EntryData;

/// <summary>A person approves exactly this plan.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Plan">The plan's hash.</param>
public sealed record ChangeApproved([property: Public] ChangeId Change, [property: Public] string Plan) : EntryData;

/// <summary>A person says no.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Reason">Why.</param>
public sealed record ChangeRejected([property: Public] ChangeId Change, [property: Sensitive] string Reason) : EntryData;

/// <summary>Who asked takes it back.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Reason">Why.</param>
public sealed record ChangeWithdrawn([property: Public] ChangeId Change, [property: Sensitive] string Reason) : EntryData;

/// <summary>The agent will not do it.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Rule">The rule or fact against it.</param>
/// <param name="Why">In words.</param>
public sealed record ChangeRefused([property: Public] ChangeId Change, [property: Public] string Rule, [property: Sensitive] string Why) : EntryData;

/// <summary>The agent starts the approved plan.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Plan">The plan's hash.</param>
public sealed record ChangeStarted([property: Public] ChangeId Change, [property: Public] string Plan) : EntryData;

/// <summary>A step is about to have its effect.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Step">Counted from 0.</param>
public sealed record StepStarted([property: Public] ChangeId Change, [property: Public] int Step) : EntryData;

/// <summary>A step's effect was seen.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Step">Counted from 0.</param>
/// <param name="Receipt">What it left, in one line.</param>
public sealed record StepFinished([property: Public] ChangeId Change, [property: Public] int Step, [property: Sensitive] string Receipt) : EntryData;

/// <summary>A step failed for good.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Step">Counted from 0.</param>
/// <param name="Why">What went wrong, in one line.</param>
public sealed record StepFailed([property: Public] ChangeId Change, [property: Public] int Step, [property: Sensitive] string Why) : EntryData;

/// <summary>A step's effect was taken back.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Step">Counted from 0.</param>
/// <param name="Receipt">What was undone, in one line.</param>
public sealed record StepUndone([property: Public] ChangeId Change, [property: Public] int Step, [property: Sensitive] string Receipt) : EntryData;

/// <summary>The change is done and an independent check passed.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Proof">What was checked.</param>
public sealed record ChangeSucceeded([property: Public] ChangeId Change, [property: Sensitive] string Proof) : EntryData;

/// <summary>The change ended half way.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Why">What stands where it should not.</param>
public sealed record ChangeFailed([property: Public] ChangeId Change, [property: Sensitive] string Why) : EntryData;

/// <summary>The change was undone.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Why">What went wrong first.</param>
public sealed record ChangeRolledBack([property: Public] ChangeId Change, [property: Sensitive] string Why) : EntryData;

/// <summary>The change waited too long.</summary>
/// <param name="Change">Which change.</param>
public sealed record ChangeExpired([property: Public] ChangeId Change) : EntryData;

/// <summary>A party wants a change to stand still at the next safe place.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Reason">Why.</param>
public sealed record ChangePaused([property: Public] ChangeId Change, [property: Sensitive] string Reason) : EntryData;

/// <summary>The party that paused a change lets it go on.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Reason">Why.</param>
public sealed record ChangeResumed([property: Public] ChangeId Change, [property: Sensitive] string Reason) : EntryData;

/// <summary>A party wants a change to end at the next safe place: undone or as it stands, as the charter has it.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Reason">Why.</param>
public sealed record ChangeStopped([property: Public] ChangeId Change, [property: Sensitive] string Reason) : EntryData;

/// <summary>The customer puts off a vendor's change.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Until">It does not start before.</param>
/// <param name="Reason">Why.</param>
public sealed record ChangeDeferred([property: Public] ChangeId Change, [property: Public] DateTimeOffset Until, [property: Sensitive] string Reason) : EntryData;

/// <summary>The agent has halted: from here on no step of the change begins until it is resumed or undone.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Hold">Which hold of the change this answers, from one: one that was lifted before this arrived must not be taken for the next.</param>
public sealed record ChangeHalted([property: Public] ChangeId Change, [property: Public] int Hold) : EntryData;

/// <summary>The agent takes a start back that was agreed on when its window had closed; nothing was done.</summary>
/// <param name="Change">Which change.</param>
/// <param name="Why">What was too late.</param>
public sealed record ChangePostponed([property: Public] ChangeId Change, [property: Sensitive] string Why) : EntryData;

/// <summary>The agent minted the first credential of an instance.</summary>
/// <param name="Change">Under which change.</param>
/// <param name="Instance">Of which instance.</param>
/// <param name="User">For which Milvus user.</param>
/// <param name="Sealed">The password as an armored age file for the customer's sealing key.</param>
public sealed record CredentialIssued([property: Public] ChangeId Change, [property: Public] InstanceId Instance, [property: Public] string User, [property: SecretField] string Sealed) : EntryData;

/// <summary>The agent saw something that the owner of the task must mend; the agent does not touch it.</summary>
/// <param name="Finding">Its name; the same trouble has the same name.</param>
/// <param name="Task">The row it falls under.</param>
/// <param name="Resource">What is concerned.</param>
/// <param name="Reason">What is wrong.</param>
/// <param name="Remedy">What to do.</param>
public sealed record FindingRaised([property: Public] string Finding, [property: Public] TaskId Task, [property: Sensitive] string Resource, [property: Sensitive] string Reason, [property: Sensitive] string Remedy) : EntryData;

/// <summary>The trouble is gone.</summary>
/// <param name="Finding">Its name.</param>
public sealed record FindingCleared([property: Public] string Finding) : EntryData;

/// <summary>The customer lets more leave than the charter allows: one class, one day.</summary>
/// <param name="Class">What.</param>
/// <param name="Bytes">How much more.</param>
/// <param name="Day">On which UTC day.</param>
/// <param name="Reason">Why.</param>
public sealed record EgressConsented([property: Public] EgressClass Class, [property: Public] long Bytes, [property: Public] DateOnly Day, [property: Sensitive] string Reason) : EntryData;

/// <summary>A kind this version does not know: kept, hashed, and given no meaning.</summary>
public sealed record UnknownEntry : EntryData;
