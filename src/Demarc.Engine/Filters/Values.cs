using System.Text.Json;

namespace Demarc.Engine.Filters;

/// <summary>Arithmetic on values and the reading of JSON. Integers stay integers and wrap never: an overflow becomes a fraction.</summary>
internal static class Values
{
    public static Scalar Negate(in Scalar value) => value.Kind switch
    {
        ScalarKind.Integer when value.Integer != long.MinValue => Scalar.Of(-value.Integer),
        ScalarKind.Integer or ScalarKind.Number => Scalar.Of(-value.AsNumber),
        _ => Scalar.Absent,
    };

    public static Scalar Calculate(Arithmetic operation, in Scalar a, in Scalar b)
    {
        if (!a.IsNumeric || !b.IsNumeric)
        {
            return Scalar.Absent;
        }

        if (a.Kind == ScalarKind.Integer && b.Kind == ScalarKind.Integer && Whole(operation, a.Integer, b.Integer) is { } whole)
        {
            return Scalar.Of(whole);
        }

        var (x, y) = (a.AsNumber, b.AsNumber);
        var result = operation switch
        {
            Arithmetic.Add => x + y,
            Arithmetic.Subtract => x - y,
            Arithmetic.Multiply => x * y,
            Arithmetic.Divide => x / y,
            Arithmetic.Modulo => x % y,
            Arithmetic.Power => Math.Pow(x, y),
        };
        return double.IsFinite(result) ? Scalar.Of(result) : Scalar.Absent;
    }

    /// <summary>The value at a path; absent when the path is not there, the value is null, or a step does not fit.</summary>
    public static Scalar ReadJson(ReadOnlySpan<byte> json, IReadOnlyList<string> path)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = Limits.JsonDepth });
        return json.Length > 0 && reader.Read() && Descend(ref reader, path) ? Read(ref reader) : Scalar.Absent;
    }

    public static bool ExistsInJson(ReadOnlySpan<byte> json, IReadOnlyList<string> path)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = Limits.JsonDepth });
        return json.Length > 0 && reader.Read() && Descend(ref reader, path) && reader.TokenType != JsonTokenType.Null;
    }

    /// <summary>The elements of the array at a path; null when there is no array.</summary>
    public static List<Scalar>? ReadJsonArray(ReadOnlySpan<byte> json, IReadOnlyList<string> path)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = Limits.JsonDepth });
        if (json.Length == 0 || !reader.Read() || !Descend(ref reader, path) || reader.TokenType != JsonTokenType.StartArray)
        {
            return null;
        }

        var items = new List<Scalar>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            items.Add(Read(ref reader));
            reader.Skip();
        }

        return items;
    }

    private static bool Descend(ref Utf8JsonReader reader, IReadOnlyList<string> path)
    {
        foreach (var step in path)
        {
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                if (!Property(ref reader, step))
                {
                    return false;
                }
            }
            else if (reader.TokenType != JsonTokenType.StartArray || !int.TryParse(step, out var index) || !Element(ref reader, index))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Property(ref Utf8JsonReader reader, string name)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var found = reader.ValueTextEquals(name);
            reader.Read();
            if (found)
            {
                return true;
            }

            reader.Skip();
        }

        return false;
    }

    private static bool Element(ref Utf8JsonReader reader, int index)
    {
        for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
        {
            if (i == index)
            {
                return true;
            }

            reader.Skip();
        }

        return false;
    }

    private static Scalar Read(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.True => Scalar.Of(true),
        JsonTokenType.False => Scalar.Of(false),
        JsonTokenType.String => Scalar.Of(reader.GetString()!),
        JsonTokenType.Number => reader.TryGetInt64(out var whole) ? Scalar.Of(whole) : reader.TryGetDouble(out var number) ? Scalar.Of(number) : Scalar.Absent,
        JsonTokenType.StartObject or JsonTokenType.StartArray => Scalar.Composite,
        _ => Scalar.Absent,
    };

    private static long? Whole(Arithmetic operation, long a, long b)
    {
        try
        {
            return operation switch
            {
                Arithmetic.Add => checked(a + b),
                Arithmetic.Subtract => checked(a - b),
                Arithmetic.Multiply => checked(a * b),
                Arithmetic.Divide => b == 0 ? null : a / b,
                Arithmetic.Modulo => b == 0 ? null : a % b,
                Arithmetic.Power => null,
            };
        }
        catch (OverflowException)
        {
            return null;
        }
    }
}
