using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Who answers, and whether it is well.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<ConnectResponse> Connect(ConnectRequest request, ServerCallContext context) =>
        Run(
            () => new ConnectResponse
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
            },
            status => new ConnectResponse { Status = status });

    public override Task<GetVersionResponse> GetVersion(GetVersionRequest request, ServerCallContext context) =>
        Run(() => new GetVersionResponse { Status = Success(), Version = EngineVersion.Milvus }, status => new GetVersionResponse { Status = status });

    public override Task<CheckHealthResponse> CheckHealth(CheckHealthRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                var answer = new CheckHealthResponse { Status = Success(), IsHealthy = store.Broken is null };
                if (store.Broken is { } why)
                {
                    answer.Reasons.Add("writes are stopped: " + why);
                    answer.QuotaStates.Add(QuotaState.DenyToWrite);
                }

                return answer;
            },
            status => new CheckHealthResponse { Status = status });

    public override Task<ComponentStates> GetComponentStates(GetComponentStatesRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                var code = store.Broken is null ? StateCode.Healthy : StateCode.Abnormal;
                return new ComponentStates
                {
                    Status = Success(),
                    State = new ComponentInfo { NodeID = 1, Role = "standalone", StateCode = code },
                };
            },
            status => new ComponentStates { Status = status });

    public override Task<AllocTimestampResponse> AllocTimestamp(AllocTimestampRequest request, ServerCallContext context) =>
        Run(() => new AllocTimestampResponse { Status = Success(), Timestamp = store.Clock.Next() }, status => new AllocTimestampResponse { Status = status });

    public override Task<ListDatabasesResponse> ListDatabases(ListDatabasesRequest request, ServerCallContext context) =>
        Run(
            () => new ListDatabasesResponse { Status = Success(), DbNames = { Faults.DefaultDatabase }, CreatedTimestamp = { 0 }, DbIds = { 1 } },
            status => new ListDatabasesResponse { Status = status });

    public override Task<DescribeDatabaseResponse> DescribeDatabase(DescribeDatabaseRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                CheckDatabase(request.DbName);
                return new DescribeDatabaseResponse { Status = Success(), DbName = Faults.DefaultDatabase, DbID = 1 };
            },
            status => new DescribeDatabaseResponse { Status = status });
}
