using System.Text.RegularExpressions;
using Demarc.Core.Access;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Plane.Console;
using Demarc.Tests.House;
using Microsoft.AspNetCore.Http;

namespace Demarc.Tests.Console;

/// <summary>Both languages say everything, and the reader's choice is heard.</summary>
public sealed partial class WordsTests
{
    [Fact]
    public void Every_word_of_the_system_has_its_own_in_both_languages()
    {
        string[] statuses = [.. Enum.GetValues<ChangeStatus>().Select(s => s.Word()), .. Enum.GetValues<InstanceStatus>().Select(s => s.Word()), .. Enum.GetValues<StepStatus>().Select(s => s.ToString().ToLowerInvariant())];
        Assert.All(statuses, word => Assert.Matches(Kana(), Words.Japanese.Status(word)));
        Assert.All(new[] { "ok", "working", "waiting", "attention", "later" }, word => Assert.Matches(Kana(), Words.Japanese.State(word)));
        Assert.All(new[] { "vendor", "customer", "both", "agent" }, word => Assert.Matches(Kana(), Words.Japanese.Who(word)));
        Assert.All(Enum.GetValues<Owner>(), owner => Assert.Matches(Kana(), Words.Japanese.Owner(owner)));
    }

    [Fact]
    public void Every_entry_action_limit_role_and_class_is_called_something_in_both_languages()
    {
        Assert.All(EntryKind.All, kind => Assert.Matches(Kana(), Words.Japanese.Kind(kind.Name)));
        Assert.All(EntryKind.All, kind => Assert.NotEqual(kind.Name, Words.English.Kind(kind.Name)));
        Assert.All(ChangeAction.All, action => Assert.Matches(Kana(), Words.Japanese.Action(action)));
        Assert.All(CharterLimits.Known.Values.SelectMany(limits => limits), limit => Assert.Matches(Kana(), Words.Japanese.Limit(limit, 5)));
        Assert.All(Enum.GetValues<Role>().Select(role => role.ToString().ToLowerInvariant()).Append("service"), role => Assert.Matches(Kana(), Words.Japanese.Role(role)));
        Assert.All(EgressClasses.All, which => Assert.Matches(Kana(), Words.Japanese.Egress(which)));
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(64L * 1024 * 1024, "64 MiB")]
    [InlineData(3L * 1024 * 1024 * 1024, "3 GiB")]
    public void Bytes_are_said_in_figures_that_people_read(long bytes, string said) => Assert.Equal(said, LedgerWords.Bytes(bytes));

    [Fact]
    public void Every_sentence_of_a_page_stands_there_in_both_languages()
    {
        var pages = Sources.All.Where(file => file.EndsWith(".razor", StringComparison.Ordinal)).ToList();
        Assert.True(pages.Count > 15);
        var naked = new List<string>();
        foreach (var page in pages)
        {
            var markup = Sources.Text(page).Split("@code", 2)[0];
            foreach (Match text in TextBetweenTags().Matches(Comment().Replace(markup, "")))
            {
                // Names that are the same in both: the product, Milvus, units, hashes.
                if (!SameInBoth().IsMatch(text.Groups[1].Value)) naked.Add($"{Path.GetFileName(page)}: {text.Groups[1].Value.Trim()}");
            }
        }

        Assert.Empty(naked);
    }

    [Theory]
    [InlineData(null, null, null, "en")]
    [InlineData(null, null, "ja-JP,ja;q=0.9", "ja")]
    [InlineData(null, null, "de,ja;q=0.5", "en")]
    [InlineData(null, "ja", "en", "ja")]
    [InlineData("en", "ja", "ja", "en")]
    [InlineData("ja", "en", "en", "ja")]
    [InlineData("<script>", "nonsense", "en", "en")]
    public void The_choice_in_the_address_wins_then_the_one_made_before_then_the_browser(string? query, string? cookie, string? browser, string expected)
    {
        var context = new DefaultHttpContext();
        if (query is not null) context.Request.QueryString = QueryString.Create("lang", query);
        if (cookie is not null) context.Request.Headers.Cookie = $"{Words.Cookie}={cookie}";
        if (browser is not null) context.Request.Headers.AcceptLanguage = browser;
        Assert.Equal(expected, Words.For(context.Request).Code);
    }

    [GeneratedRegex(@"[\u3040-\u30ff\u4e00-\u9fff]")]
    private static partial Regex Kana();

    [GeneratedRegex(@"@\*.*?\*@", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex(@">([^<>@{}]*[A-Za-z]{3,}[^<>@{}]*)<")]
    private static partial Regex TextBetweenTags();

    [GeneratedRegex(@"^\s*(Demarc|Milvus|SHA-256|MiB|UTC)\s*$")]
    private static partial Regex SameInBoth();
}
