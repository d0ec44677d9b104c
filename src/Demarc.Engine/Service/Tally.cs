using Demarc.Engine.Rows;

namespace Demarc.Engine.Service;

/// <summary>What is known so far of one measure over the rows of one group. A row without a value is passed over.</summary>
internal sealed class Tally
{
    public long Count { get; private set; }

    /// <summary>The sum of whole numbers, which wraps as Milvus's does.</summary>
    public long Whole { get; private set; }

    public double Sum { get; private set; }

    /// <summary>The row with the least or greatest value.</summary>
    public (SegmentView Segment, int Row)? Best { get; private set; }

    public void Add(Aggregation.Measure measure, (SegmentView Segment, int Row) row)
    {
        if (measure.Field >= 0 && row.Segment.Segment.Columns[measure.Field].IsNull(row.Row))
        {
            // A group without any value shows the null of one of its rows.
            Best ??= measure.Kind is "min" or "max" ? row : null;
            return;
        }

        Count++;
        switch (measure.Kind)
        {
            case "sum" or "avg":
                AddNumber(row.Segment.Segment.Columns[measure.Field], row.Row);
                break;
            case "min" or "max":
                Compare(measure, row);
                break;
            default:
                break;
        }
    }

    private void AddNumber(Column column, int row)
    {
        if (column is IntegerColumn integers)
        {
            Whole = unchecked(Whole + integers.Values[row]);
        }

        Sum += column switch
        {
            IntegerColumn c => c.Values[row],
            FloatColumn c => c.Values[row],
            DoubleColumn c => c.Values[row],
            _ => throw new InvalidOperationException($"No sum of {column.Field.Type}; the check of the request let it pass."),
        };
    }

    private void Compare(Aggregation.Measure measure, (SegmentView Segment, int Row) row)
    {
        if (Count == 1 || (OrderBy.Compare(measure.Field, row, Best!.Value) is var order && (measure.Kind == "min" ? order < 0 : order > 0)))
        {
            Best = row;
        }
    }
}
