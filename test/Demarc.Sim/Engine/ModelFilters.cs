using System.Globalization;
using System.Text.Json;
using CsCheck;
using Demarc.Engine.Protocol;

namespace Demarc.Sim.Engine;

/// <summary>A filter in Milvus's words, and what it means, row by row: null is unknown.</summary>
internal sealed record Reading(string Text, Func<ModelRow, bool?> Means)
{
    public static readonly Reading All = new("", _ => true);

    public bool Takes(ModelRow row) => Means(row) == true;
}

/// <summary>Random filters over the fields of a schema.</summary>
internal sealed class ModelFilters(Draw draw, IReadOnlyList<ModelField> fields, bool dynamic)
{
    private static readonly (string Sign, Func<int, bool> Holds)[] Relations =
        [("==", c => c == 0), ("!=", c => c != 0), ("<", c => c < 0), ("<=", c => c <= 0), (">", c => c > 0), (">=", c => c >= 0)];

    public Reading Any(int depth = 0)
    {
        switch (depth > 2 ? 9 : draw.Number(0, 9))
        {
            case 0:
                var inner = Any(depth + 1);
                return new($"not ({inner.Text})", r => !inner.Means(r));
            case 1 or 2:
                var (a, b) = (Any(depth + 1), Any(depth + 1));
                return new($"({a.Text}) and ({b.Text})", r => a.Means(r) & b.Means(r));
            case 3 or 4:
                var (c, d) = (Any(depth + 1), Any(depth + 1));
                return new($"({c.Text}) or ({d.Text})", r => c.Means(r) | d.Means(r));
            default:
                return Leaf();
        }
    }

    private Reading Leaf()
    {
        if (dynamic && draw.Number(0, 6) == 0)
        {
            return Json(draw.Pick(["k", "$meta[\"k\"]"]), r => Find(r.Meta, "k"));
        }

        var field = draw.Pick(fields.Where(f => !f.IsVector && f.Type != DataType.Geometry).ToList());
        if (field.Nullable && draw.Number(0, 4) == 0)
        {
            return draw.Number(0, 1) == 0 ? new($"{field.Name} is null", r => Null(r, field)) : new($"{field.Name} is not null", r => !Null(r, field));
        }

        return field.Type switch
        {
            DataType.Bool => Flag(field.Name, field.Name),
            DataType.Float or DataType.Double => Fraction(field),
            DataType.VarChar => Text(field),
            DataType.Timestamptz => Time(field),
            DataType.Json => draw.Number(0, 1) == 0 ? Json($"{field.Name}[\"k\"]", r => Find(r[field.Name] as string, "k")) : Json($"{field.Name}[\"d\"][\"e\"]", r => Find(r[field.Name] as string, "d", "e")),
            DataType.Array => List(field),
            _ => Whole(field),
        };
    }

    // A JSON field that holds the JSON null holds a value; a path to one does not.
    private static bool Null(ModelRow row, ModelField field) => row[field.Name] is null;

    private Reading Flag(string text, string name)
    {
        var wanted = draw.Number(0, 1) == 1;
        return new($"{text} == {(wanted ? "true" : "false")}", r => r[name] is bool b ? b == wanted : null);
    }

    private Reading Whole(ModelField field)
    {
        var name = field.Name;
        var (sign, holds) = draw.Pick(Relations);
        var (from, to) = field.IsKey ? (0, 40) : (-6, 6);
        var number = draw.Number(from, to);
        var set = draw.Many(0, 5, () => (long)draw.Number(from, to));
        return draw.Number(0, 5) switch
        {
            0 => new($"{name} in [{string.Join(", ", set)}]", r => r[name] is long v ? set.Contains(v) : null),
            1 => new($"{name} not in [{string.Join(", ", set)}]", r => r[name] is long v ? !set.Contains(v) : null),
            2 => new($"{number} < {name} <= {number + 4}", r => r[name] is long v ? v > number && v <= number + 4 : null),
            3 => new($"{name} * 2 + 1 {sign} {number}", r => r[name] is long v ? holds(((v * 2) + 1).CompareTo(number)) : null),
            4 => new($"{name} % 3 {sign} 1", r => r[name] is long v ? holds((v % 3).CompareTo(1)) : null),
            _ => new($"{name} {sign} {number}", r => r[name] is long v ? holds(v.CompareTo(number)) : null),
        };
    }

    private Reading Fraction(ModelField field)
    {
        var name = field.Name;
        var (sign, holds) = draw.Pick(Relations);
        var number = draw.Number(-9, 9) / 4.0;
        static double? Value(ModelRow r, string name) => r[name] switch { float f => f, double d => d, _ => null };
        return draw.Number(0, 2) switch
        {
            0 => new($"{name} in [{Number(number)}, {Number(number + 1)}]", r => Value(r, name) is { } v ? v == number || v == number + 1 : null),
            1 => new($"{Number(number)} {sign} {name} * 2", r => Value(r, name) is { } v ? holds(number.CompareTo(v * 2)) : null),
            _ => new($"{name} {sign} {Number(number)}", r => Value(r, name) is { } v ? holds(v.CompareTo(number)) : null),
        };
    }

    private Reading Text(ModelField field)
    {
        var name = field.Name;
        var (sign, holds) = draw.Pick(Relations);
        var word = field.IsKey ? $"k{draw.Number(0, 40)}" : draw.Of(ModelValues.Word);
        var set = draw.Many(0, 4, () => field.IsKey ? $"k{draw.Number(0, 40)}" : draw.Of(ModelValues.Word));
        var letter = draw.Pick(["a", "b", "k"]);
        return draw.Number(0, 4) switch
        {
            0 => new($"{name} in [{string.Join(", ", set.Select(w => $"\"{w}\""))}]", r => r[name] is string v ? set.Contains(v) : null),
            1 => new($"{name} like \"{letter}%\"", r => r[name] is string v ? v.StartsWith(letter, StringComparison.Ordinal) : null),
            2 => new($"{name} like \"%{letter}\"", r => r[name] is string v ? v.EndsWith(letter, StringComparison.Ordinal) : null),
            3 => new($"{name} like \"%{letter}%\"", r => r[name] is string v ? v.Contains(letter, StringComparison.Ordinal) : null),
            _ => new($"{name} {sign} \"{word}\"", r => r[name] is string v ? holds(string.CompareOrdinal(v, word)) : null),
        };
    }

    private Reading Time(ModelField field)
    {
        var (sign, holds) = draw.Pick(Relations);
        var time = draw.Of(ModelValues.Time);
        return new($"{field.Name} {sign} ISO '{ModelValues.Iso(time)}'", r => r[field.Name] is DateTime v ? holds(v.CompareTo(time)) : null);
    }

    private Reading List(ModelField field)
    {
        var name = field.Name;
        var number = draw.Number(0, 5);
        var (sign, holds) = draw.Pick(Relations);
        if (field.Element is DataType.Float or DataType.Double or DataType.Bool || draw.Number(0, 1) == 0)
        {
            return new($"array_length({name}) {sign} {number}", r => r[name] is object[] v ? holds(v.Length.CompareTo(number)) : null);
        }

        object item = field.Element == DataType.VarChar ? draw.Of(ModelValues.Word) : (long)number;
        var text = item is string s ? $"\"{s}\"" : number.ToString(CultureInfo.InvariantCulture);
        return draw.Number(0, 2) switch
        {
            0 => new($"array_contains_any({name}, [{text}])", r => r[name] is object[] v ? v.Contains(item) : null),
            1 => new($"{name}[1] == {text}", r => r[name] is object[] v && v.Length > 1 ? v[1].Equals(item) : null),
            _ => new($"array_contains({name}, {text})", r => r[name] is object[] v ? v.Contains(item) : null),
        };
    }

    private Reading Json(string path, Func<ModelRow, JsonElement?> find)
    {
        var (sign, holds) = draw.Pick(Relations);
        var number = draw.Number(0, 3);
        var word = draw.Pick(["a", "ab"]);
        return draw.Number(0, 4) switch
        {
            0 => new($"{path} {sign} \"{word}\"", r => find(r) is { ValueKind: JsonValueKind.String } v ? holds(string.CompareOrdinal(v.GetString(), word)) : null),
            1 => new($"exists {path}", r => find(r) is { ValueKind: not JsonValueKind.Null }),
            2 => new($"json_contains({path}, {number})", r => find(r) is { ValueKind: JsonValueKind.Array } v ? v.EnumerateArray().Any(i => i.ValueKind == JsonValueKind.Number && i.GetDouble() == number) : null),
            3 => new($"{path} is null", r => find(r) is not { ValueKind: not JsonValueKind.Null }),
            _ => new($"{path} {sign} {number}", r => find(r) is { ValueKind: JsonValueKind.Number } v ? holds(v.GetDouble().CompareTo(number)) : null),
        };
    }

    private static JsonElement? Find(string? json, params string[] path)
    {
        if (json is null) return null;
        JsonElement? at = JsonDocument.Parse(json).RootElement;
        foreach (var step in path)
        {
            at = at is { ValueKind: JsonValueKind.Object } o && o.TryGetProperty(step, out var found) ? found : null;
        }

        return at;
    }

    private static string Number(double value) => value.ToString("0.0###", CultureInfo.InvariantCulture);
}

/// <summary>Draws values out of one number, the same ones each time.</summary>
internal sealed class Draw(PCG pcg)
{
    public T Of<T>(Gen<T> gen) => gen.Generate(pcg, null, out _);

    public int Number(int from, int to) => Of(Gen.Int[from, to]);

    public T Pick<T>(IReadOnlyList<T> of) => of[Number(0, of.Count - 1)];

    public bool OneIn(int times) => Number(1, times) == 1;

    public List<T> Many<T>(int least, int most, Func<T> one) => [.. Enumerable.Range(0, Number(least, most)).Select(_ => one())];
}
