using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Demarc.Core.Ledger;
using Demarc.Plane.Ledger;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Cli;

/// <summary>
/// <c>audit verify --offline</c> against exports that somebody has tampered with, each in one way, up to a plane that signs what it pleases:
/// every one is refused with exit code 6 and words that name what does not fit.
/// </summary>
public sealed class OfflineVerifyTests
{
    private const string LastBundle = "tile/entries/001.p/14";
    private const string LastTile = "tile/0/001.p/14";

    [Fact]
    public async Task An_export_that_nobody_touched_is_verified()
    {
        using var shell = new CommandLine();
        var export = new Export(shell);
        export.Write();
        var ran = await shell.MustAsync([.. export.Verify, "--output", "json"]);
        Assert.Equal(
            ["environment", "size", "root", "customerRoot", "vendorRoot", "planeKey", "countersignedBy", "countersignedAt", "checks"],
            ran.Json.EnumerateObject().Select(property => property.Name));
        Assert.Equal(("acme", 270, "agent.acme"), (ran.Json.GetProperty("environment").GetString(), ran.Json.GetProperty("size").GetInt32(), ran.Json.GetProperty("countersignedBy").GetString()));
        var table = await shell.MustAsync(export.Verify);
        Assert.StartsWith("VERIFIED. Environment acme, 270 entries.", table.Out, StringComparison.Ordinal);
        Assert.Contains("✓ countersignature: agent.acme has verified the same head", table.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("an entry left out", $"{LastBundle}: ends before entry 269 is complete.")]
    [InlineData("an entry left out, and the files renamed", $"{LastBundle}: missing.")]
    [InlineData("two entries swapped", "has no place in this ledger")]
    [InlineData("another entry of the agent in place of one", "checkpoint: its root is")]
    [InlineData("a byte of an entry changed", "does not hold:")]
    [InlineData("a byte of the founding entry changed", "Entry 0 does not hold:")]
    [InlineData("a bundle cut short", $"{LastBundle}: ends before entry 269 is complete.")]
    [InlineData("a bundle that goes on", $"{LastBundle}: 1 bytes after the last entry.")]
    [InlineData("a bundle taken away", $"{LastBundle}: missing.")]
    [InlineData("the first bundle emptied", "tile/entries/000: ends before entry 0 is complete.")]
    [InlineData("a tile changed", $"{LastTile}: its hashes are not those of the entries.")]
    [InlineData("a tile taken away", $"{LastTile}: missing.")]
    [InlineData("no checkpoint", "has no file 'checkpoint'.")]
    [InlineData("a checkpoint that is none", "The checkpoint is not a signed note:")]
    [InlineData("a checkpoint signed by a key of the same name", "The checkpoint is not signed by the plane's key plane.test+")]
    [InlineData("a checkpoint whose signature was changed", "The checkpoint is not signed by the plane's key plane.test+")]
    [InlineData("a checkpoint of another size with the old signature", "The checkpoint is not signed by the plane's key plane.test+")]
    [InlineData("a checkpoint of another environment", "The checkpoint is of 'demarc/other', the entries are of 'demarc/acme'.")]
    [InlineData("a checkpoint over another root", "checkpoint: its root is")]
    [InlineData("a checkpoint that the agent has not countersigned", "The checkpoint lacks the countersignature of agent.acme, which acts at this head")]
    [InlineData("a countersignature by somebody else", "carries a countersignature in the name of agent.acme that is not the agent's.")]
    [InlineData("a manifest that says otherwise", "manifest.json speaks of 7 entries")]
    [InlineData("a manifest that is none", "manifest.json cannot be read:")]
    [InlineData("an act without authority, signed into the ledger by the plane", "Entry 270 (member.added) has no place in this ledger:")]
    [InlineData("an entry of another environment", "Entry 270 (finding.raised) has no place in this ledger:")]
    [InlineData("no founding entry", "Entry 0 founds nothing:")]
    public async Task An_export_that_was_tampered_with_is_refused(string how, string words)
    {
        using var shell = new CommandLine();
        var export = new Export(shell);
        export.Tamper(how);
        var refused = await shell.RefusedAsync(6, words, export.Verify);
        Assert.StartsWith("demarc: NOT VERIFIED. ", refused.Error, StringComparison.Ordinal);
        Assert.Empty(refused.Out);
    }

    [Fact]
    public async Task A_head_without_countersignature_passes_only_where_that_is_accepted()
    {
        using var shell = new CommandLine();
        var export = new Export(shell);
        export.Tamper("a checkpoint that the agent has not countersigned");
        var refused = await shell.RefusedAsync(6, "lacks the countersignature", export.Verify);
        Assert.Contains("--uncountersigned", refused.Error, StringComparison.Ordinal);
        var accepted = await shell.MustAsync([.. export.Verify, "--uncountersigned"]);
        Assert.Contains("countersignature: none by the agent yet for this head", accepted.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Roots_are_asked_for_and_have_to_be_the_right_way_round()
    {
        using var shell = new CommandLine();
        var export = new Export(shell);
        export.Write();
        var (customer, vendor, stranger) = (export.World.Customer.Public.KeyId, export.World.Vendor.Public.KeyId, export.World.Stranger.Public.KeyId);
        await shell.RefusedAsync(2, "An export proves nothing without the two root keys. Name them with --customer-root and --vendor-root", "audit", "verify", "--offline", export.Folder);
        await shell.RefusedAsync(2, "An export proves nothing without the two root keys.", "audit", "verify", "--offline", export.Folder, "--customer-root", customer);
        await shell.RefusedAsync(6, $"names {customer} as the customer's root, not {vendor}.", "audit", "verify", "--offline", export.Folder, "--customer-root", vendor, "--vendor-root", customer);
        await shell.RefusedAsync(6, $"names {vendor} as the vendor's root, not {stranger}.", "audit", "verify", "--offline", export.Folder, "--customer-root", customer, "--vendor-root", stranger);
        shell.Bring("customer", export.World.Customer);
        await shell.MustAsync("audit", "verify", "--offline", export.Folder, "--vendor-root", vendor);
        shell.Bring("vendor", export.World.Stranger);
        await shell.RefusedAsync(6, "as the vendor's root", "audit", "verify", "--offline", export.Folder);
    }

    /// <summary>A ledger of 270 entries as files, with everything that went into them, so that each can be changed.</summary>
    private sealed class Export(CommandLine shell)
    {
        private readonly Dictionary<string, byte[]> files = [];

        public PlaneWorld World { get; } = new();

        public string Folder => Path.Combine(shell.Folder, "export");

        public string[] Verify => ["audit", "verify", "--offline", Folder, "--customer-root", World.Customer.Public.KeyId, "--vendor-root", World.Vendor.Public.KeyId];

        public void Write() => Tamper("nothing");

        public void Tamper(string how)
        {
            List<Entry> entries = [.. World.UpToAgent()];
            while (entries.Count < 270) entries.Add(World.Finding($"finding-{entries.Count}"));
            if (Extra(how) is { } extra) entries.Add(extra);
            if (how == "no founding entry") entries.RemoveAt(0);
            Make(entries, Checkpoint(entries, how));
            if (!TamperEntries(how, entries)) TamperFiles(how);
            foreach (var (path, bytes) in files)
            {
                var file = Path.Combine(Folder, path);
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                File.WriteAllBytes(file, bytes);
            }
        }

        private Entry? Extra(string how) => how switch
        {
            "an act without authority, signed into the ledger by the plane" => World.Member(77, Core.Access.Role.Owner, World.Stranger),
            "an entry of another environment" => World.Write(Core.Environments.EnvironmentId.Parse("other"), World.Finding("finding-270").Data, World.Agent),
            _ => null,
        };

        private string Checkpoint(List<Entry> entries, string how)
        {
            var tree = new MerkleFrontier();
            foreach (var entry in entries) tree.AppendLeafHash(entry.LeafHash);
            var root = how == "a checkpoint over another root" ? new byte[MerkleHash.Size] : tree.Root();
            var checkpoint = new Checkpoint(how == "a checkpoint of another environment" ? "demarc/other" : "demarc/acme", entries.Count, root);
            var plane = new NoteSigner("plane.test", how == "a checkpoint signed by a key of the same name" ? World.Stranger : Sample.Key(5));
            var note = SignedNote.Sign(checkpoint.Body, plane);
            if (how == "a checkpoint that the agent has not countersigned") return note.ToString();
            note = note.AddSignature(NoteSigner.Cosigner("agent.acme", World.Agent, World.Time.GetUtcNow()));
            return how == "a countersignature by somebody else" ? Changed(note.ToString(), line: ^2) : note.ToString();
        }

        private void Make(List<Entry> entries, string note)
        {
            foreach (var file in TlogTiles.Write(entries.Select(entry => entry.Bytes))) files[file.Path] = file.Bytes.ToArray();
            var text = note.Split('\n');
            files["checkpoint"] = Encoding.UTF8.GetBytes(note);
            files["manifest.json"] = JsonSerializer.SerializeToUtf8Bytes(new
            {
                format = "c2sp tlog-tiles v1",
                environment = "acme",
                size = entries.Count,
                root = text[2],
                customerRoot = "",
                vendorRoot = "",
                planeKey = "",
                exportedAt = World.Time.GetUtcNow(),
            });
        }

        // What changes entries, below a checkpoint that stays as it was.
        private bool TamperEntries(string how, List<Entry> entries)
        {
            switch (how)
            {
                case "an entry left out" or "an entry left out, and the files renamed":
                    entries.RemoveAt(260);
                    break;
                case "two entries swapped":
                    (entries[4], entries[5]) = (entries[5], entries[4]);
                    break;
                case "another entry of the agent in place of one":
                    entries[260] = World.Finding("finding-x");
                    break;
                default:
                    return false;
            }

            var (checkpoint, manifest) = (files["checkpoint"], files["manifest.json"]);
            files.Clear();
            foreach (var file in TlogTiles.Write(entries.Select(entry => entry.Bytes))) files[file.Path] = file.Bytes.ToArray();
            (files["checkpoint"], files["manifest.json"]) = (checkpoint, manifest);
            if (how != "an entry left out") return true;
            files[LastBundle] = files[LastBundle.Replace("14", "13", StringComparison.Ordinal)];
            files[LastTile] = files[LastTile.Replace("14", "13", StringComparison.Ordinal)];
            return true;
        }

        private void TamperFiles(string how)
        {
            var checkpoint = Encoding.UTF8.GetString(files["checkpoint"]);
            switch (how)
            {
                case "a byte of an entry changed": files[LastBundle][100] ^= 1; break;
                case "a byte of the founding entry changed": files["tile/entries/000"][100] ^= 1; break;
                case "a bundle cut short": files[LastBundle] = files[LastBundle][..^3]; break;
                case "a bundle that goes on": files[LastBundle] = [.. files[LastBundle], 0]; break;
                case "a bundle taken away": files.Remove(LastBundle); break;
                case "the first bundle emptied": files["tile/entries/000"] = []; break;
                case "a tile changed": files[LastTile][0] ^= 1; break;
                case "a tile taken away": files.Remove(LastTile); break;
                case "no checkpoint": files.Remove("checkpoint"); break;
                case "a checkpoint that is none": files["checkpoint"] = "all is well\n"u8.ToArray(); break;
                case "a checkpoint whose signature was changed": files["checkpoint"] = Encoding.UTF8.GetBytes(Changed(checkpoint, line: ^3)); break;
                case "a checkpoint of another size with the old signature": files["checkpoint"] = Encoding.UTF8.GetBytes(checkpoint.Replace("\n270\n", "\n269\n", StringComparison.Ordinal)); files["tile/entries/001.p/13"] = files[LastBundle]; break;
                case "a manifest that says otherwise": files["manifest.json"] = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(files["manifest.json"]).Replace("270", "7", StringComparison.Ordinal)); break;
                case "a manifest that is none": files["manifest.json"] = "{"u8.ToArray(); break;
                default: Assert.True(how == "nothing" || files.Count > 0); break;
            }
        }

        // Changes one bit of the signature on a line of the note, and nothing of its name or the hash of its key.
        private static string Changed(string note, Index line)
        {
            var lines = note.Split('\n');
            var words = lines[line].Split(' ');
            var bytes = Convert.FromBase64String(words[2]);
            bytes[^1] ^= 1;
            Assert.True(BinaryPrimitives.ReadUInt32BigEndian(bytes) != 0);
            words[2] = Convert.ToBase64String(bytes);
            lines[line] = string.Join(' ', words);
            return string.Join('\n', lines);
        }
    }
}
