using CsCheck;
using Demarc.Engine;
using Demarc.Engine.Errors;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Text;

namespace Demarc.Tests.Engine;

/// <summary>Whatever text comes as a filter, a template, an analyzer or a geometry: it is read or refused, in bounded time and memory.</summary>
public class FilterFuzzTests
{
    private static readonly string[] Scraps =
    [
        "id", "small", "ratio", "exact", "title", "flag", "numbers", "words", "parts", "when", "info", "color", "$meta", "vec", "==", "!=", "<", "<=", ">", ">=", "=", "=~", "!~", "and", "or", "not", "&&", "||", "!",
        "in", "like", "is", "null", "exists", "[", "]", "(", ")", ",", "+", "-", "*", "/", "%", "**", "&", "|", "^", "~", "<<", ">>", "1", "0x1F", "017", "0b1", "1e5", ".5", "9223372036854775808", "0x1p3", "true", "False",
        "\"x\"", "'y%'", "r'\\d'", "'\\u00e9'", "\"", "'", "\\", "{t}", "{list}", "{", "}", "json_contains", "array_contains_all", "array_length", "text_match", "phrase_match", "random_sample", "minimum_should_match",
        "interval", "ISO", "'P1D'", "'2025-01-01'", "empty", "starts_with", "element_filter", "$", "\0", "é", "\ud800",
    ];

    private static readonly Dictionary<string, TemplateValue> Templates = new()
    {
        ["t"] = new() { FloatVal = double.NaN },
        ["list"] = new() { ArrayVal = new TemplateArrayValue { JsonData = new JSONArray { Data = { Google.Protobuf.ByteString.CopyFromUtf8("[1,{\"a\":2}]"), Google.Protobuf.ByteString.CopyFromUtf8("1") } } } },
    };

    [Fact]
    public void Any_filter_is_evaluated_or_refused()
    {
        var rows = Enumerable.Range(0, 70).Select(i => i % 3 == 0
            ? new PlainRow(i, null, null, 0, null, null, null, null, [], null, null, "{}")
            : new PlainRow(i, long.MaxValue >> 50, float.MaxValue, double.MaxValue, "a b", true, [1, 2], ["x"], [1], DateTime.UnixEpoch, "{\"a\":[1,{}]}", "{\"color\":1e300}")).ToList();
        var view = FilterSample.View(rows);
        var definition = FilterSample.Definition();
        Gen.OneOf(Gen.Int[0, Scraps.Length - 1].Select(i => Scraps[i]).Array[0, 30].Select(s => string.Join(' ', s)), Gen.String[0, 60], Mutated()).Sample(
            text =>
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    Evaluator.Matching(Parser.Parse(definition, text, Templates), view);
                }
                catch (FilterException)
                {
                    // The only way to say no.
                }

                Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 16_000_000, text);
            },
            iter: 30_000);
    }

    /// <summary>Filters that were well formed until one character was changed, dropped or doubled.</summary>
    private static Gen<string> Mutated() =>
        from filter in Gen.Int[0, FilterGoldenTests.Filters.Length - 1].Select(i => FilterGoldenTests.Filters[i])
        from at in Gen.Int[0, Math.Max(0, filter.Length - 1)]
        from change in Gen.Int[0, 2]
        from with in Gen.Char
        select filter.Length == 0 ? with.ToString() : change switch { 0 => filter[..at] + with + filter[(at + 1)..], 1 => filter.Remove(at, 1), _ => filter.Insert(at, filter[at].ToString()) };

    [Fact]
    public void Long_and_deep_filters_are_bounded()
    {
        var definition = FilterSample.Definition();
        foreach (var open in new[] { "(", "[", "not ", "-", "!", "json_contains(", "exists(", "info[0]" + "[0]", "id in [", "2 ** -" })
        {
            var text = string.Concat(Enumerable.Repeat(open, 200_000))[..200_000];
            Assert.Throws<FilterException>(() => Parser.Parse(definition, text));
        }

        Assert.Contains("the limit is", Assert.Throws<FilterException>(() => Parser.Parse(definition, new string(' ', Limits.FilterLength) + "id == 1")).Message, StringComparison.Ordinal);
        Assert.Contains("the limit is", Assert.Throws<FilterException>(() => Parser.Parse(definition, $"title =~ '{new string('a', Limits.RegexLength)}+'")).Message, StringComparison.Ordinal);
        var many = $"id in [{string.Join(',', Enumerable.Range(0, 100_000))}]";
        Assert.IsType<InNode>(Parser.Parse(definition, many));
        var chain = string.Join(" or ", Enumerable.Range(0, 1_000).Select(i => $"id == {i}"));
        Assert.IsType<LogicNode>(Parser.Parse(definition, chain));
    }

    [Fact]
    public void Any_analyzer_is_made_or_refused()
    {
        string[] scraps = ["{", "}", "[", "]", ":", ",", "\"type\"", "\"standard\"", "\"english\"", "\"tokenizer\"", "\"filter\"", "\"ngram\"", "\"min_gram\"", "\"stop_words\"", "1", "null", "\"regex\"", "\"expr\"", "\"(\""];
        Gen.OneOf(Gen.Int[0, scraps.Length - 1].Select(i => scraps[i]).Array[0, 15].Select(string.Concat), Gen.String[0, 30]).Sample(
            text =>
            {
                try
                {
                    AnalyzerReader.Read(text).Analyze("The quick 快 fox");
                }
                catch (Fault)
                {
                    // The only way to say no.
                }
            },
            iter: 5_000);
        foreach (var parameters in new[] { "", "{\"type\":\"english\"}", "{\"type\":\"chinese\"}", "{\"tokenizer\":{\"type\":\"ngram\",\"min_gram\":1,\"max_gram\":3}}" })
        {
            var analyzer = AnalyzerReader.Read(parameters);
            Gen.String[0, 40].Sample(text => Assert.All(analyzer.Analyze(text), t => Assert.True(t.Start < t.End)), iter: 2_000);
        }
    }

    [Fact]
    public void Any_geometry_or_time_is_read_or_refused() => Gen.OneOf(Gen.String[0, 30], Gen.Int[0, 8].Select(i => new[] { "POINT", "(", ")", "1 2", ",", " ", "EMPTY", "POLYGON", "GEOMETRYCOLLECTION" }[i]).Array[0, 12].Select(string.Concat)).Sample(
        text =>
        {
            _ = WellKnownText.IsValid(text);
            _ = Timestamps.TryParse(text, TimeZoneInfo.Utc, out _);
            _ = Timestamps.TryParseInterval(text, out _);
        },
        iter: 10_000);
}
