namespace Demarc.Engine.Filters;

/// <summary>The values of an `in` list, hashed by family, so that a list of thousands costs as much as one value.</summary>
internal sealed class ValueSet
{
    private readonly HashSet<long> integers = [];
    private readonly HashSet<double> numbers = [];
    private readonly HashSet<string> texts = new(StringComparer.Ordinal);
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
        _ => false,
    };
}
