using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Service;

/// <summary>The order in which rows are answered when a request names fields for it: "price:asc,rating:desc".</summary>
internal sealed class OrderBy
{
    private readonly List<(int Field, bool Descending)> keys = [];

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

            order.keys.Add((index, direction.Equals("desc", StringComparison.OrdinalIgnoreCase)));
        }

        return order;
    }

    /// <summary>Sorts rows, those that are equal staying as they were.</summary>
    public List<T> Sort<T>(IEnumerable<T> rows, Func<T, (SegmentView Segment, int Row)> place)
    {
        IOrderedEnumerable<T>? sorted = null;
        foreach (var (field, descending) in keys)
        {
            var comparer = Comparer<(SegmentView Segment, int Row)>.Create((a, b) => Compare(field, a, b));
            sorted = (sorted, descending) switch
            {
                (null, false) => rows.OrderBy(place, comparer),
                (null, true) => rows.OrderByDescending(place, comparer),
                (_, false) => sorted.ThenBy(place, comparer),
                (_, true) => sorted.ThenByDescending(place, comparer),
            };
        }

        return [.. sorted!];
    }

    private static int Compare(int field, (SegmentView Segment, int Row) a, (SegmentView Segment, int Row) b)
    {
        var (left, right) = (a.Segment.Segment.Columns[field], b.Segment.Segment.Columns[field]);
        if (left.IsNull(a.Row) || right.IsNull(b.Row))
        {
            return right.IsNull(b.Row).CompareTo(left.IsNull(a.Row));
        }

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
