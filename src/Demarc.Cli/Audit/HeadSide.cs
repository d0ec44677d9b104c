using System.Text.Json.Nodes;
using Demarc.Cli.Agents;
using Demarc.Cli.Environments;
using Demarc.Core.Audit;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>One who shows a head of a ledger, and what they can show for it.</summary>
/// <param name="Name">Who, in words.</param>
/// <param name="Head">The head.</param>
/// <param name="Proof">Gives a consistency proof between two sizes; null where nobody can be asked.</param>
/// <param name="Entries">Gives the entries below a size, in order; null where nobody can be asked.</param>
internal sealed record HeadSide(string Name, SignedHead Head, Func<long, long, Task<IReadOnlyList<byte[]>>>? Proof = null, Func<long, IAsyncEnumerable<ReadOnlyMemory<byte>>>? Entries = null)
{
    public Checkpoint Checkpoint => Head.Checkpoint;

    /// <summary>A head out of a file, a message or a memory.</summary>
    public static HeadSide OfNote(string name, string note, EnvironmentId id) => new(name, Read(name, note, id));

    /// <summary>A plane with a head that it showed.</summary>
    public static HeadSide OfPlane(PlaneClient plane, string note, EnvironmentId id, CancellationToken stop)
    {
        var (path, name) = ($"/v1/environments/{id}", NameOf(plane));
        return new HeadSide(name, Read(name, note, id), ProofAsync, size => EntriesAsync(plane, path, size, stop));

        async Task<IReadOnlyList<byte[]>> ProofAsync(long first, long second)
        {
            var proof = await plane.GetAsync($"{path}/proofs/consistency?first={first}&second={second}", ViewJson.Default.ProofView, stop);
            return [.. proof.Hashes.Take(MerkleTree.MaxProofHashes + 1).Select(hash => Base64Text.Decode(hash.AsSpan(), Base64Form.Standard) ?? [])];
        }
    }

    /// <summary>The agent at its own door; null when it has verified nothing yet.</summary>
    public static async Task<HeadSide?> OfAgentAsync(AgentDoorClient door, EnvironmentId id, CancellationToken stop)
    {
        var answer = await door.OneAsync(AgentDoorClient.Ask("ledger.head"), stop);
        if (answer["checkpoint"] is not JsonValue note || !note.TryGetValue<string>(out var text)) return null;
        return new HeadSide("the agent", Read("the agent", text, id), null, size => EntriesAsync(door, size, stop));
    }

    public static string NameOf(PlaneClient plane) => $"the plane at {plane.Address.ToString().TrimEnd('/')}";

    private static SignedHead Read(string name, string note, EnvironmentId id)
    {
        var (head, fault) = SignedHead.Read(note);
        if (head is null) throw LedgerCheck.Fail($"What {name} shows is not a signed head: {fault}.", "Compare with a head as 'demarc audit head' prints it.");
        return head.Checkpoint.Origin == $"demarc/{id}" ? head : throw LedgerCheck.Fail($"The head that {name} shows is of '{head.Checkpoint.Origin}', not of 'demarc/{id}'.", "Compare heads of one environment.");
    }

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> EntriesAsync(PlaneClient plane, string path, long size, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        await foreach (var bytes in AuditLedger.PagesAsync(plane, path, 0, size, stop)) yield return bytes;
    }

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> EntriesAsync(AgentDoorClient door, long size, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        var given = 0L;
        await foreach (var line in door.AskAsync(AgentDoorClient.Ask("ledger.export"), stop))
        {
            if (given++ == size || line["entry"] is not JsonValue entry) yield break;
            yield return Convert.FromBase64String((string)entry!);
        }
    }
}
