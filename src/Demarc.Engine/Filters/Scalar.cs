using System.Globalization;

namespace Demarc.Engine.Filters;

/// <summary>What a filter expression can be worth.</summary>
internal enum ScalarKind
{
    /// <summary>Null, or a JSON path that is not there: comparisons with it are neither true nor false.</summary>
    Absent,
    Bool,
    Integer,
    Number,
    Text,

    /// <summary>A list, whose text is its canonical form, or a JSON object, which has none and equals nothing.</summary>
    Composite,
}

/// <summary>One value during evaluation; a struct, because one is made per row.</summary>
internal readonly record struct Scalar(ScalarKind Kind, long Integer, double Number, string? Text)
{
    public static readonly Scalar Absent;
    public static readonly Scalar Composite = new(ScalarKind.Composite, 0, 0, null);

    public bool IsNumeric => Kind is ScalarKind.Integer or ScalarKind.Number;

    public double AsNumber => Kind == ScalarKind.Integer ? Integer : Number;

    public static Scalar Of(bool value) => new(ScalarKind.Bool, value ? 1 : 0, 0, null);

    public static Scalar Of(long value) => new(ScalarKind.Integer, value, 0, null);

    public static Scalar Of(double value) => new(ScalarKind.Number, 0, value, null);

    public static Scalar Of(string value) => new(ScalarKind.Text, 0, 0, value);

    /// <summary>A list, compared as a whole: two lists are equal when their elements are.</summary>
    public static Scalar Of(IReadOnlyList<Scalar> items) => new(ScalarKind.Composite, 0, 0, $"[{string.Join(',', items.Select(i => i.Canonical()))}]");

    /// <summary>Whether a comparison holds; null when the values cannot be compared.</summary>
    public static bool? Holds(Comparison operation, in Scalar a, in Scalar b)
    {
        if (a.Kind == ScalarKind.Composite || b.Kind == ScalarKind.Composite)
        {
            return a.Text is null || b.Text is null || a.Kind != b.Kind || operation is not (Comparison.Equal or Comparison.NotEqual)
                ? null
                : a.Text == b.Text == (operation == Comparison.Equal);
        }

        return Compare(a, b) is { } order ? Holds(operation, order) : null;
    }

    public static bool Holds(Comparison operation, int order) => operation switch
    {
        Comparison.Equal => order == 0,
        Comparison.NotEqual => order != 0,
        Comparison.Less => order < 0,
        Comparison.LessOrEqual => order <= 0,
        Comparison.Greater => order > 0,
        Comparison.GreaterOrEqual => order >= 0,
    };

    /// <summary>Orders two values of one family; null when they are of different families or absent.</summary>
    public static int? Compare(in Scalar a, in Scalar b)
    {
        if (a.Kind == ScalarKind.Integer && b.Kind == ScalarKind.Integer)
        {
            return a.Integer.CompareTo(b.Integer);
        }

        if (a.IsNumeric && b.IsNumeric)
        {
            return a.AsNumber.CompareTo(b.AsNumber);
        }

        return (a.Kind, b.Kind) switch
        {
            (ScalarKind.Text, ScalarKind.Text) => string.CompareOrdinal(a.Text, b.Text),
            (ScalarKind.Bool, ScalarKind.Bool) => a.Integer.CompareTo(b.Integer),
            _ => null,
        };
    }

    public override string ToString() => Kind switch
    {
        ScalarKind.Bool => Integer != 0 ? "true" : "false",
        ScalarKind.Integer => Integer.ToString(CultureInfo.InvariantCulture),
        ScalarKind.Number => Number.ToString(CultureInfo.InvariantCulture),
        ScalarKind.Text => $"\"{Text}\"",
        ScalarKind.Composite => Text ?? "a JSON object",
        _ => "null",
    };

    /// <summary>One form for equal values: a fraction that is whole is written as the whole number.</summary>
    private string Canonical() => Kind switch
    {
        ScalarKind.Number when Number == Math.Floor(Number) && Math.Abs(Number) < 1e15 => ((long)Number).ToString(CultureInfo.InvariantCulture),
        ScalarKind.Number => Number.ToString("R", CultureInfo.InvariantCulture),
        ScalarKind.Text => System.Text.Json.JsonSerializer.Serialize(Text),
        _ => ToString(),
    };
}
