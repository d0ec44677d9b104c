using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Protocol;
using Google.Protobuf.Collections;

namespace Demarc.Engine.Rest;

/// <summary>
/// Turns the columns of an answer into JSON rows as Milvus does: JSON is text, an array stands within the names of its wire type,
/// vectors of bytes are base64, and the dynamic field's keys stand beside the others.
/// </summary>
/// <param name="wide">Whether the caller reads 64 bits from a number; otherwise they are written as text.</param>
internal sealed class RowsToJson(bool wide)
{
    public List<Dictionary<string, object?>> Rows(RepeatedField<FieldData> columns)
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
    public List<Dictionary<string, object?>> Hits(SearchResultData results)
    {
        var rows = Enumerable.Range(0, results.Scores.Count).Select(_ => new Dictionary<string, object?>()).ToList();
        var key = results.PrimaryFieldName.Length > 0 ? results.PrimaryFieldName : "id";
        for (var i = 0; i < rows.Count; i++)
        {
            rows[i]["distance"] = results.Scores[i];
            rows[i][key] = results.Ids.IntId is { } whole ? Whole(whole.Data[i]) : results.Ids.StrId.Data[i];
        }

        foreach (var column in results.FieldsData)
        {
            AddTo(rows, column);
        }

        return rows;
    }

    private int Count(FieldData column) => column.ValidData.Count > 0 ? column.ValidData.Count : ValuesOf(column).Count;

    private List<object?> ValuesOf(FieldData column) => column.FieldCase switch
    {
        FieldData.FieldOneofCase.Vectors => Vectors(column.Vectors),
        FieldData.FieldOneofCase.StructArrays => Structs(column.StructArrays),
        _ when column.IsDynamic => [.. column.Scalars.JsonData.Data.Select(b => Parsed(b.Memory))],
        _ => Values(column.Scalars),
    };

    /// <summary>A list of objects a row.</summary>
    private List<object?> Structs(StructArrayField array)
    {
        var parts = array.Fields.Select(p => (Name: p.FieldName, Rows: p.Scalars?.ArrayData is { } scalars ? [.. scalars.Data.Select(row => (object?)Elements(row))] : ValuesOf(p))).ToList();
        return [.. Enumerable.Range(0, parts.Count == 0 ? 0 : parts[0].Rows.Count).Select(row =>
        {
            var items = parts.Select(p => (p.Name, Items: (List<object?>)p.Rows[row]!)).ToList();
            return (object?)Enumerable.Range(0, items[0].Items.Count).Select(i => (object?)items.ToDictionary(p => p.Name, p => p.Items[i])).ToList();
        })];
    }

    private void AddTo(List<Dictionary<string, object?>> rows, FieldData column)
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

    private List<object?> Values(ScalarField? scalars) => scalars?.DataCase switch
    {
        ScalarField.DataOneofCase.BoolData => [.. scalars.BoolData.Data.Cast<object?>()],
        ScalarField.DataOneofCase.IntData => [.. scalars.IntData.Data.Cast<object?>()],
        ScalarField.DataOneofCase.LongData => [.. scalars.LongData.Data.Select(Whole)],
        ScalarField.DataOneofCase.FloatData => [.. scalars.FloatData.Data.Cast<object?>()],
        ScalarField.DataOneofCase.DoubleData => [.. scalars.DoubleData.Data.Cast<object?>()],
        ScalarField.DataOneofCase.StringData => [.. scalars.StringData.Data],
        ScalarField.DataOneofCase.ArrayData => [.. scalars.ArrayData.Data.Select(Array)],
        ScalarField.DataOneofCase.JsonData => [.. scalars.JsonData.Data.Select(b => b.ToStringUtf8())],
        _ => [],
    };

    private object? Whole(long value) => wide ? value : value.ToString(CultureInfo.InvariantCulture);

    /// <summary>The shape that Milvus's own structures have as JSON; an empty array leaves its values out.</summary>
    private static object? Array(ScalarField row)
    {
        var values = Elements(row);
        var data = new Dictionary<string, object?>();
        if (values.Count > 0)
        {
            data["data"] = values;
        }

        return new Dictionary<string, object?> { ["Data"] = row.DataCase == ScalarField.DataOneofCase.None ? null : new Dictionary<string, object?> { [row.DataCase.ToString()] = data } };
    }

    private static List<object?> Elements(ScalarField row) => new RowsToJson(wide: true).Values(row);

    private static object? Parsed(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    private static List<object?> Vectors(VectorField vectors, bool within = false)
    {
        var dim = (int)vectors.Dim;
        return vectors.DataCase switch
        {
            VectorField.DataOneofCase.FloatVector => Cut(vectors.FloatVector.Data, dim),
            VectorField.DataOneofCase.BinaryVector => Bytes(vectors.BinaryVector.Span, dim / 8),
            VectorField.DataOneofCase.Int8Vector when !within => Bytes(vectors.Int8Vector.Span, dim),
            VectorField.DataOneofCase.Int8Vector => Cut([.. vectors.Int8Vector.ToByteArray().Select(b => (int)(sbyte)b)], dim),
            VectorField.DataOneofCase.Float16Vector => Bytes(vectors.Float16Vector.Span, dim * 2),
            VectorField.DataOneofCase.Bfloat16Vector => Bytes(vectors.Bfloat16Vector.Span, dim * 2),
            VectorField.DataOneofCase.VectorArray => [.. vectors.VectorArray.Data.Select(row => (object?)Vectors(row, within: true))],
            VectorField.DataOneofCase.SparseFloatVector => [.. vectors.SparseFloatVector.Contents.Select(c => (object?)Sparse(c.Span))],
            _ => [],
        };
    }

    private static List<object?> Bytes(ReadOnlySpan<byte> bytes, int width)
    {
        var values = new List<object?>();
        for (var at = 0; width > 0 && at + width <= bytes.Length; at += width)
        {
            values.Add(Convert.ToBase64String(bytes.Slice(at, width)));
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
