using System.CommandLine;
using System.Globalization;
using System.Text;
using Demarc.Cli.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Audit;

/// <summary><c>demarc audit search</c>: entries that fit, newest first.</summary>
internal static class AuditSearchCommand
{
    public static Command Create()
    {
        var text = new Argument<string?>("text") { Description = "A text in what entries say.", Arity = ArgumentArity.ZeroOrOne };
        var kind = new Option<string?>("--kind") { Description = "Of this kind, or of all that begin so: 'change.'.", HelpName = "KIND" };
        var task = new Option<string?>("--task") { Description = "Under this task of the table." }.OneOf([.. Responsibilities.All.Select(r => r.Slug)]);
        var instance = new Option<string?>("--instance") { Description = "About this instance.", HelpName = "NAME" };
        var change = new Option<string?>("--change") { Description = "About this change.", HelpName = "CHANGE" };
        var author = new Option<string?>("--author") { Description = "Signed by this key.", HelpName = "KEY" };
        var by = new Option<string?>("--by") { Description = "Signed by anybody of this side." }.OneOf("vendor", "customer", "agent");
        var since = new Option<string?>("--since") { Description = "Dated at this time or later.", HelpName = "TIME" };
        var until = new Option<string?>("--until") { Description = "Dated before this time.", HelpName = "TIME" };
        var most = OptionValues.WholeNumber("--most", ["-n"], "How many entries", 1, 10_000, 50);
        return new Verb("search", "Search the ledger, newest entries first.", async invocation =>
        {
            var query = new StringBuilder();
            foreach (var (name, value) in new[] { ("kind", invocation.Get(kind)), ("task", invocation.Get(task)), ("instance", invocation.Get(instance)), ("change", invocation.Get(change)), ("author", invocation.Get(author)), ("by", invocation.Get(by)), ("text", invocation.Get(text)) })
            {
                if (value is not null) query.Append(CultureInfo.InvariantCulture, $"&{name}={Uri.EscapeDataString(value)}");
            }

            if (invocation.Get(since) is { } from) query.Append(CultureInfo.InvariantCulture, $"&since={OptionValues.Time(from, "--since")}");
            if (invocation.Get(until) is { } to) query.Append(CultureInfo.InvariantCulture, $"&until={OptionValues.Time(to, "--until")}");

            var found = await FindAsync(invocation, query.ToString(), invocation.Get(most));
            invocation.Terminal.Result(found, terminal =>
            {
                if (found.Entries.IsEmpty) terminal.Line("Nothing in the ledger fits.");
                else terminal.Table(["index", "at", "kind", "by", "instance", "says"], found.Entries.Select(e => (IReadOnlyList<string>)[e.Index.ToString(CultureInfo.InvariantCulture), ChangePrinter.Moment(e.At), e.Kind, e.By ?? e.Author, e.Instance ?? "", Says(e)]));
                if (found.Next is not null) terminal.Line("There are more: ask for them with --most.");
            });
            return ExitCodes.Ok;
        }, [text, kind, task, instance, change, author, by, since, until, most]);
    }

    private static async Task<SearchView> FindAsync(Invocation invocation, string query, int most)
    {
        var entries = System.Collections.Immutable.ImmutableArray.CreateBuilder<FoundEntryView>();
        long? before = null;
        while (true)
        {
            var page = await invocation.Reader.GetAsync($"{invocation.Path}/search?limit={Math.Min(500, most - entries.Count)}{query}{(before is { } at ? $"&before={at}" : "")}", ViewJson.Default.SearchView, invocation.Stop);
            entries.AddRange(page.Entries);
            before = page.Next;
            if (before is null || entries.Count >= most) return new SearchView(page.Size, entries.ToImmutable(), before);
        }
    }

    private static string Says(FoundEntryView entry)
    {
        var text = Terminal.Terminal.Printable(entry.Data.GetRawText());
        return text.Length <= 100 ? text : text[..100] + "…";
    }
}
