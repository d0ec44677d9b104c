using System.Text.Json.Serialization;

namespace Demarc.Agent.Ledger;

/// <summary>How evidence is written: plain JSON with base64 envelopes, readable without this program.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Evidence))]
internal sealed partial class EvidenceJson : JsonSerializerContext;
