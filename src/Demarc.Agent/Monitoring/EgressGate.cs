using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Agent.Agents;
using Demarc.Agent.Ledger;
using Demarc.Core.Agents;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Demarc.Protocol;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Monitoring;

/// <summary>
/// The one place through which anything leaves for the vendor's plane. It asks of each frame whether it fits its schema, whether a secret stands in it,
/// and whether its class has room today, and shows the customer what became of it before the transport has it. Nobody else calls the transport.
/// </summary>
public sealed class EgressGate
{
    private readonly IPlaneLink link;
    private readonly AgentLedger ledger;
    private readonly PublicKey agent;
    private readonly KnownSecrets secrets;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly Dictionary<EgressClass, string> lastWithheld = [];
    private readonly HashSet<EgressClass> full = [];
    private long seq;

    /// <summary>In front of a link.</summary>
    public EgressGate(IPlaneLink link, AgentLedger ledger, PublicKey agent, KnownSecrets secrets, EgressMirror? mirror, TimeProvider time, ILogger log)
    {
        this.link = link;
        this.ledger = ledger;
        this.agent = agent;
        this.secrets = secrets;
        this.time = time;
        this.log = log;
        Book = new EgressBook(ledger.Store, time, () => ledger.Verified);
        Watchers = new EgressWatchers(mirror);
    }

    /// <summary>What has been counted.</summary>
    public EgressBook Book { get; }

    /// <summary>Who looks.</summary>
    public EgressWatchers Watchers { get; }

    /// <summary>The verifier key of the plane that the link leads to; null for the one that the founding entry names.</summary>
    public string? PlaneKey => link.PlaneKey;

    /// <summary>Opens one stream; not dialled at all when there would be no room for a word on it.</summary>
    public async Task<EgressStream> ConnectAsync(CancellationToken stop)
    {
        if (!Book.HasRoom(EgressClass.Control, EgressGateLimits.Greeting))
        {
            Full(EgressClass.Control);
            throw new LinkException($"the day's budget for {EgressClass.Control.Word()} is spent: nothing is dialled until midnight (UTC) or until the customer allows more");
        }

        return new EgressStream(this, await link.ConnectAsync(stop));
    }

    /// <summary>Asks for a fresh certificate when one is due.</summary>
    public Task RenewIfDueAsync(CancellationToken stop) => link.RenewIfDueAsync(stop);

    /// <summary>Judges a frame, counts it and shows it. What may leave comes back, as it may leave.</summary>
    public (EgressVerdict Verdict, AgentFrame? Frame) Pass(AgentFrame frame)
    {
        var name = EgressSchema.Name(frame);
        if (!EgressSchema.Frames.TryGetValue(frame.FrameCase, out var schema)) return (Withhold(EgressClass.Control, name, frame.CalculateSize(), EgressSchema.Fault(frame)!), null);
        var (passed, taken, clear) = Redact(frame);
        var bytes = passed.CalculateSize() + EgressLimits.FrameOverhead;
        if (EgressSchema.Fault(passed) is { } fault) return (Withhold(schema.Class, name, bytes, fault), null);
        if (passed.FrameCase == AgentFrame.FrameOneofCase.Submit && EgressSchema.Fault(passed.Submit, agent) is { } unfit) return (Withhold(schema.Class, name, bytes, unfit), null);
        if (HoldsSecret(passed)) return (Withhold(schema.Class, name, bytes, $"{name}: a secret of this agent stands in it"), null);
        if (taken is not null) NoteTaken(schema.Class, taken);
        var verdict = Toll(schema.Class, bytes);
        Show(schema.Class, name, bytes, verdict, verdict == EgressVerdict.Sent ? taken : "the day's budget is spent", clear ?? (() => Clear(passed)));
        return (verdict, verdict == EgressVerdict.Sent ? passed : null);
    }

    /// <summary>What leaves beside the stream: a request to join or for a certificate. False when there is no room for it.</summary>
    internal bool Pass(string request, long bytes, JsonObject clear)
    {
        var verdict = Toll(EgressClass.Control, bytes + EgressLimits.FrameOverhead);
        Show(EgressClass.Control, request, bytes + EgressLimits.FrameOverhead, verdict, verdict == EgressVerdict.Sent ? null : "the day's budget is spent", () => clear);
        return verdict == EgressVerdict.Sent;
    }

    /// <summary>A secret was masked in an entry before it was signed.</summary>
    public void Masked(string kind) => NoteTaken(EgressClass.Ledger, $"{kind}: a secret of this agent was masked before the entry was signed");

    /// <summary>What has left, per day, newest first.</summary>
    public ImmutableArray<EgressDayTotals> Days(int number) => Book.Days(number, Waiting);

    /// <summary>Tells the customer what they should know: a budget that is all but spent, and frames that were withheld. Called now and then.</summary>
    public void Judge()
    {
        if (!ledger.InForce) return;
        var day = Book.Day;
        foreach (var total in Book.Days(1, Waiting)[0].Classes)
        {
            var word = total.Class.Word();
            var short0 = total.Cap > 0 && (total.Bytes * 100 >= total.Cap * EgressLimits.WarnPercent || full.Contains(total.Class));
            Judge(EgressGateLimits.BudgetFinding + word, short0, word,
                $"{total.Bytes} of the {total.Cap} bytes that may leave as {word} on {day:yyyy-MM-dd} (UTC) are spent; what goes beyond is {(total.Class.Waits() ? "held" : "dropped, the newest kept")} until midnight",
                $"look at it with 'demarc egress report'; allow more for this day with 'demarc egress allow {word} --bytes 10MiB --reason …', or amend the charter (tasks.monitoring.egress.{word}).");
            Judge(EgressGateLimits.WithheldFinding + word, total.Withheld > 0, word,
                $"something that does not fit its schema wanted to leave as {word} on {day:yyyy-MM-dd} (UTC) and did not: {lastWithheld.GetValueOrDefault(total.Class, "see 'demarc egress show'")}",
                "nothing of yours has left; report it to the vendor, because their program should not have tried.");
        }

        full.RemoveWhere(which => Book.HasRoom(which, 1));
    }

    private long Waiting(EgressClass which) => which == EgressClass.Ledger && full.Contains(which) ? ledger.Outbox.Count : 0;

    private EgressVerdict Toll(EgressClass which, long bytes)
    {
        if (Book.Spend(which, bytes)) return EgressVerdict.Sent;
        Full(which);
        if (which.Waits()) return EgressVerdict.Held;
        Book.Dropped(which);
        return EgressVerdict.Dropped;
    }

    private void Full(EgressClass which)
    {
        if (full.Add(which)) EgressLog.Full(log, which.Word(), Book.Spent(which), Book.Cap(which));
    }

    private EgressVerdict Withhold(EgressClass which, string frame, long bytes, string why)
    {
        NoteTaken(which, why);
        Show(which, frame, bytes, EgressVerdict.Withheld, why, null);
        return EgressVerdict.Withheld;
    }

    private void NoteTaken(EgressClass which, string why)
    {
        lastWithheld[which] = why;
        Book.Withheld(which);
        EgressLog.Withheld(log, which.Word(), why);
    }

    private void Show(EgressClass which, string frame, long bytes, EgressVerdict verdict, string? why, Func<JsonNode>? clear)
    {
        var record = new EgressRecord(++seq, time.GetUtcNow(), which, frame, bytes, verdict, why, Book.Spent(which), Book.Cap(which));
        // A frame that waits is offered again and again; the first time tells all there is to tell.
        Watchers.Show(record, clear);
    }

    // What is not signed can be mended: the rest is withheld.
    private (AgentFrame Frame, string? Taken, Func<JsonNode>? Clear) Redact(AgentFrame frame)
    {
        switch (frame.FrameCase)
        {
            case AgentFrame.FrameOneofCase.Status:
                return RedactStatus(frame);
            case AgentFrame.FrameOneofCase.Progress:
                var message = secrets.Mask(frame.Progress.Message);
                if (message == frame.Progress.Message) return (frame, null, null);
                var progress = frame.Progress.Clone();
                progress.Message = message;
                return (new AgentFrame { Progress = progress }, "progress.message: a secret of this agent was masked", null);
            default:
                return (frame, null, null);
        }
    }

    private (AgentFrame Frame, string? Taken, Func<JsonNode>? Clear) RedactStatus(AgentFrame frame)
    {
        JsonNode? kept;
        ImmutableArray<string> left;
        try
        {
            using var json = JsonDocument.Parse(frame.Status.ObservationJson.Memory, new JsonDocumentOptions { MaxDepth = 16 });
            (var bytes, left) = EgressFields.Keep(json.RootElement, LedgerJson.Default.Observation);
            kept = JsonNode.Parse(bytes.Span);
        }
        catch (JsonException)
        {
            // Not JSON: the schema has no place for it, and an empty one does not leave either.
            return (new AgentFrame { Status = new Status() }, "status.observation_json: it is not JSON", null);
        }

        var masked = secrets.Mask(kept);
        if (!masked && left.IsEmpty) return (frame, null, null);
        var mended = new AgentFrame { Status = new Status { ObservationJson = ByteString.CopyFromUtf8(kept!.ToJsonString()) } };
        var why = left.IsEmpty ? "status.observation_json: a secret of this agent was masked" : $"status.observation_json: {string.Join(", ", left.Take(5))} not classified, left out";
        return (mended, why, null);
    }

    private bool HoldsSecret(AgentFrame frame)
    {
        if (frame.FrameCase != AgentFrame.FrameOneofCase.Submit) return secrets.IsIn(frame.ToByteArray());
        // An envelope carries its body in base64: it is looked at in clear as well.
        return secrets.IsIn(frame.Submit.Envelope.Span) || Entry.Read(frame.Submit.Envelope.Memory).Entry is { } entry && secrets.IsIn(Encoding.UTF8.GetBytes(entry.Body.Data.GetRawText()));
    }

    private static JsonNode Clear(AgentFrame frame)
    {
        if (frame.FrameCase == AgentFrame.FrameOneofCase.SessionOutput) return new JsonObject { ["session"] = frame.SessionOutput.Session, ["seq"] = frame.SessionOutput.Seq, ["line"] = frame.SessionOutput.Line.ToStringUtf8() };
        if (frame.FrameCase == AgentFrame.FrameOneofCase.BundlePart) return new JsonObject { ["session"] = frame.BundlePart.Session, ["part"] = frame.BundlePart.Part, ["parts"] = frame.BundlePart.Parts, ["data"] = frame.BundlePart.Data.ToStringUtf8() };
        if (frame.FrameCase == AgentFrame.FrameOneofCase.Status) return JsonNode.Parse(frame.Status.ObservationJson.Span)!;
        if (frame.FrameCase != AgentFrame.FrameOneofCase.Submit) return JsonNode.Parse(JsonFormatter.Default.Format((IMessage)AgentFrame.Descriptor.FindFieldByNumber((int)frame.FrameCase).Accessor.GetValue(frame)))!;
        var entry = Entry.Read(frame.Submit.Envelope.Memory).Entry!;
        return new JsonObject { ["id"] = entry.Id, ["kind"] = entry.Body.Kind, ["at"] = entry.At.ToString("O"), ["author"] = entry.Author.KeyId, ["data"] = JsonNode.Parse(entry.Body.Data.GetRawText()) };
    }

    private void Judge(string finding, bool wrong, string resource, string reason, string remedy)
    {
        var open = ledger.State.Findings.ContainsKey(finding);
        if (wrong == open) return;
        if (wrong) ledger.Write(new FindingRaised(finding, TaskId.Logs, resource, reason, remedy));
        else ledger.Write(new FindingCleared(finding));
    }
}

/// <summary>Bounds of the gate.</summary>
public static class EgressGateLimits
{
    /// <summary>Start of the name of a finding about a budget.</summary>
    public const string BudgetFinding = "egress-budget-";

    /// <summary>Start of the name of a finding about a frame that was withheld.</summary>
    public const string WithheldFinding = "egress-withheld-";

    /// <summary>What a conversation needs to begin: a hello and a ping. Without room for that the handshake would be in vain.</summary>
    public const int Greeting = 512;
}
