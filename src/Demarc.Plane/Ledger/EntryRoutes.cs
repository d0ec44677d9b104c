using System.Collections.Immutable;
using System.Globalization;
using Demarc.Core.Access;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Access;

namespace Demarc.Plane.Ledger;

/// <summary>The ledger itself: handing an entry in, reading the exact bytes, checkpoints and proofs.</summary>
public static class EntryRoutes
{
    /// <summary>Maps them.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var one = routes.MapGroup("/v1/environments/{env}");
        one.MapPost("/entries", AppendAsync).WithMetadata(new UseCase("entries.append", TaskId.Audit, Permission.Operate) { Proof = Proof.SignedBody }).Accepts<EntryBody>("application/json").Produces<AppendedView>();
        one.MapGet("/entries", ReadAsync).WithMetadata(new UseCase("entries.read", TaskId.Audit, Permission.Audit)).Produces<EntriesView>();
        one.MapGet("/entries/{index:long}", ReadOneAsync).WithMetadata(new UseCase("entries.read-one", TaskId.Audit, Permission.Audit)).Produces<EntriesView>();
        one.MapGet("/checkpoint", Checkpoint).WithMetadata(new UseCase("ledger.checkpoint", TaskId.Audit, Permission.Look)).Produces<string>(200, "text/plain");
        one.MapGet("/proofs/inclusion", InclusionAsync).WithMetadata(new UseCase("proofs.inclusion", TaskId.Audit, Permission.Audit)).Produces<ProofView>();
        one.MapGet("/proofs/consistency", ConsistencyAsync).WithMetadata(new UseCase("proofs.consistency", TaskId.Audit, Permission.Look)).Produces<ProofView>();
    }

    /// <summary>The entry in a body, or the answer that says what is wrong with it.</summary>
    internal static async Task<(Entry? Entry, IResult? Refusal)> ReadBodyAsync(HttpContext context)
    {
        if (await Bodies.ReadAsync(context, Entry.MaxBytes) is not { } body) return (null, Bodies.TooLong(Entry.MaxBytes));
        var read = Entry.Read(body);
        return read.Entry is { } entry ? (entry, null) : (null, Problems.Malformed(read.Fault ?? "The entry cannot be read."));
    }

    /// <summary>Appends; an outcome that is not known becomes an answer that says to send the identical entry again.</summary>
    internal static async Task<Appended> TryAppendAsync(Sequencer sequencer, EnvironmentId environment, Entry entry, CancellationToken cancellation) =>
        await sequencer.AppendAsync(environment, entry, cancellation);

    private static async Task<IResult> AppendAsync(HttpContext context, string env, Sequencer sequencer, FailedAttempts failures, KeyUses uses, TimeProvider clock)
    {
        var (entry, refusal) = await ReadBodyAsync(context);
        if (entry is null)
        {
            failures.Count(context.Connection.RemoteIpAddress);
            return refusal!;
        }

        if (!EnvironmentId.TryParse(env, out var environment) || entry.Environment != environment) return Problems.Malformed($"The entry is for environment {entry.Environment}, the address names '{(env.Length <= 40 ? env : env[..40])}'.", "environment");
        if ((await sequencer.FindAsync(environment, context.RequestAborted))?.State.MemberOf(entry.Author) is null)
        {
            failures.Count(context.Connection.RemoteIpAddress);
            return Gate.NoEnvironment(env, Reader.Of(entry.Author));
        }

        if ((await sequencer.FindAsync(environment, context.RequestAborted))?.State.MemberOf(entry.Author)?.IsExpired(clock.GetUtcNow()) == true)
        {
            failures.Count(context.Connection.RemoteIpAddress);
            return Problems.Result(StatusCodes.Status403Forbidden, "expired", "The key has expired.", $"{entry.Author.KeyId} counts for nothing any more, whatever date its entries bear.", "author", "Ask an owner of your party for another.");
        }

        if (entry.At > clock.GetUtcNow() + RequestToken.Tolerance)
            return Problems.Result(StatusCodes.Status409Conflict, "entry-from-the-future", "The entry is dated ahead.", $"It says {entry.At:u}, it is {clock.GetUtcNow():u} here.", "at", "Set the clock of the device that signs.");
        if (entry.Data is EnvironmentFounded) return Problems.Refused("an environment is founded at /v1/environments");
        if (entry.Kind is { Author: EntryAuthor.Agent }) return Problems.Refused($"{entry.Kind.Name} is written by the agent over its own stream");
        var appended = await TryAppendAsync(sequencer, environment, entry, context.RequestAborted);
        if (appended.Refusal is null) uses.Note(environment, entry.Author);
        if (appended.Refusal is not { } why) return TypedResults.Json(new AppendedView(appended.Index!.Value, appended.Size), ViewJson.Default.AppendedView);
        failures.Count(context.Connection.RemoteIpAddress);
        return Problems.Refused(why);
    }

    private static async Task<IResult> ReadAsync(HttpContext context, string env, Sequencer sequencer, long? from, int? limit)
    {
        var view = Caller.Of(context).Environment;
        var first = from ?? 0;
        if (first < 0 || first > view.Size) return Problems.Malformed($"from must lie between 0 and {view.Size}, the size of the ledger.", "from");
        var count = Math.Clamp(limit ?? PlaneLedgerLimits.ReadAnswer, 1, PlaneLedgerLimits.ReadAnswer);
        return await EntriesAsync(view, sequencer.Store, first, Math.Min(count, view.Size - first), context.RequestAborted);
    }

    private static async Task<IResult> ReadOneAsync(HttpContext context, string env, long index, Sequencer sequencer)
    {
        var view = Caller.Of(context).Environment;
        return index < 0 || index >= view.Size ? Problems.NotFound($"The ledger of {env} has {view.Size} entries, counted from 0.") : await EntriesAsync(view, sequencer.Store, index, 1, context.RequestAborted);
    }

    // With 'countersigned': the newest head that both sides vouch for, which may lie a few entries back. Where no agent acts there is nobody to wait for.
    private static IResult Checkpoint(HttpContext context, string env, bool? countersigned)
    {
        var view = Caller.Of(context).Environment;
        var both = view.Countersigned;
        if (countersigned == true && both is null && view.State.Agent is not null) return Problems.NotFound($"The agent has not countersigned any head of {env} yet.");
        var note = both is not null && (both.Size == view.Size || countersigned == true && view.State.Agent is not null) ? both.Note : view.Checkpoint;
        return TypedResults.Content(note, "text/plain; charset=utf-8");
    }

    private static async Task<IResult> InclusionAsync(HttpContext context, string env, Sequencer sequencer, long index, long? size)
    {
        var view = Caller.Of(context).Environment;
        var whole = size ?? view.Size;
        if (index < 0 || index >= whole || whole > view.Size) return Problems.Malformed(string.Create(CultureInfo.InvariantCulture, $"index must lie below size, and size must be at most {view.Size}."), "index");
        var hashes = await LedgerTree.InclusionAsync(sequencer.Store, view.Environment, index, whole, context.RequestAborted);
        return TypedResults.Json(new ProofView(index, whole, [.. hashes.Select(h => Convert.ToBase64String(h))]), ViewJson.Default.ProofView);
    }

    private static async Task<IResult> ConsistencyAsync(HttpContext context, string env, Sequencer sequencer, long first, long? second)
    {
        var view = Caller.Of(context).Environment;
        var whole = second ?? view.Size;
        if (first < 0 || first > whole || whole > view.Size) return Problems.Malformed($"first must be at most second, and second at most {view.Size}.", "first");
        var hashes = await LedgerTree.ConsistencyAsync(sequencer.Store, view.Environment, first, whole, context.RequestAborted);
        return TypedResults.Json(new ProofView(first, whole, [.. hashes.Select(h => Convert.ToBase64String(h))]), ViewJson.Default.ProofView);
    }

    private static async Task<IResult> EntriesAsync(LedgerView view, ILedgerStore store, long first, long count, CancellationToken cancellation)
    {
        var entries = ImmutableArray.CreateBuilder<string>((int)count);
        await foreach (var bytes in store.ReadAsync(view.Environment, first, count, cancellation)) entries.Add(Convert.ToBase64String(bytes.Span));
        return TypedResults.Json(new EntriesView(first, view.Size, entries.ToImmutable(), view.Checkpoint), ViewJson.Default.EntriesView);
    }
}
