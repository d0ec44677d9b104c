using System.Collections.Immutable;
using System.Text.Json;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;

namespace Demarc.Plane.Ledger;

/// <summary>Looking for entries: newest first, a page at a time, as a member may read them.</summary>
public static class SearchRoutes
{
    /// <summary>Maps them.</summary>
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/environments/{env}/search", SearchAsync).WithMetadata(new UseCase("entries.search", TaskId.Audit, Permission.Audit)).Produces<SearchView>();

    /// <summary>A page of what fits. A text is looked for in what the reader may see, entry by entry, and only so far at a time: <c>Next</c> goes on from there.</summary>
    public static async Task<SearchView> FindAsync(LedgerView view, ILedgerStore store, LedgerFilter filter, string? text, long before, int limit, CancellationToken cancellation)
    {
        var found = ImmutableArray.CreateBuilder<FoundEntryView>();
        var read = 0;
        foreach (var (first, count) in Runs(view.Facets.Find(filter, before)))
        {
            List<ReadOnlyMemory<byte>>? entries = null;
            for (var index = first + count - 1; index >= first; index--)
            {
                if (found.Count == limit || read == PlaneLedgerLimits.TextScan) return new SearchView(view.Size, found.ToImmutable(), index + 1);
                read += text is null ? 0 : 1;
                entries ??= await ListAsync(store.ReadAsync(view.Environment, first, count, cancellation));
                var entry = (entries.Count == count ? Entry.ReadTrusted(entries[(int)(index - first)]) : null) ?? throw new LedgerDamagedException($"entry {index} cannot be read");
                var data = Redaction.Of(entry, Sensitivity.Sensitive);
                if (text is null || data.GetRawText().Contains(text, StringComparison.OrdinalIgnoreCase)) found.Add(Found(view, index, entry, data));
            }
        }

        return new SearchView(view.Size, found.ToImmutable(), null);
    }

    /// <summary>Everybody who has written for a side, by key id: <c>vendor</c> or <c>customer</c> with whoever was its member then, or <c>agent</c> with the former ones.</summary>
    public static IReadOnlySet<string> AuthorsOf(LedgerView view, string by) =>
        view.Facets.Authors.Where(key => PublicKey.TryParse(key, out var author) && (view.State.WriterOf(author)?.Party.Word() ?? "agent") == by).ToHashSet(StringComparer.Ordinal);

    // Neighbours are read from the store in one go: asking it costs more than reading does.
    private static IEnumerable<(long First, int Count)> Runs(IEnumerable<long> descending)
    {
        var (first, count) = (0L, 0);
        foreach (var index in descending)
        {
            if (count > 0 && (index != first - 1 || count == PlaneLedgerLimits.SearchRun))
            {
                yield return (first, count);
                count = 0;
            }

            (first, count) = (index, count + 1);
        }

        if (count > 0) yield return (first, count);
    }

    private static async Task<List<ReadOnlyMemory<byte>>> ListAsync(IAsyncEnumerable<ReadOnlyMemory<byte>> entries)
    {
        var list = new List<ReadOnlyMemory<byte>>();
        await foreach (var bytes in entries) list.Add(bytes);
        return list;
    }

    private static FoundEntryView Found(LedgerView view, long index, Entry entry, JsonElement data)
    {
        var subject = EntrySubject.Of(view.State, entry);
        var by = view.State.WriterOf(entry.Author) is { } member ? member.Party.Word() : view.State.Agent?.Key == entry.Author ? "agent" : null;
        return new FoundEntryView(index, entry.At, entry.Body.Kind, entry.Author.KeyId, by, subject.Task.Slug(), subject.Change?.Value, subject.Instance?.Value, entry.Id, Convert.ToHexStringLower(entry.LeafHash), data);
    }

    private static async Task<IResult> SearchAsync(HttpContext context, string env, Sequencer sequencer, string? kind, string? author, string? by, string? task, string? change, string? instance, DateTimeOffset? since, DateTimeOffset? until, string? text, long? before, int? limit)
    {
        var view = Caller.Of(context).Environment;
        if (task is not null && Responsibilities.BySlug(task) is null) return Problems.Malformed($"task must be one of {string.Join(", ", Responsibilities.All.Select(r => r.Slug))}.", "task");
        if (by is not (null or "vendor" or "customer" or "agent")) return Problems.Malformed("by must be vendor, customer or agent.", "by");
        if (text is { Length: 0 or > PlaneLedgerLimits.TextCharacters }) return Problems.Malformed($"text must have 1 to {PlaneLedgerLimits.TextCharacters} characters.", "text");
        if (before is < 0 || before > view.Size) return Problems.Malformed($"before must lie between 0 and {view.Size}, the size of the ledger.", "before");
        var filter = new LedgerFilter(kind, author, task is null ? null : Responsibilities.BySlug(task), change, instance, since, until) { Authors = by is null ? null : AuthorsOf(view, by) };
        var page = await FindAsync(view, sequencer.Store, filter, text, before ?? view.Size, Math.Clamp(limit ?? 50, 1, PlaneLedgerLimits.SearchAnswer), context.RequestAborted);
        return TypedResults.Json(page, ViewJson.Default.SearchView);
    }
}
