using Demarc.Engine.Rows;

namespace Demarc.Engine.Service;

/// <summary>One value of one row, outside a column.</summary>
internal static class RowValue
{
    /// <summary>A long, bool, float, double, text, or the bytes of JSON; null for null.</summary>
    public static object? Of(Column column, int row) => column.IsNull(row) ? null : column switch
    {
        IntegerColumn integers => integers.Values[row],
        BoolColumn bools => bools.Values[row],
        TextColumn texts => texts.Values[row],
        FloatColumn floats => floats.Values[row],
        DoubleColumn doubles => doubles.Values[row],
        JsonColumn json => json.Values[row],
        _ => throw new InvalidOperationException($"No single value of {column.Field.Type}; the check of the request let it pass."),
    };

    /// <summary>Which of two values of one field is the greater; a missing one is the least.</summary>
    public static int Compare(object? a, object? b) => (a, b) switch
    {
        (null, null) => 0,
        (null, _) => -1,
        (_, null) => 1,
        (string left, string right) => string.CompareOrdinal(left, right),
        _ => ((IComparable)a).CompareTo(b),
    };
}
