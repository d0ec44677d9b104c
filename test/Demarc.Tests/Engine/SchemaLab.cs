using System.Globalization;
using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using AlterRequest = Demarc.Engine.Protocol.AlterCollectionSchemaRequest;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>A collection of numbered texts, and short forms of the calls that change its schema.</summary>
[UnsupportedOSPlatform("windows")]
internal static class SchemaLab
{
    public static CollectionSchema Schema() => new()
    {
        Fields =
        {
            new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
            new FieldSchema { Name = "vec", DataType = DataType.FloatVector, TypeParams = { new Pair { Key = "dim", Value = "2" } } },
            new FieldSchema { Name = "tag", DataType = DataType.Int64 },
            new FieldSchema { Name = "text", DataType = DataType.VarChar, Nullable = true, TypeParams = { new Pair { Key = "max_length", Value = "200" }, new Pair { Key = "enable_analyzer", Value = "true" } } },
        },
    };

    public static async Task Ready(MilvusService.MilvusServiceClient client)
    {
        ServiceLab.Ok(await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "texts", Schema = Schema().ToByteString() }));
        ServiceLab.Ok(await client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "texts", FieldName = "vec", ExtraParams = { new Pair { Key = "metric_type", Value = "L2" } } }));
        ServiceLab.Ok(await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "texts" }));
    }

    /// <summary>Rows whose tag is ten times their key and whose text names it; every fifth has no text.</summary>
    public static async Task Insert(MilvusService.MilvusServiceClient client, IReadOnlyList<long> keys, bool withTag = true)
    {
        var insert = new InsertRequest { CollectionName = "texts", NumRows = (uint)keys.Count };
        insert.FieldsData.Add(Integers("id", keys));
        insert.FieldsData.Add(new FieldData { FieldName = "vec", Type = DataType.FloatVector, Vectors = new VectorField { Dim = 2, FloatVector = new FloatArray { Data = { keys.SelectMany(k => new float[] { k, 1 }) } } } });
        if (withTag)
        {
            insert.FieldsData.Add(Integers("tag", [.. keys.Select(k => k * 10)]));
        }

        insert.FieldsData.Add(new FieldData
        {
            FieldName = "text", Type = DataType.VarChar, Scalars = new ScalarField { StringData = new StringArray { Data = { keys.Select(k => k % 5 == 0 ? "" : $"word{k} common") } } },
            ValidData = { keys.Select(k => k % 5 != 0) },
        });
        ServiceLab.Ok((await client.InsertAsync(insert)).Status);
    }

    public static FieldData Integers(string name, IReadOnlyList<long> values) =>
        new() { FieldName = name, Type = DataType.Int64, Scalars = new ScalarField { LongData = new LongArray { Data = { values } } } };

    public static AlterRequest AddField(string name, DataType type = DataType.Int64) =>
        Alter(new AlterRequest.Types.AddRequest { FieldInfos = { new AlterRequest.Types.FieldInfo { FieldSchema = new FieldSchema { Name = name, DataType = type, Nullable = true } } } });

    /// <summary>A BM25 function over the texts, with its field and the field's index.</summary>
    public static AlterRequest AddWords(string field = "words", Action<AlterRequest.Types.AddRequest>? change = null)
    {
        var add = new AlterRequest.Types.AddRequest
        {
            FieldInfos =
            {
                new AlterRequest.Types.FieldInfo
                {
                    FieldSchema = new FieldSchema { Name = field, DataType = DataType.SparseFloatVector },
                    ExtraParams = { new Pair { Key = "index_type", Value = "SPARSE_INVERTED_INDEX" }, new Pair { Key = "metric_type", Value = "BM25" } },
                },
            },
            FuncSchema = { new FunctionSchema { Name = "count_" + field, Type = FunctionType.Bm25, InputFieldNames = { "text" }, OutputFieldNames = { field } } },
        };
        change?.Invoke(add);
        return Alter(add);
    }

    public static AlterRequest DropField(string name) => Alter(new AlterRequest.Types.DropRequest { FieldName = name });

    public static AlterRequest DropWords(string field = "words", bool withField = true) =>
        Alter(new AlterRequest.Types.DropRequest { FunctionName = "count_" + field, DropFunctionOutputFields = withField });

    public static AlterRequest Alter(AlterRequest.Types.AddRequest add) => new() { CollectionName = "texts", Action = new AlterRequest.Types.Action { AddRequest = add } };

    public static AlterRequest Alter(AlterRequest.Types.DropRequest drop) => new() { CollectionName = "texts", Action = new AlterRequest.Types.Action { DropRequest = drop } };

    public static async Task Done(MilvusService.MilvusServiceClient client, AlterRequest request) => ServiceLab.Ok((await client.AlterCollectionSchemaAsync(request)).AlterStatus);

    public static async Task Refused(MilvusService.MilvusServiceClient client, AlterRequest request, int code, string why)
    {
        var status = (await client.AlterCollectionSchemaAsync(request)).AlterStatus;
        Assert.Contains(why, status.Reason, StringComparison.Ordinal);
        Assert.Equal(code, status.Code);
    }

    public static async Task<List<string>> Fields(MilvusService.MilvusServiceClient client, string collection = "texts") =>
        [.. (await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = collection })).Schema.Fields.Select(f => $"{f.Name} {f.FieldID.ToString(CultureInfo.InvariantCulture)}")];

    public static async Task<QueryResults> Query(MilvusService.MilvusServiceClient client, string filter, string field, string collection = "texts") =>
        await client.QueryAsync(new QueryRequest { CollectionName = collection, Expr = filter, OutputFields = { field } });

    /// <summary>The keys whose text has the words, the best first.</summary>
    public static async Task<List<long>> Search(MilvusService.MilvusServiceClient client, string words, string field = "words", string collection = "texts")
    {
        var request = new SearchRequest { CollectionName = collection, DslType = DslType.BoolExprV1, Nq = 1 };
        request.PlaceholderGroup = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = PlaceholderType.VarChar, Values = { ByteString.CopyFromUtf8(words) } } } }.ToByteString();
        request.SearchParams.Add(ServiceLab.Parameters(("topk", "1000"), ("anns_field", field)));
        var answer = await client.SearchAsync(request);
        ServiceLab.Ok(answer.Status);
        return [.. answer.Results.Ids?.IntId?.Data ?? []];
    }
}
