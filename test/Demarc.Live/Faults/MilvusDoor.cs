using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Demarc.Live.Faults;

/// <summary>A Milvus client of the few calls a day needs. It throws <see cref="RpcException"/> when nobody answers; a wrong answer is a failed test.</summary>
internal sealed class MilvusDoor : IDisposable
{
    public const int Dimension = 16;

    private const string Collection = "day";
    private readonly GrpcChannel channel;
    private readonly MilvusService.MilvusServiceClient client;
    private readonly Metadata headers;

    public MilvusDoor(string uri, string user, string password)
    {
        channel = GrpcChannel.ForAddress(uri, new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(2) }, DisposeHttpClient = true, MaxReceiveMessageSize = null });
        client = new MilvusService.MilvusServiceClient(channel);
        headers = new Metadata { { "authorization", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")) } };
    }

    public async Task<bool> IsHealthyAsync()
    {
        try
        {
            return (await client.CheckHealthAsync(new CheckHealthRequest(), Options())).IsHealthy;
        }
        catch (RpcException)
        {
            return false;
        }
    }

    /// <summary>Makes the collection when it is not there, whole: one left half made by a kill is completed.</summary>
    public async Task PrepareAsync()
    {
        var there = await client.HasCollectionAsync(new HasCollectionRequest { CollectionName = Collection }, Options());
        Right(there.Status);
        if (!there.Value)
        {
            var schema = new CollectionSchema { Name = Collection };
            schema.Fields.Add(new FieldSchema { FieldID = 100, Name = "id", DataType = DataType.Int64, IsPrimaryKey = true });
            schema.Fields.Add(new FieldSchema { FieldID = 101, Name = "vector", DataType = DataType.FloatVector, TypeParams = { Pair("dim", "16") } });
            Right(await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = Collection, Schema = schema.ToByteString(), ShardsNum = 1, ConsistencyLevel = ConsistencyLevel.Strong }, Options()));
        }

        Right(await client.CreateIndexAsync(new CreateIndexRequest { CollectionName = Collection, FieldName = "vector", IndexName = "vector", ExtraParams = { Pair("index_type", "FLAT"), Pair("metric_type", "L2") } }, Options()));
        Right(await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = Collection, ReplicaNumber = 1 }, Options()));
    }

    /// <summary>Inserts rows; when this returns they are promised.</summary>
    public async Task InsertAsync(IReadOnlyList<long> ids)
    {
        var floats = new FloatArray();
        foreach (var id in ids) floats.Data.Add(Vector(id));
        var request = new InsertRequest { CollectionName = Collection, NumRows = (uint)ids.Count };
        request.FieldsData.Add(new FieldData { FieldName = "id", Type = DataType.Int64, Scalars = new ScalarField { LongData = new LongArray { Data = { ids } } } });
        request.FieldsData.Add(new FieldData { FieldName = "vector", Type = DataType.FloatVector, Vectors = new VectorField { Dim = Dimension, FloatVector = floats } });
        var result = await client.InsertAsync(request, Options());
        Right(result.Status);
        Assert.Equal(ids.Count, result.InsertCnt);
    }

    /// <summary>Deletes rows; when this returns they are gone for good.</summary>
    public async Task DeleteAsync(IReadOnlyList<long> ids)
    {
        var result = await client.DeleteAsync(new DeleteRequest { CollectionName = Collection, Expr = $"id in [{string.Join(',', ids)}]" }, Options());
        Right(result.Status);
    }

    /// <summary>The id nearest to the vector of a row.</summary>
    public async Task<long?> NearestAsync(long id)
    {
        var bytes = new byte[Dimension * sizeof(float)];
        var vector = Vector(id);
        for (var i = 0; i < Dimension; i++) BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), vector[i]);
        var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = PlaceholderType.FloatVector, Values = { ByteString.CopyFrom(bytes) } } } };
        var answer = await client.SearchAsync(
            new SearchRequest
            {
                CollectionName = Collection,
                DslType = DslType.BoolExprV1,
                PlaceholderGroup = group.ToByteString(),
                Nq = 1,
                ConsistencyLevel = ConsistencyLevel.Strong,
                SearchParams = { Pair("anns_field", "vector"), Pair("topk", "1"), Pair("metric_type", "L2"), Pair("params", "{}"), Pair("round_decimal", "-1") },
            },
            Options());
        Right(answer.Status);
        return answer.Results.Ids?.IntId?.Data is { Count: > 0 } found ? found[0] : null;
    }

    /// <summary>Reads rows by id, with their vectors.</summary>
    public async Task<Dictionary<long, float[]>> ReadAsync(IReadOnlyList<long> ids)
    {
        var answer = await client.QueryAsync(
            new QueryRequest { CollectionName = Collection, Expr = $"id in [{string.Join(',', ids)}]", OutputFields = { "id", "vector" }, ConsistencyLevel = ConsistencyLevel.Strong }, Options());
        Right(answer.Status);
        var keys = answer.FieldsData.Single(f => f.FieldName == "id").Scalars.LongData.Data;
        var floats = answer.FieldsData.Single(f => f.FieldName == "vector").Vectors.FloatVector.Data;
        return keys.Select((key, i) => (key, Enumerable.Range(i * Dimension, Dimension).Select(at => floats[at]).ToArray())).ToDictionary(row => row.key, row => row.Item2);
    }

    /// <summary>The vector that belongs to an id: each its own, the same everywhere.</summary>
    public static float[] Vector(long id)
    {
        var random = new Random((int)(id * 7919 % int.MaxValue));
        return [.. Enumerable.Range(0, Dimension).Select(_ => (random.NextSingle() * 2) - 1)];
    }

    public void Dispose() => channel.Dispose();

    private CallOptions Options() => new(headers, TimeProvider.System.GetUtcNow().UtcDateTime + TimeSpan.FromSeconds(10));

    private static Demarc.Engine.Protocol.KeyValuePair Pair(string key, string value) => new() { Key = key, Value = value };

    // An engine that is on its way up or down says so in its status: for a caller the same as no answer.
    private static void Right(Demarc.Engine.Protocol.Status status)
    {
        if (status.Code != 0 || status.ErrorCode != ErrorCode.Success)
            throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, string.Create(CultureInfo.InvariantCulture, $"{status.Code} {status.Reason}")));
    }
}
