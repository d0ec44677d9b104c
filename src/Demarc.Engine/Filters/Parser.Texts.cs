using Demarc.Engine.Catalog;
using Demarc.Engine.Protocol;
using Demarc.Engine.Text;

namespace Demarc.Engine.Filters;

/// <summary>text_match, text_match_fuzzy and phrase_match: the words are told apart here, by the field's own analyzer.</summary>
internal sealed partial class Parser
{
    private const int MostShouldMatch = 1000;

    private ConditionNode TextMatch()
    {
        var (index, field) = MatchedField("text match");
        var words = field.Analyzer.Analyze(QueryText("text_match")).Select(token => token.Text).Distinct(StringComparer.Ordinal).ToList();
        var least = 1L;
        if (TakeSymbol(","))
        {
            if (!TakeWord("minimum_should_match") || !TakeSymbol("="))
            {
                throw new FilterException($"minimum_should_match=… should stand at position {Current.Position}");
            }

            var start = at;
            least = AsValue(Sum()) is LiteralNode { Value: { Kind: ScalarKind.Integer } value }
                ? value.Integer
                : throw new FilterException($"minimum_should_match should be a const integer expression, got {Text(start)}");
            if (least is < 1 or > MostShouldMatch)
            {
                throw new FilterException(least < 1 ? $"minimum_should_match should be >= 1, got {least}" : $"minimum_should_match should be <= {MostShouldMatch}, got {least}");
            }
        }

        return new TextMatchNode(index, words, (int)least);
    }

    private ConditionNode TextMatchFuzzy()
    {
        var (index, field) = MatchedField("text match fuzzy");
        var words = field.Analyzer.Analyze(QueryText("text_match_fuzzy")).Select(token => token.Text).Distinct(StringComparer.Ordinal).ToList();
        Expect(",");
        if (!TakeWord("max_edit_distance") || !TakeSymbol("="))
        {
            throw new FilterException($"invalid option for text_match_fuzzy, expected max_edit_distance=… at position {Current.Position}");
        }

        var start = at;
        var edits = AsValue(Sum()) is LiteralNode { Value: { Kind: ScalarKind.Integer } value }
            ? value.Integer
            : throw new FilterException($"invalid max_edit_distance value: {Text(start)}");
        return edits is >= 0 and <= Edits.Most
            ? new TextMatchNode(index, words, 1, (int)edits)
            : throw new FilterException($"max_edit_distance should be in [0, {Edits.Most}], got {edits}");
    }

    private ConditionNode PhraseMatch()
    {
        var (index, field) = MatchedField("phrase match");
        var phrase = field.Analyzer.Analyze(QueryText("phrase_match"));
        var slop = 0L;
        if (TakeSymbol(","))
        {
            var start = at;
            slop = AsValue(Sum()) is LiteralNode { Value: { Kind: ScalarKind.Integer } value }
                ? value.Integer
                : throw new FilterException($"\"slop\" should be a const integer expression with \"uint32\" value. \"slop\" expression passed: {Text(start)}");
            if (slop is < 0 or > uint.MaxValue)
            {
                throw new FilterException(slop < 0 ? $"\"slop\" should not be a negative interger. \"slop\" passed: {slop}" : $"\"slop\" exceeds the range of \"uint32\". \"slop\" expression passed: {slop}");
            }
        }

        return new PhraseMatchNode(index, phrase, (int)Math.Min(slop, int.MaxValue));
    }

    private (int Index, FieldDefinition Field) MatchedField(string operation)
    {
        if (AsValue(Sum()) is not FieldNode node || definition.Fields[node.Field] is not { IsText: true } field)
        {
            throw new FilterException($"{operation} operation on non-string is unsupported");
        }

        return field.MatchesText ? (node.Field, field) : throw new FilterException($"field \"{field.Name}\" does not enable match");
    }

    private string QueryText(string function)
    {
        Expect(",");
        return AsValue(Sum()) is LiteralNode { Value: { Kind: ScalarKind.Text } text } ? text.Text! : throw new FilterException($"{function} takes a quoted text");
    }
}
