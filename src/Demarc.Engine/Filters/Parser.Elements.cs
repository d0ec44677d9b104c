using Demarc.Engine.Catalog;

namespace Demarc.Engine.Filters;

/// <summary>element_filter and the match_ family: conditions on the elements of a struct array, whose parts stand as $[part].</summary>
internal sealed partial class Parser
{
    /// <summary>The struct array whose elements are spoken of, inside such a condition.</summary>
    private string? elementsOf;

    private ElementsNode Elements(ElementsMode mode)
    {
        var name = Take(TokenKind.Name, "a struct array field");
        if (elementsOf is not null)
        {
            throw new FilterException("conditions on elements cannot be nested");
        }

        var array = definition.StructArray(name.Text) ?? throw new FilterException($"field {name.Text} is not a struct array");
        Expect(",");
        elementsOf = array.Name;
        var of = AsCondition(Or());
        elementsOf = null;
        return of is SampleNode
            ? throw new FilterException("random sample expression cannot be used in a condition on elements")
            : new ElementsNode(array.Name, definition.FieldIndex(StructRules.PartName(array.Name, array.Fields[0].Name)), of, mode, Threshold(mode));
    }

    private long Threshold(ElementsMode mode)
    {
        if (mode is ElementsMode.Filter or ElementsMode.Any or ElementsMode.All)
        {
            return 0;
        }

        Expect(",");
        if (TakeWord("threshold"))
        {
            Expect("=");
        }

        var start = at;
        return AsValue(Sum()) is LiteralNode { Value: { Kind: ScalarKind.Integer, Integer: >= 0 } count }
            ? count.Integer
            : throw new FilterException($"the threshold should be a whole number from 0, got {Text(start)}");
    }

    /// <summary>$[part], the dollar sign read already.</summary>
    private PartNode Part()
    {
        Expect("[");
        var part = Take(TokenKind.Name, "a sub-field");
        Expect("]");
        var name = StructRules.PartName(elementsOf ?? throw new FilterException("$[…] stands only in a condition on the elements of a struct array"), part.Text);
        var index = definition.FieldIndex(name);
        return index < 0 ? throw new FilterException($"sub-field {part.Text} not exist in struct array {elementsOf}")
            : definition.Fields[index].IsArray ? new PartNode(index, name)
            : throw new FilterException($"filter on vector field {name} is not supported");
    }

    /// <summary>What array[index][part] names: a part's value in one element, counted from 0.</summary>
    private ElementNode PartOfElement(Token array)
    {
        at++;
        var position = tokens[at++];
        Expect("]");
        Expect("[");
        var name = StructRules.PartName(array.Text, tokens[at++].Text);
        Expect("]");
        var index = definition.FieldIndex(name);
        if (index < 0)
        {
            throw NoStruct(name);
        }

        return definition.Fields[index].IsSearchable ? throw new FilterException($"filter on vector field {name} is not supported")
            : int.TryParse(position.Text, out var whole) ? new ElementNode(index, name, whole)
            : throw new FilterException($"invalid element index: {position.Text}");
    }

    private static FilterException NoStruct(string name) => new($"struct field not found: {name}, error: failed to get field schema by name: fieldName({name}) not found");

    /// <summary>The field that array[part] names.</summary>
    private int PartIndex(Token array)
    {
        if (!Symbol("[") || at + 2 >= tokens.Count || tokens[at + 1].Kind != TokenKind.Name)
        {
            throw new FilterException($"of struct array {array.Text} a sub-field should be named: {array.Text}[…]");
        }

        var name = StructRules.PartName(array.Text, tokens[at + 1].Text);
        at += 2;
        Expect("]");
        return definition.FieldIndex(name) is var index and >= 0 ? index : throw new FilterException($"field {name} not exist");
    }
}
