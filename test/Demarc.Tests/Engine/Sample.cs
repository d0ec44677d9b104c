using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>A collection with one field of each kind, and rows for it, for tests that need no server.</summary>
internal static class Sample
{
    public const int Dimension = 4;

    public static CollectionSchema Schema(string name = "things", bool autoId = false) => new()
    {
        Name = name,
        EnableDynamicField = true,
        Fields =
        {
            new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true, AutoID = autoId },
            new FieldSchema { Name = "vec", DataType = DataType.FloatVector, TypeParams = { new Pair { Key = "dim", Value = "4" } } },
            new FieldSchema { Name = "title", DataType = DataType.VarChar, TypeParams = { new Pair { Key = "max_length", Value = "100" } } },
            new FieldSchema { Name = "flag", DataType = DataType.Bool },
            new FieldSchema { Name = "small", DataType = DataType.Int8 },
            new FieldSchema { Name = "ratio", DataType = DataType.Float },
            new FieldSchema { Name = "exact", DataType = DataType.Double },
            new FieldSchema { Name = "info", DataType = DataType.Json },
            new FieldSchema { Name = "maybe", DataType = DataType.Int64, Nullable = true },
        },
    };

    public static CollectionDefinition Definition() =>
        SchemaRules.Read(new CreateCollectionOp { CollectionId = 7, Schema = SchemaRules.Complete(Schema(), "things") }, 1);

    /// <summary>Every value follows from the key, so that a reader can check a row by its key alone.</summary>
    public static List<FieldData> Columns(IReadOnlyList<long> keys, int version = 0)
    {
        var fields = Definition().Fields;
        var columns = fields.Select(Column.NewData).ToList();
        foreach (var key in keys)
        {
            columns[0].Scalars.LongData.Data.Add(key);
            columns[1].Vectors.FloatVector.Data.Add(Vector(key, version));
            columns[2].Scalars.StringData.Data.Add(Title(key, version));
            columns[3].Scalars.BoolData.Data.Add(key % 2 == 0);
            columns[4].Scalars.IntData.Data.Add((int)(key % 100));
            columns[5].Scalars.FloatData.Data.Add(key / 4f);
            columns[6].Scalars.DoubleData.Data.Add(key / 8.0);
            columns[7].Scalars.JsonData.Data.Add(ByteString.CopyFromUtf8($$"""{"tag":"t{{key % 5}}","deep":{"n":{{key % 3}}},"list":[{{key % 7}},"x"]}"""));
            columns[8].Scalars.LongData.Data.Add(key);
            columns[8].ValidData.Add(key % 4 != 0);
            columns[9].Scalars.JsonData.Data.Add(ByteString.CopyFromUtf8(key % 6 == 0 ? "{}" : $$"""{"color":"c{{key % 3}}"}"""));
        }

        return columns;
    }

    public static string Title(long key, int version) => $"row {key} v{version}";

    public static float[] Vector(long key, int version) => [key + 1, key % 10, version, 1];

    public static CollectionRows Rows(int count)
    {
        long next = 1000;
        var rows = new CollectionRows(Definition() with { Loaded = true }, () => next++);
        rows.Put(Put(7, Enumerable.Range(0, count).Select(i => (long)i).ToList()));
        return rows;
    }

    public static PutRowsOp Put(long collection, IReadOnlyList<long> keys, int version = 0)
    {
        var op = new PutRowsOp { CollectionId = collection, RowCount = keys.Count };
        op.Columns.Add(Columns(keys, version));
        return op;
    }

    /// <summary>A folder that goes away with the test.</summary>
    public static TemporaryFolder Folder() => new();
}

internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("demarc-engine-test-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
