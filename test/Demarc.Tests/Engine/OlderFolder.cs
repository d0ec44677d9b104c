using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>
/// What stands in the folder `Format2`, which the engine wrote when its segments were messages (format 2): everything
/// follows from keys, so that a reader of today can be held against it. Two collections: `things`, of which rows were
/// replaced and deleted and some of which stand in the log only, and `kinds`, with every type of field, nulls and a partition.
/// </summary>
internal static class OlderFolder
{
    public const long Things = 11;
    public const long Kinds = 12;
    public const long Partition = 4711;

    public static CollectionSchema KindsSchema()
    {
        var schema = FilterSample.Schema();
        schema.Name = "kinds";
        foreach (var type in new[] { DataType.FloatVector, DataType.Float16Vector, DataType.Bfloat16Vector, DataType.Int8Vector, DataType.BinaryVector, DataType.SparseFloatVector })
        {
            var field = new FieldSchema { Name = $"of{type}", DataType = type, Nullable = true };
            if (type != DataType.SparseFloatVector)
            {
                field.TypeParams.Add(new Pair { Key = "dim", Value = "16" });
            }

            schema.Fields.Add(field);
        }

        return schema;
    }

    /// <summary>Rows of `kinds` with the given keys; every fifth has no vectors.</summary>
    public static List<FieldData> KindsColumns(CollectionDefinition definition, int from, int count)
    {
        var rows = Enumerable.Range(from, count).Select(i => new PlainRow(i, i % 3 == 0 ? null : i % 100, i / 4f, i, i % 4 == 0 ? null : $"title {i}", i % 2 == 0,
            [i, i + 1], [$"w{i % 7}"], [i / 2f], new DateTime(2025, 1, 1 + (i % 28)), $$"""{"a":{{i}}}""", $$"""{"b":{{i}}}"""));
        var request = FilterSample.Request([.. rows]).ToList();
        foreach (var field in definition.Fields.Where(f => f.IsVector && f.Name.StartsWith("of", StringComparison.Ordinal)))
        {
            var data = Column.NewData(field);
            for (var i = from; i < from + count; i++)
            {
                data.ValidData.Add(i % 5 != 0);
                if (i % 5 != 0)
                {
                    AddVector(data.Vectors, field.Type, i);
                }
            }

            request.Add(data);
        }

        return RowReader.Read(definition, request, count, null);
    }

    private static void AddVector(VectorField to, DataType type, int key)
    {
        float Value(int i) => ((key * 7) + (i * 3)) % 100;
        switch (type)
        {
            case DataType.FloatVector:
                to.FloatVector.Data.Add(Enumerable.Range(0, 16).Select(Value));
                break;
            case DataType.SparseFloatVector:
                var bytes = new byte[SparseVectorColumn.EntryBytes * 2];
                System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)(key % 10));
                System.Buffers.Binary.BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4), 1 + Value(1));
                System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), (uint)(1000 + key));
                System.Buffers.Binary.BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(12), 1 + Value(2));
                to.SparseFloatVector.Contents.Add(Google.Protobuf.ByteString.CopyFrom(bytes));
                break;
            default:
                byte[] row = type switch
                {
                    DataType.Float16Vector => [.. Enumerable.Range(0, 16).SelectMany(i => BitConverter.GetBytes((Half)Value(i)))],
                    DataType.Bfloat16Vector => [.. Enumerable.Range(0, 16).SelectMany(i => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(Value(i)) >> 16)))],
                    DataType.Int8Vector => [.. Enumerable.Range(0, 16).Select(i => (byte)(Value(i) - 50))],
                    _ => [(byte)key, (byte)(key * 3)],
                };
                ByteVectorColumn.SetBytes(to, type, GrowingBytes.Append(ByteVectorColumn.BytesOf(to), row));
                break;
        }
    }

    /// <summary>Holds what was read against what was written.</summary>
    public static void Check(EngineState state)
    {
        var things = state.Find("default", "again");
        Assert.Equal(Things, things.Definition.Id);
        Assert.True(things.Definition.Loaded);
        Assert.Equal("HNSW", Assert.Single(things.Definition.Indexes).Params.Single(p => p.Key == "index_type").Value);
        var found = new SortedDictionary<long, List<FieldData>>();
        foreach (var (segment, row) in Live(things))
        {
            found.Add(((IntegerColumn)segment.Columns[0]).Values[row], [.. segment.Columns.Select(c => StoredSample.Column(c, row, 1))]);
        }

        var expected = Enumerable.Range(0, 220).Where(k => k is < 10 or >= 25).Select(k => (Key: (long)k, Version: k is >= 50 and < 100 ? 1 : k >= 190 ? 2 : 0)).ToList();
        Assert.Equal(expected.Select(e => e.Key), found.Keys);
        Assert.All(expected, e => Assert.Equal(Sample.Columns([e.Key], e.Version), found[e.Key]));

        var kinds = state.Find("default", "kinds");
        Assert.Equal(110, kinds.View.LiveRows);
        foreach (var (segment, row) in Live(kinds))
        {
            var key = (int)((IntegerColumn)segment.Columns[0]).Values[row];
            var expectedOne = new Segment(kinds.Definition, 1, 0);
            expectedOne.Append(KindsColumns(kinds.Definition, key, 1), 0, 1);
            Assert.Equal(StoredSample.Columns(expectedOne, 1), [.. segment.Columns.Select(c => StoredSample.Column(c, row, 1))]);
            Assert.Equal(key >= 60, segment.PartitionId == Partition);
        }
    }

    private static IEnumerable<(Segment Segment, int Row)> Live(CollectionRows rows) =>
        rows.View.Segments.SelectMany(s => Enumerable.Range(0, s.Count).Where(s.IsLive).Select(r => (s.Segment, r)));
}
