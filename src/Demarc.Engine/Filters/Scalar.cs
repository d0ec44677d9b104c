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

    /// <summary>A JSON object or array, which can be asked for but not compared.</summary>
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
        ScalarKind.Composite => "a JSON object or array",
        _ => "null",
    };
}
