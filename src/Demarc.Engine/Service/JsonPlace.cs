using System.Text;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Rows;
using Google.Protobuf;

namespace Demarc.Engine.Service;

/// <summary>A place in a JSON field that a request names as a filter would: metadata["price"], or a key of the dynamic field.</summary>
internal sealed record JsonPlace(int Field, IReadOnlyList<string> Path)
{
    public static JsonPlace Read(CollectionDefinition definition, string name)
    {
        try
        {
            var (field, path) = Parser.JsonPath(definition, name) ?? throw Faults.Unreadable(name, null);
            return new JsonPlace(field, path);
        }
        catch (FilterException e)
        {
            throw Faults.Unreadable(name, e.Message);
        }
    }

    /// <summary>The JSON of a row; empty where the field is null.</summary>
    public ByteString Of(SegmentView segment, int row)
    {
        var column = (JsonColumn)segment.Segment.Columns[Field];
        return column.IsNull(row) ? ByteString.Empty : column.Values[row];
    }

    /// <summary>Which of two rows has the greater value. Values of different kinds, lists and objects are compared as they are written.</summary>
    /// <returns>Null when the value of one of them, or of both, is not there or null.</returns>
    public int? Compare(ByteString a, ByteString b)
    {
        var (left, right) = (Values.ReadJson(a.Span, Path), Values.ReadJson(b.Span, Path));
        return left.Kind == ScalarKind.Absent || right.Kind == ScalarKind.Absent ? null
            : Scalar.Compare(left, right) ?? string.CompareOrdinal(Text(a), Text(b));
    }

    public bool IsAbsent(ByteString json) => Values.ReadJson(json.Span, Path).Kind == ScalarKind.Absent;

    /// <summary>The value as it is written; null where there is none.</summary>
    public string? Text(ByteString json) => Values.WrittenJson(json.Span, Path) is { } range ? Encoding.UTF8.GetString(json.Span[range]) : null;
}
