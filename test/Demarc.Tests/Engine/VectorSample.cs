using System.Buffers.Binary;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Filters;
using Demarc.Engine.Indexes;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>A collection of clustered vectors of one type, the same for the same seed.</summary>
internal sealed class VectorSample
{
    public const long IndexId = 77;
    private const int Clusters = 40;

    private readonly float[][] centres;
    private readonly Random random;
    private readonly Func<int, float[]>? given;

    public VectorSample(DataType type, int rows, int dimension, int seed = 1, bool nullable = false, Func<int, float[]>? values = null)
    {
        given = values;
        random = new Random(seed);
        Type = type;
        Dimension = dimension;
        centres = [.. Enumerable.Range(0, Clusters).Select(_ => Enumerable.Range(0, dimension).Select(_ => (float)Gauss() * 30).ToArray())];
        Definition = Define(type, dimension, nullable);
        long next = 1000;
        Rows = new CollectionRows(Definition, () => next++);
        Nulls = nullable ? [.. Enumerable.Range(0, rows).Where(r => r % 7 == 3)] : [];
        for (var from = 0; from < rows; from += 5000)
        {
            Rows.Put(Batch(from, Math.Min(5000, rows - from)));
        }
    }

    public DataType Type { get; }

    public int Dimension { get; }

    public CollectionDefinition Definition { get; }

    public CollectionRows Rows { get; }

    public HashSet<int> Nulls { get; }

    /// <summary>What each row was put in as.</summary>
    public Dictionary<int, ByteString> Given { get; } = [];

    public CollectionView View => Rows.View;

    public VectorColumn Column => (VectorColumn)View.Segments[0].Segment.Columns[1];

    public float[] Values()
    {
        var centre = centres[random.Next(Clusters)];
        return [.. centre.Select(c => Math.Clamp(c + ((float)Gauss() * 10), -127, 127))];
    }

    public QueryVector Query() => VectorReader.Query(Definition.Fields[1], Bytes(Values()));

    public void Index(VectorIndex? index) => View.Segments[0].Segment.SetIndex(1, index);

    public Hit[][] Search(QueryVector[] queries, Metric metric, int keep, bool useIndex, string filter = "", SearchHints? hints = null, double? radius = null, double? near = null) =>
        VectorSearch.Run(View, new SearchPlan(1, useIndex ? IndexId : 0, metric, queries, keep, Parser.Parse(Definition, filter), radius, near, hints ?? SearchHints.None), CancellationToken.None);

    /// <summary>Share of the exactly nearest that were found; equal scores count as found.</summary>
    public double Recall(Metric metric, int keep, string filter = "", SearchHints? hints = null, int queries = 40)
    {
        var asked = Enumerable.Range(0, queries).Select(_ => Query()).ToArray();
        var exact = Search(asked, metric, keep, useIndex: false, filter);
        var found = Search(asked, metric, keep, useIndex: true, filter, hints);
        double sum = 0;
        for (var q = 0; q < queries; q++)
        {
            Assert.Equal(exact[q].Length, found[q].Length);
            var bound = exact[q].Length == 0 ? 0 : exact[q][^1].Nearness - 1e-6f;
            sum += exact[q].Length == 0 ? 1 : found[q].Count(h => h.Nearness >= bound) / (double)exact[q].Length;
        }

        return sum / queries;
    }

    public ByteString Bytes(float[] values) => Type switch
    {
        DataType.FloatVector => ByteString.CopyFrom([.. values.SelectMany(BitConverter.GetBytes)]),
        DataType.Float16Vector => ByteString.CopyFrom([.. values.SelectMany(v => BitConverter.GetBytes((Half)v))]),
        DataType.Bfloat16Vector => ByteString.CopyFrom([.. values.SelectMany(v => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(v) >> 16)))]),
        DataType.Int8Vector => ByteString.CopyFrom([.. values.Select(v => (byte)(sbyte)v)]),
        DataType.BinaryVector => ByteString.CopyFrom([.. Enumerable.Range(0, Dimension / 8).Select(b => (byte)Enumerable.Range(0, 8).Sum(i => values[(b * 8) + i] > 0 ? 1 << i : 0))]),
        _ => Sparse(values),
    };

    private static ByteString Sparse(float[] values)
    {
        var bytes = new List<byte>();
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] > 15)
            {
                var pair = new byte[8];
                BinaryPrimitives.WriteUInt32LittleEndian(pair, (uint)(i * 1000));
                BinaryPrimitives.WriteSingleLittleEndian(pair.AsSpan(4), values[i]);
                bytes.AddRange(pair);
            }
        }

        return ByteString.CopyFrom([.. bytes]);
    }

    private static CollectionDefinition Define(DataType type, int dimension, bool nullable)
    {
        var vector = new FieldSchema { Name = "vec", DataType = type, Nullable = nullable };
        if (type != DataType.SparseFloatVector)
        {
            vector.TypeParams.Add(new Pair { Key = "dim", Value = dimension.ToString(System.Globalization.CultureInfo.InvariantCulture) });
        }

        var schema = new CollectionSchema { Name = "vectors", Fields = { new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true }, vector } };
        return SchemaRules.Read(new CreateCollectionOp { CollectionId = 9, Schema = SchemaRules.Complete(schema, "vectors") }, 1) with { Loaded = true };
    }

    public PutRowsOp Batch(int from, int count)
    {
        var keys = NewColumn(Definition.Fields[0]);
        var vectors = new FieldData { Type = Type, FieldName = "vec", Vectors = new VectorField { Dim = Type == DataType.SparseFloatVector ? 0 : Dimension } };
        var bytes = new List<byte>();
        var rows = new List<ByteString>();
        for (var row = from; row < from + count; row++)
        {
            keys.Scalars.LongData.Data.Add(row);
            vectors.ValidData.Add(!Nulls.Contains(row));
            if (!Nulls.Contains(row))
            {
                rows.Add(Bytes(given?.Invoke(row) ?? Values()));
                Given[row] = rows[^1];
            }
        }

        if (Nulls.Count == 0)
        {
            vectors.ValidData.Clear();
        }

        switch (Type)
        {
            case DataType.FloatVector:
                vectors.Vectors.FloatVector = new FloatArray();
                vectors.Vectors.FloatVector.Data.Add(rows.SelectMany(r => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(r.Span).ToArray()));
                break;
            case DataType.SparseFloatVector:
                vectors.Vectors.SparseFloatVector = new SparseFloatArray();
                vectors.Vectors.SparseFloatVector.Contents.Add(rows);
                break;
            default:
                rows.ForEach(r => bytes.AddRange(r.ToByteArray()));
                ByteVectorColumn.SetBytes(vectors.Vectors, Type, ByteString.CopyFrom([.. bytes]));
                break;
        }

        var op = new PutRowsOp { CollectionId = 9, RowCount = count };
        op.Columns.Add(RowReader.Read(Definition, [keys, vectors], count, null));
        return op;
    }

    private static FieldData NewColumn(FieldDefinition field) => Demarc.Engine.Rows.Column.NewData(field);

    private double Gauss() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
