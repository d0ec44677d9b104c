using System.Collections.Immutable;
using System.Globalization;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Changes;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;
using Demarc.Plane.Agents;
using Demarc.Plane.Changes;
using Demarc.Plane.Console.Pages;
using Demarc.Plane.Environments;
using Demarc.Plane.Instances;
using Demarc.Plane.Ledger;
using Demarc.Plane.Monitoring;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Demarc.Plane.Console;

/// <summary>Which page stands at which address, and what it is given.</summary>
internal static class ConsoleRoutes
{
    private const int FleetColumns = 12;
    private const int EntriesPerPage = 50;
    private const int ChangesPerPage = 200;

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/", HomeAsync).WithMetadata(new UseCase("console.home", TaskId.Access, Permission.None)).ExcludeFromDescription();
        var one = routes.MapGroup("/environments/{env}").ExcludeFromDescription();
        Page(one, "", "table", TaskId.Access, Permission.Look, TableAsync);
        Page(one, "/oversight", "oversight", TaskId.Access, Permission.Look, OversightAsync);
        Page(one, "/oversight/severance", "severance", TaskId.Access, Permission.Look, async (context, board) => Render<SeverancePage>(new { Page = await ContextAsync(context, board) }));
        Page(one, "/inbox", "inbox", TaskId.Access, Permission.Look, async (context, board) => Render<InboxPage>(new { Page = await ContextAsync(context, board) }));
        Page(one, "/keys", "keys", TaskId.Access, Permission.Look, async (context, board) => Render<KeysPage>(new { Page = await ContextAsync(context, board) }));
        Page(one, "/notifications", "notifications", TaskId.Monitoring, Permission.Audit, NotificationsAsync);
        Page(one, "/charter/amend", "charter-amend", TaskId.Access, Permission.Look, async (context, board) => Render<AmendPage>(new { Page = await ContextAsync(context, board) }));
        Page(one, "/instances", "instances", TaskId.Provision, Permission.Look, InstancesAsync);
        Page(one, "/instances/{id}", "instance", TaskId.Provision, Permission.Look, InstanceAsync);
        Page(one, "/changes", "changes", TaskId.Audit, Permission.Look, ChangesAsync);
        Page(one, "/changes/{id}", "change", TaskId.Audit, Permission.Look, ChangeAsync);
        Page(one, "/findings", "findings", TaskId.Monitoring, Permission.Look, async (context, board) => Render<FindingsPage>(new { Page = await ContextAsync(context, board) }));
        Page(one, "/machine", "machine", TaskId.Monitoring, Permission.Look, MachineAsync);
        Page(one, "/egress", "egress", TaskId.Monitoring, Permission.Look, EgressAsync);
        Page(one, "/charter", "charter", TaskId.Access, Permission.Look, async (context, board) => Render<CharterPage>(new { Page = await ContextAsync(context, board) }));
        Page(one, "/members", "members", TaskId.Access, Permission.Look, async (context, board) => Render<MembersPage>(new { Page = await ContextAsync(context, board), Uses = context.RequestServices.GetRequiredService<KeyUses>() }));
        Page(one, "/members.csv", "members-csv", TaskId.Access, Permission.Look, (context, _) => Task.FromResult(MembersCsv(context)));
        Page(one, "/ledger", "ledger", TaskId.Audit, Permission.Audit, LedgerAsync);
        Page(one, "/ledger/{index:long}", "entry", TaskId.Audit, Permission.Audit, EntryAsync);
    }

    private static void Page(RouteGroupBuilder group, string path, string name, TaskId task, Permission permission, Func<HttpContext, AgentBoard, Task<IResult>> show) =>
        group.MapGet(path, (HttpContext context, AgentBoard board) => show(context, board)).WithMetadata(new UseCase($"console.{name}", task, permission));

    private static RazorComponentResult<TPage> Render<TPage>(object parameters)
        where TPage : IComponent => new(parameters);

    private static async Task<PageContext> ContextAsync(HttpContext context, AgentBoard board)
    {
        var caller = Caller.Of(context);
        return new PageContext(Language(context), context.Request.Path, caller, await EnvironmentRoutes.ViewForAsync(caller.Environment, board, context.RequestAborted)) { Now = Now(context), PlaneName = context.RequestServices.GetRequiredService<Sequencer>().Signer.Name };
    }

    private static DateTimeOffset Now(HttpContext context) => context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();

    private static Words Language(HttpContext context)
    {
        var words = Words.For(context.Request);
        context.Response.Headers.CacheControl = "no-store";
        if (context.Request.Query.ContainsKey("lang"))
            context.Response.Cookies.Append(Words.Cookie, words.Code, new CookieOptions { SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps, Path = "/", HttpOnly = true, MaxAge = TimeSpan.FromDays(365) });
        return words;
    }

    /// <summary>The table of the one environment the reader belongs to, or the tables of all of them side by side.</summary>
    private static async Task<IResult> HomeAsync(HttpContext context, Sequencer sequencer, AgentBoard board)
    {
        var caller = Caller.Of(context);
        var mine = new List<LedgerView>();
        foreach (var id in await sequencer.Store.EnvironmentsOfAsync(caller.Reader.Id, context.RequestAborted))
        {
            if (await sequencer.FindAsync(id, context.RequestAborted) is { } view && caller.Reader.At(view.State, Now(context)) is { } me && me.Allows(Permission.Look) && !Severed.Bars(view, me, sequencer.Signer)) mine.Add(view);
        }

        if (mine is [var only])
        {
            context.Features.Set(caller with { Member = caller.Reader.In(only.State), View = only });
            return await TableAsync(context, board);
        }

        var shown = ImmutableArray.CreateBuilder<(EnvironmentView, ImmutableArray<ResponsibilityView>)>();
        foreach (var view in mine.Take(FleetColumns)) shown.Add((await EnvironmentRoutes.ViewForAsync(view, board, context.RequestAborted), ViewOf.Responsibilities(view.State, Now(context))));
        return Render<FleetPage>(new { Page = new PageContext(Language(context), "/", caller, null), Environments = shown.ToImmutable(), More = mine.Count - shown.Count });
    }

    private static async Task<IResult> TableAsync(HttpContext context, AgentBoard board) => Render<TablePage>(new { Page = await ContextAsync(context, board), Oversight = Oversight.Of(Caller.Of(context).Environment, Now(context)) });

    private static async Task<IResult> OversightAsync(HttpContext context, AgentBoard board) =>
        Render<OversightPage>(new { Page = await ContextAsync(context, board), Oversight = Oversight.Of(Caller.Of(context).Environment, Now(context)) });

    private static async Task<IResult> EgressAsync(HttpContext context, AgentBoard board)
    {
        var page = await ContextAsync(context, board);
        return Render<EgressPage>(new { Page = page, Days = board.Of(page.View.Environment).Current.Value.Observation?.Egress ?? [] });
    }

    private static IResult MembersCsv(HttpContext context)
    {
        var (view, uses) = (Caller.Of(context).Environment, context.RequestServices.GetRequiredService<KeyUses>());
        var review = AccessReview.Of(view.State, Now(context), key => uses.Of(view.Environment, key));
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.File(System.Text.Encoding.UTF8.GetBytes(AccessCsv.Of(review)), "text/csv; charset=utf-8", string.Create(CultureInfo.InvariantCulture, $"access-{view.Environment}-{Now(context):yyyy-MM-dd}.csv"));
    }

    private static async Task<IResult> InstancesAsync(HttpContext context, AgentBoard board)
    {
        var page = await ContextAsync(context, board);
        return Render<InstancesPage>(new { Page = page, Instances = InstanceRoutes.All(page.View, board) });
    }

    private static async Task<IResult> InstanceAsync(HttpContext context, AgentBoard board)
    {
        var page = await ContextAsync(context, board);
        if (InstanceRoutes.All(page.View, board).FirstOrDefault(i => i.Id == Id(context)) is not { } instance) return Problems.NotFound($"There is no instance '{Id(context)}' in {page.Environment!.Id}.");
        return Render<InstancePage>(new { Page = page, Instance = instance, Changes = Newest(page, change => change.Request.Instance.Value == instance.Id) });
    }

    private static async Task<IResult> ChangesAsync(HttpContext context, AgentBoard board)
    {
        var page = await ContextAsync(context, board);
        return Render<ChangesPage>(new { Page = page, Changes = Newest(page, _ => true) });
    }

    private static async Task<IResult> ChangeAsync(HttpContext context, AgentBoard board)
    {
        var page = await ContextAsync(context, board);
        var store = context.RequestServices.GetRequiredService<Sequencer>().Store;
        if (await ChangeRoutes.FindAsync(page.View, store, Id(context), page.Now, context.RequestAborted) is not { } change) return Problems.NotFound($"There is no change '{Id(context)}' in {page.Environment!.Id}.");
        return Render<ChangePage>(new { Page = page, Change = change, Progress = board.Of(page.View.Environment).Current.Value.Progress.GetValueOrDefault(change.Id) });
    }

    private static async Task<IResult> MachineAsync(HttpContext context, AgentBoard board)
    {
        var page = await ContextAsync(context, board);
        return Render<MachinePage>(new { Page = page, board.Of(page.View.Environment).Current.Value.Observation });
    }

    private static async Task<IResult> NotificationsAsync(HttpContext context, AgentBoard board)
    {
        var page = await ContextAsync(context, board);
        var store = context.RequestServices.GetRequiredService<NotificationStore>();
        return Render<NotificationsPage>(new { Page = page, Hooks = NotifyRoutes.Hooks(page.Caller!, store), Deliveries = NotifyRoutes.DeliveriesOf(page.Caller!, store) });
    }

    private static async Task<IResult> LedgerAsync(HttpContext context, AgentBoard board)
    {
        var page = await ContextAsync(context, board);
        var (query, size) = (context.Request.Query, page.View.Size);
        var end = long.TryParse(query["before"], NumberStyles.None, CultureInfo.InvariantCulture, out var before) ? Math.Clamp(before, 1, size) : size;
        var asked = new LedgerQuery(Word(query, "kind"), Word(query, "task"), Word(query, "instance"), Word(query, "change"), Word(query, "text"))
        {
            By = Word(query, "by") is "vendor" or "customer" or "agent" ? Word(query, "by") : null,
            Since = Day(query, "since"),
            Until = Day(query, "until"),
        };
        var filter = new LedgerFilter(asked.Kind, null, asked.Task is { } task ? Responsibilities.BySlug(task) : null, asked.Change, asked.Instance, Start(asked.Since), Start(asked.Until?.AddDays(1)))
        {
            Authors = asked.By is { } side ? SearchRoutes.AuthorsOf(page.View, side) : null,
        };
        var found = await SearchRoutes.FindAsync(page.View, context.RequestServices.GetRequiredService<Sequencer>().Store, filter, asked.Text, end, EntriesPerPage, context.RequestAborted);
        var lines = found.Entries.Select(e => new LedgerRow(e.Index, e.Kind, e.At, PublicKey.TryParse(e.Author, out var author) ? By(page, author) : e.Author, e.Instance)).ToImmutableArray();
        return Render<LedgerPage>(new { Page = page, Lines = lines, Query = asked, Newer = end < size ? Math.Min(size, end + EntriesPerPage) : (long?)null, Older = found.Next });
    }

    private static DateOnly? Day(IQueryCollection query, string name) => DateOnly.TryParseExact(query[name], "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) && day < DateOnly.MaxValue ? day : null;

    private static DateTimeOffset? Start(DateOnly? day) => day is { } known ? new DateTimeOffset(known.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero) : null;

    // A filter that is left empty does not matter; one that is too long matches nothing that there is.
    private static string? Word(IQueryCollection query, string name) => query[name].ToString() is { Length: > 0 and <= PlaneLedgerLimits.TextCharacters } word ? word : null;

    private static async Task<IResult> EntryAsync(HttpContext context, AgentBoard board)
    {
        var page = await ContextAsync(context, board);
        var index = long.Parse((string)context.Request.RouteValues["index"]!, CultureInfo.InvariantCulture);
        if (index < 0 || index >= page.View.Size) return Problems.NotFound($"The ledger of {page.Environment!.Id} has {page.View.Size} entries, counted from 0.");
        var line = (await ReadAsync(context, page, index, 1)).Single();
        var proof = await LedgerTree.InclusionAsync(context.RequestServices.GetRequiredService<Sequencer>().Store, page.View.Environment, index, page.View.Size, context.RequestAborted);
        return Render<EntryPage>(new { Page = page, Line = line, Proof = proof.Select(Convert.ToBase64String).ToImmutableArray() });
    }

    private static async Task<ImmutableArray<LedgerLine>> ReadAsync(HttpContext context, PageContext page, long first, long count)
    {
        var store = context.RequestServices.GetRequiredService<Sequencer>().Store;
        var lines = ImmutableArray.CreateBuilder<LedgerLine>();
        await foreach (var bytes in store.ReadAsync(page.View.Environment, first, count, context.RequestAborted))
        {
            var entry = Entry.Read(bytes).Entry ?? throw new LedgerDamagedException($"entry {first + lines.Count} cannot be read");
            lines.Add(new LedgerLine(first + lines.Count, entry, By(page, entry.Author)));
        }

        return lines.ToImmutable();
    }

    private static string By(PageContext page, PublicKey author) => page.View.State switch
    {
        var state when state.WriterOf(author) is { } member => $"{member.Name} · {page.Words.Who(member.Party.Word())}",
        var state when state.Agent?.Key == author => $"{state.Agent.Name} · {page.Words.Who("agent")}",
        _ => author.KeyId,
    };

    private static ImmutableArray<ChangeView> Newest(PageContext page, Func<Change, bool> wanted) =>
        [.. page.View.State.Changes.Values.Where(wanted).OrderByDescending(c => c.RequestedAt).ThenBy(c => c.Id.Value, StringComparer.Ordinal).Take(ChangesPerPage).Select(c => ChangeViews.Of(page.View.State, c, page.Now))];

    private static string Id(HttpContext context) => (string)context.Request.RouteValues["id"]! is { Length: <= 40 } id ? id : "…";
}
