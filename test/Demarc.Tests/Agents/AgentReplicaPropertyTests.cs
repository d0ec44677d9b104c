using CsCheck;
using Demarc.Agent.Ledger;
using Demarc.Core.Changes;
using Demarc.Core.Ledger;

namespace Demarc.Tests.Agents;

/// <summary>Whatever way entries arrive, the copy is the same; whatever byte is touched on the way, nothing of it gets in.</summary>
public sealed class AgentReplicaPropertyTests
{
    [Fact]
    public void Any_cut_into_batches_with_any_repetition_gives_the_same_replica()
    {
        using var lab = Grown();
        Gen.Select(Gen.Int[1, 5].Array[1, 20], Gen.Int[0, 3]).Sample((sizes, overlap) =>
        {
            var store = new AgentMemoryStore();
            var ledger = lab.Open(store);
            var at = 0;
            foreach (var size in sizes)
            {
                if (at == lab.Entries.Count) break;
                var end = Math.Min(at + size, lab.Entries.Count);
                // Entries that are known already may come again, unchanged.
                var first = Math.Max(0, at - overlap);
                if (!ledger.Accept(first, AgentLab.Bytes(lab.Entries[first..end]), lab.Checkpoint(lab.Entries[..end]))) return false;
                at = end;
            }

            var frontier = new MerkleFrontier();
            foreach (var entry in lab.Entries[..at]) frontier.AppendEntry(entry.Bytes.Span);
            var reopened = lab.Open(store);
            return ledger.Size == at && ledger.Root.SequenceEqual(frontier.Root()) && reopened.Root.SequenceEqual(ledger.Root)
                && reopened.State.Size == at && reopened.State.Instances.Count == ledger.State.Instances.Count;
        }, iter: 200, threads: 1);
    }

    [Fact]
    public void Any_touched_byte_is_refused_and_changes_nothing()
    {
        using var lab = Grown();
        Gen.Select(Gen.Int[0, 6], Gen.Int[1, 8], Gen.Int[0, 100_000], Gen.Int[1, 255]).Sample((from, count, place, flip) =>
        {
            var store = new AgentMemoryStore();
            var ledger = lab.Open(store);
            if (from > 0) Assert.True(ledger.Accept(0, AgentLab.Bytes(lab.Entries[..from]), lab.Checkpoint(lab.Entries[..from])));
            var end = Math.Min(from + count, lab.Entries.Count);
            var batch = lab.Entries[from..end].Select(entry => entry.Bytes.ToArray()).ToList();
            var note = System.Text.Encoding.UTF8.GetBytes(lab.Checkpoint(lab.Entries[..end]));
            var all = batch.Sum(bytes => bytes.Length) + note.Length;
            var at = place % all;
            foreach (var bytes in batch.Append(note))
            {
                if (at < bytes.Length)
                {
                    bytes[at] ^= (byte)flip;
                    break;
                }

                at -= bytes.Length;
            }

            var (size, root) = (ledger.Size, ledger.Root);
            var accepted = ledger.Accept(from, [.. batch.Select(bytes => (ReadOnlyMemory<byte>)bytes)], System.Text.Encoding.UTF8.GetString(note));
            return !accepted && ledger.Size == size && ledger.Root.SequenceEqual(root) && store.ReadEvidence().Count == 1 && store.ReadEntries(0).Count() == size;
        }, iter: 300, threads: 1);
    }

    [Fact]
    public void Entries_of_others_between_ours_leave_the_outbox_in_order()
    {
        using var lab = Grown();
        Gen.Bool.Array[1, 12].Sample(turns =>
        {
            using var own = Grown();
            var store = new AgentMemoryStore();
            var ledger = own.Open(store);
            own.Sync(ledger);
            var ours = 0;
            foreach (var mine in turns)
            {
                if (mine)
                {
                    var name = $"finding-{ours++}x";
                    if (ledger.Write(new FindingRaised(name, Demarc.Core.Charter.TaskId.Bucket, "bucket", "why", "remedy")).Entry is null) return false;
                }
                else
                {
                    own.Request("instances.create", $"other-{own.Entries.Count}x", AgentLab.Order());
                    // Only the others' entries arrive; ours still wait.
                    if (!ledger.Accept(ledger.Size, AgentLab.Bytes(own.Entries.Skip((int)ledger.Size)), own.Checkpoint(own.Entries))) return false;
                }
            }

            var all = ledger.State.Findings.Count == ours && ledger.Outbox.Count == ours;
            own.Sync(ledger);
            return all && ledger.Outbox.Count == 0 && ledger.Verified.Findings.Count == ours && own.State.Findings.Count == ours;
        }, iter: 60, threads: 1);
    }

    internal static AgentLab Grown()
    {
        var lab = new AgentLab(3);
        lab.Request("instances.create", "one", AgentLab.Order());
        var withdrawn = lab.Request("instances.create", "two", AgentLab.Order());
        lab.Say(lab.Vendor, new ChangeWithdrawn(withdrawn, "not needed"));
        lab.Request("instances.create", "three", AgentLab.Order());
        return lab;
    }
}
