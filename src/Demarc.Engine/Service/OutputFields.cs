using System.Buffers;
using System.Text.Json;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Google.Protobuf;

namespace Demarc.Engine.Service;

/// <summary>
/// Which fields an answer carries and how their columns are filled. Names beyond the schema are keys of the dynamic
/// field: its column then holds only those keys, as Milvus answers.
/// </summary>
internal sealed class OutputFields
{
    private readonly CollectionDefinition definition;
    private readonly List<(int Index, FieldData Data)> columns = [];
    private readonly HashSet<string>? dynamicKeys;
    private long bytes;

    public OutputFields(CollectionDefinition definition, IEnumerable<string> asked, bool withPrimary)
    {
        this.definition = definition;
        var indexes = new SortedSet<int>();
        var keys = new HashSet<string>(StringComparer.Ordinal);
        var whole = false;
        foreach (var name in asked)
        {
            var index = definition.FieldIndex(name);
            if (name is "*" or "%")
            {
                indexes.UnionWith(Enumerable.Range(0, definition.Fields.Count).Where(i => i != definition.DynamicIndex && !definition.Fields[i].IsDropped && !definition.Fields[i].IsCounted));
                whole |= definition.DynamicIndex >= 0;
                Names.AddRange(definition.Standing.Where(f => !f.IsCounted).Select(f => Shown(f.Name)));
            }
            else if (index >= 0 && definition.Fields[index].IsCounted)
            {
                throw Faults.Unexpected($"not allowed to retrieve raw data of field {name}");
            }
            else if (index >= 0)
            {
                indexes.Add(index);
                whole |= index == definition.DynamicIndex;
                Names.Add(Shown(name));
            }
            else if (definition.StructArray(name) is { } array)
            {
                indexes.UnionWith(array.Fields.Select(p => definition.FieldIndex(StructRules.PartName(name, p.Name))));
                Names.Add(name);
            }
            else if (definition.DynamicIndex >= 0)
            {
                keys.Add(DynamicKey(name));
                Names.Add(name);
            }
            else
            {
                throw Faults.Invalid($"field {name} not exist");
            }
        }

        if (withPrimary)
        {
            indexes.Add(definition.PrimaryIndex);
        }

        if (whole || keys.Count > 0)
        {
            indexes.Add(definition.DynamicIndex);
            dynamicKeys = whole ? null : keys;
        }

        columns.AddRange(indexes.Select(i => (i, Column.NewData(definition.Fields[i]))));
        Names = [.. Names.Distinct()];
    }

    /// <summary>The places of its fields in the schema.</summary>
    public IEnumerable<int> Indexes => columns.Select(c => c.Index);

    /// <summary>As asked for, with wildcards resolved.</summary>
    public List<string> Names { get; } = [];

    /// <summary>In which zone times are shown; the collection's when not given.</summary>
    public TimeZoneInfo? Zone { get; init; }

    public IEnumerable<FieldData> Columns => StructColumns.Folded(columns.Select(c => Timestamps.ForAnswer(c.Data, Zone ?? definition.Zone)));

    public void Add(SegmentView segment, int row)
    {
        foreach (var (index, data) in columns)
        {
            var column = segment.Segment.Columns[index];
            if (index == definition.DynamicIndex && dynamicKeys is not null)
            {
                data.Scalars.JsonData.Data.Add(Pick(((JsonColumn)column).Values[row]));
            }
            else
            {
                column.Write(data, row);
            }

            bytes += column switch
            {
                VectorColumn v => v.RowBytes(row),
                TextColumn t => t.Values[row].Length + 8,
                JsonColumn j => j.Values[row].Length + 8,
                ArrayColumn a => a.RowBytes(row),
                _ => sizeof(long),
            };
        }

        if (bytes > Limits.ResponseBytes)
        {
            throw Faults.TooLarge($"the answer would have more than {Limits.ResponseBytes >> 20} MiB; ask for fewer rows or fields, or page with limit and offset");
        }
    }

    /// <summary>Parts of a struct array come under its name.</summary>
    private static string Shown(string field) => StructRules.IsPart(field) ? StructRules.Split(field).Array : field;

    /// <summary>$meta["a"] names the same key as a.</summary>
    private static string DynamicKey(string name)
    {
        const string prefix = CollectionDefinition.DynamicFieldName + "[";
        return name.StartsWith(prefix, StringComparison.Ordinal) && name.EndsWith(']') ? name[prefix.Length..^1].Trim('"', '\'')
            : name.All(c => char.IsLetterOrDigit(c) || c is '_' or '$') && name.Length > 0 && !char.IsAsciiDigit(name[0]) ? name
            : throw Faults.Invalid($"parse output field name failed: {name}");
    }

    private ByteString Pick(ByteString json)
    {
        using var document = JsonDocument.Parse(json.Memory);
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            foreach (var property in document.RootElement.EnumerateObject().Where(p => dynamicKeys!.Contains(p.Name)))
            {
                property.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        return ByteString.CopyFrom(buffer.WrittenSpan);
    }
}
