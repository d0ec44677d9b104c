using System.Text.Json;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>What an export says of itself; a convenience for people, not a proof.</summary>
internal sealed record ExportManifest(string Format, string Environment, long Size, string Root, string CustomerRoot, string VendorRoot, string PlaneKey, DateTimeOffset ExportedAt);

/// <summary>A ledger as files: C2SP tlog-tiles, the signed checkpoint, and a manifest. Written by us, verified as if by a stranger.</summary>
internal static class ExportFolder
{
    public const string Format = "c2sp tlog-tiles v1";
    public const string ManifestName = "manifest.json";

    /// <summary>No file of the format is larger: a full bundle of the largest entries.</summary>
    private const long MaxFileBytes = TlogTiles.Width * (2L + Entry.MaxBytes);

    /// <summary>Writes entries as they come, below the head that was shown for them.</summary>
    public static async Task WriteAsync(string folder, IAsyncEnumerable<ReadOnlyMemory<byte>> entries, string note)
    {
        using var writer = new ExportWriter(folder);
        await foreach (var entry in entries) writer.Add(entry);
        writer.Finish(note);
    }

    /// <summary>Verifies it against the two roots.</summary>
    public static AuditReport Verify(string folder, Trust trust)
    {
        if (!Directory.Exists(folder)) throw new CommandFailedException(ExitCodes.NotFound, $"There is no folder '{folder}'.");
        var note = System.Text.Encoding.UTF8.GetString(Read(folder, TlogTiles.CheckpointPath) ?? throw LedgerCheck.Fail($"'{folder}' has no file '{TlogTiles.CheckpointPath}'."));
        var (checkpoint, signed) = LedgerCheck.ReadNote(note);

        // Which plane's word counts is known only at the end, since an entry of the customer's owner may have put another in force. A line in the name of the first
        // that does not hold is wrong in any case, and said before the rest is read.
        var founding = FirstEntry(folder, checkpoint.Size);
        var check = new LedgerCheck(trust);
        check.CheckFounding(founding);
        LedgerCheck.CheckOrigin(checkpoint, founding.Environment);
        LedgerCheck.CheckNotForged(signed, (EnvironmentFounded)founding.Data);
        CheckManifest(folder, checkpoint);
        var wrong = TlogTilesReader.Verify(checkpoint, path => Read(folder, path), (_, entry) => check.Add(entry));

        // An entry that does not hold says more than the hash that it changes.
        check.Settle();
        if (wrong is not null) throw LedgerCheck.Fail($"{wrong}.");
        return check.Finish(note);
    }

    private static Entry FirstEntry(string folder, long size)
    {
        var path = TlogTiles.EntriesPath(0, (int)Math.Min(Math.Max(size, 1), TlogTiles.Width));
        var bundle = Read(folder, path) ?? throw LedgerCheck.Fail($"{path}: missing.");
        var length = bundle.Length < 2 ? 0 : System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(bundle);
        if (length == 0 || bundle.Length < 2 + length) throw LedgerCheck.Fail($"{path}: ends before entry 0 is complete.");
        var read = Entry.Read(bundle.AsMemory(2, length));
        if (read.Entry is not { } entry) throw LedgerCheck.Fail($"Entry 0 does not hold: {read.Fault}.");
        var folded = EnvironmentFold.Apply(EnvironmentState.Empty, entry);
        return folded.Refusal is null ? entry : throw LedgerCheck.Fail($"Entry 0 founds nothing: {folded.Refusal}.");
    }

    private static void CheckManifest(string folder, Checkpoint checkpoint)
    {
        if (Read(folder, ManifestName) is not { } bytes) return;
        try
        {
            var manifest = JsonSerializer.Deserialize(bytes, CliJson.Default.ExportManifest);
            if (manifest is null || manifest.Size != checkpoint.Size || manifest.Root != Base64Text.Encode(checkpoint.Root))
                throw LedgerCheck.Fail($"{ManifestName} speaks of {manifest?.Size} entries with root {manifest?.Root}, the checkpoint of {checkpoint.Size} with {Base64Text.Encode(checkpoint.Root)}.");
        }
        catch (JsonException unreadable)
        {
            throw LedgerCheck.Fail($"{ManifestName} cannot be read: {unreadable.Message}");
        }
    }

    private static byte[]? Read(string folder, string path)
    {
        var file = new FileInfo(Path.Combine(folder, path));
        return file.Exists && file.Length <= MaxFileBytes ? File.ReadAllBytes(file.FullName) : null;
    }
}
