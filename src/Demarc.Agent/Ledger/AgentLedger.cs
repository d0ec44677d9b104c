using System.Text.Json;
using System.Text.Json.Nodes;
using Demarc.Agent.Agents;
using Demarc.Core;
using Demarc.Core.Environments;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Ledger;

/// <summary>What came of writing an entry.</summary>
/// <param name="Entry">The entry, durable on disk; null when it was refused.</param>
/// <param name="Refusal">Why the ledger has no place for it; null when it was written.</param>
public readonly record struct Written(Entry? Entry, string? Refusal);

/// <summary>
/// The ledger as the agent uses it: the verified replica, and behind it the outbox of entries that the agent wrote and the plane has yet to
/// sequence. <see cref="State"/> folds both, so that the agent acts on what it has said itself even while the plane is away. Runs on one logical
/// thread: nothing here takes a lock.
/// </summary>
#pragma warning disable CA1001 // A source without timer and wait handle leaves nothing behind.
public sealed class AgentLedger
#pragma warning restore CA1001
{
    private readonly IAgentStore store;
    private readonly AgentIdentity identity;
    private readonly TimeProvider time;
    private readonly FillRandom random;
    private readonly ILogger log;
    private readonly Replica replica;
    private readonly List<Entry> outbox;
    private readonly Dictionary<long, string> promised = [];
    private readonly HashSet<string> inDoubt = [];
    private CancellationTokenSource authority = new();
    private CancellationTokenSource following = new();
    private string followed = "";
    private Entry? severance;
    private bool broken;

    private AgentLedger(IAgentStore store, AgentIdentity identity, TimeProvider time, FillRandom random, ILogger log, Replica replica, List<Entry> outbox, Entry? severance)
    {
        this.store = store;
        this.identity = identity;
        this.time = time;
        this.random = random;
        this.log = log;
        this.replica = replica;
        this.outbox = outbox;
        this.severance = severance;
        if (severance is not null) promised[replica.Size] = severance.Id;
        Refusal = store.ReadRefusal();
        State = FoldOutbox();
        followed = State.PlaneKey;
    }

    /// <summary>Secrets of this agent, which are masked in what it writes; null for none.</summary>
    public KnownSecrets? Secrets { get; set; }

    /// <summary>Told the kind of an entry in which something had to be masked.</summary>
    public Action<string>? Masked { get; set; }

    /// <summary>The disk, for what is counted beside the ledger.</summary>
    internal IAgentStore Store => store;

    /// <summary>Raised whenever an entry is written, verified or refused.</summary>
    public Signal Changed { get; } = new();

    /// <summary>What both sides hold.</summary>
    public EnvironmentState Verified => replica.State;

    /// <summary>What both sides hold, and what the agent has written since.</summary>
    public EnvironmentState State { get; private set; }

    /// <summary>How many entries are verified.</summary>
    public long Size => replica.Size;

    /// <summary>The root over them.</summary>
    public byte[] Root => replica.Root;

    /// <summary>The latest verified checkpoint with our countersignature; null before the first.</summary>
    public string? Checkpoint => replica.HeldCheckpoint;

    /// <summary>Entries that the plane has yet to sequence, in the order they were written.</summary>
    public IReadOnlyList<Entry> Outbox => outbox;

    /// <summary>Why the plane is not followed; null while it is.</summary>
    public string? Refusal { get; private set; }

    /// <summary>The evidence of the refusal met by this process; null when there was none.</summary>
    public Evidence? FreshEvidence { get; private set; }

    /// <summary>Whether this agent is the one in force: joined, not revoked, with a charter to act for.</summary>
    public bool InForce => Verified.Charter is not null && Verified.Agent is { } agent && agent.Key.Equals(identity.Key.Public);

    /// <summary>Cancelled in the moment in which an entry arrives that takes this agent's authority: what it is in the middle of ends there.</summary>
    public CancellationToken Authority => authority.Token;

    /// <summary>Cancelled in the moment in which another plane is in force: not one more word goes to the one before.</summary>
    public CancellationToken Following => following.Token;

    /// <summary>Whether the customer has severed the vendor and no plane has given that its place yet.</summary>
    public bool AwaitsPlane => severance is not null;

    /// <summary>Opens what is on disk. The fault says what is wrong with it.</summary>
    public static (AgentLedger? Ledger, string? Fault) Open(IAgentStore store, AgentIdentity identity, TimeProvider time, FillRandom random, ILogger log)
    {
        var (replica, fault) = Replica.Open(store, identity.Trust, time);
        if (replica is null) return (null, fault);
        var outbox = new List<Entry>();
        foreach (var row in store.ReadOutbox())
        {
            var read = Entry.Read(row.Envelope);
            if (read.Entry is not { } entry) return (null, $"outbox entry {row.EntryId} on disk cannot be read: {read.Fault}");
            outbox.Add(entry);
        }

        if (store.ReadNote(AgentNotes.Severance) is not { Length: > 0 } kept) return (new AgentLedger(store, identity, time, random, log, replica, outbox, null), null);
        var severed = Entry.Read(Convert.FromBase64String(kept));
        if (severed.Entry is not { } severance) return (null, $"the severance on disk cannot be read: {severed.Fault}");
        return (new AgentLedger(store, identity, time, random, log, replica, outbox, replica.State.AuthorityIds.Contains(severance.Id) ? null : severance), null);
    }

    /// <summary>
    /// Takes the customer's severance, from their own hand and with no plane in between: it is durable when this returns, counts from now on, and whatever
    /// plane is followed later has to begin with it. The refusal says why it is none; handed in again it changes nothing.
    /// </summary>
    public string? Sever(Entry entry)
    {
        if (severance?.Id == entry.Id) return null;
        if (entry.Data is not VendorSevered) return $"the entry is {entry.Body.Kind}, not vendor.severed";
        if (severance is not null) return "another severance was handed in before";
        if (EnvironmentFold.Apply(Verified, entry).Refusal is { } refusal) return refusal;
        Keep(() => store.TakeSeverance(Convert.ToBase64String(entry.Bytes.Span)));
        severance = entry;
        promised.Clear();
        promised[replica.Size] = entry.Id;
        Refusal = null;
        FreshEvidence = null;
        State = FoldOutbox();
        AgentLog.Severed(log, replica.Size);
        Changed.Raise();
        Follow();
        return null;
    }

    /// <summary>Why the replica would not take this batch, or null; nothing is kept of it. The severance counts as handed in.</summary>
    public string? Rehearse(Entry entry, string checkpoint) =>
        replica.Judge(replica.Size, [entry.Bytes], checkpoint, new Dictionary<long, string> { [replica.Size] = entry.Id });

    /// <summary>Writes an entry if the ledger has a place for it. It is durable when this returns, and only then may anything be done on its strength.</summary>
    public Written Write(EntryData data)
    {
        data = Scrub(data);
        if (outbox.Count >= LedgerCopyLimits.MaxOutbox) return new Written(null, $"{outbox.Count} entries wait for the plane already: nothing new is begun until it has taken some");
        var entry = Entry.Write(identity.Trust.Environment, Entry.NewId(random), time.GetUtcNow(), data, identity.Key);
        var folded = EnvironmentFold.Apply(State, entry);
        if (folded.State is not { } next) return new Written(null, folded.Refusal);
        Keep(() => store.AddToOutbox(new OutboxRow(entry.Id, entry.Bytes)));
        outbox.Add(entry);
        State = next;
        AgentLog.EntryWritten(log, entry.Body.Kind, entry.Id);
        Changed.Raise();
        return new Written(entry, null);
    }

    /// <summary>Verifies a batch and keeps it, or refuses the plane. True when the batch stands.</summary>
    public bool Accept(long first, IReadOnlyList<ReadOnlyMemory<byte>> envelopes, string checkpoint)
    {
        BatchVerdict verdict = default;
        Keep(() => verdict = replica.Accept(first, envelopes, checkpoint, promised, Countersign));
        if (verdict.Refused is { } evidence)
        {
            RefusePlane(evidence);
            return false;
        }

        if (severance is not null && replica.State.AuthorityIds.Contains(severance.Id)) severance = null;
        var ours = 0;
        foreach (var entry in verdict.Entries)
        {
            if (ours < outbox.Count && outbox[ours].Id == entry.Id) ours++;
        }

        // When only our own entries came, in order, the state with the rest of the outbox is what it was.
        var onlyOurs = ours == verdict.Entries.Count;
        if (verdict.Entries.Count > 0)
        {
            var settled = verdict.Entries.Select(entry => entry.Id).ToHashSet();
            outbox.RemoveAll(entry => settled.Contains(entry.Id));
            foreach (var index in promised.Keys.Where(index => index < replica.Size).ToList()) promised.Remove(index);
            if (!onlyOurs) State = FoldOutbox();
            AgentLog.BatchVerified(log, verdict.Entries.Count, replica.Size);
        }

        Changed.Raise();
        if (InForce && Refusal is null && State.Findings.ContainsKey(AgentFindings.PlaneRefused)) Write(new FindingCleared(AgentFindings.PlaneRefused));
        if (!InForce) authority.Cancel();
        else if (authority.IsCancellationRequested) authority = new CancellationTokenSource();
        Follow();
        return true;
    }

    /// <summary>
    /// Whether this agent has said that it starts a change of this instance, and that does not count as things are, while the plane has not answered yet. It can come to count
    /// after all, so nothing else may be begun for the instance meanwhile.
    /// </summary>
    public bool HasStartInDoubt(InstanceId instance) =>
        inDoubt.Count > 0 && outbox.Any(entry => inDoubt.Contains(entry.Id) && entry.Data is ChangeStarted started && State.OpenChanges.Any(change => change.Id == started.Change && change.Request.Instance == instance));

    /// <summary>The plane gave one of our entries its place. It stays in the outbox until it stands in the verified replica. False when the plane is refused.</summary>
    public bool Acknowledged(string entryId, long index)
    {
        if (!outbox.Any(entry => entry.Id == entryId)) return true;
        if (replica.BrokenPromise(entryId, index) is { } evidence)
        {
            RefusePlane(evidence);
            return false;
        }

        promised[index] = entryId;
        return true;
    }

    /// <summary>The plane will never sequence one of our entries: it is kept as evidence and no longer counts.</summary>
    public void RefusedByPlane(string entryId, string why) => Drop(entryId, RefusalReason.OwnEntryRefused, why);

    /// <summary>One of our entries must not leave this machine: it is kept as evidence here and no longer counts.</summary>
    public void Withheld(string entryId, string why) => Drop(entryId, RefusalReason.OwnEntryWithheld, why);

    private void Drop(string entryId, string reason, string why)
    {
        var at = outbox.FindIndex(entry => entry.Id == entryId);
        if (at < 0) return;
        var entry = outbox[at];
        Keep(() => store.RefuseFromOutbox(entryId, new Evidence(time.GetUtcNow(), reason, $"{entry.Body.Kind} {entryId}: {why}", Checkpoint, null, -1, [entry.Bytes])));
        outbox.RemoveAt(at);
        State = FoldOutbox();
        if (reason == RefusalReason.OwnEntryRefused) AgentLog.EntryRefused(log, entry.Body.Kind, entryId, why);
        Changed.Raise();
    }

    /// <summary>
    /// Keeps the evidence and follows the plane no further. That it was refused, and for what, waits as a finding for the plane that is followed next: so it
    /// stands in the ledger in the end, under this agent's signature.
    /// </summary>
    public void RefusePlane(Evidence evidence)
    {
        Keep(() => store.RefusePlane(evidence));
        Refusal = $"{evidence.Reason}: {evidence.Detail}";
        FreshEvidence = evidence;
        AgentLog.PlaneRefused(log, evidence.Reason, evidence.Detail);
        Changed.Raise();
        if (InForce && !State.Findings.ContainsKey(AgentFindings.PlaneRefused)) Write(AgentFindings.Refused(State.PlaneKey, evidence));
    }

    // A disk that fails may have kept what it says it has not, so this process no longer knows what the ledger holds. It ends, and whatever else is under
    // way in it until then must not write or begin one thing more.
    private void Keep(Action write)
    {
        if (broken) throw new IOException("the disk failed before: the agent ends, and starts again from what is on it");
        try
        {
            write();
        }
        catch
        {
            broken = true;
            authority.Cancel();
            throw;
        }
    }

    private void Follow()
    {
        if (State.PlaneKey == followed) return;
        var first = followed.Length == 0;
        followed = State.PlaneKey;
        if (first) return;
        AgentLog.PlaneMoved(log, followed);
        var before = following;
        following = new CancellationTokenSource();
        before.Cancel();
    }

    // What is signed can no longer be mended: a secret that slipped into a receipt or a reason is masked before it is.
    private EntryData Scrub(EntryData data)
    {
        if (Secrets is null) return data;
        var kind = EntryKind.Of(data);
        var json = JsonSerializer.SerializeToUtf8Bytes(data, kind.Type);
        if (!Secrets.IsIn(json)) return data;
        var node = JsonNode.Parse(json);
        if (!Secrets.Mask(node)) return data;
        Masked?.Invoke(kind.Name);
        return (EntryData)node.Deserialize(kind.Type)!;
    }

    private string Countersign(SignedNote note) =>
        note.Signatures.Count >= LedgerLimits.NoteSignatures
            ? note.ToString()
            : note.AddSignature(NoteSigner.Cosigner($"agent.{identity.Trust.Environment}", identity.Key, time.GetUtcNow())).ToString();

    // An entry that no longer fits is left out here and stays in the outbox: the plane says so in its answer, and then it becomes evidence.
    private EnvironmentState FoldOutbox()
    {
        inDoubt.Clear();
        var state = replica.State;
        if (severance is not null && EnvironmentFold.Apply(state, severance).State is { } severed) state = severed;
        foreach (var entry in outbox)
        {
            if (EnvironmentFold.Apply(state, entry).State is { } next) state = next;
            else inDoubt.Add(entry.Id);
        }

        return state;
    }
}
