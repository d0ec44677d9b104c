using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Service;

/// <summary>The order in which rows are answered when a request names fields, or places in JSON, for it: "price:asc,rating:desc".</summary>
internal sealed class OrderBy
{
    private readonly List<Key> keys = [];

    private OrderBy()
    {
    }

    /// <summary>As a search reads it, by fields and by places in JSON: "price:desc:nulls_last". A row without a value counts as the greatest unless that is said.</summary>
    public static OrderBy? Read(CollectionDefinition definition, RequestParameters parameters)
    {
        var order = new OrderBy();
        foreach (var part in Parts(parameters))
        {
            var (name, direction, nulls) = Options(part);
            var descending = Descends(direction, name, "expected");
            order.keys.Add(Place(definition, name, descending, NullsFirst(nulls, descending, "expected")));
        }

        return order.keys.Count == 0 ? null : order;
    }

    /// <summary>A name, and behind colons the direction and where nulls stand; what stands in brackets is of the name.</summary>
    private static (string Name, string Direction, string Nulls) Options(string part)
    {
        var (depth, colons) = (0, new List<int>());
        for (var i = 0; i < part.Length; i++)
        {
            depth += part[i] switch { '[' => 1, ']' => -1, _ => 0 };
            if (part[i] == ':' && depth == 0)
            {
                colons.Add(i);
            }
        }

        if (colons.Count > 2)
        {
            throw Faults.Invalid($"too many order_by field options in '{part}'");
        }

        var (first, second) = (colons.Count > 0 ? colons[0] : part.Length, colons.Count > 1 ? colons[1] : part.Length);
        var name = part[..first].Trim();
        return name.Length == 0
            ? throw Faults.Invalid("empty field name in order_by_fields")
            : (name, first == part.Length ? "" : part[(first + 1)..second].Trim(), second == part.Length ? "" : part[(second + 1)..].Trim());
    }

    private static bool Descends(string direction, string name, string verb) => direction.ToLowerInvariant() switch
    {
        "desc" or "descending" => true,
        "" or "asc" or "ascending" => false,
        _ => throw Faults.Invalid($"invalid order direction '{direction}' for field '{name}', {verb} 'asc' or 'desc'"),
    };

    private static bool NullsFirst(string nulls, bool descending, string verb) => nulls.ToLowerInvariant() switch
    {
        "" => descending,
        "nulls_first" => true,
        "nulls_last" => false,
        _ => throw Faults.Invalid($"invalid null ordering '{nulls}', {verb} 'nulls_first' or 'nulls_last'"),
    };

    private static Key Place(CollectionDefinition definition, string name, bool descending, bool nullsFirst)
    {
        var bracketed = name.Contains('[', StringComparison.Ordinal) && name.Contains(']', StringComparison.Ordinal);
        var plain = bracketed ? name[..name.IndexOf('[', StringComparison.Ordinal)] : name;
        var index = definition.FieldIndex(plain);
        if (index < 0 && definition.DynamicIndex < 0)
        {
            throw Faults.Invalid(bracketed ? $"order_by field '{plain}' not found in schema and no dynamic field available" : $"order_by field '{name}' does not exist in collection schema");
        }

        if (index < 0 || (bracketed && definition.Fields[index].Type == DataType.Json))
        {
            return new Key(index, descending, nullsFirst) { Json = JsonIn(definition, name, bracketed) };
        }

        var type = definition.Fields[index].Type;
        return bracketed ? throw Faults.Invalid($"order_by field '{name}' has brackets but is not a JSON type")
            : IsSortable(type) ? new Key(index, descending, nullsFirst)
            : throw Faults.Invalid($"order_by field '{name}' has unsortable type {FieldDefinition.TypeName(type)}; supported types: bool, int8/16/32/64, float, double, string, varchar; for JSON fields use path syntax like field[\"key\"]");
    }

    private static JsonPlace JsonIn(CollectionDefinition definition, string name, bool bracketed)
    {
        try
        {
            return JsonPlace.Read(definition, name);
        }
        catch (Fault fault)
        {
            throw Faults.Invalid(bracketed ? $"invalid JSON path in order_by field '{name}': {fault.Message}" : $"invalid dynamic field key '{name}': {fault.Message}");
        }
    }

    private static bool IsSortable(DataType type) =>
        type is DataType.Bool or DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64 or DataType.Float or DataType.Double or DataType.VarChar;

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
            var descending = Descends(words.ElementAtOrDefault(1) ?? "", words[0], "must be");
            order.keys.Add(new Key(Sortable(definition, words[0]), descending, NullsFirst(words.ElementAtOrDefault(2) ?? "", descending, "must be")));
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

        var type = definition.Fields[index].Type;
        return IsSortable(type) ? index : throw Faults.Invalid($"order_by field '{name}' has type {FieldDefinition.TypeName(type)} which is not sortable");
    }

    /// <summary>Sorts rows, those that are equal staying as they were.</summary>
    public List<T> Sort<T>(IEnumerable<T> rows, Func<T, (SegmentView Segment, int Row)> place)
    {
        IOrderedEnumerable<T>? sorted = null;
        foreach (var key in keys)
        {
            var comparer = Comparer<(SegmentView Segment, int Row)>.Create((a, b) => Compare(key, a, b));
            sorted = sorted is null ? rows.OrderBy(place, comparer) : sorted.ThenBy(place, comparer);
        }

        return [.. sorted!];
    }

    private static int Compare(Key key, (SegmentView Segment, int Row) a, (SegmentView Segment, int Row) b)
    {
        if (key.Json is { } json)
        {
            var (left, right) = (json.Of(a.Segment, a.Row), json.Of(b.Segment, b.Row));
            return json.Compare(left, right) is not { } order ? OfMissing(key, json.IsAbsent(left), json.IsAbsent(right))
                : key.Descending ? -order
                : order;
        }

        var (missing, other) = (a.Segment.Segment.Columns[key.Field].IsNull(a.Row), b.Segment.Segment.Columns[key.Field].IsNull(b.Row));
        return missing || other ? OfMissing(key, missing, other)
            : key.Descending ? Compare(key.Field, b, a)
            : Compare(key.Field, a, b);
    }

    private static int OfMissing(Key key, bool missing, bool other) => key.NullsFirst ? other.CompareTo(missing) : missing.CompareTo(other);

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

    /// <summary>What rows are ordered by: a field, or a place in a JSON field.</summary>
    private sealed record Key(int Field, bool Descending, bool NullsFirst)
    {
        public JsonPlace? Json { get; init; }
    }
}
