using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Who answers, and whether it is well.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<ConnectResponse> Connect(ConnectRequest request, ServerCallContext context) =>
        Run(request, context, _ => new ConnectResponse
        {
            Status = Success(),
            Identifier = store.Clock.NextId(),
            ServerInfo = new ServerInfo
            {
                BuildTags = EngineVersion.Milvus,
                BuildTime = "",
                GitCommit = "",
                GoVersion = "",
                DeployMode = "STANDALONE",
                Reserved = { ["engine"] = "demarc-engine " + EngineVersion.Own },
            },
        });

    public override Task<GetVersionResponse> GetVersion(GetVersionRequest request, ServerCallContext context) =>
        Run(request, context, _ => new GetVersionResponse { Status = Success(), Version = EngineVersion.Milvus });

    public override Task<CheckHealthResponse> CheckHealth(CheckHealthRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            var answer = new CheckHealthResponse { Status = Success(), IsHealthy = store.Broken is null };
            if (store.Broken is { } why)
            {
                answer.Reasons.Add("writes are stopped: " + why);
                answer.QuotaStates.Add(QuotaState.DenyToWrite);
            }

            return answer;
        });

    public override Task<ComponentStates> GetComponentStates(GetComponentStatesRequest request, ServerCallContext context) =>
        Run(request, context, _ => new ComponentStates
        {
            Status = Success(),
            State = new ComponentInfo { NodeID = NodeId, Role = "standalone", StateCode = store.Broken is null ? StateCode.Healthy : StateCode.Abnormal },
        });

    public override Task<AllocTimestampResponse> AllocTimestamp(AllocTimestampRequest request, ServerCallContext context) =>
        Run(request, context, _ => new AllocTimestampResponse { Status = Success(), Timestamp = store.Clock.Next() });

    // One process does what these do in Milvus, and stands in the figures once for each, as a standalone Milvus does.
    private static readonly string[] NodeRoles = ["mixcoord", "proxy", "datanode", "querynode"];

    /// <summary>The one kind of request that clients send is for the node's own figures.</summary>
    public override Task<GetMetricsResponse> GetMetrics(GetMetricsRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            var kind = MetricKind(request.Request);
            if (kind != "system_info")
            {
                throw new Fault(65535, $"sorry, but this metric type is not implemented: {kind}: metric not found");
            }

            var buffer = new System.Buffers.ArrayBufferWriter<byte>();
            using (var json = new System.Text.Json.Utf8JsonWriter(buffer))
            {
                WriteNode(json);
            }

            return new GetMetricsResponse { Status = Success(), ComponentName = "standalone", Response = System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan) };
        });

    private static string MetricKind(string request)
    {
        try
        {
            using var document = System.Text.Json.JsonDocument.Parse(request);
            return document.RootElement.TryGetProperty("metric_type", out var kind) && kind.ValueKind == System.Text.Json.JsonValueKind.String ? kind.GetString()! : "";
        }
        catch (System.Text.Json.JsonException)
        {
            throw Faults.Invalid($"failed to decode the request: {request}");
        }
    }

    private static void WriteNode(System.Text.Json.Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartArray("nodes_info");
        foreach (var role in NodeRoles)
        {
            WriteNode(json, role);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteNode(System.Text.Json.Utf8JsonWriter json, string role)
    {
        json.WriteStartObject();
        json.WriteNumber("identifier", NodeId);
        json.WriteNull("connected");
        json.WriteStartObject("infos");
        json.WriteBoolean("has_error", false);
        json.WriteString("error_reason", "");
        json.WriteString("name", role + NodeId.ToString(System.Globalization.CultureInfo.InvariantCulture));
        json.WriteStartObject("hardware_infos");
        json.WriteNumber("cpu_core_count", Environment.ProcessorCount);
        json.WriteNumber("memory", GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        json.WriteNumber("memory_usage", Environment.WorkingSet);
        json.WriteEndObject();
        json.WriteStartObject("system_info");
        json.WriteString("system_version", EngineVersion.Milvus);
        json.WriteString("deploy_mode", "STANDALONE");
        json.WriteEndObject();
        json.WriteString("type", role);
        json.WriteNumber("id", NodeId);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
