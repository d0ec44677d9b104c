using System.Runtime.Versioning;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>What is written and what is refused, in Milvus's words: values, names, keys that the engine makes, updates of a part of a row, partition keys that are kept apart.</summary>
[UnsupportedOSPlatform("windows")]
public class WritingTests
{
    private static readonly List<(string Why, Action<InsertRequest> Spoil)> Unfit =
    [
        ("num_rows should be greater than 0: invalid parameter[expected=invalid num_rows][actual=0]", r => r.NumRows = 0),
        ("fieldSchema(title) has no corresponding fieldData pass in: invalid parameter", r => r.FieldsData.RemoveAt(2)),
        ("duplicated field title found: invalid parameter", r => r.FieldsData.Add(r.FieldsData[2].Clone())),
        ("fieldName other not exist in collection schema, fieldType VarChar, fieldId 0", r => r.FieldsData[2] = new FieldData { FieldName = "other", Type = DataType.VarChar }),
        ("varchar field 'title' is illegal, array type mismatch: invalid parameter[expected=need string array][actual=got nil]", r => r.FieldsData[2].Scalars = r.FieldsData[3].Scalars),
        ("field 'small' is illegal, array type mismatch: invalid parameter[expected=need int array][actual=got nil]", r => r.FieldsData[4].Scalars = r.FieldsData[3].Scalars),
        ("the num_rows (0) of field (maybe) is not equal to passed num_rows (2)", r => r.FieldsData[8].Scalars = r.FieldsData[3].Scalars),
        ("length of varchar field title exceeds max length, row number: 1, length: 101, max length: 100", r => r.FieldsData[2].Scalars.StringData.Data[1] = new string('x', 101)),
        ("the 1th element (128) out of range: [-128, 127]: invalid parameter[expected=integer doesn't overflow][actual=out of range]", r => r.FieldsData[4].Scalars.IntData.Data[1] = 128),
        ("value 'NaN' is not a number or infinity: invalid parameter", r => r.FieldsData[1].Vectors.FloatVector.Data[0] = float.NaN),
        ("value '-Inf' is not a number or infinity", r => r.FieldsData[6].Scalars.DoubleData.Data[0] = double.NegativeInfinity),
        ("the length(9) of float data should divide the dim(4): invalid parameter", r => r.FieldsData[1].Vectors.FloatVector.Data.Add(1)),
        ("the dim (8) of field data(vec) is not equal to schema dim (4)", r => r.FieldsData[1].Vectors.Dim = 8),
        ("float vector field 'vec' is illegal, array type mismatch", r => r.FieldsData[1].Vectors.BinaryVector = ByteString.CopyFrom(1)),
        ("the length of valid_data of field(maybe) is wrong: invalid parameter[expected=2][actual=3]", r => r.FieldsData[8].ValidData.Add(true)),
        ("the length of valid_data of field(flag) is wrong: invalid parameter[expected=0][actual=2]", r => r.FieldsData[3].ValidData.Add([true, false])),
        ("dynamic field name cannot include the static field name: flag", r => r.FieldsData[9].Scalars.JsonData.Data[1] = ByteString.CopyFromUtf8("""{"a":{"flag":1},"flag":1}""")),
        ("cannot set json key to: $meta", r => r.FieldsData[9].Scalars.JsonData.Data[0] = ByteString.CopyFromUtf8("""{"$meta":1}""")),
        ("invalid dynamic field data, only json map is supported", r => r.FieldsData[9].Scalars.JsonData.Data[0] = ByteString.CopyFromUtf8("[1]")),
        ("length (65537) of dynamic field exceeds max length (65536)", r => r.FieldsData[9].Scalars.JsonData.Data[0] = ByteString.CopyFromUtf8($$"""{"a":"{{new string('x', 65529)}}"}""")),
        ("Invalid partition name: a b. Partition name can only contain numbers, letters and underscores.: invalid parameter", r => r.PartitionName = "a b"),
        ("Invalid partition name: . Partition name should not be empty.", r => r.PartitionName = " "),
        ("partition not found[partition=nowhere]", r => r.PartitionName = "nowhere"),
    ];

    [Fact]
    public async Task What_does_not_fit_is_refused_in_words_that_say_why()
    {
        using var folder = Sample.Folder();
        using var box = EngineBox.Open(folder.Path, new FaultyDisk(), new TickingTime());
        await new ServiceLab(box.Client).Ready();
        foreach (var (why, spoil) in Unfit)
        {
            var request = new InsertRequest { CollectionName = "things", NumRows = 2 };
            request.FieldsData.Add(Sample.Columns([1, 2]));
            spoil(request);
            Assert.Contains(why, (await box.Client.InsertAsync(request)).Status.Reason, StringComparison.Ordinal);
        }

        Assert.Empty(box.Defects);
    }

    [Fact]
    public async Task Where_the_engine_makes_keys_an_upsert_makes_new_ones_and_takes_the_old_rows_away()
    {
        using var folder = Sample.Folder();
        using var box = EngineBox.Open(folder.Path, new FaultyDisk(), new TickingTime());
        var lab = new ServiceLab(box.Client);
        await lab.Ready(schema: Sample.Schema(autoId: true));
        var insert = new InsertRequest { CollectionName = "things", NumRows = 2 };
        insert.FieldsData.Add(Sample.Columns([1, 2]));
        Assert.Contains("more fieldData has pass in: invalid parameter[expected=10][actual=11]", (await box.Client.InsertAsync(insert)).Status.Reason, StringComparison.Ordinal);
        insert.FieldsData.RemoveAt(0);
        var old = (await box.Client.InsertAsync(insert)).IDs.IntId.Data;

        var upsert = new UpsertRequest { CollectionName = "things", NumRows = 2 };
        upsert.FieldsData.Add(Sample.Columns([old[0], 7], 1));
        var done = await box.Client.UpsertAsync(upsert);
        ServiceLab.Ok(done.Status);
        Assert.Equal((2, 2, 2), (done.UpsertCnt, done.InsertCnt, done.DeleteCnt));
        Assert.DoesNotContain(old[0], done.IDs.IntId.Data);
        Assert.Equal([old[1], .. done.IDs.IntId.Data], await lab.Keys());

        upsert.PartialUpdate = true;
        upsert.NumRows = 1;
        upsert.FieldsData.Clear();
        upsert.FieldsData.Add(new FieldData { FieldName = "id", Scalars = new ScalarField { LongData = new LongArray { Data = { old[1] } } } });
        var moved = await box.Client.UpsertAsync(upsert);
        ServiceLab.Ok(moved.Status);
        Assert.Equal([.. done.IDs.IntId.Data, .. moved.IDs.IntId.Data], await lab.Keys());
        upsert.FieldsData.Clear();
        Assert.Contains("must assign pk when upsert, primary field: id", (await box.Client.UpsertAsync(upsert)).Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_partial_update_is_of_rows_in_its_partition_of_a_loaded_collection_each_once()
    {
        using var folder = Sample.Folder();
        using var box = EngineBox.Open(folder.Path, new FaultyDisk(), new TickingTime());
        var lab = new ServiceLab(box.Client);
        await lab.Ready(rows: 3);
        ServiceLab.Ok(await box.Client.CreatePartitionAsync(new CreatePartitionRequest { CollectionName = "things", PartitionName = "other" }));
        var upsert = new UpsertRequest { CollectionName = "things", NumRows = 2, PartialUpdate = true };
        upsert.FieldsData.Add(Sample.Columns([1, 2], 5).Where(f => f.FieldName is "id" or "title"));
        ServiceLab.Ok((await box.Client.UpsertAsync(upsert)).Status);
        upsert.PartitionName = "other";
        await Refused("fieldSchema(vec) has no corresponding fieldData pass in");
        upsert.PartitionName = "";
        upsert.FieldsData[1].FieldName = "titles";
        await Refused("failed to get field schema by name: fieldName(titles) not found");
        upsert.FieldsData[0].Scalars.LongData.Data[1] = 1;
        await Refused("duplicate primary keys are not allowed in the same batch");
        upsert.FieldsData[0].Scalars.LongData.Data[1] = 2;
        ServiceLab.Ok(await box.Client.ReleaseCollectionAsync(new ReleaseCollectionRequest { CollectionName = "things" }));
        await Refused("failed to query: collection not loaded");

        async Task Refused(string why) => Assert.Contains(why, (await box.Client.UpsertAsync(upsert)).Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Floats_are_taken_for_fields_of_half_as_many_bits()
    {
        using var folder = Sample.Folder();
        using var box = EngineBox.Open(folder.Path, new FaultyDisk(), new TickingTime());
        var schema = new CollectionSchema
        {
            Name = "things",
            Fields =
            {
                new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
                new FieldSchema { Name = "vec", DataType = DataType.Float16Vector, TypeParams = { new Pair { Key = "dim", Value = "2" } } },
                new FieldSchema { Name = "brain", DataType = DataType.Bfloat16Vector, TypeParams = { new Pair { Key = "dim", Value = "2" } } },
            },
        };
        ServiceLab.Ok(await box.Client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "things", Schema = schema.ToByteString() }));
        var vectors = new VectorField { Dim = 2, FloatVector = new FloatArray { Data = { 1.5f, -2 } } };
        var insert = new InsertRequest { CollectionName = "things", NumRows = 1 };
        insert.FieldsData.Add(new FieldData { FieldName = "id", Scalars = new ScalarField { LongData = new LongArray { Data = { 1 } } } });
        insert.FieldsData.Add(new FieldData { FieldName = "vec", Vectors = vectors });
        insert.FieldsData.Add(new FieldData { FieldName = "brain", Vectors = vectors.Clone() });
        ServiceLab.Ok((await box.Client.InsertAsync(insert)).Status);
        foreach (var name in new[] { "vec", "brain" })
        {
            ServiceLab.Ok(await box.Client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "things", FieldName = name, ExtraParams = { ServiceLab.Parameters(("metric_type", "L2")) } }));
        }

        ServiceLab.Ok(await box.Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "things" }));
        var rows = await box.Client.QueryAsync(new QueryRequest { CollectionName = "things", Expr = "id == 1", OutputFields = { "vec", "brain" } });
        Assert.Equal([0x00, 0x3E, 0x00, 0xC0], rows.FieldsData.Single(f => f.FieldName == "vec").Vectors.Float16Vector.ToByteArray());
        Assert.Equal([0xC0, 0x3F, 0x00, 0xC0], rows.FieldsData.Single(f => f.FieldName == "brain").Vectors.Bfloat16Vector.ToByteArray());
    }

    [Fact]
    public async Task Where_partition_keys_are_isolated_a_search_names_one_of_them()
    {
        using var folder = Sample.Folder();
        using var box = EngineBox.Open(folder.Path, new FaultyDisk(), new TickingTime());
        var lab = new ServiceLab(box.Client);
        await lab.Ready("plain");
        var on = new AlterCollectionRequest { CollectionName = "plain", Properties = { ServiceLab.Parameters(("partitionkey.isolation", "true")) } };
        Assert.Contains("no partition key field is set", (await box.Client.AlterCollectionAsync(on)).Reason, StringComparison.Ordinal);

        var schema = Sample.Schema();
        schema.Fields[2].IsPartitionKey = true;
        await lab.Ready(schema: schema, rows: 20);
        on.CollectionName = "things";
        Assert.Equal(702, (await box.Client.AlterCollectionAsync(on)).Code);
        ServiceLab.Ok(await box.Client.ReleaseCollectionAsync(new ReleaseCollectionRequest { CollectionName = "things" }));
        ServiceLab.Ok(await box.Client.DropIndexAsync(new DropIndexRequest { CollectionName = "things", FieldName = "vec" }));
        ServiceLab.Ok(await box.Client.AlterCollectionAsync(on));
        ServiceLab.Ok(await box.Client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "things", FieldName = "vec", ExtraParams = { ServiceLab.Parameters(("metric_type", "L2")) } }));
        ServiceLab.Ok(await box.Client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "things" }));
        foreach (var (filter, why) in new[]
        {
            ("title == 'row 3 v0' and small >= 0", ""),
            ("title in ['a', 'b']", "does not support IN"),
            ("title != 'a'", "does not support NotEqual"),
            ("title > 'a'", "does not support GreaterThan"),
            ("not (title == 'a')", "does not support"),
            ("title == 'a' or small > 1", "does not support OR"),
            ("small > 1", "partition key not found in expr"),
            ("", "partition key not found in expr"),
        })
        {
            var search = ServiceLab.Search([1, 1, 1, 1], 3);
            search.Dsl = filter;
            var answer = await box.Client.SearchAsync(search);
            Assert.True(why.Length == 0 ? answer.Status.Code == 0 && answer.Results.Ids.IntId.Data.Single() == 3 : answer.Status.Reason.Contains(why, StringComparison.Ordinal), $"{filter}: {answer.Status.Reason}");
        }
    }
}
