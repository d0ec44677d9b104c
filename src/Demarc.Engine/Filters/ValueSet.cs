namespace Demarc.Engine.Filters;

/// <summary>The values of an `in` list, hashed by family, so that a list of thousands costs as much as one value.</summary>
internal sealed class ValueSet
{
    private readonly HashSet<long> integers = [];
    private readonly HashSet<double> numbers = [];
    private readonly HashSet<string> texts = new(StringComparer.Ordinal);
    private readonly HashSet<string> lists = new(StringComparer.Ordinal);
    private bool hasTrue;
    private bool hasFalse;

    public ValueSet(IReadOnlyList<Scalar> values)
    {
        Values = values;
        foreach (var value in values)
        {
            switch (value.Kind)
            {
                case ScalarKind.Integer:
                    integers.Add(value.Integer);
                    numbers.Add(value.Integer);
                    break;
                case ScalarKind.Number:
                    numbers.Add(value.Number);
                    break;
                case ScalarKind.Text:
                    texts.Add(value.Text!);
                    break;
                case ScalarKind.Bool:
                    hasTrue |= value.Integer != 0;
                    hasFalse |= value.Integer == 0;
                    break;
                case ScalarKind.Composite when value.Text is not null:
                    lists.Add(value.Text);
                    break;
                case ScalarKind.Absent:
                case ScalarKind.Composite:
                default:
                    break;
            }
        }

        HasFractions = values.Any(v => v.Kind == ScalarKind.Number);
    }

    public IReadOnlyList<Scalar> Values { get; }

    public IReadOnlySet<long> Integers => integers;

    public IReadOnlySet<string> Texts => texts;

    /// <summary>Whether an integer must also be looked up among the fractions.</summary>
    public bool HasFractions { get; }

    public bool Contains(long value) => integers.Contains(value) || (HasFractions && numbers.Contains(value));

    public bool Contains(string value) => texts.Contains(value);

    public bool Contains(in Scalar value) => value.Kind switch
    {
        ScalarKind.Integer => Contains(value.Integer),
        ScalarKind.Number => numbers.Contains(value.Number),
        ScalarKind.Text => texts.Contains(value.Text!),
        ScalarKind.Bool => value.Integer != 0 ? hasTrue : hasFalse,
        ScalarKind.Composite => value.Text is not null && lists.Contains(value.Text),
        _ => false,
    };

    /// <summary>Whether the list has a value that this one could be compared with; null otherwise, as for = with a value of another kind.</summary>
    public bool? Holds(in Scalar value) => value.Kind switch
    {
        ScalarKind.Absent => null,
        _ when Contains(value) => true,
        ScalarKind.Integer or ScalarKind.Number => Values.Count == 0 || numbers.Count > 0 ? false : null,
        ScalarKind.Text => Values.Count == 0 || texts.Count > 0 ? false : null,
        ScalarKind.Bool => Values.Count == 0 || hasTrue || hasFalse ? false : null,
        _ => Values.Count == 0 || lists.Count > 0 ? false : null,
    };
}
