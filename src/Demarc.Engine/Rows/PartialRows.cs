using System.Buffers;
using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Google.Protobuf;

namespace Demarc.Engine.Rows;

/// <summary>
/// A partial update made whole: fields that a request leaves out are taken from the row that is there, keys of the dynamic
/// field one by one; a row that is not there is a new one and has to bring what it needs.
/// </summary>
internal static class PartialRows
{
    public static List<FieldData> Completed(CollectionRows collection, UpsertRequest request)
    {
        var definition = collection.Definition;
        var rows = (int)Math.Min(request.NumRows, Limits.RowsPerRequest);
        var given = StructColumns.Expanded(definition, request.FieldsData).ToDictionary(f => f.IsDynamic && f.FieldName.Length == 0 ? CollectionDefinition.DynamicFieldName : f.FieldName, StringComparer.Ordinal);
        var keys = given.GetValueOrDefault(definition.Primary.Name)
            ?? throw Faults.Invalid($"must assign pk when upsert, primary field: {definition.Primary.Name}");
        var before = Before(collection, keys, rows);
        foreach (var op in request.FieldOps)
        {
            var field = definition.Field(op.FieldName) is { } known && given.ContainsKey(op.FieldName) ? known
                : throw Faults.Invalid($"field_ops names field {op.FieldName}, which the request does not carry");
            if (op.Op != FieldPartialUpdateOp.Types.OpType.Replace)
            {
                given[field.Name] = ArrayChanges.Applied(field, definition.FieldIndex(field.Name), op.Op, given[field.Name], before);
            }
        }

        var whole = new List<FieldData>();
        foreach (var field in definition.Fields.Where(f => !f.Schema.IsFunctionOutput))
        {
            if (!given.TryGetValue(field.Name, out var column))
            {
                whole.Add(Kept(definition, field, before));
            }
            else if (field.Schema.IsDynamic)
            {
                whole.Add(Merged(definition, column, before));
            }
        }

        return RowReader.Read(definition, [.. given.Where(f => !f.Value.IsDynamic && f.Key != CollectionDefinition.DynamicFieldName).Select(f => f.Value), .. whole], rows, null);
    }

    /// <summary>The row that is there for each key of the request, or null.</summary>
    private static (Segment Segment, int Row)?[] Before(CollectionRows collection, FieldData keys, int rows)
    {
        var segments = collection.View.Segments.ToDictionary(s => s.Segment.Ordinal, s => s.Segment);
        var found = new (Segment, int)?[rows];
        var count = keys.Scalars?.LongData?.Data.Count ?? keys.Scalars?.StringData?.Data.Count ?? 0;
        if (count != rows)
        {
            throw Faults.Invalid($"the num_rows ({count}) of field ({keys.FieldName}) is not equal to passed num_rows ({rows})", rows, count);
        }

        for (var i = 0; i < rows; i++)
        {
            var (_, places) = keys.Scalars!.DataCase == ScalarField.DataOneofCase.LongData
                ? collection.Find([keys.Scalars.LongData.Data[i]], [])
                : collection.Find([], [keys.Scalars.StringData.Data[i]]);
            found[i] = places.Count == 0 ? null : (segments[places[0].Ordinal], places[0].Row);
        }

        return found;
    }

    private static FieldData Kept(CollectionDefinition definition, FieldDefinition field, (Segment Segment, int Row)?[] before)
    {
        var index = definition.FieldIndex(field.Name);
        var column = Column.Create(field);
        foreach (var place in before)
        {
            if (place is { } there)
            {
                column.AppendFrom(there.Segment.Columns[index], there.Row);
            }
            else
            {
                column.Append(RowReader.Absent(field, 1), 0, 1);
            }
        }

        var data = Column.NewData(field);
        for (var row = 0; row < before.Length; row++)
        {
            column.Write(data, row);
        }

        return data;
    }

    private static FieldData Merged(CollectionDefinition definition, FieldData given, (Segment Segment, int Row)?[] before)
    {
        var merged = Column.NewData(definition.Fields[definition.DynamicIndex]);
        var values = given.Scalars?.JsonData?.Data ?? throw Faults.Invalid("the dynamic field should be JSON");
        if (values.Count != before.Length)
        {
            throw Faults.Invalid($"the num_rows ({values.Count}) of field ({CollectionDefinition.DynamicFieldName}) is not equal to passed num_rows ({before.Length})", before.Length, values.Count);
        }

        for (var row = 0; row < before.Length; row++)
        {
            merged.Scalars.JsonData.Data.Add(before[row] is { } there ? Merged(((JsonColumn)there.Segment.Columns[definition.DynamicIndex]).Values[there.Row], values[row]) : values[row]);
        }

        return merged;
    }

    private static ByteString Merged(ByteString before, ByteString change)
    {
        try
        {
            using var old = JsonDocument.Parse(before.Memory);
            using var set = JsonDocument.Parse(change.Memory, new JsonDocumentOptions { MaxDepth = Limits.JsonDepth });
            if (set.RootElement.ValueKind != JsonValueKind.Object)
            {
                return change;
            }

            var buffer = new ArrayBufferWriter<byte>();
            using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            {
                writer.WriteStartObject();
                foreach (var property in old.RootElement.EnumerateObject().Where(p => !set.RootElement.TryGetProperty(p.Name, out _)))
                {
                    property.WriteTo(writer);
                }

                foreach (var property in set.RootElement.EnumerateObject())
                {
                    property.WriteTo(writer);
                }

                writer.WriteEndObject();
            }

            return ByteString.CopyFrom(buffer.WrittenSpan);
        }
        catch (JsonException)
        {
            return change; // Refused with the right words when the row is read.
        }
    }
}
