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

    /// <summary>Where the value at a path stands in the JSON, a written null too; null when the path is not there.</summary>
    public static Range? WrittenJson(ReadOnlySpan<byte> json, IReadOnlyList<string> path)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = Limits.JsonDepth });
        if (json.Length == 0 || !reader.Read() || !Descend(ref reader, path))
        {
            return null;
        }

        var from = (int)reader.TokenStartIndex;
        reader.Skip();
        return from..(int)reader.BytesConsumed;
    }

    /// <summary>How many elements the array at a path has; absent when there is no array.</summary>
    public static Scalar JsonLength(ReadOnlySpan<byte> json, IReadOnlyList<string> path)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = Limits.JsonDepth });
        if (json.Length == 0 || !reader.Read() || !Descend(ref reader, path) || reader.TokenType != JsonTokenType.StartArray)
        {
            return Scalar.Absent;
        }

        var count = 0L;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            count++;
            reader.Skip();
        }

        return Scalar.Of(count);
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
        JsonTokenType.StartArray => List(ref reader),
        JsonTokenType.StartObject => Scalar.Composite,
        _ => Scalar.Absent,
    };

    /// <summary>The list the reader stands at, in canonical form; the reader is not moved.</summary>
    private static Scalar List(ref Utf8JsonReader reader)
    {
        var ahead = reader;
        var items = new List<Scalar>();
        while (ahead.Read() && ahead.TokenType != JsonTokenType.EndArray)
        {
            items.Add(Read(ref ahead));
            ahead.Skip();
        }

        return Scalar.Of(items);
    }

    private static long? WholePower(long a, long b)
    {
        // Only a handful of bases have powers beyond the 63rd in range, and those need no loop.
        if (b < 0 || (b > 63 && a is not (0 or 1 or -1)))
        {
            return null;
        }

        var result = 1L;
        for (var i = a is 0 or 1 or -1 ? b & 1 : b; i > 0; i--)
        {
            result = checked(result * a);
        }

        return a == 0 ? (b == 0 ? 1 : 0) : a == 1 ? 1 : result;
    }

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
                Arithmetic.Power => WholePower(a, b),
            };
        }
        catch (OverflowException)
        {
            return null;
        }
    }
}
