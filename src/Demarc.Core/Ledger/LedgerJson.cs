using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Core.Agents;
using Demarc.Core.Instances;

namespace Demarc.Core.Ledger;

/// <summary>
/// How entry bodies are written and read: camelCase, no reflection, strict where it matters (missing or null fields, duplicate
/// names and deep nesting are refused) and open where it must be (fields of later versions are let pass, their bytes stay signed).
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    AllowOutOfOrderMetadataProperties = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.Never,
    MaxDepth = 16)]
[JsonSerializable(typeof(EntryBody))]
[JsonSerializable(typeof(ImmutableArray<InstanceStep>))]
[JsonSerializable(typeof(EnvironmentFounded))]
[JsonSerializable(typeof(CharterProposed))]
[JsonSerializable(typeof(CharterSigned))]
[JsonSerializable(typeof(MemberAdded))]
[JsonSerializable(typeof(MemberRemoved))]
[JsonSerializable(typeof(MemberRekeyed))]
[JsonSerializable(typeof(MemberReplaced))]
[JsonSerializable(typeof(MemberExpirySet))]
[JsonSerializable(typeof(RootReplaced))]
[JsonSerializable(typeof(TokenIssued))]
[JsonSerializable(typeof(VendorSevered))]
[JsonSerializable(typeof(PlaneMoved))]
[JsonSerializable(typeof(MemberLinked))]
[JsonSerializable(typeof(MemberUnlinked))]
[JsonSerializable(typeof(AgentInvited))]
[JsonSerializable(typeof(AgentJoined))]
[JsonSerializable(typeof(AgentRevoked))]
[JsonSerializable(typeof(ChangeRequested))]
[JsonSerializable(typeof(ChangePlanned))]
[JsonSerializable(typeof(ChangeApproved))]
[JsonSerializable(typeof(ChangeRejected))]
[JsonSerializable(typeof(ChangeWithdrawn))]
[JsonSerializable(typeof(ChangeRefused))]
[JsonSerializable(typeof(ChangeStarted))]
[JsonSerializable(typeof(StepStarted))]
[JsonSerializable(typeof(StepFinished))]
[JsonSerializable(typeof(StepFailed))]
[JsonSerializable(typeof(StepUndone))]
[JsonSerializable(typeof(ChangeSucceeded))]
[JsonSerializable(typeof(ChangeFailed))]
[JsonSerializable(typeof(ChangeRolledBack))]
[JsonSerializable(typeof(ChangeExpired))]
[JsonSerializable(typeof(ChangePaused))]
[JsonSerializable(typeof(ChangeResumed))]
[JsonSerializable(typeof(ChangeStopped))]
[JsonSerializable(typeof(ChangeDeferred))]
[JsonSerializable(typeof(ChangeHalted))]
[JsonSerializable(typeof(ChangePostponed))]
[JsonSerializable(typeof(CredentialIssued))]
[JsonSerializable(typeof(FindingRaised))]
[JsonSerializable(typeof(FindingCleared))]
[JsonSerializable(typeof(EgressConsented))]
[JsonSerializable(typeof(SessionRequested))]
[JsonSerializable(typeof(SessionApproved))]
[JsonSerializable(typeof(SessionRejected))]
[JsonSerializable(typeof(SessionWithdrawn))]
[JsonSerializable(typeof(SessionRevoked))]
[JsonSerializable(typeof(SessionRefused))]
[JsonSerializable(typeof(SessionOpened))]
[JsonSerializable(typeof(SessionCredentialIssued))]
[JsonSerializable(typeof(SessionRecorded))]
[JsonSerializable(typeof(SessionPrepared))]
[JsonSerializable(typeof(SessionReleased))]
[JsonSerializable(typeof(SessionEnded))]
[JsonSerializable(typeof(SessionReviewed))]
[JsonSerializable(typeof(Observation))]
public sealed partial class LedgerJson : JsonSerializerContext;

/// <summary>The body of every entry: who says what kind of thing about which environment, when, and the thing itself.</summary>
/// <param name="Demarc">Version of this body, 1.</param>
/// <param name="Id">Unique; an id that comes twice is a replay.</param>
/// <param name="Environment">Which environment it is for: it means nothing in another.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="At">When its author wrote it, by the author's clock.</param>
/// <param name="Author">The author's key.</param>
/// <param name="Data">What it says, by kind.</param>
public sealed record EntryBody(int Demarc, string Id, string Environment, string Kind, DateTimeOffset At, string Author, JsonElement Data);
