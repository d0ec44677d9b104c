using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Demarc.Cli.Access;
using Demarc.Core.Audit;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>
/// Evidence of two histories in the profile's folder <c>evidence/</c>: a file that anybody can check with the plane's key, and beside it the entries that the
/// plane showed for its head, as an export.
/// </summary>
internal sealed class EvidenceFiles(Invocation invocation)
{
    /// <summary>Pieces kept; beyond it the oldest stay, which tell how it began.</summary>
    public const int Most = 100;

    // Notes and keys as people know them, with their plus signs and dashes.
    private static readonly EvidenceFileJson Readable = new(new JsonSerializerOptions(EvidenceFileJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private string Folder => Path.Combine(invocation.Profile.Folder, "evidence");

    /// <summary>Keeps it, with the entries of the longer head where there are any to be had; gives where it is, in words.</summary>
    public async Task<string> KeepAsync(EnvironmentId id, string key, HeadSide one, HeadSide other, HeadsCompared compared)
    {
        var kept = Keep(id, key, one, other, compared);
        var shown = other.Entries is null ? one : other;
        if (!File.Exists(kept) || shown.Entries is null) return kept;
        try
        {
            await ExportFolder.WriteAsync(Path.ChangeExtension(kept, null) + ".entries", shown.Entries(shown.Checkpoint.Size), shown.Head.Text);
        }
        catch (CommandFailedException none) when (none.ExitCode != ExitCodes.NotVerified)
        {
            // The heads are what proves it.
        }

        return kept;
    }

    /// <summary>Keeps the heads and their hashes.</summary>
    public string Keep(EnvironmentId id, string key, HeadSide one, HeadSide other, HeadsCompared compared)
    {
        invocation.Profile.MakeFolder();
        Directory.CreateDirectory(Folder);
        if (Directory.EnumerateFiles(Folder, "*.json").Skip(Most - 1).Any()) return $"nothing new: {Folder} holds {Most} pieces of evidence already";
        var now = invocation.Host.Now;
        var evidence = new TwoHistories(
            1, key, now, new HeadShown(one.Name, one.Head.Text), new HeadShown(other.Name, other.Head.Text), [.. compared.Hashes.Select(hash => Base64Text.Encode(hash))], compared.Differ);
        Span<byte> tail = stackalloc byte[2];
        invocation.Host.Random(tail);
        var path = Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"{id}-{now:yyyyMMdd'T'HHmmss'Z'}-{Convert.ToHexStringLower(tail)}.json"));
        KeyFile.Write(path, JsonSerializer.Serialize(evidence, Readable.TwoHistories) + "\n");
        return path;
    }
}
