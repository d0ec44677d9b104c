using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;
using Google.Protobuf;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Tests.Engine;

/// <summary>Every vector type from the wire to the column, into a file and back, and compared with the plainest arithmetic.</summary>
public class VectorTypeTests
{
    public static TheoryData<string, bool> Types => new(
        from type in new[] { "FloatVector", "Float16Vector", "Bfloat16Vector", "Int8Vector", "BinaryVector", "SparseFloatVector" }
        from nullable in new[] { false, true }
        select (type, nullable));

    [Theory, MemberData(nameof(Types))]
    public void Rows_come_out_as_they_went_in_through_a_file_too(string typeName, bool nullable)
    {
        var type = Enum.Parse<DataType>(typeName);
        var sample = new VectorSample(type, 500, 24, nullable: nullable);
        var segment = sample.View.Segments[0].Segment;
        using var folder = Sample.Folder();
        var again = StoredSample.ThroughFile(folder, sample.Definition, segment, 500);
        var (before, after) = (sample.Column, (VectorColumn)again.Columns[1]);
        for (var row = 0; row < 500; row++)
        {
            Assert.Equal(sample.Nulls.Contains(row), after.IsNull(row));
            Assert.Equal(One(before, row), One(after, row));
            if (!sample.Nulls.Contains(row))
            {
                Assert.Equivalent(VectorReader.Query(sample.Definition.Fields[1], sample.Given[row]).Floats, after.Query(row).Floats);
                Assert.Equal(sample.Given[row], Wire(One(after, row).Vectors));
            }
        }

        // A null takes no place on the wire.
        var data = Column.NewData(sample.Definition.Fields[1]);
        before.Write(data, 3);
        before.Write(data, 4);
        Assert.Equal(nullable ? [false, true] : [], data.ValidData);
        Assert.Equal(data.Vectors, nullable ? One(before, 4).Vectors : data.Vectors);
    }

    public static TheoryData<string, string> Compared => new()
    {
        { "FloatVector", "L2" }, { "FloatVector", "IP" }, { "FloatVector", "COSINE" },
        { "Float16Vector", "L2" }, { "Float16Vector", "IP" }, { "Float16Vector", "COSINE" },
        { "Bfloat16Vector", "L2" }, { "Bfloat16Vector", "COSINE" },
        { "Int8Vector", "L2" }, { "Int8Vector", "IP" }, { "Int8Vector", "COSINE" },
        { "BinaryVector", "HAMMING" }, { "BinaryVector", "JACCARD" }, { "SparseFloatVector", "IP" },
    };

    [Theory, MemberData(nameof(Compared))]
    public void Scores_are_those_of_plain_arithmetic_and_nulls_are_never_found(string typeName, string metricName)
    {
        var type = Enum.Parse<DataType>(typeName);
        var sample = new VectorSample(type, 400, 40, nullable: true);
        var metric = Metrics.Parse(metricName);
        var query = sample.Query();
        var hits = sample.Search([query], metric, 400, useIndex: false)[0];
        Assert.DoesNotContain(hits, h => sample.Nulls.Contains(h.Row));
        var expected = Enumerable.Range(0, 400).Where(r => !sample.Nulls.Contains(r)).Select(r => Plain(query, sample.Column.Query(r), metric)).Where(s => type != DataType.SparseFloatVector || s != 0).ToList();
        expected.Sort();
        if (!metric.IsDistance())
        {
            expected.Reverse();
        }

        Assert.Equal(expected.Count, hits.Length);
        for (var i = 0; i < hits.Length; i++)
        {
            Assert.Equal(expected[i], metric.Score(hits[i].Nearness), 1e-4 * (1 + Math.Abs(expected[i])));
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused_in_words_that_say_why()
    {
        var binary = new VectorSample(DataType.BinaryVector, 1, 16).Definition.Fields[1];
        var sparse = new VectorSample(DataType.SparseFloatVector, 1, 16).Definition.Fields[1];
        var half = new VectorSample(DataType.Float16Vector, 1, 16).Definition.Fields[1];
        Refused("actual 3", () => VectorReader.Query(binary, ByteString.CopyFrom(1, 2, 3)));
        Refused("unsorted or same indices", () => VectorReader.Query(sparse, ByteString.CopyFrom([1, 0, 0, 0, 0, 0, 128, 63, 1, 0, 0, 0, 0, 0, 128, 63])));
        Refused("invalid data length", () => VectorReader.Query(sparse, ByteString.CopyFrom(1, 0, 0)));
        Refused("float16 vector contain nan or infinity value", () => VectorReader.Query(half, ByteString.CopyFrom([.. Enumerable.Repeat((byte)0x7C, 32)])));
        Refused("multiple of 8", () => Schema(DataType.BinaryVector, "12"));
        Refused("should not be specified for sparse", () => Schema(DataType.SparseFloatVector, "12"));
    }

    private static void Schema(DataType type, string dim) => SchemaRules.Complete(
        new CollectionSchema
        {
            Fields =
            {
                new FieldSchema { Name = "id", DataType = DataType.Int64, IsPrimaryKey = true },
                new FieldSchema { Name = "v", DataType = type, TypeParams = { new Pair { Key = "dim", Value = dim } } },
            },
        },
        "c");

    private static void Refused(string words, Action act) => Assert.Contains(words, Assert.Throws<Fault>(act).Message, StringComparison.Ordinal);

    private static void Refused(string words, Func<object> act) => Refused(words, () => { _ = act(); });

    private static FieldData One(VectorColumn column, int row)
    {
        var data = Column.NewData(column.Field);
        column.Write(data, row);
        data.ValidData.Clear();
        return data;
    }

    internal static ByteString Wire(VectorField data) => data.DataCase switch
    {
        VectorField.DataOneofCase.FloatVector => ByteString.CopyFrom([.. data.FloatVector.Data.SelectMany(BitConverter.GetBytes)]),
        VectorField.DataOneofCase.SparseFloatVector => data.SparseFloatVector.Contents[0],
        _ => ByteVectorColumn.BytesOf(data),
    };

    private static double Plain(QueryVector a, QueryVector b, Metric metric)
    {
        if (metric is Metric.Hamming or Metric.Jaccard)
        {
            var bits = Enumerable.Range(0, a.Bytes.Length * 8).Select(i => ((a.Bytes[i / 8] >> (i % 8)) & 1, (b.Bytes[i / 8] >> (i % 8)) & 1)).ToList();
            return metric == Metric.Hamming ? bits.Count(x => x.Item1 != x.Item2) : 1 - (bits.Count(x => x is (1, 1)) / (double)Math.Max(1, bits.Count(x => x is not (0, 0))));
        }

        if (a.Floats.Length == 0)
        {
            return a.Indexes.Select((index, i) => Array.IndexOf(b.Indexes, index) is >= 0 and var j ? (double)a.Values[i] * b.Values[j] : 0).Sum();
        }

        double dot = 0, aa = 0, bb = 0, squared = 0;
        for (var i = 0; i < a.Floats.Length; i++)
        {
            dot += (double)a.Floats[i] * b.Floats[i];
            aa += (double)a.Floats[i] * a.Floats[i];
            bb += (double)b.Floats[i] * b.Floats[i];
            squared += Math.Pow((double)a.Floats[i] - b.Floats[i], 2);
        }

        return metric switch { Metric.L2 => squared, Metric.IP => dot, _ => dot / Math.Sqrt(aa * bb) };
    }
}
