using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Microsoft.Extensions.Logging.Abstractions;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Bench.Engine;

/// <summary>A data folder with one loaded collection, its rows in segment files and its indexes beside them, made by the engine's own code.</summary>
internal static class StoredCollection
{
    private const int Batch = 10_000;

    public static async Task MakeAsync(string folder, float[] values, int dimension, string indexType)
    {
        var disk = new Disk();
        using var directory = DataDirectory.Open(disk, folder, null, requireExisting: false);
        var files = new IndexFolder(directory, disk, long.MaxValue, NullLogger.Instance);
        using (var store = Store.Open(directory, disk, TimeProvider.System, NullLogger.Instance))
        {
            var definition = await DefineAsync(store, dimension, indexType);
            var rows = values.Length / dimension;
            for (var from = 0; from < rows; from += Batch)
            {
                await store.Write(new LogOp { PutRows = Rows(definition, values, from, Math.Min(Batch, rows - from)) });
            }

            using var builder = new IndexBuilder(store.State, TimeProvider.System, NullLogger.Instance, folder: files);
            store.State.Find("default", EngineUnderTest.Collection).AskForIndex();
            builder.Wake();
            var view = store.State.Find("default", EngineUnderTest.Collection).View;
            while (view.Segments.Any(s => s.Segment.IndexOf(1)?.Rows != s.Count))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100));
            }

            store.Dispose();
            files.Store(store.State);
        }
    }

    private static async Task<CollectionDefinition> DefineAsync(Store store, int dimension, string indexType)
    {
        var schema = SchemaRules.Complete(
            new CollectionSchema
            {
                Name = EngineUnderTest.Collection,
                Fields =
                {
                    new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
                    new FieldSchema { Name = EngineUnderTest.Field, DataType = DataType.FloatVector, TypeParams = { new Pair { Key = "dim", Value = $"{dimension}" } } },
                    new FieldSchema { Name = "number", DataType = DataType.Int64 },
                },
            },
            EngineUnderTest.Collection);
        await store.Decide(() => new LogOp { CreateCollection = new CreateCollectionOp { CollectionId = store.Clock.Reserve(2), Schema = schema, ShardsNum = 1 } });
        var definition = store.State.Find("default", EngineUnderTest.Collection).Definition;
        var index = new StoredIndex { IndexId = store.Clock.NextId(), Name = EngineUnderTest.Field, FieldName = EngineUnderTest.Field };
        index.Params.Add(IndexRules.Complete(definition.Fields[1], [new Pair { Key = "index_type", Value = indexType }, new Pair { Key = "metric_type", Value = "L2" }]));
        await store.Decide(() => new LogOp { PutIndex = new PutIndexOp { CollectionId = definition.Id, Index = index } });
        await store.Decide(() => new LogOp { SetLoaded = new SetLoadedOp { CollectionId = definition.Id, Loaded = true } });
        return definition;
    }

    private static PutRowsOp Rows(CollectionDefinition definition, float[] values, int from, int count)
    {
        var op = new PutRowsOp { CollectionId = definition.Id, RowCount = count };
        var columns = definition.Fields.Select(Column.NewData).ToList();
        columns[0].Scalars.LongData.Data.Add(Enumerable.Range(from, count).Select(i => (long)i));
        columns[1].Vectors.FloatVector.Data.Add(values.AsSpan(from * definition.Fields[1].Dimension, count * definition.Fields[1].Dimension).ToArray());
        columns[2].Scalars.LongData.Data.Add(Enumerable.Range(from, count).Select(i => i % 1000L));
        op.Columns.Add(columns);
        return op;
    }
}
