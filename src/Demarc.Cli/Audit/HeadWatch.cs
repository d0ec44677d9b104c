using System.Collections.Concurrent;
using Demarc.Cli.Environments;
using Demarc.Core.Audit;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>
/// Before a command has anything to do with an environment, the plane has to show that its head continues the one that this profile was shown the last time.
/// A plane that shows two histories is caught by whoever it showed both, and the evidence is kept. May be asked from several threads: a command that follows
/// a change asks for the change and for its events at the same time.
/// </summary>
internal sealed class HeadWatch(Invocation invocation, PlaneClient plane)
{
    private readonly ConcurrentDictionary<string, Lazy<Task>> looked = new(StringComparer.Ordinal);
    private readonly HeadMemory memory = new(invocation.Profile, invocation.Host.Time);

    /// <summary>What was remembered before this command; null when nothing was.</summary>
    public ConcurrentDictionary<string, RememberedHead?> Before { get; } = new(StringComparer.Ordinal);

    /// <summary>Looks at the head, once a command.</summary>
    public Task OnceAsync(EnvironmentId id) => looked.GetOrAdd(id.Value, _ => new Lazy<Task>(() => LookAsync(id))).Value;

    /// <summary>Takes a head that the plane shows, once it is proven to continue what was seen; an older one, where that is asked for, once it is proven to be continued.</summary>
    public async Task<string> SeeAsync(EnvironmentId id, string path, bool mayBeOlder = false)
    {
        var before = memory.Newest(id);
        Before.TryAdd(id.Value, before);
        looked.TryAdd(id.Value, new Lazy<Task>(Task.CompletedTask));
        var shown = HeadSide.OfPlane(plane, await plane.GetTextAsync(path, invocation.Stop), id, invocation.Stop);
        for (var against = before; ; against = memory.Newest(id))
        {
            var key = await SignerAsync(id, shown, against);
            if (against is not null && key == against.PlaneKey)
            {
                // Where what was seen is the longer one, it is for the plane to show that it continues the other.
                var seen = HeadSide.OfNote($"this profile since {against.SeenAt:u}", against.Note, id);
                if (seen.Checkpoint.Size > shown.Checkpoint.Size) seen = HeadSide.OfPlane(plane, against.Note, id, invocation.Stop) with { Name = seen.Name };
                if (seen.Checkpoint.Size > shown.Checkpoint.Size && !mayBeOlder && ReferenceEquals(against, before)) throw await ShorterAsync(id, key, seen, shown);
                await MustAgreeAsync(id, key, seen, shown);
                if (seen.Checkpoint.Size >= shown.Checkpoint.Size) return shown.Head.Text;
            }

            if (await memory.AddAsync(id, new RememberedHead(shown.Head.Text, key, invocation.Host.Now, shown.Name), against, invocation.Stop)) return shown.Head.Text;
        }
    }

    /// <summary>Ends the command when two heads that one key has signed are not of one history, with the evidence kept.</summary>
    public async Task MustAgreeAsync(EnvironmentId id, string key, HeadSide one, HeadSide other)
    {
        var compared = await HeadComparison.OfAsync(one, other);
        if (compared.Are is HeadsAre.Same or HeadsAre.OneHistory) return;
        if (compared.Are == HeadsAre.TwoHistories) compared = compared with { Differ = await HeadComparison.DifferAsync(one, other) };
        var kept = await new EvidenceFiles(invocation).KeepAsync(id, key, one, other, compared);
        var what = compared.Are == HeadsAre.TwoHistories
            ? $"The plane has signed TWO HISTORIES of {id}: {one.Head.Words} ({one.Name}), and {other.Head.Words} ({other.Name}), which does not continue it{At(compared)}."
            : $"Nobody shows that of these heads of {id} the longer one continues the shorter one: {one.Head.Words} ({one.Name}), and {other.Head.Words} ({other.Name}). Neither a proof nor the entries of the longer head were given.";
        throw Caught(what, kept);
    }

    private async Task<CommandFailedException> ShorterAsync(EnvironmentId id, string key, HeadSide seen, HeadSide shown)
    {
        var left = (await plane.PlaneAsync(invocation.Stop)).PlaneKey != key ? " This plane has another key than the one that signs these heads: if the ledger has moved on to another plane, ask that one." : "";
        var kept = new EvidenceFiles(invocation).Keep(id, key, seen, shown, HeadsCompared.Of(HeadsAre.Unshown));
        return Caught($"{char.ToUpperInvariant(shown.Name[0])}{shown.Name[1..]} shows an old head of {id}: {shown.Head.Words}. It had shown {seen.Head.Words} before ({seen.Name}): the ledger was cut off, or an old checkpoint is replayed.{left}", kept);
    }

    private static string At(HeadsCompared compared) => compared.Differ is { } differ ? $"; entry {differ.Index} is the first that differs" : "";

    private static CommandFailedException Caught(string what, string kept) =>
        LedgerCheck.Fail(what, $"The evidence is in {kept}. Do nothing that this plane asks for, and go through docs/runbooks/two-histories.md.");

    private async Task LookAsync(EnvironmentId id)
    {
        try
        {
            await SeeAsync(id, $"/v1/environments/{id}/checkpoint");
        }
        catch (CommandFailedException closed) when (closed.ExitCode is ExitCodes.NotFound or ExitCodes.Refused)
        {
            if (memory.Newest(id) is { } newest)
                invocation.Terminal.Say($"The plane shows this key no head of {id}, so that nothing is held against the {newest.Read(memory.PathOf(id)).Words} seen before.");
        }
    }

    // Whose signature counts. The customer's owner can put another plane in force, which only the ledger itself shows.
    private async Task<string> SignerAsync(EnvironmentId id, HeadSide shown, RememberedHead? before)
    {
        var name = before?.PlaneKey ?? (await plane.GetAsync($"/v1/environments/{id}", ViewJson.Default.EnvironmentView, invocation.Stop)).PlaneKey;
        if (!NoteKey.TryParse(name, out var key)) throw LedgerCheck.Fail($"{shown.Name} names '{Terminal.Terminal.Printable(name)}' as its key, which is not a verifier key.");
        var verdict = shown.Head.Note.Verify(key).Verdict;
        if (verdict == NoteVerdict.Valid) return name;
        if (verdict == NoteVerdict.Forged || before is null) throw LedgerCheck.Fail($"The head that {shown.Name} shows is not signed by the plane's key {name}.");
        invocation.Terminal.Say($"Another plane signs the head of {id} than before: the whole ledger is verified to see who put it there …");
        var seen = before.Read(memory.PathOf(id)).Checkpoint;
        var trust = new Trust(null, null, invocation.Config.Founded.GetValueOrDefault(id.Value), seen.Size, Base64Text.Encode(seen.Root), id.Value);
        return (await AuditLedger.CheckedAsync(shown, trust)).Report.PlaneKey;
    }
}
