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
    /// <param name="collection">The rows that are there.</param>
    /// <param name="request">The update.</param>
    /// <param name="partition">The partition whose rows it may find; null for all.</param>
    /// <param name="newKeys">Makes keys for an auto-id collection; otherwise null.</param>
    public static List<FieldData> Completed(CollectionRows collection, UpsertRequest request, long? partition, Func<int, FieldData>? newKeys)
    {
        var definition = collection.Definition;
        var rows = (int)Math.Min(request.NumRows, Limits.RowsPerRequest);
        var before = Before(collection, RowReader.Keys(definition, request.FieldsData), rows, partition);
        if (request.FieldsData.FirstOrDefault(c => StructRules.IsPart(c.FieldName)) is { } part)
        {
            throw Faults.Invalid($"partial struct update is not supported for struct sub-field '{part.FieldName}'; use the whole struct field instead");
        }

        if (request.FieldsData.FirstOrDefault(c => !c.IsDynamic && definition.FieldIndex(c.FieldName) < 0 && definition.StructArray(c.FieldName) is null) is { } unknown)
        {
            throw Faults.Invalid($"failed to get field schema by name: fieldName({unknown.FieldName}) not found");
        }

        var given = RowReader.ByName(definition, StructColumns.Expanded(definition, request.FieldsData, rows, partial: true));
        foreach (var op in request.FieldOps.Where(o => o.Op != FieldPartialUpdateOp.Types.OpType.Replace))
        {
            var field = definition.Field(op.FieldName)!;
            given[field.Name] = ArrayChanges.Applied(field, definition.FieldIndex(field.Name), op.Op, given[field.Name], before);
        }

        var whole = new List<FieldData>();
        foreach (var field in definition.Standing.Where(f => !f.Schema.IsFunctionOutput && !(f.Schema.IsPrimaryKey && newKeys is not null)))
        {
            whole.Add(!given.TryGetValue(field.Name, out var column) ? Kept(definition, field, before)
                : field.Schema.IsDynamic ? Merged(definition, column, before)
                : column);
        }

        return RowReader.Read(definition, whole, rows, newKeys, partial: true);
    }

    /// <summary>The row that is there for each key of the request, or null.</summary>
    private static (Segment Segment, int Row)?[] Before(CollectionRows collection, FieldData keys, int rows, long? partition)
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
            found[i] = places.Count > 0 && segments[places[0].Ordinal] is var segment && (partition is null || segment.PartitionId == partition) ? (segment, places[0].Row) : null;
        }

        return found;
    }

    private static FieldData Kept(CollectionDefinition definition, FieldDefinition field, (Segment Segment, int Row)?[] before)
    {
        if (RowReader.IsRequired(field) && before.Contains(null))
        {
            throw StructRules.IsPart(field.Name)
                ? Faults.Invalid($"structFieldSchema({StructRules.Split(field.Name).Array}) has no corresponding fieldData pass in")
                : Faults.Invalid($"fieldSchema({field.Name}) has no corresponding fieldData pass in");
        }

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
