using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Core.Audit;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Audit;

/// <summary>
/// Copies the verified ledger into the customer's bucket as it grows: tiles, bundles and the heads that plane and agent have signed. Every file depends on the
/// entries alone and is written once, so that a crash anywhere is made good by writing again what may be there already. The head comes last: what
/// it covers is there by then. A copy that cannot be written holds nothing else up; the customer is told.
/// </summary>
public sealed class LedgerCopy(AgentLedger ledger, ICopyTarget target, TimeProvider time, ILogger log)
{
    private readonly Queue<TlogFile> unwritten = [];
    private TlogTilesWriter writer = new();
    private CopyProtection? protection;
    private (long Since, string Why)? failing;
    private string? conflict;

    /// <summary>How the copy stands.</summary>
    public CopyView State => new(target.Place, Copied, protection?.Words, conflict ?? failing?.Why);

    /// <summary>How many entries the newest head in the copy covers.</summary>
    public long Copied { get; private set; }

    /// <summary>Copies until stopped. It throws what the agent's own disk throws, and nothing that the place of the copy does.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            var changed = ledger.Changed.Next;
            var wait = await TryAsync(stop);

            // At once where there is more by now; else when something changes, but not so soon that each entry is copied many times over.
            if (wait > TimeSpan.Zero) await Signal.WaitAsync(wait, time, stop);
            if (failing is null && conflict is null && !IsBehind) await Signal.WaitAsync(CopyLimits.Look, time, stop, changed);
        }
    }

    private bool IsBehind => ledger.Checkpoint is not null && ledger.Size > Copied;

    /// <summary>Copies what there is now, and tells the customer what is wrong with the copy; gives how long to wait before the next time.</summary>
    public async Task<TimeSpan> TryAsync(CancellationToken stop)
    {
        var wait = await CopyAllAsync(stop);
        Judge();
        return wait;
    }

    private async Task<TimeSpan> CopyAllAsync(CancellationToken stop)
    {
        try
        {
            if (protection is null) await BeginAsync(stop);
            var partial = IsBehind ? await CopyAsync(stop) : 0;
            if (failing is not null) AgentLog.CopyGoesOn(log, target.Place);
            failing = null;
            return conflict is not null ? CopyLimits.Look : CopyLimits.Pause(partial);
        }
        catch (CopyException away)
        {
            if (failing is null) AgentLog.CopyFails(log, target.Place, away.Message);
            failing = (failing?.Since ?? time.GetTimestamp(), away.Message);
            return CopyLimits.Retry;
        }
    }

    // A place that was emptied, or another disk under the same name, gets everything again.
    private async Task BeginAsync(CancellationToken stop)
    {
        Copied = ReadDone();
        if (Copied > 0 && await target.ReadAsync(CopyLayout.Head(Copied), stop) is null) Copied = 0;
        protection = await target.ProtectionAsync(Copied > 0 ? CopyLayout.Head(Copied) : null, stop);
        AgentLog.Copies(log, target.Place, Copied, protection.Words);
    }

    private async Task<long> CopyAsync(CancellationToken stop)
    {
        // Size and note belong together; what is verified meanwhile is copied the next time.
        var (size, note) = (ledger.Size, ledger.Checkpoint!);
        if (!await PutUnwrittenAsync(stop)) return 0;
        while (writer.Size < size)
        {
            foreach (var entry in ledger.Store.ReadEntries(writer.Size).Take((int)Math.Min(CopyLimits.AtOnce, size - writer.Size)).ToList())
            {
                // Full files below the head that stands in the copy were written before that head was.
                foreach (var file in writer.Append(entry.Span).Where(_ => writer.Size > Copied)) unwritten.Enqueue(file);
            }

            if (!await PutUnwrittenAsync(stop)) return 0;
            await Task.Yield();
            stop.ThrowIfCancellationRequested();
        }

        var partial = 0L;
        foreach (var file in writer.Partial())
        {
            if (!await PutAsync(file, stop)) return 0;
            partial += file.Bytes.Length;
        }

        if (!await PutHeadAsync(size, note, stop)) return 0;

        // What the bucket promised beforehand is one thing, what it did another.
        if (Copied == 0) protection = await target.ProtectionAsync(CopyLayout.Head(size), stop);
        Copied = size;
        conflict = null;
        ledger.Store.WriteNote(AgentNotes.Copy, JsonSerializer.Serialize(new CopyDone(target.Place, size), CopyJson.Default.CopyDone));
        AgentLog.Copied(log, size, target.Place);
        return partial;
    }

    // What was made and could not be written yet comes first: it is not made again.
    private async Task<bool> PutUnwrittenAsync(CancellationToken stop)
    {
        while (unwritten.TryPeek(out var file))
        {
            if (!await PutAsync(file, stop)) return false;
            unwritten.Dequeue();
        }

        return true;
    }

    private async Task<bool> PutAsync(TlogFile file, CancellationToken stop)
    {
        if (await target.PutOnceAsync(file.Path, file.Bytes, stop) != PutOnce.OtherThere) return true;
        Conflict($"{file.Path} is there with other content than this ledger's");
        return false;
    }

    private async Task<bool> PutHeadAsync(long size, string note, CancellationToken stop)
    {
        var bytes = Encoding.UTF8.GetBytes(note);
        var path = CopyLayout.Head(size);
        if (await target.PutOnceAsync(path, bytes, stop) == PutOnce.OtherThere && !await IsSameHeadAsync(path, note, stop))
        {
            Conflict($"{path} is there with another head than the one that this agent has verified");
            return false;
        }

        await target.PutNewestAsync(TlogTiles.CheckpointPath, bytes, stop);
        return true;
    }

    // A head that was countersigned again says another time, and the same of the ledger.
    private async Task<bool> IsSameHeadAsync(string path, string note, CancellationToken stop) =>
        await target.ReadAsync(path, stop) is { Length: <= LedgerLimits.NoteBytes } there && SignedNote.Parse(there).Note?.Text == SignedNote.Parse(note).Note?.Text;

    // What was made may no longer be what is there: the next try begins anew, and compares everything.
    private void Conflict(string what)
    {
        if (conflict is null) AgentLog.CopyConflict(log, target.Place, what);
        conflict = what;
        writer = new TlogTilesWriter();
        unwritten.Clear();
        Copied = 0;
    }

    private long ReadDone()
    {
        if (ledger.Store.ReadNote(AgentNotes.Copy) is not { } text) return 0;
        var done = JsonSerializer.Deserialize(text, CopyJson.Default.CopyDone);
        return done?.Place == target.Place && done.Size <= ledger.Size ? done.Size : 0;
    }

    private void Judge()
    {
        if (!ledger.InForce) return;
        Judge("ledger-copy-failing", failing is { } since && time.GetElapsedTime(since.Since) >= CopyLimits.Patience,
            $"the ledger's copy stops at entry {Copied}: {failing?.Why}", "give the agent's user access to it, or name another place with --ledger-copy; the copy goes on from where it stopped.");
        Judge("ledger-copy-conflict", conflict is not null,
            $"the ledger's copy is not this ledger's: {conflict}", "somebody wrote there, or it is another ledger's. Verify it with 'demarc audit verify --from', keep it, and name an empty place with --ledger-copy.");
        Judge("ledger-copy-unlocked", protection is { IsExpected: true, Locked: false },
            $"nothing keeps the ledger's copy from being changed or removed: {protection?.Words}", "make a bucket with object lock, and name lock and lock-days in the access file, or give the bucket a default retention.");
    }

    private void Judge(string finding, bool wrong, string reason, string remedy)
    {
        var open = ledger.State.Findings.ContainsKey(finding);
        if (wrong && !open && ledger.Write(new FindingRaised(finding, TaskId.Audit, target.Place, reason, remedy)).Entry is not null) AgentLog.FindingRaised(log, finding, reason);
        if (!wrong && open && IsKnownGood(finding) && ledger.Write(new FindingCleared(finding)).Entry is not null) AgentLog.FindingCleared(log, finding);
    }

    // Before the first try of this process nothing is known to be well.
    private bool IsKnownGood(string finding) => protection is not null && (finding != "ledger-copy-conflict" || Copied > 0);
}

/// <summary>How far the copy at a place is.</summary>
internal sealed record CopyDone(string Place, long Size);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CopyDone))]
internal sealed partial class CopyJson : JsonSerializerContext;

/// <summary>Bounds of copying.</summary>
public static class CopyLimits
{
    /// <summary>Entries read between two looks at what else there is to do.</summary>
    public const int AtOnce = 256;

    /// <summary>What partial files may grow by, on average: 2 KiB a second is at most 170 MB a day on a ledger that never rests.</summary>
    public const long PartialBytesPerSecond = 2048;

    /// <summary>How long to look away when nothing changes.</summary>
    public static TimeSpan Look { get; } = TimeSpan.FromMinutes(5);

    /// <summary>After a place did not answer.</summary>
    public static TimeSpan Retry { get; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a place may not answer before the customer is told.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromMinutes(2);

    /// <summary>From one head to the next: a growing partial bundle is written whole with every head, so that the larger it is the longer the next one waits.</summary>
    public static TimeSpan Pause(long partialBytes) => TimeSpan.FromSeconds(Math.Clamp((double)partialBytes / PartialBytesPerSecond, 2, 120));
}
