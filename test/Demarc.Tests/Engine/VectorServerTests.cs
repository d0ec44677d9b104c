using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Every vector type over the wire: written, indexed in the background, searched, read back.</summary>
public class VectorServerTests
{
    [Theory]
    [InlineData("FloatVector", "HNSW", "L2")]
    [InlineData("Float16Vector", "HNSW_SQ", "COSINE")]
    [InlineData("Bfloat16Vector", "IVF_SQ8", "IP")]
    [InlineData("Int8Vector", "HNSW", "L2")]
    [InlineData("BinaryVector", "BIN_IVF_FLAT", "HAMMING")]
    [InlineData("SparseFloatVector", "SPARSE_INVERTED_INDEX", "IP")]
    public async Task A_vector_of_any_type_is_found_by_itself_before_and_after_its_index_is_built(string typeName, string indexType, string metric)
    {
        const int count = 5_000;
        var sample = new VectorSample(Enum.Parse<DataType>(typeName), count, 64);
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var client = engine.Client;
        Ok(await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "vectors", Schema = sample.Definition.PublicSchema().ToByteString() }));
        var insert = new InsertRequest { CollectionName = "vectors", NumRows = count };
        insert.FieldsData.Add(sample.Batch(0, count).Columns);
        Ok((await client.InsertAsync(insert)).Status);
        Ok(await client.CreateIndexAsync(new CreateIndexRequest
        {
            CollectionName = "vectors",
            FieldName = "vec",
            ExtraParams = { new Pair { Key = "index_type", Value = indexType }, new Pair { Key = "metric_type", Value = metric }, new Pair { Key = "params", Value = "{\"nlist\":16}" } },
        }));
        Ok(await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "vectors" }));
        await FindsItself(client, sample);
        Ok((await client.FlushAsync(new FlushRequest { CollectionNames = { "vectors" } })).Status);
        DescribeIndexResponse described;
        do
        {
            described = await client.DescribeIndexAsync(new DescribeIndexRequest { CollectionName = "vectors" });
            Ok(described.Status);
        }
        while (described.IndexDescriptions[0].State != IndexState.Finished);

        Assert.Equal((count, count, 0), (described.IndexDescriptions[0].TotalRows, described.IndexDescriptions[0].IndexedRows, described.IndexDescriptions[0].PendingIndexRows));
        await FindsItself(client, sample);
    }

    private static async Task FindsItself(MilvusService.MilvusServiceClient client, VectorSample sample)
    {
        foreach (var key in new[] { 7, 2_500, 4_999 })
        {
            var read = await client.QueryAsync(new QueryRequest { CollectionName = "vectors", Expr = $"id == {key}", OutputFields = { "vec" } });
            Ok(read.Status);
            var stored = VectorTypeTests.Wire(read.FieldsData.Single(f => f.FieldName == "vec").Vectors);
            var group = new PlaceholderGroup { Placeholders = { new PlaceholderValue { Tag = "$0", Type = (PlaceholderType)(int)sample.Type, Values = { stored } } } };
            var found = await client.SearchAsync(new SearchRequest
            {
                CollectionName = "vectors",
                DslType = DslType.BoolExprV1,
                PlaceholderGroup = group.ToByteString(),
                Nq = 1,
                OutputFields = { "vec" },
                SearchParams = { new Pair { Key = "topk", Value = "10" }, new Pair { Key = "anns_field", Value = "vec" }, new Pair { Key = "params", Value = "{\"ef\":100,\"nprobe\":16}" } },
            });
            Ok(found.Status);
            Assert.Equal(10, found.Results.Ids.IntId.Data.Count);

            // By inner product a longer vector in the same direction is nearer than the row itself.
            if (sample.Type is not (DataType.Bfloat16Vector or DataType.SparseFloatVector))
            {
                Assert.Contains(key, found.Results.Ids.IntId.Data.Take(1 + found.Results.Scores.Count(s => s == found.Results.Scores[0])));
            }
            else
            {
                Assert.Contains(key, found.Results.Ids.IntId.Data);
            }
        }
    }

    private static void Ok(Status status) => Assert.True(status.Code == 0, status.Reason);
}
