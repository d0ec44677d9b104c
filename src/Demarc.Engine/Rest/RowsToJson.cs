using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Protocol;
using Google.Protobuf.Collections;

namespace Demarc.Engine.Rest;

/// <summary>Turns the columns of an answer into JSON rows; the dynamic field's keys stand beside the others.</summary>
internal static class RowsToJson
{
    public static List<Dictionary<string, object?>> Rows(RepeatedField<FieldData> columns)
    {
        var rows = new List<Dictionary<string, object?>>();
        var count = columns.Count == 0 ? 0 : columns.Max(Count);
        for (var i = 0; i < count; i++)
        {
            rows.Add([]);
        }

        foreach (var column in columns)
        {
            AddTo(rows, column);
        }

        return rows;
    }

    /// <summary>The hits of all queries, one after another, each with its key and its distance.</summary>
    public static List<Dictionary<string, object?>> Hits(SearchResultData results)
    {
        var rows = Enumerable.Range(0, results.Scores.Count).Select(_ => new Dictionary<string, object?>()).ToList();
        var key = results.PrimaryFieldName.Length > 0 ? results.PrimaryFieldName : "id";
        for (var i = 0; i < rows.Count; i++)
        {
            rows[i]["distance"] = results.Scores[i];
            rows[i][key] = results.Ids.IntId is { } whole ? whole.Data[i] : results.Ids.StrId.Data[i];
        }

        foreach (var column in results.FieldsData)
        {
            AddTo(rows, column);
        }

        return rows;
    }

    private static int Count(FieldData column) => column.ValidData.Count > 0 ? column.ValidData.Count : ValuesOf(column).Count;

    private static List<object?> ValuesOf(FieldData column) => column.FieldCase switch
    {
        FieldData.FieldOneofCase.Vectors => Vectors(column.Vectors),
        FieldData.FieldOneofCase.StructArrays => Structs(column.StructArrays),
        _ => Values(column.Scalars),
    };

    /// <summary>A list of objects a row.</summary>
    private static List<object?> Structs(StructArrayField array)
    {
        var parts = array.Fields.Select(p => (Name: p.FieldName, Rows: ValuesOf(p))).ToList();
        return [.. Enumerable.Range(0, parts.Count == 0 ? 0 : parts[0].Rows.Count).Select(row =>
        {
            var items = parts.Select(p => (p.Name, Items: (List<object?>)p.Rows[row]!)).ToList();
            return (object?)Enumerable.Range(0, items[0].Items.Count).Select(i => (object?)items.ToDictionary(p => p.Name, p => p.Items[i])).ToList();
        })];
    }

    private static void AddTo(List<Dictionary<string, object?>> rows, FieldData column)
    {
        var values = ValuesOf(column);
        var marks = column.Scalars?.ValidData.Count > 0 ? column.Scalars.ValidData : column.StructArrays?.Fields.FirstOrDefault()?.ValidData ?? column.ValidData;
        var dense = values.Count == rows.Count;
        for (int row = 0, at = 0; row < rows.Count; row++)
        {
            var present = marks.Count == 0 || marks[row];
            var value = present ? values[dense ? row : at] : null;
            at += present ? 1 : 0;
            if (!column.IsDynamic)
            {
                rows[row][column.FieldName] = value;
                continue;
            }

            foreach (var member in value is JsonElement { ValueKind: JsonValueKind.Object } json ? json.EnumerateObject() : default)
            {
                rows[row].TryAdd(member.Name, member.Value);
            }
        }
    }

    private static List<object?> Values(ScalarField? scalars) => scalars?.DataCase switch
    {
        ScalarField.DataOneofCase.BoolData => [.. scalars.BoolData.Data.Cast<object?>()],
        ScalarField.DataOneofCase.IntData => [.. scalars.IntData.Data.Cast<object?>()],
        ScalarField.DataOneofCase.LongData => [.. scalars.LongData.Data.Cast<object?>()],
        ScalarField.DataOneofCase.FloatData => [.. scalars.FloatData.Data.Cast<object?>()],
        ScalarField.DataOneofCase.DoubleData => [.. scalars.DoubleData.Data.Cast<object?>()],
        ScalarField.DataOneofCase.StringData => [.. scalars.StringData.Data],
        ScalarField.DataOneofCase.ArrayData => [.. scalars.ArrayData.Data.Select(row => (object?)Values(row))],
        ScalarField.DataOneofCase.JsonData => [.. scalars.JsonData.Data.Select(b => Parsed(b.Memory))],
        _ => [],
    };

    private static object? Parsed(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    private static List<object?> Vectors(VectorField vectors)
    {
        var dim = (int)vectors.Dim;
        return vectors.DataCase switch
        {
            VectorField.DataOneofCase.FloatVector => Cut(vectors.FloatVector.Data, dim),
            VectorField.DataOneofCase.BinaryVector => Cut([.. vectors.BinaryVector.ToByteArray().Select(b => (int)b)], dim / 8),
            VectorField.DataOneofCase.Int8Vector => Cut([.. vectors.Int8Vector.ToByteArray().Select(b => (int)(sbyte)b)], dim),
            VectorField.DataOneofCase.Float16Vector => Cut(Wide(vectors.Float16Vector.Span, v => (float)BitConverter.UInt16BitsToHalf(v)), dim),
            VectorField.DataOneofCase.Bfloat16Vector => Cut(Wide(vectors.Bfloat16Vector.Span, v => BitConverter.UInt32BitsToSingle((uint)v << 16)), dim),
            VectorField.DataOneofCase.VectorArray => [.. vectors.VectorArray.Data.Select(row => (object?)Vectors(row))],
            VectorField.DataOneofCase.SparseFloatVector => [.. vectors.SparseFloatVector.Contents.Select(c => (object?)Sparse(c.Span))],
            _ => [],
        };
    }

    private static List<float> Wide(ReadOnlySpan<byte> bytes, Func<ushort, float> widen)
    {
        var values = new List<float>(bytes.Length / 2);
        for (var i = 0; i < bytes.Length; i += 2)
        {
            values.Add(widen(BinaryPrimitives.ReadUInt16LittleEndian(bytes[i..])));
        }

        return values;
    }

    private static Dictionary<string, object?> Sparse(ReadOnlySpan<byte> bytes)
    {
        var entries = new Dictionary<string, object?>();
        for (var i = 0; i + 8 <= bytes.Length; i += 8)
        {
            entries[BinaryPrimitives.ReadUInt32LittleEndian(bytes[i..]).ToString(CultureInfo.InvariantCulture)] = BinaryPrimitives.ReadSingleLittleEndian(bytes[(i + 4)..]);
        }

        return entries;
    }

    private static List<object?> Cut<T>(IList<T> values, int width) =>
        width <= 0 ? [] : [.. Enumerable.Range(0, values.Count / width).Select(i => (object?)values.Skip(i * width).Take(width).ToList())];
}
