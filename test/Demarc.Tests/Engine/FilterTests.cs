using CsCheck;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;

namespace Demarc.Tests.Engine;

/// <summary>The filter language: what each form means, what is refused and how, and that no text can crash or hang it.</summary>
public class FilterTests
{
    private const int Count = 130; // More than two words of a mask, and not a whole number of them.

    public static TheoryData<string, string> Meanings() => new()
    {
        { "id == 5", "5" },
        { "5 == id", "5" },
        { "id < 3", "0,1,2" },
        { "3 > id", "0,1,2" },
        { "id >= 128", "128,129" },
        { "10 < id <= 12", "11,12" },
        { "12 >= id > 10", "11,12" },
        { "id in [1, 2, 300,]", "1,2" },
        { "id in []", "" },
        { "id not in [0, 1] and id < 4", "2,3" },
        { "NOT id > 1", "0,1" },
        { "!(id > 1)", "0,1" },
        { "not not id < 2", "0,1" },
        { "id == 1 or id == 2 and flag", "1,2" },
        { "(id == 1 || id == 2) && flag == true", "2" },
        { "flag and id < 5", "0,2,4" },
        { "not flag and id < 5", "1,3" },
        { "true and id == 1", "1" },
        { "false or id == 1", "1" },
        { "title == \"row 7 v0\"", "7" },
        { "title == 'row 7 v0'", "7" },
        { "title like \"row 12_ v0\"", "120,121,122,123,124,125,126,127,128,129" },
        { "title like \"%9 v0\" and id < 30", "9,19,29" },
        { "title like \"row 1%v0\" and id < 12", "1,10,11" },
        { "title > \"row 98\"", "98,99" },
        { "title in [\"row 1 v0\", \"nothing\"]", "1" },
        { "small == 99", "99" },
        { "ratio == 2.5", "10" },
        { "ratio in [0.25, 7]", "1,28" },
        { "ratio < 0.5", "0,1" },
        { "exact == 1.25", "10" },
        { "exact <= 0.125", "0,1" },
        { "id + 1 == 5", "4" },
        { "id * 2 - 1 == 5", "3" },
        { "id % 50 == 3", "3,53,103" },
        { "id / 100 == 1 and id < 102", "100,101" },
        { "2 ** 3 == id", "8" },
        { "-id == -3", "3" },
        { "id == 0x10", "16" },
        { "id == 1 + 2 * 3", "7" },
        { "maybe is null and id < 9", "0,4,8" },
        { "maybe is not null and id < 4", "1,2,3" },
        { "maybe > 0 and id < 5", "1,2,3" },
        { "not (maybe > 2) and id < 6", "1,2" },
        { "maybe == 5 or id == 4", "4,5" },
        { "info[\"tag\"] == \"t1\" and id < 12", "1,6,11" },
        { "info['deep']['n'] == 2 and id < 9", "2,5,8" },
        { "info[\"list\"][0] == 6 and id < 21", "6,13,20" },
        { "info[\"tag\"] in [\"t1\", \"t2\"] and id < 7", "1,2,6" },
        { "info[\"tag\"] like \"%3\" and id < 9", "3,8" },
        { "info[\"none\"] == 1", "" },
        { "not (info[\"none\"] == 1)", "" },
        { "info[\"tag\"] == 1", "" },
        { "exists info[\"tag\"] and id < 2", "0,1" },
        { "exists info[\"none\"]", "" },
        { "json_contains(info[\"list\"], \"x\") and id < 2", "0,1" },
        { "json_contains_all(info[\"list\"], [\"x\", 3]) and id < 11", "3,10" },
        { "JSON_CONTAINS_ANY(info[\"list\"], [3, 4]) and id < 11", "3,4,10" },
        { "color == \"c1\" and id < 8", "1,4,7" },
        { "$meta[\"color\"] == \"c1\" and id < 8", "1,4,7" },
        { "color is null and id < 13", "0,6,12" },
        { "exists color and id < 3", "1,2" },
        { "color != \"c1\" and id < 4", "2,3" },
    };

    public static TheoryData<string, string> Refusals() => new()
    {
        { "id ==", "position 5" },
        { "id == \"five\"", "cannot cast value to Int64, value: string_val:\"five\"" },
        { "title == 5", "cannot cast value to VarChar, value: int64_val:5" },
        { "flag == 1", "cannot cast value to Bool, value: int64_val:1" },
        { "vec == 1", "vector field vec" },
        { "title", "predicate is not a boolean expression: title, data type: VarChar" },
        { "id", "predicate is not a boolean expression: id, data type: Int64" },
        { "5", "predicate is not a boolean expression: 5, data type: Int64" },
        { "(id == 1", "')' should stand at position 8" },
        { "id == 1)", "unexpected ')'" },
        { "id == 1 id == 2", "unexpected 'id'" },
        { "id = 1", "unexpected '=' at position 3" },
        { "id == 'x", "no closing '" },
        { "id in 5", "the right-hand side of 'in' must be a list, but got: 5" },
        { "id in [id]", "array element type must be generic value, but got: id" },
        { "id in [\"a\"]", "in list cannot be casted to Int64" },
        { "id == {n}", "{n} is not found" },
        { "id == {n", "no closing brace" },
        { "title + 1 == 2", "'add' can only be used between" },
        { "id / 0 == 1", "by zero" },
        { "id % 0 == 1", "by zero" },
        { "title[\"a\"] == 1", "VarChar data type not supported accessed with []" },
        { "st_within(info, 1)", "not served" },
        { "id like \"a\"", "like operation on non-string or no-json field is unsupported" },
        { "title like 5", "like pattern should be a string literal" },
        { "id == 5.0", "cannot cast value to Int64, value: float_val:5" },
        { "id in [6.5]", "in list cannot be casted to Int64" },
        { "id ** 2 == 4", "power can only apply on constants" },
        { "ratio % 2 == 0", "modulo can only apply on integer types" },
        { "id & 1 == 1", "BitAnd is not supported" },
        { "id == 9223372036854775808", "beyond the range" },
        { "id == 1e999", "not a number in range" },
        { "id is 5", "null should stand" },
        { "not", "should stand at position 3" },
        { "(id == 1) + 2 == 3", "a condition stands where a value should" },
        { "id @ 1", "unexpected character '@' at position 3" },
    };

    [Theory]
    [MemberData(nameof(Meanings))]
    public void A_filter_means_what_it_says(string filter, string keys) => Assert.Equal(keys, string.Join(',', Keys(filter)));

    [Theory]
    [MemberData(nameof(Refusals))]
    public void A_mistake_is_named(string filter, string words) =>
        Assert.Contains(words, Assert.Throws<FilterException>(() => Parser.Parse(Sample.Definition(), filter)).Message, StringComparison.Ordinal);

    [Fact]
    public void Templates_are_bound()
    {
        var templates = new Dictionary<string, TemplateValue>
        {
            ["n"] = new() { Int64Val = 3 },
            ["list"] = new() { ArrayVal = new TemplateArrayValue { LongData = new LongArray { Data = { 1, 3, 5 } } } },
            ["text"] = new() { StringVal = "row 5%" },
        };
        Assert.Equal("3", string.Join(',', Keys("id == {n}", templates)));
        Assert.Equal("3,5", string.Join(',', Keys("id in {list} and id >= {n}", templates)));
        Assert.Equal("5", string.Join(',', Keys("title like {text} and id < 50", templates)));
        Assert.Throws<FilterException>(() => Keys("id in {n}", templates));
        Assert.Throws<FilterException>(() => Keys("id == {list}", templates));
    }

    [Fact]
    public void Nesting_is_bounded_before_the_stack_is()
    {
        foreach (var filter in new[] { new string('(', 100_000) + "id == 1", string.Concat(Enumerable.Repeat("not ", 100_000)) + "flag", "id == " + new string('-', 100_000) + "1", "id in " + new string('[', 100_000), "id == " + string.Concat(Enumerable.Repeat("2 ** -", 50_000)) + "1" })
        {
            Assert.Contains("nested deeper", Assert.Throws<FilterException>(() => Parser.Parse(Sample.Definition(), filter)).Message, StringComparison.Ordinal);
        }

        var wide = string.Join(" or ", Enumerable.Repeat("id == 1", 5000));
        Assert.Contains("more than", Assert.Throws<FilterException>(() => Parser.Parse(Sample.Definition(), wide)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_like_pattern_made_to_explode_stays_quick()
    {
        var text = new string('a', 20_000);
        var pattern = new LikePattern(string.Concat(Enumerable.Repeat("a%", 500)) + "b");
        var begun = TimeProvider.System.GetTimestamp();
        Assert.False(pattern.Matches(text));
        Assert.True(TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Any_text_is_parsed_or_refused()
    {
        var view = Sample.Rows(Count).View;
        var scraps = new[]
        {
            "id", "title", "info", "color", "maybe", "flag", "vec", "==", "!=", "<", ">=", "and", "or", "not", "in", "like", "is", "null", "[", "]", "(", ")", ",",
            "1", "2.5", "\"x\"", "'y'", "+", "-", "*", "/", "%", "**", "exists", "json_contains", "{t}", "true", "$meta", "\"", "\\", "\0", "é", "&&", "||", "!",
        };
        Gen.OneOf(Gen.Int[0, scraps.Length - 1].Select(i => scraps[i]).Array[0, 25].Select(s => string.Join(' ', s)), Gen.String[0, 60]).Sample(
            text =>
            {
                try
                {
                    foreach (var segment in view.Segments)
                    {
                        Evaluator.Matching(Parser.Parse(view.Definition, text), segment);
                    }
                }
                catch (FilterException)
                {
                    // The only way to say no.
                }
            },
            iter: 20_000);
    }

    /// <summary>Random conditions against a plain evaluation of the same tree, nulls included.</summary>
    [Fact]
    public void Evaluation_agrees_with_a_plain_reading()
    {
        var view = Sample.Rows(Count).View;
        Condition().Sample(
            pair =>
            {
                var expected = Enumerable.Range(0, Count).Where(i => pair.Means(i) == true).Select(i => (long)i);
                Assert.Equal(expected, Keys(pair.Text));
            },
            iter: 1_000);
    }

    private sealed record Reading(string Text, Func<int, bool?> Means);

    private static Gen<Reading> Condition() => Gen.Recursive<Reading>((depth, inner) =>
    {
        var leaf = Gen.OneOf(
            Gen.Int[-5, 140].Select(n => new Reading($"id < {n}", i => i < n)),
            Gen.Int[-5, 140].Select(n => new Reading($"maybe >= {n}", i => i % 4 == 0 ? null : i >= n)),
            Gen.Int[0, 4].Select(n => new Reading($"info[\"tag\"] != \"t{n}\"", i => i % 5 != n)),
            Gen.Int[0, 2].Select(n => new Reading($"color == \"c{n}\"", i => i % 6 == 0 ? null : i % 3 == n)),
            Gen.Int[0, 9].Select(n => new Reading($"id % 10 == {n}", i => i % 10 == n)),
            Gen.Int[0, 140].Array[0, 5].Select(set => new Reading($"maybe in [{string.Join(',', set)}]", i => i % 4 == 0 ? null : set.Contains(i))));
        return depth > 4
            ? leaf
            : Gen.OneOf(
                leaf,
                inner.Select(a => new Reading($"not ({a.Text})", i => !a.Means(i))),
                Gen.Select(inner, inner).Select((a, b) => new Reading($"({a.Text}) and ({b.Text})", i => a.Means(i) & b.Means(i))),
                Gen.Select(inner, inner).Select((a, b) => new Reading($"({a.Text}) or ({b.Text})", i => a.Means(i) | b.Means(i))));
    });

    private static IEnumerable<long> Keys(string filter, Dictionary<string, TemplateValue>? templates = null)
    {
        var view = Sample.Rows(Count).View;
        var mask = Evaluator.Matching(Parser.Parse(view.Definition, filter, templates), view.Segments[0]);
        return Enumerable.Range(0, Count).Where(i => (mask[i >> 6] >> (i & 63) & 1) != 0).Select(i => (long)i);
    }
}
