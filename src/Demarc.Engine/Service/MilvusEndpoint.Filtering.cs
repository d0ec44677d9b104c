using System.Security.Cryptography;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Google.Protobuf.Collections;

namespace Demarc.Engine.Service;

/// <summary>What search, query and delete share about filters.</summary>
internal sealed partial class MilvusEndpoint
{
    private static ConditionNode ParseFilter(CollectionDefinition definition, string text, MapField<string, TemplateValue> templates, string plan = "failed to create query plan", TimeZoneInfo? zone = null)
    {
        try
        {
            return Parser.Parse(definition, text, templates.ToDictionary(t => t.Key, t => t.Value), BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))), zone);
        }
        catch (FilterException e)
        {
            var shown = text.Length <= 200 ? text : text[..200] + "…";
            throw Faults.Invalid($"{plan}: cannot parse expression: {shown}, error: {e.Message}");
        }
    }

    /// <summary>The keys when the filter does nothing but name them: key == x, or key in [...].</summary>
    private static IDs? KeysOf(CollectionDefinition definition, ConditionNode filter)
    {
        var values = filter switch
        {
            InNode { Of: FieldNode f } within when f.Field == definition.PrimaryIndex => within.Values,
            CompareNode { Operation: Comparison.Equal, Left: FieldNode f, Right: LiteralNode l } when f.Field == definition.PrimaryIndex => new ValueSet([l.Value]),
            _ => null,
        };
        if (values is null || values.HasFractions)
        {
            return null;
        }

        var ids = new IDs();
        if (definition.Primary.Type == DataType.VarChar)
        {
            ids.StrId = new StringArray();
            ids.StrId.Data.Add(values.Texts);
        }
        else
        {
            ids.IntId = new LongArray();
            ids.IntId.Data.Add(values.Integers);
        }

        return ids;
    }

    private static IEnumerable<(SegmentView Segment, int Row)> Matches(CollectionView view, ConditionNode filter)
    {
        foreach (var segment in view.Segments)
        {
            var mask = Evaluator.Matching(filter, segment);
            for (var word = 0; word < mask.Length; word++)
            {
                for (var bits = mask[word]; bits != 0; bits &= bits - 1)
                {
                    yield return (segment, (word << 6) + System.Numerics.BitOperations.TrailingZeroCount(bits));
                }
            }
        }
    }
}
