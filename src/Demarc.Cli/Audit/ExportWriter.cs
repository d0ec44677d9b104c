using System.Text.Json;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Audit;

/// <summary>
/// Writes an export while its entries come, in memory that does not grow with the ledger. Everything is written beside its place, in <c>FOLDER.part</c>, and moved
/// there in one piece when it is whole: a half export is never taken for one, and what an interrupted command left is cleared by the next.
/// </summary>
internal sealed class ExportWriter : IDisposable
{
    private readonly string folder;
    private readonly string part;
    private readonly TlogTilesWriter tiles = new();
    private bool whole;

    public ExportWriter(string folder)
    {
        this.folder = Path.GetFullPath(folder);
        part = this.folder + ".part";
        if (Directory.Exists(part)) Clear(part);
        Directory.CreateDirectory(part);
    }

    /// <summary>Takes the next entry.</summary>
    public void Add(ReadOnlyMemory<byte> entry) => Write(tiles.Append(entry.Span));

    /// <summary>The export is the tiles themselves.</summary>
    public void Finish(string note, ExportManifest? manifest = null)
    {
        Write(tiles.Partial());
        if (manifest is not null) File.WriteAllText(Path.Combine(part, ExportFolder.ManifestName), JsonSerializer.Serialize(manifest, CliJson.Default.ExportManifest) + "\n");
        File.WriteAllText(Path.Combine(part, TlogTiles.CheckpointPath), note);
        Place();
    }

    /// <summary>The export is one file that is made of the entries; the tiles were where they waited.</summary>
    public void Finish(string name, Action<string, IEnumerable<ReadOnlyMemory<byte>>> make)
    {
        Write(tiles.Partial());
        make(Path.Combine(part, name), TlogTilesReader.Entries(tiles.Size, path => File.Exists(Path.Combine(part, path)) ? File.ReadAllBytes(Path.Combine(part, path)) : null));
        Directory.Delete(Path.Combine(part, "tile"), recursive: true);
        Place();
    }

    public void Dispose()
    {
        if (!whole && Directory.Exists(part)) Directory.Delete(part, recursive: true);
    }

    private void Place()
    {
        // An empty folder that was named is the place itself.
        if (Directory.Exists(folder)) Directory.Delete(folder);
        Directory.Move(part, folder);
        whole = true;
    }

    private void Write(IReadOnlyList<TlogFile> files)
    {
        foreach (var file in files)
        {
            var path = Path.Combine(part, file.Path);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, file.Bytes.Span);
        }
    }

    private static void Clear(string part)
    {
        if (Directory.EnumerateFileSystemEntries(part).FirstOrDefault(entry => Path.GetFileName(entry) is not ("tile" or "checkpoint" or ExportFolder.ManifestName) && !entry.EndsWith(".jsonl", StringComparison.Ordinal)) is { } foreign)
            throw new CommandFailedException(ExitCodes.Failed, $"'{part}' holds '{Path.GetFileName(foreign)}', which no export left there.", "Move it away, or name another folder.");
        Directory.Delete(part, recursive: true);
    }
}
