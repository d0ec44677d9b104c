using System.Runtime.Versioning;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Imports;
using Demarc.Engine.Protocol;
using Google.Protobuf;

namespace Demarc.Tests.Engine;

/// <summary>Files that clients have imported, JSON and Parquet: every kind of column, whole or not at all, and only from the folder set free.</summary>
[UnsupportedOSPlatform("windows")]
public class ImportTests
{
    private const string Json = """
        {"rows":[
          {"id":9007199254740993,"vec":[1,2],"title":"one","n":7,"flag":true,"tags":["a","b"],"items":[{"label":"x","emb":[0.5,1.5]}],"$meta":{"color":"red"}},
          {"id":2,"vec":[3,4],"title":null,"n":-8,"flag":false,"tags":[],"items":[],"shape":"round"}
        ]}
        """;

    private static readonly string Samples = Path.Combine(House.Golden.Root, "test", "Demarc.Tests", "Engine", "ParquetSamples");

    [Fact]
    public async Task Json_becomes_rows_also_after_a_restart()
    {
        using var folder = Sample.Folder();
        Directory.CreateDirectory(folder["files"]);
        await File.WriteAllTextAsync(folder["files/rows.json"], Json);
        await using (var engine = await EngineProcess.Start(folder["data"], "--import-dir", folder["files"]))
        {
            await Create(engine.Client);
            var state = await Imported(engine.Client, "rows.json");
            Assert.True(state.State == ImportState.ImportCompleted, string.Join(", ", state.Infos));
            Assert.Equal(2, state.RowCount);
            var listed = await engine.Client.ListImportTasksAsync(new ListImportTasksRequest { CollectionName = "docs" });
            Assert.Equal([ImportState.ImportCompleted], listed.Tasks.Select(t => t.State));
            await engine.Kill();
        }

        await using var again = await EngineProcess.Start(folder["data"]);
        var one = await Row(again.Client, "id == 9007199254740993");
        Assert.Equal("one", one["title"].Scalars.StringData.Data[0]);
        Assert.Equal(["a", "b"], one["tags"].Scalars.ArrayData.Data[0].StringData.Data);
        Assert.Equal(["x"], one["items"].StructArrays.Fields.Single(f => f.FieldName == "label").Scalars.ArrayData.Data[0].StringData.Data);
        Assert.Equal([0.5f, 1.5f], one["items"].StructArrays.Fields.Single(f => f.FieldName == "emb").Vectors.VectorArray.Data[0].FloatVector.Data);
        Assert.Contains("red", one["$meta"].Scalars.JsonData.Data[0].ToStringUtf8(), StringComparison.Ordinal);
        var two = await Row(again.Client, "shape == 'round' and title is null");
        Assert.Equal(2, two["id"].Scalars.LongData.Data[0]);
        Assert.Contains("not served", (await again.Client.ImportAsync(new ImportRequest { CollectionName = "docs", Files = { "rows.json" } })).Status.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain.parquet")]
    [InlineData("snappy-dictionary-pages-v1.parquet")]
    [InlineData("gzip-dictionary-pages-v2.parquet")]
    public void Parquet_files_of_other_programs_are_read(string file)
    {
        var batch = ImportFiles.Read(Definition(), Path.Combine(Samples, file)).Single();
        Assert.Equal(5, batch.Rows);
        var columns = batch.Columns.ToDictionary(c => c.FieldName);
        Assert.Equal([100, 101, 102, 103, 104], columns["id"].Scalars.LongData.Data);
        Assert.Equal([0, 0.5f, 1, 1.5f, 2, 2.5f, 3, 3.5f, 4, 4.5f], columns["vec"].Vectors.FloatVector.Data);
        Assert.Equal(["title 0", "title 2", "title 0"], columns["title"].Scalars.StringData.Data);
        Assert.Equal([true, false, true, false, true], columns["title"].ValidData);
        Assert.Equal([0, 1000, 2000, 3000, 4000], columns["n"].Scalars.IntData.Data);
        Assert.Equal([true, false, true, false, true], columns["flag"].Scalars.BoolData.Data);
        Assert.Equal(["", "a", "a b", "a b c", ""], columns["tags"].Scalars.ArrayData.Data.Select(r => string.Join(' ', r.StringData.Data)));
        var parts = columns["items"].StructArrays.Fields.ToDictionary(f => f.FieldName);
        Assert.Equal(["", "l10", "l20 l21", "", "l40"], parts["label"].Scalars.ArrayData.Data.Select(r => string.Join(' ', r.StringData.Data)));
        Assert.Equal(["", "1 0", "2 0 2 1", "", "4 0"], parts["emb"].Vectors.VectorArray.Data.Select(r => string.Join(' ', r.FloatVector?.Data.Select(v => (int)v) ?? [])));
    }

    [Fact]
    public async Task A_file_that_does_not_fit_changes_nothing_and_is_told()
    {
        using var folder = Sample.Folder();
        Directory.CreateDirectory(folder["files"]);
        await File.WriteAllTextAsync(folder["outside.json"], Json);
        await File.WriteAllTextAsync(folder["files/good.json"], Json);
        File.Copy(Path.Combine(Samples, "plain.parquet"), folder["files/good.parquet"]);
        await File.WriteAllTextAsync(folder["files/broken.json"], """{"rows":[{"id":1""");
        await File.WriteAllTextAsync(folder["files/wrong.json"], """[{"id":1,"vec":[1,2,3],"title":"t","n":1,"flag":true,"tags":[],"items":[]}]""");
        await File.WriteAllTextAsync(folder["files/part.json"], """[{"id":1,"vec":[1,2],"title":"t","n":1,"flag":true,"tags":[],"items":[{"label":"x"}]}]""");
        await File.WriteAllBytesAsync(folder["files/broken.parquet"], [.. "PAR1"u8, .. new byte[20], .. "PAR1"u8]);
        await using var engine = await EngineProcess.Start(folder["data"], "--import-dir", folder["files"]);
        await Create(engine.Client);
        foreach (var (file, why) in new[] { ("../outside.json", "does not exist"), ("none.json", "does not exist"), ("/etc/hostname", "does not exist") })
        {
            Assert.Contains(why, (await engine.Client.ImportAsync(new ImportRequest { CollectionName = "docs", Files = { file } })).Status.Reason, StringComparison.Ordinal);
        }

        foreach (var (file, why) in new[] { ("broken.json", "not valid JSON"), ("wrong.json", "divide the dim"), ("part.json", "missing sub-field emb"), ("broken.parquet", "cannot be read") })
        {
            var state = await Imported(engine.Client, "good.json", file);
            Assert.Equal(ImportState.ImportFailed, state.State);
            Assert.Contains(why, state.Infos.Single(i => i.Key == "failed_reason").Value, StringComparison.Ordinal);
        }

        var count = await engine.Client.QueryAsync(new QueryRequest { CollectionName = "docs", OutputFields = { "count(*)" } });
        Assert.Equal(0, count.FieldsData[0].Scalars.LongData.Data[0]);
        Assert.Equal(7, (await Imported(engine.Client, "good.json", "good.parquet")).RowCount);
        Assert.Equal(2100, (await engine.Client.GetImportStateAsync(new GetImportStateRequest { Task = 1 })).Status.Code);
    }

    [Fact]
    public void A_damaged_Parquet_file_is_a_fault_and_nothing_else()
    {
        using var folder = Sample.Folder();
        var definition = Definition();
        var random = new Random(11);
        var faults = 0;
        foreach (var sample in Directory.EnumerateFiles(Samples).Order())
        {
            var bytes = File.ReadAllBytes(sample);
            for (var round = 0; round < 300; round++)
            {
                var damaged = bytes.ToArray();
                for (var hits = random.Next(1, 4); hits > 0; hits--)
                {
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                }

                var path = folder["damaged.parquet"];
                File.WriteAllBytes(path, round % 5 == 0 ? damaged[..random.Next(damaged.Length)] : damaged);
                try
                {
                    Assert.All(ImportFiles.Read(definition, path), b => Assert.InRange(b.Rows, 0, int.MaxValue));
                }
                catch (Fault)
                {
                    faults++;
                }
            }
        }

        Assert.InRange(faults, 100, 900);
    }

    private static CollectionSchema Schema() => new()
    {
        Name = "docs",
        EnableDynamicField = true,
        Fields =
        {
            new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
            new FieldSchema { Name = "vec", DataType = DataType.FloatVector, TypeParams = { ServiceLab.Parameters(("dim", "2")) } },
            new FieldSchema { Name = "title", DataType = DataType.VarChar, Nullable = true, TypeParams = { ServiceLab.Parameters(("max_length", "20")) } },
            new FieldSchema { Name = "n", DataType = DataType.Int32 },
            new FieldSchema { Name = "flag", DataType = DataType.Bool },
            new FieldSchema { Name = "tags", DataType = DataType.Array, ElementType = DataType.VarChar, TypeParams = { ServiceLab.Parameters(("max_length", "8"), ("max_capacity", "4")) } },
        },
        StructArrayFields =
        {
            new StructArrayFieldSchema
            {
                Name = "items",
                Fields =
                {
                    new FieldSchema { Name = "label", DataType = DataType.Array, ElementType = DataType.VarChar, TypeParams = { ServiceLab.Parameters(("max_length", "8"), ("max_capacity", "4")) } },
                    new FieldSchema { Name = "emb", DataType = DataType.ArrayOfVector, ElementType = DataType.FloatVector, TypeParams = { ServiceLab.Parameters(("dim", "2"), ("max_capacity", "4")) } },
                },
            },
        },
    };

    private static CollectionDefinition Definition() => SchemaRules.Read(new CreateCollectionOp { CollectionId = 7, Schema = SchemaRules.Complete(Schema(), "docs") }, 1);

    private static async Task Create(MilvusService.MilvusServiceClient client)
    {
        ServiceLab.Ok(await client.CreateCollectionAsync(new CreateCollectionRequest { CollectionName = "docs", Schema = Schema().ToByteString() }));
        ServiceLab.Ok(await client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "docs", FieldName = "vec", ExtraParams = { ServiceLab.Parameters(("metric_type", "L2")) } }));
        ServiceLab.Ok(await client.CreateIndexAsync(new CreateIndexRequest { CollectionName = "docs", FieldName = "items[emb]" }));
        ServiceLab.Ok(await client.LoadCollectionAsync(new LoadCollectionRequest { CollectionName = "docs" }));
    }

    private static async Task<GetImportStateResponse> Imported(MilvusService.MilvusServiceClient client, params string[] files)
    {
        var begun = await client.ImportAsync(new ImportRequest { CollectionName = "docs", Files = { files } });
        ServiceLab.Ok(begun.Status);
        for (var left = 600; ; left--)
        {
            var state = await client.GetImportStateAsync(new GetImportStateRequest { Task = begun.Tasks.Single() });
            ServiceLab.Ok(state.Status);
            if (left == 0 || state.State is ImportState.ImportCompleted or ImportState.ImportFailed)
            {
                return state;
            }

            await Task.Delay(50);
        }
    }

    private static async Task<Dictionary<string, FieldData>> Row(MilvusService.MilvusServiceClient client, string filter)
    {
        var answer = await client.QueryAsync(new QueryRequest { CollectionName = "docs", Expr = filter, OutputFields = { "*" } });
        ServiceLab.Ok(answer.Status);
        return answer.FieldsData.ToDictionary(f => f.FieldName);
    }
}
