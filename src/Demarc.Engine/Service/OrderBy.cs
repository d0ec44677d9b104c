using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Service;

/// <summary>The order in which rows are answered when a request names fields for it: "price:asc,rating:desc".</summary>
internal sealed class OrderBy
{
    private readonly List<(int Field, bool Descending, bool NullsFirst)> keys = [];

    private OrderBy()
    {
    }

    public static OrderBy? Read(CollectionDefinition definition, RequestParameters parameters)
    {
        if ((parameters.Text("order_by_fields") ?? parameters.Text("order_by")) is not { } text || text == "[]")
        {
            return null;
        }

        var order = new OrderBy();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var colon = part.LastIndexOf(':');
            var name = colon < 0 ? part : part[..colon].TrimEnd();
            var direction = colon < 0 ? "asc" : part[(colon + 1)..].Trim();
            if (!direction.Equals("asc", StringComparison.OrdinalIgnoreCase) && !direction.Equals("desc", StringComparison.OrdinalIgnoreCase))
            {
                throw Faults.Invalid($"invalid order direction '{direction}' for field '{name}', must be 'asc' or 'desc'");
            }

            var index = definition.FieldIndex(name);
            if (index < 0)
            {
                throw Faults.Invalid($"order_by field '{name}' does not exist in collection schema");
            }

            var field = definition.Fields[index];
            if (!field.IsInteger && field.Type is not (DataType.Bool or DataType.Float or DataType.Double or DataType.VarChar or DataType.Timestamptz))
            {
                throw Faults.Invalid($"order_by field '{name}' has unsortable type {field.Type}");
            }

            var descending = direction.Equals("desc", StringComparison.OrdinalIgnoreCase);
            order.keys.Add((index, descending, NullsFirst: !descending));
        }

        return order;
    }

    /// <summary>As a query reads it: "price:desc:nulls_last", and a row without a value counts as the greatest unless that is said.</summary>
    public static OrderBy? ReadForQuery(CollectionDefinition definition, RequestParameters parameters, Action<string>? check = null)
    {
        var order = new OrderBy();
        foreach (var part in Parts(parameters))
        {
            var words = part.Split(':', StringSplitOptions.TrimEntries);
            check?.Invoke(words[0]);
        }

        foreach (var part in Parts(parameters))
        {
            var words = part.Split(':', StringSplitOptions.TrimEntries);
            var descending = words.ElementAtOrDefault(1)?.ToLowerInvariant() switch
            {
                "desc" or "descending" => true,
                null or "" or "asc" or "ascending" => false,
                var other => throw Faults.Invalid($"invalid order direction '{other}' for field '{words[0]}', must be 'asc' or 'desc'"),
            };
            var nullsFirst = words.ElementAtOrDefault(2)?.ToLowerInvariant() switch
            {
                null => descending,
                "nulls_first" => true,
                "nulls_last" => false,
                var other => throw Faults.Invalid($"invalid null ordering '{other}', must be 'nulls_first' or 'nulls_last'"),
            };
            order.keys.Add((Sortable(definition, words[0]), descending, nullsFirst));
        }

        return order.keys.Count == 0 ? null : order;
    }

    /// <summary>Whether a query asks for an order at all.</summary>
    public static bool IsAsked(RequestParameters parameters) => Parts(parameters).Length > 0;

    private static string[] Parts(RequestParameters parameters) =>
        (parameters.Text("order_by_fields") ?? parameters.Text("order_by")) is { } text && text != "[]" ? text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) : [];

    private static int Sortable(CollectionDefinition definition, string name)
    {
        var index = definition.FieldIndex(name);
        if (index < 0)
        {
            throw Faults.Invalid($"order_by field '{name}' does not exist in collection schema");
        }

        return definition.Fields[index].Type is var type && type is DataType.Bool or DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 or DataType.Float or DataType.Double or DataType.VarChar
            ? index
            : throw Faults.Invalid($"order_by field '{name}' has type {(type == DataType.Json ? "JSON" : type.ToString())} which is not sortable");
    }

    /// <summary>Sorts rows, those that are equal staying as they were.</summary>
    public List<T> Sort<T>(IEnumerable<T> rows, Func<T, (SegmentView Segment, int Row)> place)
    {
        IOrderedEnumerable<T>? sorted = null;
        foreach (var (field, descending, nullsFirst) in keys)
        {
            var comparer = Comparer<(SegmentView Segment, int Row)>.Create((a, b) => Compare(field, descending, nullsFirst, a, b));
            sorted = sorted is null ? rows.OrderBy(place, comparer) : sorted.ThenBy(place, comparer);
        }

        return [.. sorted!];
    }

    private static int Compare(int field, bool descending, bool nullsFirst, (SegmentView Segment, int Row) a, (SegmentView Segment, int Row) b)
    {
        var (missing, other) = (a.Segment.Segment.Columns[field].IsNull(a.Row), b.Segment.Segment.Columns[field].IsNull(b.Row));
        return missing || other ? (nullsFirst ? other.CompareTo(missing) : missing.CompareTo(other))
            : descending ? Compare(field, b, a)
            : Compare(field, a, b);
    }

    /// <summary>Which of two values is the greater; neither is null.</summary>
    public static int Compare(int field, (SegmentView Segment, int Row) a, (SegmentView Segment, int Row) b)
    {
        var (left, right) = (a.Segment.Segment.Columns[field], b.Segment.Segment.Columns[field]);
        return (left, right) switch
        {
            (IntegerColumn l, IntegerColumn r) => l.Values[a.Row].CompareTo(r.Values[b.Row]),
            (BoolColumn l, BoolColumn r) => l.Values[a.Row].CompareTo(r.Values[b.Row]),
            (FloatColumn l, FloatColumn r) => l.Values[a.Row].CompareTo(r.Values[b.Row]),
            (DoubleColumn l, DoubleColumn r) => l.Values[a.Row].CompareTo(r.Values[b.Row]),
            (TextColumn l, TextColumn r) => string.CompareOrdinal(l.Values[a.Row], r.Values[b.Row]),
            _ => throw new InvalidOperationException($"No order by {left.Field.Type}; the check of the request let it pass."),
        };
    }
}
