using System.Globalization;
using System.Text.Json;
using CsCheck;
using Demarc.Engine.Filters;

namespace Demarc.Tests.Engine;

/// <summary>
/// Random filters over random rows of every scalar type, against an evaluation that was written apart from the engine's:
/// over plain rows, with bool? for what is unknown.
/// </summary>
public class FilterModelTests
{
    private sealed record Reading(string Text, Func<PlainRow, bool?> Means);

    private static readonly string[] Words = ["a", "ab", "abc", "b", "ba", "100%", "x_y", "", "é"];

    [Fact]
    public void Filters_mean_what_a_plain_reading_says() =>
        Gen.Select(Row().Array[1, 150], Condition(), Gen.Bool).Sample(
            pair =>
            {
                var (made, filter, indexed) = pair;
                var rows = made.Select((row, i) => row with { Id = i }).ToList();
                var view = FilterSample.View(rows);
                if (indexed)
                {
                    // Small on purpose: every third or so condition gains by its index, the others show that it is left alone.
                    foreach (var column in view.Segment.Columns.Where(c => SortedIndex.CanIndex(c.Field)))
                    {
                        column.Index = SortedIndex.Build(column, rows.Count);
                    }
                }

                var mask = Evaluator.Matching(Parser.Parse(FilterSample.Definition(), filter.Text), view);
                var found = rows.Where(r => (mask[r.Id >> 6] >> (int)(r.Id & 63) & 1) != 0).Select(r => r.Id);
                var expected = rows.Where(r => filter.Means(r) == true).Select(r => r.Id);
                Assert.True(expected.SequenceEqual(found), $"{filter.Text}\n expected {string.Join(',', expected)}\n found    {string.Join(',', found)}");
            },
            iter: 5_000);

    private static Gen<PlainRow> Row() =>
        from small in Gen.OneOf(Gen.Const((long?)null), Gen.Long[-3, 3].Select(v => (long?)v))
        from ratio in Gen.OneOf(Gen.Const((float?)null), Gen.Int[-8, 8].Select(v => (float?)(v / 4f)))
        from exact in Gen.Int[-8, 8].Select(v => v / 8.0)
        from title in Gen.OneOf(Gen.Const((string?)null), Among(Words).Select(w => (string?)w))
        from flag in Among<bool?>(null, true, false)
        from numbers in Gen.OneOf(Gen.Const((long[]?)null), Gen.Long[0, 5].Array[0, 5].Select(a => (long[]?)a))
        from words in Gen.OneOf(Gen.Const((string[]?)null), Among(Words).Array[0, 4].Select(a => (string[]?)a))
        from parts in Gen.Int[0, 6].Select(v => v / 10f).Array[0, 4]
        from day in Gen.OneOf(Gen.Const((DateTime?)null), Gen.Int[0, 60].Select(d => (DateTime?)new DateTime(2025, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddDays(d)))
        from info in Gen.OneOf(Gen.Const((string?)null), Json().Select(j => (string?)j))
        from meta in Json()
        select new PlainRow(0, small, ratio, exact, title, flag, numbers, words, parts, day, info, meta);

    private static Gen<string> Json() => Gen.OneOf(
        Gen.Const("{}"),
        Gen.Int[0, 4].Select(n => $$$"""{"k":{{{n}}},"d":{"e":{{{n}}}.5}}"""),
        Among("a", "ab", "b").Select(s => $$$"""{"k":"{{{s}}}","d":{"e":"{{{s}}}"}}"""),
        Gen.Int[0, 4].Array[0, 4].Select(a => $$"""{"k":[{{string.Join(',', a)}}],"d":null}"""),
        Among("""{"k":true}""", """{"k":[[1,2],"a",2.5]}""", """{"k":{"z":1},"d":{"e":[1]}}""", """{"k":null}"""));

    private static Gen<Reading> Condition() => Gen.Recursive<Reading>((depth, inner) => depth > 3
        ? Leaf()
        : Gen.OneOf(
            Leaf(),
            Leaf(),
            inner.Select(a => new Reading($"not ({a.Text})", r => !a.Means(r))),
            Gen.Select(inner, inner, inner).Select((a, b, c) => new Reading($"({a.Text}) and ({b.Text}) && ({c.Text})", r => a.Means(r) & b.Means(r) & c.Means(r))),
            Gen.Select(inner, inner, inner).Select((a, b, c) => new Reading($"({a.Text}) or ({b.Text}) || ({c.Text})", r => a.Means(r) | b.Means(r) | c.Means(r)))));

    private static Gen<Reading> Leaf() => Gen.OneOf(Scalars(), Texts(), Arrays(), JsonPaths(), Rest());

    private static Gen<Reading> Scalars() => Gen.OneOf(
        Gen.Select(Operator(), Gen.Int[-4, 4]).Select((o, n) => new Reading($"small {o.Sign} {n}", r => o.Means(r.Small, n))),
        Gen.Select(Operator(), Gen.Int[-9, 9]).Select((o, n) => new Reading($"{n}.0 {o.Sign} exact * 8", r => o.Means(n, r.Exact * 8))),
        Gen.Select(Operator(), Gen.Int[-9, 9]).Select((o, n) => new Reading($"ratio {o.Sign} {Number(n / 4.0)}", r => o.Means(r.Ratio, n / 4.0))),
        Gen.Select(Gen.Int[-4, 2], Gen.Int[0, 4]).Select((low, more) => new Reading($"{low} < small <= {low + more}", r => r.Small is { } v ? v > low && v <= low + more : null)),
        Gen.Select(Operator(), Gen.Int[1, 3]).Select((o, n) => new Reading($"(small + id) % {n} {o.Sign} 1", r => o.Means((r.Small + r.Id) % n, 1))),
        Gen.Int[-4, 4].Array[0, 20].Select(set => new Reading($"small in [{string.Join(", ", set)}]", r => r.Small is { } v ? set.Contains((int)v) : null)),
        Gen.Int[-4, 4].Array[0, 4].Select(set => new Reading($"small not in [{string.Join(", ", set)}]", r => r.Small is { } v ? !set.Contains((int)v) : null)),
        Gen.Int[-9, 9].Array[0, 4].Select(set => new Reading($"ratio in [{string.Join(", ", set.Select(n => Number(n / 4.0)))}]", r => r.Ratio is { } v ? set.Contains((int)(v * 4)) : null)),
        Gen.Bool.Select(b => new Reading($"flag == {(b ? "true" : "False")}", r => r.Flag is { } f ? f == b : null)),
        Gen.Const(new Reading("flag", r => r.Flag)),
        Gen.Const(new Reading("id > small", r => r.Small is { } v ? r.Id > v : null)));

    private static Gen<Reading> Texts() => Gen.OneOf(
        Gen.Select(Operator(), Among(Words)).Select((o, w) => new Reading($"title {o.Sign} {Quoted(w)}", r => r.Title is { } t ? o.Holds(string.CompareOrdinal(t, w)) : null)),
        Among(Words).Array[0, 3].Select(set => new Reading($"title in [{string.Join(',', set.Select(Quoted))}]", r => r.Title is { } t ? set.Contains(t) : null)),
        Like("a%", t => t.StartsWith('a')),
        Like("%b", t => t.EndsWith('b')),
        Like("%b%", t => t.Contains('b')),
        Like("a_", t => t.Length == 2 && t[0] == 'a'),
        Like("%\\\\%", t => t.EndsWith('%')),
        Like("x\\\\_y", t => t == "x_y"),
        Like("a%b%", t => t.StartsWith('a') && t.IndexOf('b', 1) > 0),
        Gen.Const(new Reading("title =~ \"^ab?$\"", r => r.Title is { } t ? t is "a" or "ab" : null)));

    private static Gen<Reading> Like(string pattern, Func<string, bool> means) =>
        Gen.Const(new Reading($"title like \"{pattern}\"", r => r.Title is { } t ? means(t) : null));

    private static Gen<Reading> Arrays() => Gen.OneOf(
        Gen.Select(Operator(), Gen.Int[0, 5], Gen.Int[0, 4]).Select((o, n, i) => new Reading($"numbers[{i}] {o.Sign} {n}", r => r.Numbers is { } a && i < a.Length ? o.Means(a[i], n) : null)),
        Gen.Select(Operator(), Gen.Int[0, 5]).Select((o, n) => new Reading($"array_length(numbers) {o.Sign} {n}", r => o.Means(r.Numbers?.Length, n))),
        Gen.Int[0, 5].Select(n => new Reading($"array_contains(numbers, {n})", r => r.Numbers?.Contains(n))),
        Gen.Int[0, 5].Array[0, 3].Select(set => new Reading($"ARRAY_CONTAINS_ALL(numbers, [{string.Join(',', set)}])", r => r.Numbers is { } a ? set.All(n => a.Contains(n)) : null)),
        Gen.Int[0, 5].Array[0, 3].Select(set => new Reading($"array_contains_any(numbers, [{string.Join(',', set)}])", r => r.Numbers is { } a ? set.Any(n => a.Contains(n)) : null)),
        Among(Words).Select(w => new Reading($"array_contains(words, {Quoted(w)})", r => r.Words?.Contains(w))),
        Gen.Int[0, 6].Select(n => new Reading($"array_contains(parts, {Number(n / 10.0)})", r => r.Parts.Contains(n / 10f))),
        Gen.Int[0, 5].Array[0, 3].Select(set => new Reading($"numbers == [{string.Join(',', set)}]", r => r.Numbers is { } a ? a.SequenceEqual(set.Select(n => (long)n)) : null)),
        Gen.Const(new Reading("numbers is null", r => r.Numbers is null)));

    private static Gen<Reading> JsonPaths() =>
        from field in Among("info", "$meta", "")
        from path in Among<string[]>(["k"], ["d", "e"], ["k", "0"], ["none"])
        from condition in JsonCondition(
            field.Length > 0 ? field + string.Concat(path.Select(p => p == "0" ? "[0]" : $"['{p}']")) : path[0] + string.Concat(path.Skip(1).Select(p => p == "0" ? "[0]" : $"[\"{p}\"]")),
            r => Find(field == "info" ? r.Info : r.Dynamic, path))
        select condition;

    private static Gen<Reading> JsonCondition(string name, Func<PlainRow, JsonElement?> find) => Gen.OneOf(
        Gen.Select(Operator(), Gen.Int[0, 5]).Select((o, n) => new Reading($"{name} {o.Sign} {n}", r => find(r) is { ValueKind: JsonValueKind.Number } v ? o.Means(v.GetDouble(), n) : null)),
        Gen.Select(Operator(), Among("a", "b")).Select((o, s) => new Reading($"{name} {o.Sign} '{s}'", r => find(r) is { ValueKind: JsonValueKind.String } v ? o.Holds(string.CompareOrdinal(v.GetString(), s)) : null)),
        Gen.Int[0, 4].Select(n => new Reading($"{name} in [{n}, 2.5]", r => find(r) is { ValueKind: JsonValueKind.Number } v ? v.GetDouble() == n || v.GetDouble() == 2.5 : null)),
        Gen.Const(new Reading($"{name} like 'a%'", r => find(r) is { ValueKind: JsonValueKind.String } v ? v.GetString()!.StartsWith('a') : null)),
        Gen.Const(new Reading($"exists {name}", r => find(r) is { ValueKind: not JsonValueKind.Null })),
        Gen.Const(new Reading($"{name} is null", r => find(r) is not { ValueKind: not JsonValueKind.Null })),
        Gen.Const(new Reading($"{name} is not null", r => find(r) is { ValueKind: not JsonValueKind.Null })),
        Gen.Int[0, 4].Select(n => new Reading($"json_contains({name}, {n})", r => find(r) is { ValueKind: JsonValueKind.Array } v ? Items(v).Contains(n) : null)),
        Gen.Const(new Reading($"JSON_contains({name}, [1, 2])", r => find(r) is { ValueKind: JsonValueKind.Array } v ? v.EnumerateArray().Any(i => i.ValueKind == JsonValueKind.Array && Items(i).SequenceEqual([1, 2])) : null)),
        Gen.Int[0, 4].Array[0, 3].Select(s => new Reading($"json_contains_all({name}, [{string.Join(',', s)}])", r => find(r) is { ValueKind: JsonValueKind.Array } v ? s.All(n => Items(v).Contains(n)) : null)),
        Gen.Int[0, 4].Array[0, 3].Select(s => new Reading($"json_contains_any({name}, [{string.Join(',', s)}])", r => find(r) is { ValueKind: JsonValueKind.Array } v ? s.Any(n => Items(v).Contains(n)) : null)),
        Gen.Select(Operator(), Gen.Int[0, 4]).Select((o, n) => new Reading($"array_length({name}) {o.Sign} {n}", r => find(r) is { ValueKind: JsonValueKind.Array } v ? o.Means(v.GetArrayLength(), n) : null)),
        Gen.Const(new Reading($"{name} == true", r => find(r) is { ValueKind: JsonValueKind.True or JsonValueKind.False } v ? v.GetBoolean() : null)));

    private static Gen<Reading> Rest() => Gen.OneOf(
        Gen.Select(Operator(), Gen.Int[0, 60]).Select((o, d) => new Reading(
            $"when {o.Sign} ISO '{new DateTime(2025, 1, 1).AddDays(d):yyyy-MM-dd}T00:00:00Z'", r => r.When is { } t ? o.Holds(t.CompareTo(new DateTime(2025, 1, 1).AddDays(d))) : null)),
        Gen.Const(new Reading("when + interval 'P1M' > iso \"2025-03-01T08:00:00+08:00\"", r => r.When is { } t ? t.AddMonths(1) > new DateTime(2025, 3, 1) : null)),
        Gen.Const(new Reading("when is not null", r => r.When is not null)),
        Gen.Const(new Reading("info is null", r => r.Info is null)),
        Gen.Const(new Reading("ratio is null", r => r.Ratio is null)),
        Among(new Reading("true", _ => true), new Reading("1 == 2", _ => false)));

    private static Gen<T> Among<T>(params T[] items) => Gen.Int[0, items.Length - 1].Select(i => items[i]);

    private sealed record Relation(string Sign, Func<int, bool> Holds)
    {
        public bool? Means(double? a, double b) => a is { } value ? Holds(value.CompareTo(b)) : null;
    }

    private static Gen<Relation> Operator() => Among(
        new Relation("==", c => c == 0), new Relation("!=", c => c != 0), new Relation("<", c => c < 0), new Relation("<=", c => c <= 0), new Relation(">", c => c > 0), new Relation(">=", c => c >= 0));

    private static JsonElement? Find(string? json, string[] path)
    {
        if (json is null) return null;
        JsonElement? at = JsonDocument.Parse(json).RootElement;
        foreach (var step in path)
        {
            at = at is { ValueKind: JsonValueKind.Object } o && o.TryGetProperty(step, out var found) ? found
                : at is { ValueKind: JsonValueKind.Array } a && int.TryParse(step, out var i) && i < a.GetArrayLength() ? a[i]
                : null;
        }

        return at;
    }

    private static List<double> Items(JsonElement array) => [.. array.EnumerateArray().Where(i => i.ValueKind == JsonValueKind.Number).Select(i => i.GetDouble())];

    private static string Quoted(string text) => $"\"{text}\"";

    private static string Number(double value) => value.ToString("0.0###", CultureInfo.InvariantCulture);
}
