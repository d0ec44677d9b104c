using System.Text.Json;
using Demarc.Core.Agents;
using Demarc.Core.Changes;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;
using Demarc.Plane.Ledger;
using Demarc.Protocol;

namespace Demarc.Plane.Agents;

/// <summary>
/// What an agent says, checked. The agent may be stolen or wrong: its entries must be its own and fold, a countersignature must be over
/// this very ledger, and what it merely reports is bounded and believed by nobody but a screen. What is refused leaves a notice.
/// </summary>
internal sealed class AgentReports(AgentHub hub, EnvironmentId environment, Ed25519Key agent)
{
    private readonly NoteKey cosigner = new($"agent.{environment}", agent, NoteKeyType.CosignatureV1);
    private int notices;

    private Watched<AgentPresence> Presence => hub.Board.Of(environment);

    /// <summary>Hands in an entry; a report that is not the agent's own entry is refused before it reaches the queue.</summary>
    public async ValueTask<Appended> SubmitAsync(Submit submit, CancellationToken cancellation)
    {
        // The memory of the frame is ours alone: nothing else writes to it once it is parsed.
        var read = submit.Envelope.Length > Entry.MaxBytes
            ? new EntryRead(null, $"the entry has {submit.Envelope.Length} bytes, at most {Entry.MaxBytes} are allowed")
            : Entry.Read(submit.Envelope.Memory);
        var fault = read.Entry is not { } entry ? read.Fault
            : entry.Id != submit.EntryId ? $"entry_id is not {entry.Id}, the id in the entry"
            : entry.Environment != environment ? $"the entry is for environment {entry.Environment}, this stream is of {environment}"
            : entry.Author != agent ? $"the entry is by {entry.Author.KeyId}; an agent hands in its own entries only"
            : null;
        var appended = fault is null ? await hub.Sequencer.AppendAsync(environment, read.Entry!, cancellation) : Appended.Refuse(fault);
        if (appended.Refusal is { } refusal) await NoteAsync(NoticeKinds.ReportRefused, $"entry {Clip(submit.EntryId)}: {refusal}", cancellation);
        return appended;
    }

    /// <summary>Takes in any other frame; gives a reason to end the conversation, or null.</summary>
    public async ValueTask<string?> HandleAsync(AgentFrame frame, CancellationToken cancellation)
    {
        switch (frame.FrameCase)
        {
            case AgentFrame.FrameOneofCase.Countersign:
                return await CountersignAsync(frame.Countersign.Checkpoint, cancellation);
            case AgentFrame.FrameOneofCase.Progress:
                await ProgressAsync(frame.Progress, cancellation);
                return null;
            case AgentFrame.FrameOneofCase.Status:
                return await StatusAsync(frame.Status, cancellation);
            case AgentFrame.FrameOneofCase.Refuse:
                var refusal = frame.Refuse.Detail.Length == 0 ? Clip(frame.Refuse.Reason) : Clip($"{frame.Refuse.Reason}: {frame.Refuse.Detail}");
                Presence.Change(p => p with { Refusal = refusal });
                await NoteAsync(NoticeKinds.Refuses, refusal, cancellation);
                return $"the agent refuses this plane: {refusal}";
            case AgentFrame.FrameOneofCase.SessionOutput when hub.Sessions is { } sessions:
                if (await sessions.TakeAsync(environment, frame.SessionOutput, cancellation) is { } unfit) await NoteAsync(NoticeKinds.ReportRefused, unfit, cancellation);
                return null;
            case AgentFrame.FrameOneofCase.BundlePart when hub.Sessions is { } bundles:
                if (await bundles.TakeAsync(environment, frame.BundlePart, cancellation) is { } wrong) await NoteAsync(NoticeKinds.ReportRefused, wrong, cancellation);
                return null;
            case AgentFrame.FrameOneofCase.Hello:
                return "hello comes once";
            default:
                // A ping, or a frame of a later version: it was heard.
                return null;
        }
    }

    /// <summary>Keeps a notice, within what one stream may leave.</summary>
    public async ValueTask NoteAsync(string kind, string text, CancellationToken cancellation)
    {
        if (Interlocked.Increment(ref notices) > AgentHubLimits.NoticesPerStream) return;
        if (await hub.Sequencer.FindAsync(environment, cancellation) is null) return;
        await hub.Sequencer.Store.NoteAsync(environment, new Notice(hub.Time.GetUtcNow(), kind, Clip(text, PlaneLedgerLimits.NoticeCharacters)), cancellation);
    }

    public static string Clip(string text, int most = AgentHubLimits.Message) => text.Length <= most ? text : text[..most] + "…";

    private async ValueTask<string?> CountersignAsync(string text, CancellationToken cancellation)
    {
        var (size, fault) = await CheckAsync(text, cancellation);
        if (fault is not null)
        {
            await NoteAsync(NoticeKinds.ReportRefused, $"countersignature: {fault}", cancellation);
            return $"the countersignature is refused: {fault}";
        }

        if ((await hub.Board.ReadAsync(environment, cancellation)).Refusal is not null) await NoteAsync(NoticeKinds.Follows, $"the agent follows again, at {size} entries", cancellation);
        Presence.Change(p => p with { VerifiedSize = Math.Max(size, p.VerifiedSize), Refusal = null });
        await hub.Sequencer.CountersignAsync(environment, new Countersigned(size, text), cancellation);
        return null;
    }

    private async ValueTask<(long Size, string? Fault)> CheckAsync(string text, CancellationToken cancellation)
    {
        if (text.Length > AgentHubLimits.CheckpointCharacters) return (0, $"it has {text.Length} characters, at most {AgentHubLimits.CheckpointCharacters} are allowed");
        if (await hub.Sequencer.FindAsync(environment, cancellation) is not { } view) return (0, "there is no such ledger");
        // What the agent countersigned last may be the last word of the plane before this one.
        if (hub.Sequencer.Signer.Open(environment, text, view.State.Planes, out var note, out var fault) is not { } checkpoint) return (0, fault);
        var verdict = note!.Verify(cosigner).Verdict;
        if (verdict != NoteVerdict.Valid) return (0, verdict == NoteVerdict.Forged ? $"the line of {cosigner.Name} does not hold" : $"there is no line of {cosigner.Name}");
        if (checkpoint.Size > view.Size) return (0, $"it covers {checkpoint.Size} entries, more than there are");
        var root = checkpoint.Size == view.Size ? view.Root : await LedgerTree.RootAsync(hub.Sequencer.Store, environment, checkpoint.Size, cancellation);
        return root.AsSpan().SequenceEqual(checkpoint.Root) ? (checkpoint.Size, null) : (0, $"its root at {checkpoint.Size} entries is not this ledger's");
    }

    private async ValueTask ProgressAsync(Progress progress, CancellationToken cancellation)
    {
        if (!ChangeId.TryParse(progress.Change, out var id) || !double.IsFinite(progress.Fraction)) return;
        if (await hub.Sequencer.FindAsync(environment, cancellation) is not { } view || !view.State.Changes.TryGetValue(id, out var change) || change.IsEnded) return;
        var report = new ChangeProgress(id.Value, progress.Step, progress.Steps, Math.Clamp(progress.Fraction, 0, 1), Clip(progress.Message), hub.Time.GetUtcNow());
        Presence.Change(p =>
        {
            var running = p.Progress.RemoveRange(p.Progress.Keys.Where(key => !ChangeId.TryParse(key, out var other) || !view.State.Open.Contains(other)));
            return running.Count >= AgentHubLimits.Progress && !running.ContainsKey(report.Change) ? p with { Progress = running } : p with { Progress = running.SetItem(report.Change, report) };
        });
    }

    private async ValueTask<string?> StatusAsync(Status status, CancellationToken cancellation)
    {
        Observation? observation = null;
        var fault = $"it has {status.ObservationJson.Length} bytes, at most {AgentHubLimits.StatusBytes} are allowed";
        if (status.ObservationJson.Length <= AgentHubLimits.StatusBytes)
        {
            try
            {
                observation = JsonSerializer.Deserialize(status.ObservationJson.Span, LedgerJson.Default.Observation);
            }
            catch (JsonException unreadable)
            {
                fault = unreadable.Message;
            }
        }

        if (observation is null)
        {
            await NoteAsync(NoticeKinds.ReportRefused, $"observation: {fault}", cancellation);
            return "the observation cannot be read";
        }

        Presence.Change(p => p with { Observation = observation });
        return null;
    }
}
