using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Cli.Access;

namespace Demarc.Cli;

/// <summary>JSON of what the CLI alone knows; views come from Core.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ProfileConfig))]
[JsonSerializable(typeof(Instances.OpenedCredential))]
[JsonSerializable(typeof(Charter.ValidCharter))]
[JsonSerializable(typeof(System.Collections.Immutable.ImmutableArray<Core.Charter.CharterDifference>))]
[JsonSerializable(typeof(Environments.Invited))]
[JsonSerializable(typeof(Environments.StatusReport))]
[JsonSerializable(typeof(Environments.RevokedAgent))]
[JsonSerializable(typeof(Environments.OwnPlanePlace))]
[JsonSerializable(typeof(Environments.SeverReport))]
[JsonSerializable(typeof(Environments.RehearsalReport))]
[JsonSerializable(typeof(Environments.RejoinReport))]
[JsonSerializable(typeof(ProfileKey))]
[JsonSerializable(typeof(RootDraft))]
[JsonSerializable(typeof(Monitoring.EgressAllowed))]
[JsonSerializable(typeof(Emergency.OpenedSessionCredential))]
[JsonSerializable(typeof(System.Collections.Immutable.ImmutableArray<Demarc.Core.Monitoring.EgressDayTotals>))]
[JsonSerializable(typeof(System.Collections.Immutable.ImmutableArray<ProfileKey>))]
[JsonSerializable(typeof(ProgramVersion))]
[JsonSerializable(typeof(Audit.AuditReport))]
[JsonSerializable(typeof(Audit.ExportManifest))]
[JsonSerializable(typeof(System.Collections.Immutable.ImmutableArray<Audit.RememberedHead>))]
[JsonSerializable(typeof(Audit.HeadReport))]
[JsonSerializable(typeof(Audit.ComparedReport))]
[JsonSerializable(typeof(Audit.EvidenceReport))]
[JsonSerializable(typeof(System.Collections.Immutable.ImmutableArray<Audit.AuditLine>))]
[JsonSerializable(typeof(Audit.AuditLine))]
[JsonSerializable(typeof(Quickstart.QuickstartPorts))]
[JsonSerializable(typeof(Quickstart.UpReport))]
[JsonSerializable(typeof(Quickstart.DownReport))]
[JsonSerializable(typeof(System.Collections.Immutable.ImmutableArray<Samples.Hit>))]
internal sealed partial class CliJson : JsonSerializerContext;
