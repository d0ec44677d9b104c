using System.Numerics;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Filters;

/// <summary>
/// Evaluates a filter over one segment by taking rows out of a set: each condition keeps those for which it is true (or
/// false, under a not), and looks only at rows that are still there. So cheap conditions go first and expensive ones see few
/// rows. Comparisons of a field with a value run over whole words of the set; everything else goes row by row.
/// </summary>
/// <remarks>
/// Three-valued as SQL is: for a null or missing value a condition is neither true nor false, and both ways of asking leave
/// the row out. That makes pushing a not inwards exact: not (a and b) asks for rows where a is false or b is false.
/// </remarks>
internal sealed partial class Evaluator(SegmentView view)
{
    /// <summary>Lists up to this long are compared value by value, in parallel lanes; longer ones are looked up.</summary>
    private const int ShortList = 12;

    private readonly int count = view.Count;

    /// <summary>Live rows for which the filter is true.</summary>
    public static ulong[] Matching(ConditionNode filter, SegmentView view)
    {
        var rows = view.LiveMask();
        new Evaluator(view).Keep(filter, true, rows);
        return rows;
    }

    private void Keep(ConditionNode node, bool wanted, Span<ulong> rows)
    {
        switch (node)
        {
            case ConstantNode constant:
                if (constant.Value != wanted)
                {
                    rows.Clear();
                }

                break;
            case NotNode not:
                Keep(not.Of, !wanted, rows);
                break;
            case LogicNode logic when logic.All == wanted:
                KeepAll(logic.Parts, wanted, rows);
                break;
            case LogicNode logic:
                KeepAny(logic.Parts, wanted, rows);
                break;
            case SampleNode sample:
                Keep(sample.Of, true, rows);
                Draw(sample, rows);
                break;
            case TextMatchNode match:
                var texts = (TextColumn)view.Segment.Columns[match.Field];
                Apply(texts.Words!.Match(texts, count, match.Words, match.Least, match.Edits), wanted, texts, rows);
                break;
            case PhraseMatchNode match:
                var phrases = (TextColumn)view.Segment.Columns[match.Field];
                Apply(match.Phrase.Count == 0 ? new ulong[rows.Length] : phrases.Words!.Phrase(phrases, count, match.Phrase, match.Slop), wanted, phrases, rows);
                break;
            case NullNode { Of: FieldNode f }:
                KeepNull(f.Field, isNull: wanted, rows);
                break;
            case NullNode { Of: JsonNode { Path.Count: 0 } j }:
                KeepNull(j.Field, isNull: wanted, rows);
                break;
            case CompareNode { Left: FieldNode f, Right: LiteralNode l } compare when KeepCompared(f.Field, wanted ? compare.Operation : Opposite(compare.Operation), l.Value, rows):
                break;
            case LikeNode like when KeepLikeByIndex(like, wanted, rows):
                break;
            case ContainsNode contains when KeepContainsByIndex(contains, wanted, rows):
                break;
            case InNode { Of: FieldNode f } within when KeepListed(f.Field, within.Values, wanted, rows):
                break;
            default:
                KeepByRow(node, wanted, rows);
                break;
        }
    }

    private void KeepAll(IReadOnlyList<ConditionNode> parts, bool wanted, Span<ulong> rows)
    {
        foreach (var part in parts.OrderBy(Cost))
        {
            if (!rows.ContainsAnyExcept(0UL))
            {
                return;
            }

            Keep(part, wanted, rows);
        }
    }

    private void KeepAny(IReadOnlyList<ConditionNode> parts, bool wanted, Span<ulong> rows)
    {
        var left = rows.ToArray();
        var trial = new ulong[rows.Length];
        rows.Clear();
        foreach (var part in parts.OrderBy(Cost))
        {
            if (!left.AsSpan().ContainsAnyExcept(0UL))
            {
                return;
            }

            left.CopyTo(trial, 0);
            Keep(part, wanted, trial);
            for (var i = 0; i < trial.Length; i++)
            {
                rows[i] |= trial[i];
                left[i] &= ~trial[i];
            }
        }
    }

    /// <summary>Roughly what one row costs, to order the parts of an `and` or `or`; which comes first changes no answer.</summary>
    private int Cost(ConditionNode node) => node switch
    {
        ConstantNode => 0,
        _ when Asked(node) is { } field && view.Segment.Columns[field.Field].Index is not null => 1,
        NullNode { Of: FieldNode } => 1,
        CompareNode { Left: FieldNode f, Right: LiteralNode } => view.Segment.Columns[f.Field] is TextColumn ? 8 : 2,
        InNode { Of: FieldNode f } => view.Segment.Columns[f.Field] is TextColumn ? 16 : 4,
        LikeNode { Of: FieldNode } => 16,
        CompareNode { Left: JsonNode } or CompareNode { Right: JsonNode } or InNode or LikeNode or ExistsNode or TruthNode or NullNode => 60,
        CompareNode => 30,
        TextMatchNode or PhraseMatchNode => 3,
        NotNode not => Cost(not.Of),
        LogicNode logic => logic.Parts.Sum(Cost),
        _ => 100,
    };

    /// <summary>The field of a condition that a scalar index may answer.</summary>
    private static FieldNode? Asked(ConditionNode node) => node switch
    {
        CompareNode { Right: LiteralNode } compare => compare.Left as FieldNode,
        InNode within => within.Of as FieldNode,
        LikeNode like => like.Of as FieldNode,
        ContainsNode contains => contains.Of as FieldNode,
        _ => null,
    };

    private void KeepNull(int field, bool isNull, Span<ulong> rows)
    {
        var column = view.Segment.Columns[field];
        if (!isNull)
        {
            column.DropNulls(rows);
            return;
        }

        var valid = rows.ToArray();
        column.DropNulls(valid);
        for (var i = 0; i < valid.Length; i++)
        {
            rows[i] &= ~valid[i];
        }
    }

    private bool KeepCompared(int field, Comparison operation, Scalar value, Span<ulong> rows)
    {
        var column = view.Segment.Columns[field];
        if (KeepByIndex(column, operation, value, rows))
        {
            return true;
        }

        switch (column)
        {
            case IntegerColumn c when value.Kind == ScalarKind.Integer:
                Lanes.Keep(c.Values, value.Integer, operation, rows);
                break;
            case FloatColumn c when value.IsNumeric:
                Lanes.Keep(c.Values, (float)value.AsNumber, operation, rows);
                break;
            case DoubleColumn c when value.IsNumeric:
                Lanes.Keep(c.Values, value.AsNumber, operation, rows);
                break;
            case BoolColumn c when value.Kind == ScalarKind.Bool:
                var flags = c.Values;
                for (var rest = new RowWalk(rows); rest.Next();)
                {
                    rest.Decide(Scalar.Holds(operation, (flags[rest.Row] ? 1 : 0) - (int)value.Integer));
                }

                break;
            case TextColumn c when value.Kind == ScalarKind.Text:
                KeepTexts(c.Values, operation, value.Text!, rows);
                break;
            default:
                return false;
        }

        column.DropNulls(rows);
        return true;
    }

    private static void KeepTexts(ReadOnlySpan<string> texts, Comparison operation, string value, Span<ulong> rows)
    {
        if (operation is Comparison.Equal or Comparison.NotEqual)
        {
            for (var rest = new RowWalk(rows); rest.Next();)
            {
                rest.Decide(texts[rest.Row] == value == (operation == Comparison.Equal));
            }

            return;
        }

        for (var rest = new RowWalk(rows); rest.Next();)
        {
            rest.Decide(Scalar.Holds(operation, string.CompareOrdinal(texts[rest.Row], value)));
        }
    }

    private bool KeepListed(int field, ValueSet set, bool wanted, Span<ulong> rows)
    {
        var column = view.Segment.Columns[field];
        if (KeepListedByIndex(column, set, wanted, rows))
        {
            return true;
        }

        switch (column)
        {
            case IntegerColumn c when !set.HasFractions && set.Integers.Count <= ShortList:
                Lanes.KeepListed(c.Values, [.. set.Integers], wanted, rows);
                break;
            case IntegerColumn c:
                var integers = c.Values;
                for (var rest = new RowWalk(rows); rest.Next();)
                {
                    rest.Decide(set.Contains(integers[rest.Row]) == wanted);
                }

                break;
            case TextColumn c:
                var texts = c.Values;
                for (var rest = new RowWalk(rows); rest.Next();)
                {
                    rest.Decide(set.Contains(texts[rest.Row]) == wanted);
                }

                break;
            default:
                return false;
        }

        column.DropNulls(rows);
        return true;
    }

    /// <summary>Keeps a share of the rows, every choice of as many rows equally likely; at least one when there is any.</summary>
    private void Draw(SampleNode sample, Span<ulong> rows)
    {
        long left = 0;
        foreach (var word in rows)
        {
            left += BitOperations.PopCount(word);
        }

        var needed = left == 0 ? 0 : Math.Max(1, (long)(left * sample.Share));
        var random = new Random(HashCode.Combine((int)sample.Seed, (int)(sample.Seed >> 32), (int)view.Segment.Id));
        for (var rest = new RowWalk(rows); rest.Next(); left--)
        {
            var taken = random.NextInt64(left) < needed;
            needed -= taken ? 1 : 0;
            rest.Decide(taken);
        }
    }

    private void KeepByRow(ConditionNode node, bool wanted, Span<ulong> rows)
    {
        for (var rest = new RowWalk(rows); rest.Next();)
        {
            rest.Decide(Test(node, rest.Row) == wanted);
        }
    }

    private static Comparison Opposite(Comparison operation) => operation switch
    {
        Comparison.Equal => Comparison.NotEqual,
        Comparison.NotEqual => Comparison.Equal,
        Comparison.Less => Comparison.GreaterOrEqual,
        Comparison.LessOrEqual => Comparison.Greater,
        Comparison.Greater => Comparison.LessOrEqual,
        Comparison.GreaterOrEqual => Comparison.Less,
    };
}
