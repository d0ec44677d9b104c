using System.Runtime.Versioning;
using Demarc.Engine.Protocol;

namespace Demarc.Tests.Engine;

/// <summary>Fields and functions that come and go: what is dropped is not seen again, what is added is there for the rows that came before, also after a kill.</summary>
[UnsupportedOSPlatform("windows")]
public class SchemaChangeTests
{
    private static readonly long[] Old = [.. Enumerable.Range(1, 40).Select(i => (long)i)];
    private static readonly long[] New = [.. Enumerable.Range(101, 10).Select(i => (long)i)];

    [Fact]
    public async Task A_dropped_field_is_gone_and_one_of_its_name_begins_empty_also_after_a_kill()
    {
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await SchemaLab.Ready(engine.Client);
            await SchemaLab.Insert(engine.Client, Old);
            ServiceLab.Ok(await engine.Client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "texts", FieldName = "tag", IndexName = "tags" }));
            await SchemaLab.Done(engine.Client, SchemaLab.DropField("tag"));
            await SchemaLab.Insert(engine.Client, New, withTag: false);
            await CheckDropped(engine.Client);
            await engine.Kill();
        }

        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await CheckDropped(engine.Client);
            await SchemaLab.Done(engine.Client, SchemaLab.AddField("tag"));
            await CheckEmpty(engine.Client);
            await engine.Kill();
        }

        // The first start that reads a file from before the drop, and has to pass over what stands in it.
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await CheckEmpty(engine.Client);
            Assert.Equal(0, await engine.Stop());
        }

        await using var last = await EngineProcess.Start(folder.Path);
        await CheckEmpty(last.Client);
        await Compact(last.Client);
        await CheckEmpty(last.Client);
    }

    [Fact]
    public async Task A_file_from_before_a_drop_is_read_without_the_dropped_field()
    {
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await SchemaLab.Ready(engine.Client);
            await SchemaLab.Insert(engine.Client, Old);
            Assert.Equal(0, await engine.Stop());
        }

        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await SchemaLab.Done(engine.Client, SchemaLab.DropField("tag"));
            Assert.Equal(0, await engine.Stop());
        }

        await using var again = await EngineProcess.Start(folder.Path);
        await SchemaLab.Insert(again.Client, New, withTag: false);
        await CheckDropped(again.Client);
    }

    [Fact]
    public async Task What_a_snapshot_was_taken_of_is_restored_with_the_field_and_what_came_later_without()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var client = engine.Client;
        await SchemaLab.Ready(client);
        await SchemaLab.Insert(client, Old);
        ServiceLab.Ok(await client.CreateSnapshotAsync(new CreateSnapshotRequest { Name = "before", CollectionName = "texts" }));
        await SchemaLab.Done(client, SchemaLab.DropField("tag"));
        await SchemaLab.Done(client, SchemaLab.AddWords());
        await SchemaLab.Insert(client, New, withTag: false);
        ServiceLab.Ok(await client.CreateSnapshotAsync(new CreateSnapshotRequest { Name = "after", CollectionName = "texts" }));
        ServiceLab.Ok(await SnapshotCalls.Restored(client, "texts", "before", "with"));
        ServiceLab.Ok(await SnapshotCalls.Restored(client, "texts", "after", "without"));
        foreach (var name in new[] { "with", "without" })
        {
            ServiceLab.Ok(await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = name }));
        }

        Assert.Equal(["id 100", "vec 101", "tag 102", "text 103"], await SchemaLab.Fields(client, "with"));
        var tags = await SchemaLab.Query(client, "tag == 70", "tag", "with");
        Assert.Equal([70L], tags.FieldsData.Single(f => f.FieldName == "tag").Scalars.LongData.Data);
        Assert.Equal(["id 100", "vec 101", "text 103", "words 104"], await SchemaLab.Fields(client, "without"));
        Assert.Contains("field tag not exist", (await SchemaLab.Query(client, "tag == 70", "id", "without")).Status.Reason, StringComparison.Ordinal);
        Assert.Equal([7L], await SchemaLab.Search(client, "word7", collection: "without"));
        Assert.Equal([107L], await SchemaLab.Search(client, "word107", collection: "without"));
    }

    [Fact]
    public async Task A_function_that_is_added_fills_its_field_in_the_rows_that_are_there_also_after_a_kill()
    {
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await SchemaLab.Ready(engine.Client);
            await SchemaLab.Insert(engine.Client, Old);
            Assert.Equal(0, await engine.Stop());
        }

        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await SchemaLab.Done(engine.Client, SchemaLab.AddWords());
            await SchemaLab.Insert(engine.Client, New);
            await CheckWords(engine.Client);
            await engine.Kill();
        }

        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await CheckWords(engine.Client);
            Assert.Equal(0, await engine.Stop());
        }

        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            await CheckWords(engine.Client);
            await SchemaLab.Done(engine.Client, SchemaLab.DropWords());
            await engine.Kill();
        }

        await using var last = await EngineProcess.Start(folder.Path);
        Assert.Equal(["id 100", "vec 101", "tag 102", "text 103"], await SchemaLab.Fields(last.Client));
        var indexes = await last.Client.DescribeIndexAsync(new DescribeIndexRequest { CollectionName = "texts" });
        Assert.Equal(["vec"], indexes.IndexDescriptions.Select(i => i.FieldName));
        await SchemaLab.Done(last.Client, SchemaLab.AddWords());
        await CheckWords(last.Client);
    }

    [Fact]
    public async Task A_dynamic_field_that_is_switched_off_takes_its_values_along_also_after_a_kill()
    {
        using var folder = Sample.Folder();
        await using (var engine = await EngineProcess.Start(folder.Path))
        {
            var lab = new ServiceLab(engine.Client);
            await lab.Ready(rows: 30);
            Assert.NotEmpty(await lab.Keys("color == 'c1'"));
            ServiceLab.Ok(await Dynamic(engine.Client, "false"));
            Assert.False((await engine.Client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = "things" })).Schema.EnableDynamicField);
            Assert.Contains("field color not exist", (await SchemaLab.Query(engine.Client, "color == 'c1'", "id", "things")).Status.Reason, StringComparison.Ordinal);
            Assert.Equal(30, (await lab.Keys()).Count);
            await engine.Kill();
        }

        await using var again = await EngineProcess.Start(folder.Path);
        var after = new ServiceLab(again.Client);
        Assert.Contains("field color not exist", (await SchemaLab.Query(again.Client, "color == 'c1'", "id", "things")).Status.Reason, StringComparison.Ordinal);
        ServiceLab.Ok(await Dynamic(again.Client, "true"));
        Assert.Empty(await after.Keys("color == 'c1'"));
        await after.Insert([100]);
        Assert.Equal([100L], await after.Keys("color == 'c1'"));
        Assert.Equal(31, (await after.Keys()).Count);
    }

    [Fact]
    public async Task A_vector_that_is_added_to_a_loaded_collection_waits_for_its_index()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        await SchemaLab.Ready(engine.Client);
        await SchemaLab.Insert(engine.Client, Old);
        var add = SchemaLab.AddField("more", DataType.FloatVector);
        add.Action.AddRequest.FieldInfos[0].FieldSchema.TypeParams.Add(new Demarc.Engine.Protocol.KeyValuePair { Key = "dim", Value = "2" });
        await SchemaLab.Done(engine.Client, add);
        var search = ServiceLab.Search([1, 2], 3, ("anns_field", "more"));
        search.CollectionName = "texts";
        search.SearchParams.Remove(search.SearchParams.First(p => p.Key == "anns_field"));
        Assert.Contains("field index of the field: more is not loaded, please reload the collection", (await engine.Client.SearchAsync(search)).Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_Milvus_refuses_is_refused_in_its_words()
    {
        using var folder = Sample.Folder();
        await using var engine = await EngineProcess.Start(folder.Path);
        var client = engine.Client;
        await SchemaLab.Ready(client);
        await SchemaLab.Refused(client, SchemaLab.DropField("nothing"), 1100, "field not found: nothing: invalid parameter");
        await SchemaLab.Refused(client, SchemaLab.DropField("id"), 1100, "cannot drop primary key field: id");
        await SchemaLab.Refused(client, SchemaLab.DropField("vec"), 1100, "cannot drop the last vector field: vec");
        await SchemaLab.Refused(client, SchemaLab.Alter(new AlterCollectionSchemaRequest.Types.DropRequest { FieldId = 900 }), 1100, "field not found with id: 900");
        await SchemaLab.Refused(client, SchemaLab.Alter(new AlterCollectionSchemaRequest.Types.DropRequest()), 1101, "drop request must specify field_name, field_id, or function_name");
        await SchemaLab.Refused(client, SchemaLab.AddWords(change: a => a.FieldInfos[0].ExtraParams.Clear()), 1100, "index params are required when adding function output field \"words\" of vector type SparseFloatVector");
        await SchemaLab.Refused(client, SchemaLab.AddWords(change: a => a.FieldInfos[0].ExtraParams.RemoveAt(0)), 1100, "an explicit index_type is required for the bound index of function output field \"words\"");
        await SchemaLab.Refused(client, SchemaLab.AddWords(change: a => a.FuncSchema[0].InputFieldNames[0] = "tag"), 1100, "BM25 function input field must be a VARCHAR/TEXT field, got 1 field with type Int64");
        await SchemaLab.Refused(client, SchemaLab.AddWords(change: a => a.FuncSchema[0].Name = ""), 1101, "function name cannot be empty");
        await SchemaLab.Refused(client, SchemaLab.AddWords(change: a => a.FieldInfos.Clear()), 1100, "BM25 function must be added with its output field in add_function_field interface");
        await SchemaLab.Refused(client, SchemaLab.AddWords("tag"), 1100, "duplicated field name tag");
        Assert.Contains("struct field not found: events[name]", (await SchemaLab.Query(client, "array_contains(events[name], 'x')", "id")).Status.Reason, StringComparison.Ordinal);
        await SchemaLab.Done(client, SchemaLab.AddWords());
        await SchemaLab.Refused(client, SchemaLab.DropField("text"), 1100, "field is referenced by function count_words as input, drop function first");
        await SchemaLab.Refused(client, SchemaLab.DropField("words"), 1100, "field is referenced by function count_words as output, drop function first");
        await SchemaLab.Refused(client, SchemaLab.DropWords(withField: false), 1100, "BM25 function must be dropped with its output field in drop_function_field interface: count_words");
        await SchemaLab.Refused(client, SchemaLab.DropWords("others"), 1100, "function not found: count_others");
        var function = new FunctionSchema { Name = "count_words", Type = FunctionType.Bm25, InputFieldNames = { "text" }, OutputFieldNames = { "words" } };
        Assert.Contains("currently does not support adding BM25 function", (await client.AddCollectionFunctionAsync(new AddCollectionFunctionRequest { CollectionName = "texts", FunctionSchema = function })).Reason, StringComparison.Ordinal);
        Assert.Contains("currently does not support alter BM25 function", (await client.AlterCollectionFunctionAsync(new AlterCollectionFunctionRequest { CollectionName = "texts", FunctionName = "count_words", FunctionSchema = function })).Reason, StringComparison.Ordinal);
        Assert.Contains("currently does not support droping BM25 function", (await client.DropCollectionFunctionAsync(new DropCollectionFunctionRequest { CollectionName = "texts", FunctionName = "count_words" })).Reason, StringComparison.Ordinal);
        ServiceLab.Ok(await client.DropCollectionFunctionAsync(new DropCollectionFunctionRequest { CollectionName = "texts", FunctionName = "nothing" }));
    }

    private static async Task CheckDropped(MilvusService.MilvusServiceClient client)
    {
        Assert.Equal(["id 100", "vec 101", "text 103"], await SchemaLab.Fields(client));
        Assert.Contains("field tag not exist", (await SchemaLab.Query(client, "id > 0", "tag")).Status.Reason, StringComparison.Ordinal);
        Assert.Contains("field tag not exist", (await SchemaLab.Query(client, "tag > 0", "id")).Status.Reason, StringComparison.Ordinal);
        var indexes = await client.DescribeIndexAsync(new DescribeIndexRequest { CollectionName = "texts" });
        Assert.Equal(["vec"], indexes.IndexDescriptions.Select(i => i.IndexName));
        var all = await SchemaLab.Query(client, "id > 0", "*");
        ServiceLab.Ok(all.Status);
        Assert.Equal(["id", "text", "vec"], all.FieldsData.Select(f => f.FieldName).Order(StringComparer.Ordinal));
        var ids = all.FieldsData.Single(f => f.FieldName == "id").Scalars.LongData.Data;
        Assert.Equal([.. Old, .. New], ids.Order());
        Assert.Equal(ids.Select(k => k % 5 == 0 ? "" : $"word{k} common"), all.FieldsData.Single(f => f.FieldName == "text").Scalars.StringData.Data);
    }

    private static async Task CheckEmpty(MilvusService.MilvusServiceClient client)
    {
        var described = await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = "texts" });
        Assert.Equal("104", described.Properties.Single(p => p.Key == "max_field_id").Value);
        Assert.Equal(["id 100", "vec 101", "text 103", "tag 104"], await SchemaLab.Fields(client));
        var all = await SchemaLab.Query(client, "tag is null", "tag");
        ServiceLab.Ok(all.Status);
        Assert.Equal([.. Old, .. New], all.FieldsData.Single(f => f.FieldName == "id").Scalars.LongData.Data.Order());
        var texts = await SchemaLab.Query(client, "text like 'word7 %'", "id");
        Assert.Equal([7L], texts.FieldsData.Single().Scalars.LongData.Data);
    }

    private static async Task CheckWords(MilvusService.MilvusServiceClient client)
    {
        Assert.Equal([7L], await SchemaLab.Search(client, "word7"));
        Assert.Equal([107L], await SchemaLab.Search(client, "word107"));
        Assert.Equal(Old.Concat(New).Where(k => k % 5 != 0), (await SchemaLab.Search(client, "common")).Order());
        var described = await client.DescribeIndexAsync(new DescribeIndexRequest { CollectionName = "texts", IndexName = "words" });
        Assert.Equal("words", described.IndexDescriptions.Single().FieldName);
    }

    private static async Task<Status> Dynamic(MilvusService.MilvusServiceClient client, string on) =>
        await client.AlterCollectionAsync(new AlterCollectionRequest { CollectionName = "things", Properties = { new Demarc.Engine.Protocol.KeyValuePair { Key = "dynamicfield.enabled", Value = on } } });

    private static async Task Compact(MilvusService.MilvusServiceClient client)
    {
        var described = await client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionName = "texts" });
        ServiceLab.Ok((await client.ManualCompactionAsync(new ManualCompactionRequest { CollectionID = described.CollectionID })).Status);
    }
}
