using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rows;

/// <summary>Times that come in as text: those without an offset are read in the collection's time zone.</summary>
internal static class ZonedTimes
{
    public static IReadOnlyList<FieldData> Read(CollectionDefinition definition, IReadOnlyList<FieldData> given) =>
        given.Any(c => IsText(definition, c)) ? [.. given.Select(c => IsText(definition, c) ? Read(c, definition.Zone) : c)] : given;

    /// <summary>A default that is written without an offset means one point in time from now on, whatever the zone becomes later.</summary>
    public static void FixDefaults(CollectionSchema schema, TimeZoneInfo zone)
    {
        foreach (var value in schema.Fields.Where(f => f.DataType == DataType.Timestamptz).Select(f => f.DefaultValue))
        {
            if (value is { DataCase: ValueField.DataOneofCase.StringData } && Timestamps.TryParse(value.StringData, zone, out var time))
            {
                value.TimestamptzData = time;
            }
        }
    }

    private static bool IsText(CollectionDefinition definition, FieldData column) =>
        column.FieldCase == FieldData.FieldOneofCase.Scalars && column.Scalars.DataCase == ScalarField.DataOneofCase.StringData
        && definition.Field(column.FieldName) is { Type: DataType.Timestamptz };

    private static FieldData Read(FieldData column, TimeZoneInfo zone)
    {
        var texts = column.Scalars.StringData.Data;
        var marks = column.Scalars.ValidData.Count > 0 ? column.Scalars.ValidData : column.ValidData;
        var dense = marks.Count == texts.Count;
        var read = new FieldData { Type = column.Type, FieldName = column.FieldName, FieldId = column.FieldId, Scalars = new ScalarField { TimestamptzData = new TimestamptzArray() } };
        read.ValidData.Add(marks);
        for (var i = 0; i < texts.Count; i++)
        {
            // What stands where a mark says null has no meaning.
            read.Scalars.TimestamptzData.Data.Add(dense && !marks[i] ? 0 : Read(texts[i], zone));
        }

        return read;
    }

    // Milvus names the zone here whatever is wrong with the text.
    private static long Read(string text, TimeZoneInfo zone) => Timestamps.TryParse(text, zone, out var time) ? time
        : throw Faults.Invalid($"got invalid timestamptz string '{text}': invalid timezone name; must be a valid IANA Time Zone ID (e.g., 'Asia/Shanghai' or 'UTC')");
}
