using Demarc.Engine.Filters;

namespace Demarc.Tests.Engine;

/// <summary>Regular expressions mean what RE2 says, and texts are characters, not units.</summary>
public class TextExpressionTests
{
    [Theory]
    [InlineData("c.d", "c\nd", true)]
    [InlineData("(?-s)c.d", "c\nd", false)]
    [InlineData("(?-s:c.)d.e", "cxd\ne", true)]
    [InlineData("a$", "a\n", false)]
    [InlineData("(?m)a$", "a\nb", true)]
    [InlineData("(?m)^b", "a\nb", true)]
    [InlineData("^b", "a\nb", false)]
    [InlineData(@"\p{Han}+", "error 中文", true)]
    [InlineData(@"\p{Han}", "error", false)]
    [InlineData(@"^\p{Lu}\pL+$", "Ärger", true)]
    [InlineData(@"^\P{Lu}", "Ärger", false)]
    [InlineData(@"^\p{^Lu}", "ärger", true)]
    [InlineData(@"^\d$", "٣", false)]
    [InlineData(@"^\w+$", "é", false)]
    [InlineData(@"^\W$", "é", true)]
    [InlineData("(?P<code>E[0-9]{4})", "has E1234", true)]
    [InlineData("(?i)error|WARN", "Error", true)]
    [InlineData("(?i:e)rror", "ERROR", false)]
    [InlineData("(?i)[^a]", "A", false)]
    [InlineData("^.$", "🚀", true)]
    [InlineData("^..$", "🚀", false)]
    [InlineData("^🚀+$", "🚀🚀", true)]
    [InlineData("^[^a]$", "🚀", true)]
    [InlineData("^[🚀✅]+$", "✅🚀", true)]
    [InlineData("^[[:alpha:]]+[[:^digit:]]$", "ab-", true)]
    [InlineData("^[]a]$", "]", true)]
    [InlineData("^a{2,3}$", "aaaa", false)]
    [InlineData("^a{2,}$", "aaaa", true)]
    [InlineData("a{,2}", "a{,2}", true)]
    [InlineData(@"^\x41\x{1F680}\Q.*\E$", "A🚀.*", true)]
    [InlineData("", "anything", true)]
    public void They_find_what_they_find_in_Milvus(string pattern, string text, bool found) => Assert.Equal(found, new TextExpression(pattern).Matches(text));

    [Theory]
    [InlineData("(unclosed", "missing closing ): `(unclosed`")]
    [InlineData("closed)", "unexpected ): `closed)`")]
    [InlineData("[a-", "missing closing ]: `[a-`")]
    [InlineData("*a", "missing argument to repetition operator: `*`")]
    [InlineData("a**", "invalid nested repetition operator: `**`")]
    [InlineData("a{1001}", "invalid repeat count: `{1001}`")]
    [InlineData("[b-a]", "invalid character class range: `b-a`")]
    [InlineData(@"\k", @"invalid escape sequence: `\k`")]
    [InlineData(@"\1", @"invalid escape sequence: `\1`")]
    [InlineData(@"\p{Nothing}", @"invalid character class range: `\p{Nothing}`")]
    [InlineData("(?=a)", "invalid or unsupported Perl syntax: `(?=`")]
    [InlineData("(?P<a b>c)", "invalid named capture: `(?P<a b>`")]
    [InlineData(@"a\", "trailing backslash at end of expression: ``")]
    public void What_RE2_refuses_is_refused_in_its_words(string pattern, string why) =>
        Assert.Equal("invalid regex pattern: error parsing regexp: " + why, Assert.Throws<FilterException>(() => new TextExpression(pattern)).Message);

    [Fact]
    public void A_plain_text_may_be_long_and_an_expression_may_not()
    {
        var text = new string('a', 10_000);
        Assert.True(new TextExpression(text).Matches("b" + text));
        Assert.True(new TextExpression(string.Join('|', Enumerable.Range(0, 1000).Select(i => $"alt_{i}"))).Matches("alt_999"));
        Assert.Contains("the limit is", Assert.Throws<FilterException>(() => new TextExpression(new string('a', Demarc.Engine.Limits.RegexLength) + ".")).Message);
    }

    [Theory]
    [InlineData("""title =~ "\bfox\b" """, true)]
    [InlineData("""title =~ "\\bfox\\b" """, true)]
    [InlineData("""title =~ r"\bfox\b" """, true)]
    [InlineData("""title =~ 'q\?' """, false)]
    [InlineData("""title =~ {pattern} """, true)]
    public void Backslashes_belong_to_the_expression(string filter, bool found)
    {
        var templates = new Dictionary<string, Demarc.Engine.Protocol.TemplateValue> { ["pattern"] = new() { StringVal = @"\bfox\b" } };
        var read = Assert.IsType<RegexNode>(Parser.Parse(FilterSample.Definition(), filter, templates));
        Assert.Equal(found, read.Pattern.Matches("quick fox"));
    }

    [Theory]
    [InlineData("_", "🚀", true)]
    [InlineData("__", "🚀", false)]
    [InlineData("%_a", "🚀a", true)]
    [InlineData("_%_", "🚀", false)]
    [InlineData(@"a\\", @"a\", true)]
    public void An_underscore_is_one_character(string pattern, string text, bool matches) => Assert.Equal(matches, new LikePattern(pattern).Matches(text));

    [Fact]
    public void A_pattern_does_not_end_in_a_backslash() => Assert.Throws<FilterException>(() => new LikePattern(@"abc\"));
}
