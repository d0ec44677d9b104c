using Demarc.Engine.Catalog;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Filters;

/// <summary>
/// A scalar index over the rows of one column of a closed segment: the distinct values in order, and for each the rows that
/// have it. One structure serves INVERTED, BITMAP, STL_SORT and Trie: equality, lists, ranges and beginnings of texts are runs
/// of it. For an array column every element counts, so that array_contains is a lookup.
/// </summary>
internal abstract class SortedIndex(int covered)
{
    /// <summary>It answers for rows [0, Covered).</summary>
    public int Covered { get; } = covered;

    public abstract long Bytes { get; }

    /// <summary>Whether a column of this kind has an index at all; JSON, vectors and the two values of a bool have none.</summary>
    public static bool CanIndex(FieldDefinition field) =>
        field.Type is DataType.VarChar or DataType.Float or DataType.Double or DataType.Timestamptz or DataType.Array || field.IsInteger;

    public static SortedIndex? Build(Column column, int rows) => column switch
    {
        IntegerColumn c => Single(column, c.Values, rows, Comparer<long>.Default, sizeof(long)),
        FloatColumn c => Single(column, c.Values, rows, Comparer<float>.Default, sizeof(float)),
        DoubleColumn c => Single(column, c.Values, rows, Comparer<double>.Default, sizeof(double)),
        TextColumn c => Single(column, c.Values, rows, StringComparer.Ordinal, sizeof(long)),
        ArrayColumn<long> c => Many(c, rows, Comparer<long>.Default, sizeof(long)),
        ArrayColumn<int> c => Many(c, rows, Comparer<int>.Default, sizeof(int)),
        ArrayColumn<string> c => Many(c, rows, StringComparer.Ordinal, sizeof(long)),
        ArrayColumn<float> c => Many(c, rows, Comparer<float>.Default, sizeof(float)),
        ArrayColumn<double> c => Many(c, rows, Comparer<double>.Default, sizeof(double)),
        _ => null,
    };

    private static SortedIndex<T> Single<T>(Column column, ReadOnlySpan<T> values, int rows, IComparer<T> order, int valueBytes)
    {
        var (keys, places) = (new List<T>(rows), new List<int>(rows));
        for (var row = 0; row < rows; row++)
        {
            if (!column.IsNull(row))
            {
                keys.Add(values[row]);
                places.Add(row);
            }
        }

        return new SortedIndex<T>([.. keys], [.. places], rows, order, valueBytes);
    }

    private static SortedIndex<T> Many<T>(ArrayColumn<T> column, int rows, IComparer<T> order, int valueBytes)
    {
        var (keys, places) = (new List<T>(), new List<int>());
        for (var row = 0; row < rows; row++)
        {
            if (!column.IsNull(row))
            {
                foreach (var value in column.Row(row))
                {
                    keys.Add(value);
                    places.Add(row);
                }
            }
        }

        return new SortedIndex<T>([.. keys], [.. places], rows, order, valueBytes);
    }
}

internal sealed class SortedIndex<T> : SortedIndex
{
    private readonly IComparer<T> order;
    private readonly T[] keys;
    private readonly int[] starts;
    private readonly int[] rows;
    private readonly int valueBytes;

    public SortedIndex(T[] values, int[] places, int covered, IComparer<T> order, int valueBytes)
        : base(covered)
    {
        this.order = order;
        this.valueBytes = valueBytes;
        Array.Sort(values, places, order);
        var (distinct, begins) = (new List<T>(), new List<int>());
        for (var i = 0; i < values.Length; i++)
        {
            if (i == 0 || order.Compare(values[i], values[i - 1]) != 0)
            {
                distinct.Add(values[i]);
                begins.Add(i);
            }
        }

        begins.Add(values.Length);
        (keys, starts, rows) = ([.. distinct], [.. begins], places);
    }

    public override long Bytes => ((long)keys.Length * valueBytes) + (((long)starts.Length + rows.Length) * sizeof(int));

    /// <summary>All rows in the order of their values.</summary>
    public ReadOnlySpan<int> All => rows;

    public ReadOnlySpan<int> Equal(T value)
    {
        var at = Below(value, inclusive: false);
        return at < keys.Length && order.Compare(keys[at], value) == 0 ? Run(at, at + 1) : [];
    }

    /// <summary>The part of <see cref="All"/> below a value, or up to and with it: what is left of it is the other side.</summary>
    public int CountBelow(T value, bool inclusive) => starts[Below(value, inclusive)];

    /// <summary>The rows whose values satisfy a condition that holds for one run of values, beginning with the first not below a value.</summary>
    public ReadOnlySpan<int> RunFrom(T first, Func<T, bool> holds)
    {
        var low = Below(first, inclusive: false);
        var (from, to) = (low, keys.Length);
        while (from < to)
        {
            var middle = (from + to) / 2;
            (from, to) = holds(keys[middle]) ? (middle + 1, to) : (from, middle);
        }

        return Run(low, from);
    }

    private ReadOnlySpan<int> Run(int from, int to) => rows.AsSpan(starts[from], starts[to] - starts[from]);

    private int Below(T value, bool inclusive)
    {
        var (from, to) = (0, keys.Length);
        while (from < to)
        {
            var middle = (from + to) / 2;
            var compared = order.Compare(keys[middle], value);
            (from, to) = compared < 0 || (inclusive && compared == 0) ? (middle + 1, to) : (from, middle);
        }

        return from;
    }
}
