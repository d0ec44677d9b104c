using System.Globalization;
using System.Text;
using Demarc.Agent.Local;
using Demarc.Core;
using Demarc.Core.Emergency;
using Demarc.Engine.Protocol;
using Grpc.Core;
using Grpc.Net.Client;

namespace Demarc.Agent.Emergency;

/// <summary>Answers the commands of Milvus sessions, as the session's own temporary user and as nobody else: what that user may not, no command can.</summary>
public sealed class MilvusReader : IDisposable
{
    private readonly Dictionary<SessionId, ProbeLogin> logins = [];
    private readonly Dictionary<int, GrpcChannel> channels = [];

    /// <summary>From now on a session speaks as this user.</summary>
    public void Login(SessionId session, ProbeLogin login) => logins[session] = login;

    /// <summary>A session speaks no more.</summary>
    public void Forget(SessionId session) => logins.Remove(session);

    /// <summary>The answer to a command, in lines.</summary>
    public async Task<string> AskAsync(Session session, int port, TypedCommand typed, CancellationToken stop)
    {
        if (typed.Command.Name == "help") return TerminalCommands.Help(TerminalCommands.OfMilvus) + "exit ends the session\n";
        if (!logins.TryGetValue(session.Id, out var login)) return "the session's user is gone\n";
        var headers = new Metadata { { "authorization", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{login.User}:{login.Password.Reveal()}")) } };
        try
        {
            return await AnswerAsync(Client(port), headers, typed, stop);
        }
        catch (RpcException refused)
        {
            stop.ThrowIfCancellationRequested();
            return $"Milvus answered {refused.StatusCode}: {refused.Status.Detail}\n";
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var channel in channels.Values) channel.Dispose();
        channels.Clear();
        logins.Clear();
    }

    private static async Task<string> AnswerAsync(MilvusService.MilvusServiceClient client, Metadata headers, TypedCommand typed, CancellationToken stop)
    {
        switch (typed.Command.Name)
        {
            case "collections":
                var shown = await client.ShowCollectionsAsync(new ShowCollectionsRequest(), headers, cancellationToken: stop);
                return Wrong(shown.Status) ?? (shown.CollectionNames.Count == 0 ? "no collections\n" : string.Concat(shown.CollectionNames.Order(StringComparer.Ordinal).Select(name => name + "\n")));
            case "describe":
                var described = await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = typed.Values[0] }, headers, cancellationToken: stop);
                return Wrong(described.Status) ?? string.Concat(described.Schema.Fields.Select(field =>
                    $"{field.Name}  {field.DataType}{(field.IsPrimaryKey ? "  primary" : "")}{string.Concat(field.TypeParams.Select(pair => $"  {pair.Key}={pair.Value}"))}\n"));
            case "count":
                var counted = await client.QueryAsync(new QueryRequest { CollectionName = typed.Values[0], OutputFields = { "count(*)" }, ConsistencyLevel = ConsistencyLevel.Strong }, headers, cancellationToken: stop);
                return Wrong(counted.Status) ?? (counted.FieldsData.FirstOrDefault()?.Scalars?.LongData?.Data.FirstOrDefault() ?? 0).ToString(CultureInfo.InvariantCulture) + " rows\n";
            case "version":
                var version = await client.GetVersionAsync(new GetVersionRequest(), headers, cancellationToken: stop);
                var health = await client.CheckHealthAsync(new CheckHealthRequest(), headers, cancellationToken: stop);
                return Wrong(version.Status) ?? $"Milvus {version.Version}, {(health.IsHealthy ? "healthy" : "not healthy")}\n";
            default:
                throw new BrokenBeliefException($"{typed.Command.Name} is on the list and nobody answers it.");
        }
    }

    private static string? Wrong(Demarc.Engine.Protocol.Status status) => status.Code == 0 && status.ErrorCode == ErrorCode.Success ? null : $"Milvus says: {status.Reason}\n";

    private MilvusService.MilvusServiceClient Client(int port)
    {
        if (!channels.TryGetValue(port, out var channel))
        {
            var handler = new SocketsHttpHandler { UseProxy = false, ConnectTimeout = LocalLimits.Health, PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1) };
            channels[port] = channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
        }

        return new MilvusService.MilvusServiceClient(channel);
    }
}
