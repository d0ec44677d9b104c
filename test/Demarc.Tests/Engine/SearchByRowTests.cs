using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Searches by what rows have that are there already: their vectors, or their words.</summary>
[UnsupportedOSPlatform("windows")]
public class SearchByRowTests
{
    [Fact]
    public async Task Rows_are_found_by_the_vectors_and_the_words_of_rows()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var client = engine.Client;
        await Create(client);

        // A row without a vector finds nothing, and the others what they would find without it.
        var near = await Search(client, "vec", [1, 2, 3]);
        ServiceLab.Ok(near.Status);
        Assert.Equal([2, 0, 2], near.Results.Topks);
        Assert.Equal([1, 3, 3, 1], near.Results.Ids.IntId.Data);
        var words = await Search(client, "sparse", [2]);
        ServiceLab.Ok(words.Status);
        Assert.Equal([2, 3], words.Results.Ids.IntId.Data.Order());
        var blank = await Search(client, "vec", [2]);
        ServiceLab.Ok(blank.Status);
        Assert.Equal([0], blank.Results.Topks);

        await Refused("some of the provided primary key IDs do not exist: missing IDs = [8 9]", [1, 8, 9]);
        await Refused("duplicate IDs found in search request", [1, 1]);
        var typed = Ask("vec");
        typed.Ids = new IDs { StrId = new StringArray { Data = { "1" } } };
        Assert.Contains("primary key is int64, but IDs type mismatch", (await client.SearchAsync(typed)).Status.Reason, StringComparison.Ordinal);

        async Task Refused(string why, long[] keys) => Assert.Contains(why, (await Search(client, "vec", keys)).Status.Reason, StringComparison.Ordinal);
    }

    private static async Task Create(MilvusService.MilvusServiceClient client)
    {
        var schema = new CollectionSchema
        {
            Name = "things",
            Fields =
            {
                new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
                new FieldSchema { Name = "vec", DataType = DataType.FloatVector, Nullable = true, TypeParams = { new Pair { Key = "dim", Value = "2" } } },
                new FieldSchema { Name = "text", DataType = DataType.VarChar, TypeParams = { new Pair { Key = "max_length", Value = "100" }, new Pair { Key = "enable_analyzer", Value = "true" } } },
                new FieldSchema { Name = "sparse", DataType = DataType.SparseFloatVector },
            },
            Functions = { new FunctionSchema { Name = "bm25", Type = FunctionType.Bm25, InputFieldNames = { "text" }, OutputFieldNames = { "sparse" } } },
        };
        ServiceLab.Ok(await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "things", Schema = schema.ToByteString() }));
        ServiceLab.Ok(await client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "things", FieldName = "vec", ExtraParams = { new Pair { Key = "metric_type", Value = "L2" } } }));
        ServiceLab.Ok(await client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "things", FieldName = "sparse", ExtraParams = { new Pair { Key = "metric_type", Value = "BM25" } } }));
        ServiceLab.Ok(await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "things" }));
        var insert = new InsertRequest { CollectionName = "things", NumRows = 3 };
        insert.FieldsData.Add(new FieldData { FieldName = "id", Type = DataType.Int64, Scalars = new ScalarField { LongData = new LongArray { Data = { 1, 2, 3 } } } });
        insert.FieldsData.Add(new FieldData { FieldName = "vec", Type = DataType.FloatVector, ValidData = { true, false, true }, Vectors = new VectorField { Dim = 2, FloatVector = new FloatArray { Data = { 1, 0, 0, 1 } } } });
        insert.FieldsData.Add(new FieldData { FieldName = "text", Type = DataType.VarChar, Scalars = new ScalarField { StringData = new StringArray { Data = { "apple", "banana", "banana salad" } } } });
        ServiceLab.Ok((await client.InsertAsync(insert)).Status);
    }

    private static SearchRequest Ask(string field)
    {
        var request = new SearchRequest { CollectionName = "things", DslType = DslType.BoolExprV1 };
        request.SearchParams.Add(ServiceLab.Parameters(("topk", "5"), ("anns_field", field)));
        return request;
    }

    private static async Task<SearchResults> Search(MilvusService.MilvusServiceClient client, string field, long[] keys)
    {
        var request = Ask(field);
        request.Ids = new IDs { IntId = new LongArray { Data = { keys } } };
        return await client.SearchAsync(request);
    }
}
