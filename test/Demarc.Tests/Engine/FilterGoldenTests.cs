using System.Text;
using Demarc.Engine.Filters;
using Demarc.Engine.Protocol;
using Demarc.Tests.House;

namespace Demarc.Tests.Engine;

/// <summary>contract/filters.txt: how filters are read and in what words they are refused, for people to read in review.</summary>
public class FilterGoldenTests
{
    internal static readonly string[] Filters =
    [
        "", "id == 1", "1 < id <= 5", "5 >= id > 1", "id == -9223372036854775808", "id == 0x1F or id == 017 or id == 0b101", "exact == 0x1.8p1", "exact < .5", "exact < 1e3", "exact == 5.",
        "id in [1, 2, 3,]", "id not in []", "title in ['a', \"b\"]", "ratio in [0.1]", "not flag", "flag == True and !(id > 1)", "id > 1 && id < 9 || title == 'x'", "a or b and not c",
        "title like 'ab%'", "title like \"%a\\\\%b_\"", "title == \"tab\\tquote\\\"\\u00e9\\x41\\101\"", "title == r'\\d+'", "title =~ r'\\d+'", "title !~ 'x'", "words[0] like 'a%'",
        "id + 1 == 2", "2 * 3 + 1 == id", "-2 ** 2 == id", "2 ** 3 ** 2 == id", "id / 2 > 1.5", "(id + small) * 2 % 3 == 0",
        "numbers[0] > 1", "array_length(numbers) == 2", "array_contains(numbers, 1)", "ARRAY_CONTAINS_ALL(numbers, [1, 2])", "Array_Contains_Any(words, ['a'])", "numbers == [1, 2]",
        "info[\"a\"]['b'][0] == 1", "color == 'red'", "color['x'] in [1, 'a', true]", "$meta[\"a\"] > 1.5", "exists info['a']", "EXISTS color", "info['a'] is null", "info is not null", "title is null",
        "json_contains(info['a'], 1)", "JSON_CONTAINS_ALL(info, [1, 'x', [2, 3]])", "json_contains_any(color, ['a'])", "info['a'] == [1, 2.0]",
        "when > ISO '2025-01-01T00:00:00Z'", "when + INTERVAL 'P1DT2H' <= ISO '2025-01-01T00:00:00+08:00'", "ISO '2025-01-01 00:00:00' < when",
        "id == {n}", "id in {list}", "json_contains(info['a'], {list})", "title like {text}", "id > 1 and random_sample(0.1)", "random_sample(0.5)", "empty(title)", "starts_with(title, '10%')", "1 == 1", "true",
        "text_match(title, 'Quick brown fox')", "TEXT_MATCH(title, 'a b c', minimum_should_match=2)", "text_match_fuzzy(title, 'quikc', max_edit_distance=1)", "phrase_match(title, 'quick fox')", "PHRASE_MATCH(title, 'quick fox', 2)",

        "id ==", "id == 1)", "(id == 1", "id = 1", "id @ 1", "id == 'x", "id == {n", "id == {unknown}", "unknown_but_dynamic", "nothing(1)", "st_within(title, 'x')", "element_filter(words, $[a] == 1)",
        "id == 'a'", "id == 1.5", "title == 1", "flag == 1", "exact == 'a'", "id in 5", "id in ['a']", "id in [id]", "1 in [1]", "id in {n}", "id == {list}", "vec == 1", "id", "title and id == 1", "5", "id + 1",
        "title + 1 == 2", "numbers + 1 == 2", "id / 0 == 1", "id % 0 == 1", "exact % 2 == 0", "id ** 2 == 4", "10 ** 400 == id", "id & 1 == 1", "id << 1 == 2", "id == 9223372036854775808", "exact == 1e999", "id == 089", "id == 0x",
        "title['a'] == 1", "numbers['a'] == 1", "numbers[-1] == 1", "info[''] == 1", "id like 'a'", "title like 5", "title =~ '('", "id is 5", "exists id", "exists info", "id + 1 is null",
        "array_contains(id, 1)", "array_contains(numbers, 'a')", "array_contains_all(numbers, 1)", "array_contains(numbers, id)", "array_length(id) == 1", "title == id", "1 == 'a'", "numbers > 1", "(id == 1) + 2 == 3",
        "when > '2025-01-01'", "when > ISO 'yesterday'", "id + interval 'P1D' > 1", "when + interval '1 day' > ISO '2025-01-01 00:00:00'", "when > ISO '2025-01-01'", "id > ISO '2025-01-01 00:00:00'",
        "random_sample(0.1) and id > 1", "id > 1 or random_sample(0.1)", "not random_sample(0.1)", "random_sample(1.5)", "random_sample(1)", "random_sample(id)",
        "text_match(id, 'x')", "text_match(words[0], 'x')", "text_match(title, 5)", "text_match(title, 'x', 2)", "text_match(title, 'x', minimum_should_match=0)", "text_match_fuzzy(title, 'x')", "text_match_fuzzy(title, 'x', max_edit_distance=3)", "text_match_fuzzy(id, 'x', max_edit_distance=1)", "phrase_match(title, 'x', -1)", "phrase_match(title, 'x', 'y')",
    ];

    [Fact]
    public void Filters_are_read_and_refused_as_reviewed()
    {
        var templates = new Dictionary<string, TemplateValue>
        {
            ["n"] = new() { Int64Val = 3 },
            ["list"] = new() { ArrayVal = new TemplateArrayValue { LongData = new LongArray { Data = { 1, 3 } } } },
            ["text"] = new() { StringVal = "a%" },
        };
        var text = new StringBuilder("# Each filter, and how it is read (>) or refused (!).\n");
        foreach (var filter in Filters)
        {
            text.Append(filter).Append('\n');
            try
            {
                var read = Parser.Parse(FilterSample.Definition(), filter, templates);
                text.Append("  > ").Append(Show(read)).Append('\n');
            }
            catch (FilterException e)
            {
                text.Append("  ! ").Append(e.Message).Append('\n');
            }
        }

        Golden.Check("filters.txt", text.ToString());
    }

    private static string Show(ConditionNode node) => node switch
    {
        ConstantNode c => c.Value ? "all" : "none",
        CompareNode c => $"{c.Operation}({Show(c.Left)}, {Show(c.Right)})",
        InNode i => $"In({Show(i.Of)}, {string.Join(' ', i.Values.Values)})",
        LikeNode l => $"Like({Show(l.Of)}, {l.Pattern.Source})",
        RegexNode r => $"Regex({Show(r.Of)})",
        NullNode n => $"Null({Show(n.Of)})",
        ExistsNode e => $"Exists({Show(e.Of)})",
        ContainsNode c => $"Contains{c.Mode}({Show(c.Of)}, {string.Join(' ', c.Values.Values)})",
        TruthNode t => $"Truth({Show(t.Of)})",
        NotNode n => $"Not({Show(n.Of)})",
        LogicNode l => $"{(l.All ? "All" : "Any")}({string.Join(", ", l.Parts.Select(Show))})",
        TextMatchNode t => $"TextMatch({t.Field}, {string.Join(' ', t.Words)}, {t.Least})",
        PhraseMatchNode p => $"PhraseMatch({p.Field}, {string.Join(' ', p.Phrase.Select(t => t.Text))}, {p.Slop})",
        SampleNode s => $"Sample({s.Share}, {Show(s.Of)})",
        _ => node.GetType().Name,
    };

    private static string Show(ValueNode node) => node switch
    {
        LiteralNode l => l.Value.ToString(),
        FieldNode f => f.Name,
        JsonNode j => $"json {j.Field} {string.Join('/', j.Path)}",
        ElementNode e => $"{e.Name}[{e.Index}]",
        LengthNode l => $"Length({Show(l.Of)})",
        ShiftNode s => $"Shift({s.Of.Name}, {s.Sign} x {s.By.Months} months {s.By.Microseconds} us)",
        ArithmeticNode a => $"{a.Operation}({Show(a.Left)}, {Show(a.Right)})",
        NegateNode n => $"Negate({Show(n.Of)})",
        _ => node.GetType().Name,
    };
}
