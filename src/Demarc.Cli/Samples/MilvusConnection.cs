using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Status = Demarc.Engine.Protocol.Status;

namespace Demarc.Cli.Samples;

/// <summary>One row found: how near, and what it says.</summary>
internal sealed record Hit(double Score, string Source, string Text);

/// <summary>A Milvus client of a few calls, over the wire like any other: what works here works for the official clients.</summary>
internal sealed class MilvusConnection : IDisposable
{
    private const int RowsPerInsert = 500;

    private readonly GrpcChannel channel;
    private readonly MilvusService.MilvusServiceClient client;
    private readonly Metadata headers;
    private readonly string uri;

    public MilvusConnection(string uri, string user, string password)
    {
        this.uri = uri;
        channel = GrpcChannel.ForAddress(uri, new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler { UseProxy = false }, DisposeHttpClient = true });
        client = new MilvusService.MilvusServiceClient(channel);
        headers = new Metadata { { "authorization", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")) } };
    }

    /// <summary>Whether it answers and calls itself healthy.</summary>
    public async Task<bool> IsHealthyAsync(CancellationToken stop)
    {
        try
        {
            return (await client.CheckHealthAsync(new CheckHealthRequest(), headers, cancellationToken: stop)) is { IsHealthy: true };
        }
        catch (RpcException)
        {
            stop.ThrowIfCancellationRequested();
            return false;
        }
    }

    /// <summary>The description of a collection; null when there is none of that name.</summary>
    public Task<string?> DescriptionAsync(string collection, CancellationToken stop) => CallAsync(async () =>
    {
        var there = await client.HasCollectionAsync(new HasCollectionRequest { CollectionName = collection }, headers, cancellationToken: stop);
        Right("has collection", there.Status);
        if (!there.Value) return null;
        var described = await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = collection }, headers, cancellationToken: stop);
        Right("describe collection", described.Status);
        return described.Schema.Description;
    });

    /// <summary>How many rows a loaded collection has.</summary>
    public Task<long> CountAsync(string collection, CancellationToken stop) => CallAsync(async () =>
    {
        var answer = await client.QueryAsync(new QueryRequest { CollectionName = collection, OutputFields = { "count(*)" }, ConsistencyLevel = ConsistencyLevel.Strong }, headers, cancellationToken: stop);
        Right("count", answer.Status);
        return answer.FieldsData[0].Scalars.LongData.Data[0];
    });

    /// <summary>Makes the collection anew, with exactly these rows, indexed and loaded.</summary>
    public Task<long> ReplaceAsync(string collection, string description, IReadOnlyList<Paragraph> rows, IReadOnlyList<float[]> vectors, bool exists, CancellationToken stop) => CallAsync(async () =>
    {
        if (exists) Right("drop collection", await client.DropCollectionAsync(new DropCollectionRequest { CollectionName = collection }, headers, cancellationToken: stop));
        var schema = new CollectionSchema { Name = collection, Description = description };
        schema.Fields.Add(new FieldSchema { FieldID = 100, Name = "id", DataType = DataType.Int64, IsPrimaryKey = true });
        schema.Fields.Add(new FieldSchema { FieldID = 101, Name = "source", DataType = DataType.VarChar, TypeParams = { Pair("max_length", "1024") } });
        schema.Fields.Add(new FieldSchema { FieldID = 102, Name = "text", DataType = DataType.VarChar, TypeParams = { Pair("max_length", "8192") } });
        schema.Fields.Add(new FieldSchema { FieldID = 103, Name = "vector", DataType = DataType.FloatVector, TypeParams = { Pair("dim", Number(TextVectors.Dimension)) } });
        Right("create collection", await client.CreateCollectionAsync(
            new CreateCollectionRequest { CollectionName = collection, Schema = schema.ToByteString(), ShardsNum = 1, ConsistencyLevel = ConsistencyLevel.Strong }, headers, cancellationToken: stop));
        for (var first = 0; first < rows.Count; first += RowsPerInsert) await InsertAsync(collection, rows, vectors, first, Math.Min(RowsPerInsert, rows.Count - first), stop);
        Right("create index", await client.CreateIndexAsync(
            new CreateIndexRequest { CollectionName = collection, FieldName = "vector", IndexName = "vector", ExtraParams = { Pair("index_type", "FLAT"), Pair("metric_type", "COSINE") } }, headers, cancellationToken: stop));
        Right("load collection", await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = collection, ReplicaNumber = 1 }, headers, cancellationToken: stop));
        return (long)rows.Count;
    });

    /// <summary>The rows nearest to a vector.</summary>
    public Task<List<Hit>> SearchAsync(string collection, float[] vector, int count, CancellationToken stop) => CallAsync(async () =>
    {
        var bytes = new byte[vector.Length * sizeof(float)];
        for (var i = 0; i < vector.Length; i++) BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), vector[i]);
        var group = new PlaceholderGroup();
        group.Placeholders.Add(new PlaceholderValue { Tag = "$0", Type = PlaceholderType.FloatVector, Values = { ByteString.CopyFrom(bytes) } });
        var answer = await client.SearchAsync(
            new SearchRequest
            {
                CollectionName = collection,
                DslType = DslType.BoolExprV1,
                PlaceholderGroup = group.ToByteString(),
                Nq = 1,
                ConsistencyLevel = ConsistencyLevel.Strong,
                OutputFields = { "source", "text" },
                SearchParams = { Pair("anns_field", "vector"), Pair("topk", Number(count)), Pair("metric_type", "COSINE"), Pair("params", "{}"), Pair("round_decimal", "-1") },
            },
            headers, cancellationToken: stop);
        Right("search", answer.Status);
        var sources = Column(answer.Results, "source");
        var texts = Column(answer.Results, "text");
        return answer.Results.Scores.Select((score, i) => new Hit(score, sources[i], texts[i])).ToList();
    });

    public void Dispose() => channel.Dispose();

    private async Task InsertAsync(string collection, IReadOnlyList<Paragraph> rows, IReadOnlyList<float[]> vectors, int first, int count, CancellationToken stop)
    {
        var (ids, sources, texts, floats) = (new LongArray(), new StringArray(), new StringArray(), new FloatArray());
        for (var i = first; i < first + count; i++)
        {
            ids.Data.Add(i);
            sources.Data.Add(rows[i].Source);
            texts.Data.Add(rows[i].Text);
            floats.Data.Add(vectors[i]);
        }

        var request = new InsertRequest { CollectionName = collection, NumRows = (uint)count };
        request.FieldsData.Add(new FieldData { FieldName = "id", Type = DataType.Int64, Scalars = new ScalarField { LongData = ids } });
        request.FieldsData.Add(new FieldData { FieldName = "source", Type = DataType.VarChar, Scalars = new ScalarField { StringData = sources } });
        request.FieldsData.Add(new FieldData { FieldName = "text", Type = DataType.VarChar, Scalars = new ScalarField { StringData = texts } });
        request.FieldsData.Add(new FieldData { FieldName = "vector", Type = DataType.FloatVector, Vectors = new VectorField { Dim = TextVectors.Dimension, FloatVector = floats } });
        var result = await client.InsertAsync(request, headers, cancellationToken: stop);
        Right("insert", result.Status);
        if (result.InsertCnt != count) throw new CommandFailedException(ExitCodes.Failed, $"Milvus at {uri} took {result.InsertCnt} of {count} rows.");
    }

    private async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (RpcException gone) when (gone.StatusCode == StatusCode.Unavailable)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"Milvus does not answer at {uri}.", "'demarc instances list' shows whether it runs; a suspended instance starts with 'demarc instances resume NAME'.");
        }
        catch (RpcException broken) when (broken.StatusCode != StatusCode.Cancelled)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"Milvus at {uri} answered {broken.StatusCode}: {broken.Status.Detail.TrimEnd('.')}.", "'demarc status' shows whether the instance is healthy.");
        }
    }

    private void Right(string call, Status status)
    {
        if (status.Code != 0 || status.ErrorCode != ErrorCode.Success)
            throw new CommandFailedException(ExitCodes.Failed, $"Milvus at {uri} refused to {call} (code {status.Code}): {status.Reason.TrimEnd('.')}.");
    }

    private static Google.Protobuf.Collections.RepeatedField<string> Column(SearchResultData results, string name) =>
        results.FieldsData.First(field => field.FieldName == name).Scalars.StringData.Data;

    private static Demarc.Engine.Protocol.KeyValuePair Pair(string key, string value) => new() { Key = key, Value = value };

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
