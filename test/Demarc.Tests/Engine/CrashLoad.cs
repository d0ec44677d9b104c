using System.Globalization;
using System.Runtime.Versioning;
using System.Text;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>
/// A day in the life of an engine, one acknowledged change at a time: every kind of operation that is kept on the disk, stops
/// and starts among them. And what can be asked of the engine afterwards, all of it, in one text to compare.
/// </summary>
[UnsupportedOSPlatform("windows")]
internal static class CrashLoad
{
    /// <summary>A step without work is a stop: <see cref="Stop.Restart"/> with a checkpoint, <see cref="Stop.Kill"/> without.</summary>
    public sealed record Step(string Name, Func<MilvusService.MilvusServiceClient, Task>? Work, Stop Stop = Stop.None);

    public enum Stop
    {
        None,
        Restart,
        Kill,
    }

    /// <summary>The snapshot that is there when the day is over; of things.</summary>
    public const string LastSnapshot = "night";

    /// <summary>In the line of what is told that lists them.</summary>
    public const string Snapshots = "has the snapshots";

    public static List<Step> Steps() =>
    [
        Change("create things", c => c.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "things", Schema = Sample.Schema().ToByteString() }).ResponseAsync),
        Change("index things", c => c.CreateIndexAsync(new CreateIndexRequest { CollectionName = "things", FieldName = "vec", ExtraParams = { Of("metric_type", "L2") } }).ResponseAsync),
        Change("load things", c => c.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "things" }).ResponseAsync),
        Insert("insert ten", 0, 10),
        Change("create partition", c => c.CreatePartitionAsync(new CreatePartitionRequest { CollectionName = "things", PartitionName = "side" }).ResponseAsync),
        Insert("insert aside", 100, 5, "side"),
        Written("upsert three", async c => (await c.UpsertAsync(Upsert("things", Sample.Columns([3, 4, 50], 1), 3))).Status),
        Written("delete by key", async c => (await c.DeleteAsync(new DeleteRequest { CollectionName = "things", Expr = "id in [1, 101]" })).Status),
        Written("partial upsert", async c => (await c.UpsertAsync(PartialTitles([5, 6], "partly"))).Status),
        new("stop and start", null, Stop.Restart),
        Written("delete by filter", async c => (await c.DeleteAsync(new DeleteRequest { CollectionName = "things", Expr = "small == 2 or title like \"row 7%\"" })).Status),
        Insert("insert more", 200, 6),
        Change("add field", c => c.AddCollectionFieldAsync(new AddCollectionFieldRequest { CollectionName = "things", Schema = new FieldSchema { Name = "later", DataType = DataType.Int32, Nullable = true }.ToByteString() }).ResponseAsync),
        Change("create docs", c => c.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "docs", Schema = Docs().ToByteString() }).ResponseAsync),
        Change("index text", c => c.CreateIndexAsync(new CreateIndexRequest { CollectionName = "docs", FieldName = "words", ExtraParams = { Of("metric_type", "BM25") } }).ResponseAsync),
        Change("load docs", c => c.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "docs" }).ResponseAsync),
        Written("write docs", async c => (await c.InsertAsync(Texts(0, "a quick fox", "a lazy dog", "the fox and the dog", "nothing at all"))).Status),
        new("kill and start", null, Stop.Kill),
        Written("delete a doc", async c => (await c.DeleteAsync(new DeleteRequest { CollectionName = "docs", Expr = "key == \"k1\"" })).Status),
        Change("alias", c => c.CreateAliasAsync(new CreateAliasRequest { CollectionName = "docs", Alias = "texts" }).ResponseAsync),
        Change("database", c => c.CreateDatabaseAsync(new CreateDatabaseRequest { DbName = "other" }).ResponseAsync),
        Change("role", c => c.CreateRoleAsync(new CreateRoleRequest { Entity = new RoleEntity { Name = "reader" } }).ResponseAsync),
        Change("user", c => c.CreateCredentialAsync(new CreateCredentialRequest { Username = "ann", Password = Convert.ToBase64String("Secret-1"u8) }).ResponseAsync),
        Change("property", c => c.AlterCollectionAsync(new AlterCollectionRequest { CollectionName = "things", Properties = { Of("collection.description", "known") } }).ResponseAsync),
        Change("release aside", c => c.ReleasePartitionsAsync(new ReleasePartitionsRequest { CollectionName = "things", PartitionNames = { "side" } }).ResponseAsync),
        Change("drop partition", c => c.DropPartitionAsync(new DropPartitionRequest { CollectionName = "things", PartitionName = "side" }).ResponseAsync),
        Written("flush", async c => (await c.FlushAsync(new FlushRequest { CollectionNames = { "things" } })).Status),
        Written("compact", async c => (await c.ManualCompactionAsync(new ManualCompactionRequest { CollectionName = "things" })).Status),
        Insert("insert again", 300, 4),
        new("stop and start again", null, Stop.Restart),
        Change("snapshot", c => c.CreateSnapshotAsync(new CreateSnapshotRequest { CollectionName = "things", Name = "noon", Description = "as it was" }).ResponseAsync),
        Insert("insert after the snapshot", 400, 3),
        Written("restore", c => SnapshotCalls.Restored(c, "things", "noon", "again")),
        Change("load again", c => c.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "again" }).ResponseAsync),
        Written("write to what was restored", async c => (await c.UpsertAsync(Upsert("again", Sample.Columns([3, 500], 3), 2))).Status),
        new("kill and start again", null, Stop.Kill),
        Change("drop snapshot", c => c.DropSnapshotAsync(new DropSnapshotRequest { CollectionName = "things", Name = "noon" }).ResponseAsync),
        Change("rename", c => c.RenameCollectionAsync(new RenameCollectionRequest { OldName = "things", NewName = "matters" }).ResponseAsync),
        Change("rename back", c => c.RenameCollectionAsync(new RenameCollectionRequest { OldName = "matters", NewName = "things" }).ResponseAsync),
        Written("truncate docs", async c => (await c.TruncateCollectionAsync(new TruncateCollectionRequest { CollectionName = "docs" })).Status),
        Written("write docs again", async c => (await c.InsertAsync(Texts(10, "one more", "a quick word"))).Status),
        Change("drop alias", c => c.DropAliasAsync(new DropAliasRequest { Alias = "texts" }).ResponseAsync),
        Change("drop user", c => c.DeleteCredentialAsync(new DeleteCredentialRequest { Username = "ann" }).ResponseAsync),
        Change("drop docs", c => c.DropCollectionAsync(new DropCollectionRequest { CollectionName = "docs" }).ResponseAsync),
        Written("last upsert", async c => (await c.UpsertAsync(Upsert("things", Sample.Columns([8, 9, 301], 2), 3))).Status),
        Change("last snapshot", c => c.CreateSnapshotAsync(new CreateSnapshotRequest { CollectionName = "things", Name = LastSnapshot }).ResponseAsync),
    ];

    /// <summary>Everything a client can see, as a text.</summary>
    public static async Task<string> Told(MilvusService.MilvusServiceClient client)
    {
        var said = new StringBuilder();
        var databases = await client.ListDatabasesAsync(new ListDatabasesRequest());
        said.AppendLine(CultureInfo.InvariantCulture, $"databases {string.Join(' ', databases.DbNames)}");
        said.AppendLine(CultureInfo.InvariantCulture, $"users {await client.ListCredUsersAsync(new ListCredUsersRequest())}");
        said.AppendLine(CultureInfo.InvariantCulture, $"roles {await client.SelectRoleAsync(new SelectRoleRequest { IncludeUserInfo = true })}");
        foreach (var name in (await client.ShowCollectionsAsync(new ShowCollectionsRequest())).CollectionNames)
        {
            var described = await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = name });
            described.RequestTime = 0;
            said.AppendLine(CultureInfo.InvariantCulture, $"{name} {described}");
            var partitions = await client.ShowPartitionsAsync(new ShowPartitionsRequest { CollectionName = name });
            said.AppendLine(CultureInfo.InvariantCulture, $"{name} {partitions}");
            said.AppendLine(CultureInfo.InvariantCulture, $"{name} {await client.DescribeIndexAsync(new DescribeIndexRequest { CollectionName = name })}");
            said.AppendLine(CultureInfo.InvariantCulture, $"{name} {await client.GetCollectionStatisticsAsync(new GetCollectionStatisticsRequest { CollectionName = name })}");
            said.AppendLine(CultureInfo.InvariantCulture, $"{name} {Snapshots} {await client.ListSnapshotsAsync(new ListSnapshotsRequest { CollectionName = name })}");
            foreach (var partition in partitions.PartitionNames)
            {
                said.AppendLine(CultureInfo.InvariantCulture, $"{name}/{partition} {await client.GetPartitionStatisticsAsync(new GetPartitionStatisticsRequest { CollectionName = name, PartitionName = partition })}");
            }

            foreach (var filter in name == "docs" ? new[] { "key >= \"\"", "text_match(text, \"fox\")" } : ["id >= 0", "small > 3", "id in [3, 5, 100, 200]", "color == \"c1\"", "info[\"deep\"][\"n\"] == 1"])
            {
                var query = await client.QueryAsync(new QueryRequest { CollectionName = name, Expr = filter, OutputFields = { name == "docs" ? ["key", "text"] : ["*"] } });
                query.SessionTs = 0;
                said.AppendLine(CultureInfo.InvariantCulture, $"{name} {filter} {query}");
            }

            foreach (var search in Searches(name))
            {
                search.CollectionName = name;
                var found = await client.SearchAsync(search);
                found.SessionTs = 0;
                said.AppendLine(CultureInfo.InvariantCulture, $"{name} search {found}");
            }
        }

        return said.ToString();
    }

    private static SearchRequest[] Searches(string name)
    {
        if (name != "docs")
        {
            // Two columns that differ for every row, so that no two are equally near.
            return [ServiceLab.Search([4.4f, 3.3f, 0.2f, 1], 20), ServiceLab.Search([150.3f, 2.2f, 0.9f, 1], 100, ("radius", "40000"))];
        }

        var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = PlaceholderType.VarChar, Values = { ByteString.CopyFromUtf8("quick fox") } } } };
        var search = new SearchRequest { DslType = DslType.BoolExprV1, PlaceholderGroup = group.ToByteString(), Nq = 1 };
        search.SearchParams.Add(ServiceLab.Parameters(("topk", "10"), ("anns_field", "words")));
        return [search];
    }

    private static Step Change(string name, Func<MilvusService.MilvusServiceClient, Task<Demarc.Engine.Protocol.Status>> work) => Written(name, work);

    private static Step Written(string name, Func<MilvusService.MilvusServiceClient, Task<Demarc.Engine.Protocol.Status>> work) =>
        new(name, async client =>
        {
            var status = await work(client);
            if (status.Code != 0)
            {
                throw new StepRefusedException($"{name}: {status.Code} {status.Reason}");
            }
        });

    private static Step Insert(string name, int first, int count, string partition = "") => Written(name, async client =>
    {
        var request = new InsertRequest { CollectionName = "things", PartitionName = partition, NumRows = (uint)count };
        request.FieldsData.Add(Sample.Columns([.. Enumerable.Range(first, count).Select(i => (long)i)]));
        return (await client.InsertAsync(request)).Status;
    });

    private static UpsertRequest Upsert(string collection, IEnumerable<FieldData> columns, int rows)
    {
        var request = new UpsertRequest { CollectionName = collection, NumRows = (uint)rows };
        request.FieldsData.Add(columns);
        return request;
    }

    private static UpsertRequest PartialTitles(long[] keys, string title)
    {
        var request = new UpsertRequest { CollectionName = "things", NumRows = (uint)keys.Length, PartialUpdate = true };
        request.FieldsData.Add(new FieldData { FieldName = "id", Type = DataType.Int64, Scalars = new ScalarField { LongData = new LongArray { Data = { keys } } } });
        request.FieldsData.Add(new FieldData { FieldName = "title", Type = DataType.VarChar, Scalars = new ScalarField { StringData = new StringArray { Data = { keys.Select(k => $"{title} {k}") } } } });
        return request;
    }

    private static InsertRequest Texts(int first, params string[] texts)
    {
        var request = new InsertRequest { CollectionName = "docs", NumRows = (uint)texts.Length };
        request.FieldsData.Add(new FieldData { FieldName = "key", Type = DataType.VarChar, Scalars = new ScalarField { StringData = new StringArray { Data = { texts.Select((_, i) => $"k{first + i}") } } } });
        request.FieldsData.Add(new FieldData { FieldName = "text", Type = DataType.VarChar, Scalars = new ScalarField { StringData = new StringArray { Data = { texts } } } });
        request.FieldsData.Add(new FieldData { FieldName = "n", Type = DataType.Int64, Scalars = new ScalarField { LongData = new LongArray { Data = { texts.Select((_, i) => (long)i % 2) } } } });
        return request;
    }

    private static CollectionSchema Docs() => new()
    {
        Name = "docs",
        Fields =
        {
            new FieldSchema { Name = "key", DataType = DataType.VarChar, IsPrimaryKey = true, TypeParams = { Of("max_length", "20") } },
            new FieldSchema { Name = "n", DataType = DataType.Int64, IsPartitionKey = true },
            new FieldSchema { Name = "text", DataType = DataType.VarChar, TypeParams = { Of("max_length", "200"), Of("enable_analyzer", "true"), Of("enable_match", "true") } },
            new FieldSchema { Name = "words", DataType = DataType.SparseFloatVector },
        },
        Functions = { new FunctionSchema { Name = "bm25", Type = FunctionType.Bm25, InputFieldNames = { "text" }, OutputFieldNames = { "words" } } },
    };

    private static Pair Of(string key, string value) => new() { Key = key, Value = value };
}

/// <summary>A step that the engine said no to.</summary>
internal sealed class StepRefusedException(string message) : Exception(message);
