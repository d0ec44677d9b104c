using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Grpc.Core;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Short forms of Milvus calls, for tests that make many of them. Each call's status is checked where it is made.</summary>
[UnsupportedOSPlatform("windows")]
internal sealed class ServiceLab(MilvusService.MilvusServiceClient client, Metadata? login = null)
{
    public MilvusService.MilvusServiceClient Client => client;

    public Metadata? Login => login;

    public static void Ok(Demarc.Engine.Protocol.Status status) => Assert.True(status.Code == 0, $"{status.Code}: {status.Reason}");

    public async Task Ready(string name = "things", string database = "", CollectionSchema? schema = null, int rows = 0, string metric = "L2")
    {
        var create = new CreateCollectionRequest { DbName = database, CollectionName = name, Schema = (schema ?? Sample.Schema(name)).ToByteString() };
        Ok(await client.CreateCollectionAsync(create, login));
        Ok(await client.CreateIndexAsync(new CreateIndexRequest { DbName = database, CollectionName = name, FieldName = "vec", ExtraParams = { new Pair { Key = "metric_type", Value = metric } } }, login));
        Ok(await client.LoadCollectionAsync(new LoadCollectionRequest { DbName = database, CollectionName = name }, login));
        if (rows > 0)
        {
            await Insert(Enumerable.Range(0, rows).Select(i => (long)i), name, database);
        }
    }

    public async Task Insert(IEnumerable<long> keys, string name = "things", string database = "", string partition = "")
    {
        var all = keys.ToList();
        var insert = new InsertRequest { DbName = database, CollectionName = name, PartitionName = partition, NumRows = (uint)all.Count };
        insert.FieldsData.Add(Sample.Columns(all));
        Ok((await client.InsertAsync(insert, login)).Status);
    }

    public async Task<List<long>> Keys(string filter = "id >= 0", string name = "things", string database = "", params string[] partitions)
    {
        var answer = await client.QueryAsync(new QueryRequest { DbName = database, CollectionName = name, Expr = filter, PartitionNames = { partitions }, OutputFields = { "id" } }, login);
        Ok(answer.Status);
        return [.. answer.FieldsData.First(f => f.FieldName == "id").Scalars.LongData.Data];
    }

    public static SearchRequest Search(float[] vector, int limit, params (string Key, string Value)[] parameters)
    {
        var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = PlaceholderType.FloatVector, Values = { ByteString.CopyFrom(MemoryMarshal.AsBytes(vector.AsSpan())) } } } };
        var request = new SearchRequest { CollectionName = "things", DslType = DslType.BoolExprV1, PlaceholderGroup = group.ToByteString(), Nq = 1 };
        request.SearchParams.Add(Parameters([("topk", limit.ToString(CultureInfo.InvariantCulture)), ("anns_field", "vec"), .. parameters]));
        return request;
    }

    public static IEnumerable<Pair> Parameters(params (string Key, string Value)[] parameters) => parameters.Select(p => new Pair { Key = p.Key, Value = p.Value });

    public async Task<SearchResultData> Found(SearchRequest request)
    {
        var answer = await client.SearchAsync(request, login);
        Ok(answer.Status);
        return answer.Results;
    }
}
