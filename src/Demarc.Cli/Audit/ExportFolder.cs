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

    /// <summary>Writes entries as they come, below the head that was shown for them.</summary>
    public static async Task WriteAsync(string folder, IAsyncEnumerable<ReadOnlyMemory<byte>> entries, string note)
    {
        using var writer = new ExportWriter(folder);
        await foreach (var entry in entries) writer.Add(entry);
        writer.Finish(note);
    }

    /// <summary>Verifies an export, or the newest state of a copy, against the two roots.</summary>
    public static AuditReport Verify(CopySource source, Trust trust)
    {
        var note = ReadHead(source, TlogTiles.CheckpointPath) ?? throw LedgerCheck.Fail($"'{source.Name}' has no file '{TlogTiles.CheckpointPath}'.");
        var (checkpoint, signed) = LedgerCheck.ReadNote(note);

        // Which plane's word counts is known only at the end, since an entry of the customer's owner may have put another in force. A line in the name of the first
        // that does not hold is wrong in any case, and said before the rest is read.
        var founding = FirstEntry(source, checkpoint.Size);
        var check = new LedgerCheck(trust);
        check.CheckFounding(founding);
        LedgerCheck.CheckOrigin(checkpoint, founding.Environment);
        LedgerCheck.CheckNotForged(signed, (EnvironmentFounded)founding.Data);
        CheckManifest(source, checkpoint);
        var wrong = TlogTilesReader.Verify(checkpoint, source.Read, (_, entry) => check.Add(entry));

        // An entry that does not hold says more than the hash that it changes.
        check.Settle();
        if (wrong is not null) throw LedgerCheck.Fail($"{wrong}.");
        return check.Finish(note);
    }

    /// <summary>A head in it, as text; null when there is none.</summary>
    public static string? ReadHead(CopySource source, string path) =>
        source.Read(path) is { } bytes ? bytes.Length <= LedgerLimits.NoteBytes ? System.Text.Encoding.UTF8.GetString(bytes) : throw LedgerCheck.Fail($"{path} is too large for a signed note.") : null;

    private static Entry FirstEntry(CopySource source, long size)
    {
        var path = TlogTiles.EntriesPath(0, (int)Math.Min(Math.Max(size, 1), TlogTiles.Width));
        var bundle = source.Read(path) ?? throw LedgerCheck.Fail($"{path}: missing.");
        var length = bundle.Length < 2 ? 0 : System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(bundle);
        if (length == 0 || bundle.Length < 2 + length) throw LedgerCheck.Fail($"{path}: ends before entry 0 is complete.");
        var read = Entry.Read(bundle.AsMemory(2, length));
        if (read.Entry is not { } entry) throw LedgerCheck.Fail($"Entry 0 does not hold: {read.Fault}.");
        var folded = EnvironmentFold.Apply(EnvironmentState.Empty, entry);
        return folded.Refusal is null ? entry : throw LedgerCheck.Fail($"Entry 0 founds nothing: {folded.Refusal}.");
    }

    private static void CheckManifest(CopySource source, Checkpoint checkpoint)
    {
        if (source.Read(ManifestName) is not { } bytes) return;
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
}
