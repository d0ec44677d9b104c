using System.Text.Json;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;
using Demarc.Plane.Agents;
using Demarc.Plane.Ledger;

namespace Demarc.Plane.Environments;

/// <summary>
/// Handing a ledger from plane to plane in pieces, each with a head of its own: one plane gives them out, the other takes them in as an agent takes a batch.
/// Nothing in it is believed because of who brings it.
/// </summary>
public static class ImportRoutes
{
    /// <summary>A batch in base64, with the note and room to spare.</summary>
    private const int MaxBody = 1024 * 1024;

    /// <summary>Maps them.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var one = routes.MapGroup("/v1/environments/{env}");
        one.MapGet("/part", GiveAsync).WithMetadata(new UseCase("ledger.part", TaskId.Audit, Permission.Audit)).Produces<LedgerPart>();
        one.MapPost("/import", TakeAsync).WithMetadata(new UseCase("ledger.import", TaskId.Audit, Permission.Own)).Accepts<LedgerPart>("application/json").Produces<AppendedView>();
    }

    private static async Task<IResult> GiveAsync(HttpContext context, string env, AgentHub hub, long? from)
    {
        var view = Caller.Of(context).Environment;
        var first = from ?? 0;
        if (first < 0 || first >= view.Size) return Problems.Malformed($"from must lie between 0 and {view.Size - 1}: the ledger has {view.Size} entries.", "from");
        var batch = await hub.BatchAsync(view, first, context.RequestAborted);
        return TypedResults.Json(new LedgerPart(first, [.. batch.Envelopes.Select(e => Convert.ToBase64String(e.Span))], batch.Checkpoint), ViewJson.Default.LedgerPart);
    }

    private static async Task<IResult> TakeAsync(HttpContext context, string env, Sequencer sequencer)
    {
        if (await Bodies.ReadAsync(context, MaxBody) is not { } body) return Bodies.TooLong(MaxBody);
        LedgerPart? part;
        try
        {
            part = JsonSerializer.Deserialize(body, ViewJson.Default.LedgerPart);
        }
        catch (JsonException unreadable)
        {
            return Problems.Malformed($"The body is not a piece of a ledger: {unreadable.Message}", unreadable.Path);
        }

        if (part is null || part.Entries.IsDefault || part.Checkpoint is null) return Problems.Malformed("The body lacks entries or checkpoint.");
        if (part.Entries.Length > AgentHubLimits.BatchEntries) return Problems.Malformed($"The piece has {part.Entries.Length} entries, at most {AgentHubLimits.BatchEntries} are taken at once.", "entries");
        var envelopes = new List<ReadOnlyMemory<byte>>(part.Entries.Length);
        foreach (var text in part.Entries)
        {
            if (text is null || Base64Text.Decode(text.AsSpan(), Base64Form.Standard) is not { } bytes) return Problems.Malformed($"Entry {part.First + envelopes.Count} is not base64.", "entries");
            envelopes.Add(bytes);
        }

        var taken = await sequencer.ImportAsync(Caller.Of(context).Environment.Environment, new ImportedPart(part.First, envelopes, part.Checkpoint), context.RequestAborted);
        return taken.Refusal is { } why
            ? Problems.Result(StatusCodes.Status409Conflict, "import-refused", "This piece of a ledger is not taken in.", why, remedy: "A plane with a history of its own gives it up only by its operator's hand: demarc-plane import --set-aside.")
            : TypedResults.Json(new AppendedView(taken.Size - 1, taken.Size), ViewJson.Default.AppendedView);
    }
}
