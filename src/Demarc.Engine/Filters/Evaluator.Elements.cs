using Demarc.Engine.Rows;

namespace Demarc.Engine.Filters;

/// <summary>Conditions on single elements of struct arrays.</summary>
internal sealed partial class Evaluator
{
    /// <summary>The element that <see cref="PartNode"/> speaks of.</summary>
    private int element;

    /// <summary>The filter of elements that a filter ends with, if it does and it is about that array, or about any when none is named.</summary>
    public static ElementsNode? ElementFilter(ConditionNode filter, string? array = null) => filter switch
    {
        ElementsNode { Mode: ElementsMode.Filter } node when array is null || node.Array == array => node,
        LogicNode { All: true } all => ElementFilter(all.Parts[^1], array),
        _ => null,
    };

    /// <summary>Whether one element of a row meets the condition.</summary>
    public bool Meets(ElementsNode node, int row, int at)
    {
        element = at;
        return Holds(node.Of, row) == true;
    }

    /// <summary>The elements of a row that meet the condition.</summary>
    public IEnumerable<int> Meeting(ElementsNode node, int row) => Enumerable.Range(0, Length(node, row)).Where(at => Meets(node, row, at));

    private int Length(ElementsNode node, int row) => ((ArrayColumn)view.Segment.Columns[node.Field]).Length(row);

    private bool CountHolds(ElementsNode node, int row)
    {
        var length = Length(node, row);
        var meeting = Enumerable.Range(0, length).Count(at => Meets(node, row, at));
        return node.Mode switch
        {
            ElementsMode.Filter or ElementsMode.Any => meeting > 0,
            ElementsMode.All => meeting == length,
            ElementsMode.Least => meeting >= node.Count,
            ElementsMode.Most => meeting <= node.Count,
            ElementsMode.Exact => meeting == node.Count,
        };
    }

    /// <summary>As in whole segments: neither true nor false where a value is missing.</summary>
    private bool? Holds(ConditionNode node, int row)
    {
        switch (node)
        {
            case ConstantNode constant:
                return constant.Value;
            case NotNode not:
                return !Holds(not.Of, row);
            case LogicNode logic:
                bool? all = logic.All;
                foreach (var part in logic.Parts)
                {
                    var one = Holds(part, row);
                    if (one == !logic.All)
                    {
                        return one;
                    }

                    all = one is null ? null : all;
                }

                return all;
            default:
                return Test(node, row);
        }
    }
}
