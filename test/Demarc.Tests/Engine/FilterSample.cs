using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>One row as a person would write it down; null is null, and a dynamic key that is missing is not there.</summary>
internal sealed record PlainRow(
    long Id, long? Small, float? Ratio, double Exact, string? Title, bool? Flag, long[]? Numbers, string[]? Words, float[] Parts, DateTime? When, string? Info, string Dynamic);

/// <summary>A collection with every scalar type, nullable where it can be, and rows for it.</summary>
internal static class FilterSample
{
    public static CollectionSchema Schema() => new()
    {
        Name = "kinds",
        EnableDynamicField = true,
        Fields =
        {
            new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
            new FieldSchema { Name = "vec", DataType = DataType.FloatVector, TypeParams = { new Pair { Key = "dim", Value = "2" } } },
            new FieldSchema { Name = "small", DataType = DataType.Int16, Nullable = true },
            new FieldSchema { Name = "ratio", DataType = DataType.Float, Nullable = true },
            new FieldSchema { Name = "exact", DataType = DataType.Double },
            new FieldSchema { Name = "title", DataType = DataType.VarChar, Nullable = true, TypeParams = { new Pair { Key = "max_length", Value = "100" }, new Pair { Key = "enable_analyzer", Value = "true" }, new Pair { Key = "enable_match", Value = "true" } } },
            new FieldSchema { Name = "flag", DataType = DataType.Bool, Nullable = true },
            new FieldSchema { Name = "numbers", DataType = DataType.Array, ElementType = DataType.Int64, Nullable = true, TypeParams = { new Pair { Key = "max_capacity", Value = "8" } } },
            new FieldSchema
            {
                Name = "words", DataType = DataType.Array, ElementType = DataType.VarChar, Nullable = true,
                TypeParams = { new Pair { Key = "max_capacity", Value = "8" }, new Pair { Key = "max_length", Value = "10" } },
            },
            new FieldSchema { Name = "parts", DataType = DataType.Array, ElementType = DataType.Float, TypeParams = { new Pair { Key = "max_capacity", Value = "8" } } },
            new FieldSchema { Name = "when", DataType = DataType.Timestamptz, Nullable = true },
            new FieldSchema { Name = "info", DataType = DataType.Json, Nullable = true },
        },
    };

    public static CollectionDefinition Definition() =>
        SchemaRules.Read(new CreateCollectionOp { CollectionId = 8, Schema = SchemaRules.Complete(Schema(), "kinds") }, 1);

    public static SegmentView View(IReadOnlyList<PlainRow> rows)
    {
        long next = 1000;
        var collection = new CollectionRows(Definition() with { Loaded = true }, () => next++);
        var op = new PutRowsOp { CollectionId = 8, RowCount = rows.Count };
        op.Columns.Add(RowReader.Read(collection.Definition, Request(rows), rows.Count, null));
        collection.Put(op);
        return collection.View.Segments[0];
    }

    /// <summary>The columns as a client sends them: nulls marked, with a placeholder in their place.</summary>
    public static List<FieldData> Request(IReadOnlyList<PlainRow> rows) =>
    [
        Data("id", DataType.Int64, new ScalarField { LongData = new LongArray { Data = { rows.Select(r => r.Id) } } }),
        new FieldData { FieldName = "vec", Type = DataType.FloatVector, Vectors = new VectorField { Dim = 2, FloatVector = new FloatArray { Data = { rows.SelectMany(r => new float[] { r.Id, 1 }) } } } },
        Data("small", DataType.Int16, new ScalarField { IntData = new IntArray { Data = { rows.Select(r => (int)(r.Small ?? 0)) } } }, rows.Select(r => r.Small is not null)),
        Data("ratio", DataType.Float, new ScalarField { FloatData = new FloatArray { Data = { rows.Select(r => r.Ratio ?? 0) } } }, rows.Select(r => r.Ratio is not null)),
        Data("exact", DataType.Double, new ScalarField { DoubleData = new DoubleArray { Data = { rows.Select(r => r.Exact) } } }),
        Data("title", DataType.VarChar, new ScalarField { StringData = new StringArray { Data = { rows.Select(r => r.Title ?? "") } } }, rows.Select(r => r.Title is not null)),
        Data("flag", DataType.Bool, new ScalarField { BoolData = new BoolArray { Data = { rows.Select(r => r.Flag ?? false) } } }, rows.Select(r => r.Flag is not null)),
        Data("numbers", DataType.Array, Arrays(rows.Select(r => new ScalarField { LongData = new LongArray { Data = { r.Numbers ?? [] } } })), rows.Select(r => r.Numbers is not null)),
        Data("words", DataType.Array, Arrays(rows.Select(r => new ScalarField { StringData = new StringArray { Data = { r.Words ?? [] } } })), rows.Select(r => r.Words is not null)),
        Data("parts", DataType.Array, Arrays(rows.Select(r => new ScalarField { FloatData = new FloatArray { Data = { r.Parts } } }))),
        Data("when", DataType.Timestamptz, new ScalarField { StringData = new StringArray { Data = { rows.Select(r => (r.When ?? DateTime.UnixEpoch).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'")) } } }, rows.Select(r => r.When is not null)),
        Data("info", DataType.Json, new ScalarField { JsonData = new JSONArray { Data = { rows.Select(r => ByteString.CopyFromUtf8(r.Info ?? "null")) } } }, rows.Select(r => r.Info is not null)),
        Data("$meta", DataType.Json, new ScalarField { JsonData = new JSONArray { Data = { rows.Select(r => ByteString.CopyFromUtf8(r.Dynamic)) } } }),
    ];

    private static ScalarField Arrays(IEnumerable<ScalarField> rows) => new() { ArrayData = new ArrayArray { Data = { rows } } };

    private static FieldData Data(string name, DataType type, ScalarField values, IEnumerable<bool>? valid = null)
    {
        var data = new FieldData { FieldName = name, Type = type, Scalars = values, IsDynamic = name == "$meta" };
        data.ValidData.Add(valid ?? []);
        return data;
    }
}
