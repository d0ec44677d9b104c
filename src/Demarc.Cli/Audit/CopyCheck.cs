using System.Globalization;
using Demarc.Core.Audit;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>
/// Verifies the copy that an agent keeps. Besides everything that is verified of an export, it has to be the newest: an older head that was put in the place of
/// the newest one is noticed by the heads beside it, and where these are gone as well by those that this profile has seen.
/// </summary>
internal sealed class CopyCheck(Invocation invocation)
{
    /// <summary>The copy follows the ledger within minutes; what was seen longer ago has to be in it.</summary>
    private static readonly TimeSpan Lag = TimeSpan.FromHours(1);

    /// <summary>The head is written right after the one beside it: what is older than this was not interrupted in between.</summary>
    private static readonly TimeSpan Between = TimeSpan.FromMinutes(5);

    public AuditReport Verify(CopySource source, Trust trust)
    {
        var note = ExportFolder.ReadHead(source, TlogTiles.CheckpointPath) ?? throw LedgerCheck.Fail($"'{source.Name}' has no file '{TlogTiles.CheckpointPath}'.");
        var head = LedgerCheck.ReadNote(note).Checkpoint;
        CheckBeside(source, head);
        if (!head.Origin.StartsWith("demarc/", StringComparison.Ordinal) || !EnvironmentId.TryParse(head.Origin["demarc/".Length..], out var id)) throw LedgerCheck.Fail($"The checkpoint is of '{head.Origin}', which is no ledger of Demarc.");
        var memory = new HeadMemory(invocation.Profile, invocation.Host.Time);
        var seen = memory.All(id).Select(remembered => (remembered.SeenAt, remembered.Read(memory.PathOf(id)).Checkpoint)).ToList();
        var within = seen.LastOrDefault(one => one.Checkpoint.Size <= head.Size).Checkpoint;
        var report = ExportFolder.Verify(source, within is null ? trust : trust with { SeenSize = within.Size, SeenRoot = Base64Text.Encode(within.Root) });
        var beyond = seen.FirstOrDefault(one => one.Checkpoint.Size > head.Size);
        if (beyond.Checkpoint is not null && invocation.Host.Now - beyond.SeenAt > Lag)
            throw LedgerCheck.Fail($"The copy ends with {head.Size} entries, and this profile was shown {beyond.Checkpoint.Size} at {beyond.SeenAt:u}: the copy was cut off, an old checkpoint was put back, or it is not kept any more.", "Ask the agent how far its copy is ('demarc agent status'), and look at older versions of the objects where the bucket keeps them.");
        var newest = beyond.Checkpoint is null ? "the copy holds everything that this profile has seen" : string.Create(CultureInfo.InvariantCulture, $"{beyond.Checkpoint.Size - head.Size} entries that this profile saw since {beyond.SeenAt:u} are not in the copy yet");
        return report with { Checks = [.. report.Checks, $"newest: {newest}"] };
    }

    private void CheckBeside(CopySource source, Checkpoint head)
    {
        if (ExportFolder.ReadHead(source, CopyLayout.Head(head.Size)) is { } same && !LedgerCheck.ReadNote(same).Checkpoint.Equals(head))
            throw LedgerCheck.Fail($"{TlogTiles.CheckpointPath} and {CopyLayout.Head(head.Size)} are two heads over {head.Size} entries.");
        if (source.NewestHeadAfter(head.Size) is not { } newest || ExportFolder.ReadHead(source, CopyLayout.Head(newest)) is not { } later) return;
        var (checkpoint, note) = LedgerCheck.ReadNote(later);
        var at = note.Signatures.Select(signature => signature.StatedTime).Max();
        if (at is { } time && (invocation.Host.Now - time).Duration() < Between) return;
        throw LedgerCheck.Fail($"{TlogTiles.CheckpointPath} is over {head.Size} entries, and {CopyLayout.Head(newest)} beside it over {checkpoint.Size}: an old checkpoint was put back in the place of the newest one.", "Look at who may write there. The newest head with all it covers is there still.");
    }
}
