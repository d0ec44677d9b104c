using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;

namespace Demarc.Engine.Filters;

/// <summary>Where partition keys are isolated, every search is about one key: its filter says which, by equality and for every row it finds.</summary>
internal static class KeyIsolation
{
    public static void Check(CollectionDefinition definition, ConditionNode filter)
    {
        if (PropertyRules.Isolates(definition.Property(CollectionDefinition.IsolationProperty)) && definition.PartitionKeyIndex >= 0 && !NamesKey(filter, definition.PartitionKeyIndex))
        {
            throw Faults.Invalid("partition key not found in expr or the expr is invalid when validating partition key isolation");
        }
    }

    private static bool NamesKey(ConditionNode condition, int key) => condition switch
    {
        CompareNode compare when IsKey(compare.Left, key) || IsKey(compare.Right, key) =>
            compare.Operation == Comparison.Equal || Refuse(compare.Operation switch
            {
                Comparison.NotEqual => "NotEqual",
                Comparison.Less => "LessThan",
                Comparison.LessOrEqual => "LessEqual",
                Comparison.Greater => "GreaterThan",
                _ => "GreaterEqual",
            }),
        InNode member => IsKey(member.Of, key) && Refuse("IN"),
        LikeNode like => IsKey(like.Of, key) && Refuse("Match"),
        RegexNode regex => IsKey(regex.Of, key) && Refuse("RegexMatch"),
        NotNode not => NamesKey(not.Of, key) && Refuse("NOT"),
        SampleNode sample => NamesKey(sample.Of, key),
        LogicNode logic => logic.Parts.Select(p => NamesKey(p, key)).ToList().Contains(true) && (logic.All || Refuse("OR")),
        _ => false,
    };

    private static bool IsKey(ValueNode value, int key) => value is FieldNode field && field.Field == key;

    private static bool Refuse(string operation) => throw Faults.Invalid($"partition key isolation does not support {operation}");
}
