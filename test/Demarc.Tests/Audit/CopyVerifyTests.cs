using System.Text;
using Demarc.Agent.Audit;
using Demarc.Agent.Ledger;
using Demarc.Core.Audit;
using Demarc.Core.Ledger;
using Demarc.Tests.Agents;
using Demarc.Tests.Cli;
using Demarc.Tests.Ledger;
using Microsoft.Extensions.Logging.Abstractions;

namespace Demarc.Tests.Audit;

/// <summary><c>audit verify --from</c> against a copy that the agent has made and somebody has tampered with since, each time in one way.</summary>
public sealed class CopyVerifyTests
{
    [Fact]
    public async Task A_copy_that_nobody_touched_is_verified_with_nothing_but_the_roots()
    {
        using var copy = await Copied.MakeAsync();
        var ran = await copy.Shell.MustAsync(copy.Verify);
        Assert.StartsWith($"VERIFIED. Environment acme, {copy.Size} entries.", ran.Out, StringComparison.Ordinal);
        Assert.Contains("✓ countersignature: agent.acme has verified the same head", ran.Out, StringComparison.Ordinal);
        Assert.Contains("✓ newest: the copy holds everything that this profile has seen", ran.Out, StringComparison.Ordinal);
        await copy.Shell.RefusedAsync(2, "--offline and --from name two places", [.. copy.Verify, "--offline", copy.Place]);
        await copy.Shell.RefusedAsync(2, "How to reach 's3://acme-ledger/x' is not said.", "audit", "verify", "--from", "s3://acme-ledger/x");
        await copy.Shell.RefusedAsync(4, "There is no folder", [.. copy.Verify.Select(word => word == copy.Place ? word + "x" : word)]);
    }

    [Theory]
    [InlineData("an object rewritten", "does not hold:")]
    [InlineData("an object rewritten, with another entry of the agent", "tile/0/000: its hashes are not those of the entries")]
    [InlineData("a tile rewritten", "tile/0/000: its hashes are not those of the entries.")]
    [InlineData("a tile missing", "tile/0/000: missing.")]
    [InlineData("a bundle missing", "tile/entries/000: missing.")]
    [InlineData("an old checkpoint replayed", "an old checkpoint was put back in the place of the newest one.")]
    [InlineData("an old checkpoint replayed, and the newer heads taken away", "the copy was cut off, an old checkpoint was put back, or it is not kept any more.")]
    [InlineData("a head of another root put beside the checkpoint", "are two heads over")]
    [InlineData("a checkpoint of the plane alone", "lacks the countersignature of agent.acme")]
    [InlineData("another history of the same plane", "are not the ones seen before: the ledger was rewritten.")]
    [InlineData("the checkpoint missing", "has no file 'checkpoint'.")]
    [InlineData("a checkpoint without end", "checkpoint is too large for a signed note.")]
    public async Task A_copy_that_was_tampered_with_is_refused(string how, string words)
    {
        using var copy = await Copied.MakeAsync();
        await copy.RememberAsync();
        await copy.TamperAsync(how);
        await copy.Shell.RefusedAsync(6, words, copy.Verify);
    }

    [Fact]
    public async Task A_copy_that_lags_for_minutes_passes_and_says_how_far()
    {
        using var copy = await Copied.MakeAsync(settle: false);
        await copy.RememberAsync(TimeSpan.FromMinutes(10));
        await copy.TamperAsync("an old checkpoint replayed, and the newer heads taken away");
        var ran = await copy.Shell.MustAsync(copy.Verify);
        Assert.Contains("300 entries that this profile saw since ", ran.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_checkpoint_that_was_interrupted_a_moment_ago_is_no_replay()
    {
        using var copy = await Copied.MakeAsync(settle: false);
        await copy.TamperAsync("an old checkpoint replayed");
        await copy.Shell.MustAsync(copy.Verify);
    }

    /// <summary>A copy of 306 entries by a real agent's ledger, which was first made when there were 6.</summary>
    private sealed class Copied : IDisposable
    {
        private readonly TemporaryFolder bucket = new();
        private List<Entry> entries = [];

        public PlaneWorld World { get; } = new();

        public CommandLine Shell { get; } = new();

        public string Place => Path.Combine(bucket.Path, "ledger", "acme");

        public long Size => entries.Count;

        public string[] Verify => ["audit", "verify", "--from", Place, "--customer-root", World.Customer.Public.KeyId, "--vendor-root", World.Vendor.Public.KeyId];

        public static async Task<Copied> MakeAsync(bool settle = true)
        {
            var made = new Copied();
            made.Shell.Time = made.World.Time;
            made.entries = [.. made.World.UpToAgent()];
            await made.CopyAsync(made.entries, made.Place, 6, 306);
            if (settle) made.World.Time.Advance(TimeSpan.FromHours(3));
            return made;
        }

        /// <summary>What the profile has seen of the ledger a while ago.</summary>
        public async Task RememberAsync(TimeSpan? ago = null)
        {
            Directory.CreateDirectory(Path.Combine(Shell.Home, "heads"));
            var note = await File.ReadAllTextAsync(Path.Combine(Place, "checkpoint"));
            var head = new { note, planeKey = World.Signer.VerifierKey, seenAt = World.Time.GetUtcNow() - (ago ?? TimeSpan.FromHours(3)), from = "the plane" };
            await File.WriteAllTextAsync(Path.Combine(Shell.Home, "heads", "acme.json"), System.Text.Json.JsonSerializer.Serialize(new[] { head }));
        }

        public async Task TamperAsync(string how)
        {
            switch (how)
            {
                case "an object rewritten":
                    Write("tile/entries/000", Changed("tile/entries/000", 500));
                    break;
                case "an object rewritten, with another entry of the agent":
                    var other = entries.ToList();
                    other[200] = World.Finding("finding-other");
                    Write("tile/entries/000", TlogTiles.Write(other.Take(256).Select(entry => entry.Bytes)).First().Bytes.ToArray());
                    break;
                case "a tile rewritten":
                    Write("tile/0/000", Changed("tile/0/000", 3));
                    break;
                case "a tile missing":
                    File.Delete(Path.Combine(Place, "tile/0/000"));
                    break;
                case "a bundle missing":
                    File.Delete(Path.Combine(Place, "tile/entries/000"));
                    break;
                case "an old checkpoint replayed":
                    Write("checkpoint", await File.ReadAllBytesAsync(Path.Combine(Place, CopyLayout.Head(6))));
                    break;
                case "an old checkpoint replayed, and the newer heads taken away":
                    Write("checkpoint", await File.ReadAllBytesAsync(Path.Combine(Place, CopyLayout.Head(6))));
                    File.Delete(Path.Combine(Place, CopyLayout.Head(306)));
                    break;
                case "a head of another root put beside the checkpoint":
                    Write(CopyLayout.Head(306), Encoding.UTF8.GetBytes(World.Signer.Sign(PlaneWorld.Acme, 306, new byte[32])));
                    break;
                case "a checkpoint of the plane alone":
                    var head = SignedHead.Read(await File.ReadAllTextAsync(Path.Combine(Place, "checkpoint"))).Head!.Checkpoint;
                    Write("checkpoint", Encoding.UTF8.GetBytes(World.Signer.Sign(PlaneWorld.Acme, head.Size, head.Root)));
                    break;
                case "another history of the same plane":
                    Directory.Delete(Place, recursive: true);
                    await CopyAsync([.. entries.Take(6)], Place, 306);
                    break;
                case "the checkpoint missing":
                    File.Delete(Path.Combine(Place, "checkpoint"));
                    break;
                case "a checkpoint without end":
                    Write("checkpoint", new byte[LedgerLimits.NoteBytes + 1]);
                    break;
                default:
                    throw new ArgumentException(how);
            }
        }

        public void Dispose()
        {
            Shell.Dispose();
            bucket.Dispose();
        }

        private async Task CopyAsync(List<Entry> history, string place, params int[] sizes)
        {
            var (ledger, fault) = AgentLedger.Open(new AgentMemoryStore(), new Agent.Agents.AgentIdentity(new ReplicaTrust(PlaneWorld.Acme, history[0].LeafHash), World.Agent, "machine"), World.Time, span => span.Clear(), NullLogger.Instance);
            Assert.True(ledger is not null, fault);
            var copy = new LedgerCopy(ledger, new FolderCopy(place, bucket.Path), World.Time, NullLogger.Instance);
            foreach (var size in sizes)
            {
                while (history.Count < size) history.Add(World.Finding($"finding-{history.Count}-{World.Time.GetUtcNow().Ticks}"));
                var frontier = new MerkleFrontier();
                foreach (var entry in history) frontier.AppendLeafHash(entry.LeafHash);
                Assert.True(ledger.Accept(ledger.Size, [.. history.Skip((int)ledger.Size).Select(entry => entry.Bytes)], World.Signer.Sign(PlaneWorld.Acme, frontier.Size, frontier.Root())), ledger.Refusal);
                await copy.TryAsync(CancellationToken.None);
                Assert.Null(copy.State.Fault);
            }
        }

        private byte[] Changed(string path, int at)
        {
            var bytes = File.ReadAllBytes(Path.Combine(Place, path));
            bytes[at] ^= 1;
            return bytes;
        }

        private void Write(string path, byte[] bytes)
        {
            var file = Path.Combine(Place, path);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            File.WriteAllBytes(file, bytes);
        }
    }
}
