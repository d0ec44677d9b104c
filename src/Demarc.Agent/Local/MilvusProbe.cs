using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using KeyValuePair = Demarc.Engine.Protocol.KeyValuePair;
using Status = Demarc.Engine.Protocol.Status;

namespace Demarc.Agent.Local;

/// <summary>
/// A small Milvus client of the agent's own. It connects like any other client, over the wire and with a password, so that what it proves is what
/// a customer's program will see.
/// </summary>
public sealed class MilvusProbe : IMilvusProbe, IDisposable
{
    private const string Collection = "demarc_verify";
    private const int Rows = 32;
    private const int Dimension = 8;
    private const int Asked = 7;
    private const int Neighbours = 3;
    private readonly Dictionary<int, GrpcChannel> channels = [];

    /// <inheritdoc/>
    public async Task<bool> IsHealthyAsync(int port, ProbeLogin login, CancellationToken stop)
    {
        try
        {
            var answer = await Client(port).CheckHealthAsync(new CheckHealthRequest(), Headers(login), cancellationToken: stop);
            return answer is { IsHealthy: true, Status.Code: 0 };
        }
        catch (RpcException refused)
        {
            if (refused.StatusCode == StatusCode.Cancelled) stop.ThrowIfCancellationRequested();
            return false;
        }
    }

    /// <inheritdoc/>
    public async Task<string> VerifyAsync(int port, ProbeLogin login, Action<double, string> report, CancellationToken stop)
    {
        var client = Client(port);
        var headers = Headers(login);
        try
        {
            report(0.1, "creating a scratch collection");
            await DropAsync(client, headers, stop);
            await CreateAsync(client, headers, stop);
            report(0.3, "writing");
            await InsertAsync(client, headers, stop);
            report(0.5, "searching");
            await SearchAsync(client, headers, stop);
            report(0.7, "reading back");
            await ReadBackAsync(client, headers, stop);
            report(0.9, "dropping the scratch collection");
            await DropAsync(client, headers, stop);
            return $"wrote {Rows} vectors, found the right {Neighbours} neighbours, read a row back, dropped the collection";
        }
        catch (RpcException broken)
        {
            stop.ThrowIfCancellationRequested();
            throw new ProbeException($"port {port} answered {broken.StatusCode}: {broken.Status.Detail}", broken);
        }
    }

    /// <inheritdoc/>
    public async Task CleanAsync(int port, ProbeLogin login, CancellationToken stop)
    {
        try
        {
            await DropAsync(Client(port), Headers(login), stop);
        }
        catch (RpcException broken)
        {
            stop.ThrowIfCancellationRequested();
            throw new ProbeException($"port {port} answered {broken.StatusCode}: {broken.Status.Detail}", broken);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var channel in channels.Values) channel.Dispose();
        channels.Clear();
    }

    private static async Task CreateAsync(MilvusService.MilvusServiceClient client, Metadata headers, CancellationToken stop)
    {
        var schema = new CollectionSchema { Name = Collection, Description = "scratch of the agent's verification; safe to drop" };
        schema.Fields.Add(new FieldSchema { FieldID = 100, Name = "id", DataType = DataType.Int64, IsPrimaryKey = true });
        schema.Fields.Add(new FieldSchema { FieldID = 101, Name = "word", DataType = DataType.VarChar, TypeParams = { Pair("max_length", "64") } });
        schema.Fields.Add(new FieldSchema { FieldID = 102, Name = "vector", DataType = DataType.FloatVector, TypeParams = { Pair("dim", Text(Dimension)) } });
        Right("create", await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = Collection, Schema = schema.ToByteString(), ShardsNum = 1, ConsistencyLevel = ConsistencyLevel.Strong }, headers, cancellationToken: stop));
        Right("index", await client.CreateIndexAsync(
            new CreateIndexRequest { CollectionName = Collection, FieldName = "vector", IndexName = "vector", ExtraParams = { Pair("index_type", "FLAT"), Pair("metric_type", "L2") } }, headers, cancellationToken: stop));
        Right("load", await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = Collection, ReplicaNumber = 1 }, headers, cancellationToken: stop));
    }

    private static async Task InsertAsync(MilvusService.MilvusServiceClient client, Metadata headers, CancellationToken stop)
    {
        var ids = new LongArray();
        var words = new StringArray();
        var vectors = new FloatArray();
        for (var row = 0; row < Rows; row++)
        {
            ids.Data.Add(row);
            words.Data.Add(WordOf(row));
            vectors.Data.Add(VectorOf(row));
        }

        var request = new InsertRequest { CollectionName = Collection, NumRows = Rows };
        request.FieldsData.Add(new FieldData { FieldName = "id", Type = DataType.Int64, Scalars = new ScalarField { LongData = ids } });
        request.FieldsData.Add(new FieldData { FieldName = "word", Type = DataType.VarChar, Scalars = new ScalarField { StringData = words } });
        request.FieldsData.Add(new FieldData { FieldName = "vector", Type = DataType.FloatVector, Vectors = new VectorField { Dim = Dimension, FloatVector = vectors } });
        var result = await client.InsertAsync(request, headers, cancellationToken: stop);
        Right("insert", result.Status);
        if (result.InsertCnt != Rows) throw new ProbeException($"insert took {result.InsertCnt} of {Rows} rows");
    }

    private static async Task SearchAsync(MilvusService.MilvusServiceClient client, Metadata headers, CancellationToken stop)
    {
        var bytes = new byte[Dimension * sizeof(float)];
        var asked = VectorOf(Asked);
        for (var i = 0; i < Dimension; i++) BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), asked[i]);
        var group = new PlaceholderGroup();
        group.Placeholders.Add(new PlaceholderValue { Tag = "$0", Type = PlaceholderType.FloatVector, Values = { ByteString.CopyFrom(bytes) } });
        var request = new SearchRequest
        {
            CollectionName = Collection,
            DslType = DslType.BoolExprV1,
            PlaceholderGroup = group.ToByteString(),
            Nq = 1,
            ConsistencyLevel = ConsistencyLevel.Strong,
            OutputFields = { "id" },
            SearchParams = { Pair("anns_field", "vector"), Pair("topk", Text(Neighbours)), Pair("metric_type", "L2"), Pair("params", "{}"), Pair("round_decimal", "-1") },
        };
        var answer = await client.SearchAsync(request, headers, cancellationToken: stop);
        Right("search", answer.Status);
        var found = answer.Results?.Ids?.IntId?.Data.ToArray() ?? [];
        var expected = Nearest();
        if (!found.SequenceEqual(expected)) throw new ProbeException($"search found rows [{string.Join(", ", found)}], the right ones are [{string.Join(", ", expected)}]");
        if (answer.Results!.Scores.Count == 0 || Math.Abs(answer.Results.Scores[0]) > 1e-5f) throw new ProbeException("search gives the asked vector itself a distance other than 0");
    }

    private static async Task ReadBackAsync(MilvusService.MilvusServiceClient client, Metadata headers, CancellationToken stop)
    {
        var request = new QueryRequest { CollectionName = Collection, Expr = $"id in [{Asked}]", OutputFields = { "id", "word", "vector" }, ConsistencyLevel = ConsistencyLevel.Strong };
        var answer = await client.QueryAsync(request, headers, cancellationToken: stop);
        Right("query", answer.Status);
        var word = answer.FieldsData.FirstOrDefault(field => field.FieldName == "word")?.Scalars?.StringData?.Data;
        var vector = answer.FieldsData.FirstOrDefault(field => field.FieldName == "vector")?.Vectors?.FloatVector?.Data;
        if (word is not { Count: 1 } || word[0] != WordOf(Asked)) throw new ProbeException("query gives back another text than was written");
        if (vector is null || !vector.SequenceEqual(VectorOf(Asked))) throw new ProbeException("query gives back another vector than was written");
    }

    private static async Task DropAsync(MilvusService.MilvusServiceClient client, Metadata headers, CancellationToken stop)
    {
        var there = await client.HasCollectionAsync(new HasCollectionRequest { CollectionName = Collection }, headers, cancellationToken: stop);
        Right("has", there.Status);
        if (there.Value) Right("drop", await client.DropCollectionAsync(new DropCollectionRequest { CollectionName = Collection }, headers, cancellationToken: stop));
    }

    private static void Right(string call, Status status)
    {
        if (status.Code != 0 || status.ErrorCode != ErrorCode.Success) throw new ProbeException($"{call} failed with code {status.Code}: {status.Reason}");
    }

    // Distinct from one another and the same everywhere: small whole numbers survive every float exactly.
    private static float[] VectorOf(int row) => [.. Enumerable.Range(0, Dimension).Select(i => (float)((row * 37 + i * 11 + row * row * (i + 1)) % 101))];

    private static string WordOf(int row) => $"row-{row}";

    private static long[] Nearest()
    {
        var asked = VectorOf(Asked);
        return [.. Enumerable.Range(0, Rows).OrderBy(row => VectorOf(row).Zip(asked, (a, b) => (a - b) * (a - b)).Sum()).Take(Neighbours).Select(row => (long)row)];
    }

    private MilvusService.MilvusServiceClient Client(int port)
    {
        if (!channels.TryGetValue(port, out var channel))
        {
            var handler = new SocketsHttpHandler { UseProxy = false, ConnectTimeout = LocalLimits.Health, PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1) };
            channels[port] = channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
        }

        return new MilvusService.MilvusServiceClient(channel);
    }

    private static Metadata Headers(ProbeLogin login) =>
        new() { { "authorization", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{login.User}:{login.Password.Reveal()}")) } };

    private static KeyValuePair Pair(string key, string value) => new() { Key = key, Value = value };

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
