using Demarc.Engine.Catalog;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Filters;

/// <summary>The place in a JSON field that an index is defined over, written as in a filter.</summary>
internal sealed partial class Parser
{
    /// <summary>The field and the steps into it, or null for an expression that names no such place.</summary>
    public static (int Field, IReadOnlyList<string> Path)? JsonPath(CollectionDefinition definition, string text)
    {
        var parser = new Parser(definition, text, new Dictionary<string, TemplateValue>(), 0);
        var first = parser.Current;
        if (first.Kind is TokenKind.Symbol or TokenKind.End)
        {
            throw new FilterException($"line 1:{first.Position} mismatched input '{(first.Kind == TokenKind.End ? "<EOF>" : first.Text)}' expecting a field or a key");
        }

        if (first.Kind != TokenKind.Name)
        {
            return null;
        }

        var read = parser.Sum();
        return parser.Current.Kind == TokenKind.End && read is JsonNode json ? (json.Field, json.Path) : null;
    }
}
