using System.Runtime.CompilerServices;
using Demarc.Cli.Environments;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>Fetches a ledger from the plane, page by page, up to one head.</summary>
internal static class AuditLedger
{
    /// <summary>Entries asked for at once; the plane may give fewer.</summary>
    private const int Page = 500;

    private const int CountersignatureTries = 10;
    private static readonly TimeSpan CountersignatureWait = TimeSpan.FromMilliseconds(300);

    /// <summary>All entries below the size, in order.</summary>
    public static async Task ReadAsync(Invocation invocation, long from, long size, Action<long, byte[]> take)
    {
        var next = from;
        await foreach (var bytes in PagesAsync(invocation.Reader, invocation.Path, from, size, invocation.Stop)) take(next++, bytes);
        if (next < size) throw LedgerCheck.Fail($"The plane was asked for entry {next} and gave none that can be read: it holds entries back.");
    }

    /// <summary>A plane's entries from one on and below a size, in order; fewer when it gives no more, or what is no entry's bytes.</summary>
    public static async IAsyncEnumerable<byte[]> PagesAsync(PlaneClient plane, string path, long from, long size, [EnumeratorCancellation] CancellationToken stop)
    {
        for (var next = from; next < size;)
        {
            var wanted = Math.Min(Page, size - next);
            var page = await plane.GetAsync($"{path}/entries?from={next}&limit={wanted}", ViewJson.Default.EntriesView, stop);
            if (page.First != next || page.Entries.IsDefaultOrEmpty) yield break;
            foreach (var text in page.Entries.Take((int)wanted))
            {
                if (Base64Text.Decode(text.AsSpan(), Base64Form.Standard) is not { } bytes) yield break;
                yield return bytes;
                next++;
            }
        }
    }

    /// <summary>The whole ledger as a plane holds it, verified, with the state that it gives.</summary>
    public static async Task<(AuditReport Report, EnvironmentState State)> CheckedAsync(Invocation invocation, PlaneClient plane, EnvironmentId id)
    {
        var side = HeadSide.OfPlane(plane, await plane.GetTextAsync($"/v1/environments/{id}/checkpoint", invocation.Stop), id, invocation.Stop);
        return await CheckedAsync(side, new Trust(null, null, invocation.Config.Founded.GetValueOrDefault(id.Value), Environment: id.Value));
    }

    /// <summary>The whole ledger below a head, verified, with the state that it gives.</summary>
    public static async Task<(AuditReport Report, EnvironmentState State)> CheckedAsync(HeadSide side, Trust trust)
    {
        var check = new LedgerCheck(trust);
        await foreach (var bytes in side.Entries!(side.Checkpoint.Size)) check.Add(bytes);
        return (check.Finish(side.Head.Text), check.State);
    }

    /// <summary>The present head, as the plane signs it, held against those that this profile has seen.</summary>
    public static Task<string> HeadAsync(Invocation invocation) => invocation.Watch.SeeAsync(invocation.Environment, $"{invocation.Path}/checkpoint");

    /// <summary>
    /// The newest head that both sides vouch for. A countersignature follows its entries within moments, so it is waited for that long; an agent that is away
    /// gives an older head. Null when the agent has countersigned none at all.
    /// </summary>
    public static async Task<string?> CountersignedHeadAsync(Invocation invocation)
    {
        var wanted = LedgerCheck.ReadNote(await HeadAsync(invocation)).Checkpoint.Size;
        for (var asked = 1; ; asked++)
        {
            string? note = null;
            try
            {
                note = await invocation.Watch.SeeAsync(invocation.Environment, $"{invocation.Path}/checkpoint?countersigned=true", mayBeOlder: true);
                if (LedgerCheck.ReadNote(note).Checkpoint.Size >= wanted) return note;
            }
            catch (CommandFailedException none) when (none.ExitCode == ExitCodes.NotFound)
            {
                // The agent has only just joined.
            }

            if (asked == CountersignatureTries) return note;
            await Task.Delay(CountersignatureWait, invocation.Host.Time, invocation.Stop);
        }
    }
}
