using System.Globalization;
using System.Text.Json;
using Demarc.Engine.Indexes;

namespace Demarc.Engine.Durability;

/// <summary>Why a data folder cannot be used; the exit code tells a supervisor whether a restart can help.</summary>
internal sealed class DataDirectoryException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}

/// <summary>
/// The engine's folder: `engine.json` says whose it is and in which format, `LOCK` keeps a second process out, `wal-*.log`
/// are logs, `checkpoint-*.manifest` and `segment-*.seg` are the state the logs continue, `snapshot-*.manifest` snapshots, `index-*.idx` can be made again;
/// `*.part` are parts of segments and indexes whose rest is in the bucket that `bucket.json` names.
/// </summary>
internal sealed class DataDirectory : IDisposable
{
    /// <summary>
    /// 1: one database, one partition. 2: databases, partitions, aliases, roles. 3: segments and indexes as files of blocks. 4: collections that
    /// came out of snapshots. 5: parts of files whose rest is in a bucket. An older folder is read, and is of the newest format from then on, so that an
    /// engine that would lose the new things does not open it.
    /// </summary>
    public const int FormatVersion = 5;

    private const int OldestFormat = 1;
    private const string IdentityFile = "engine.json";
    private const string FillingFile = "FILLING";
    private readonly FileStream lockFile;

    private DataDirectory(string path, string instance, FileStream lockFile)
    {
        Path = path;
        Instance = instance;
        this.lockFile = lockFile;
    }

    public string Path { get; }

    public string Instance { get; }

    public static string LogName(ulong firstFrame) => $"wal-{firstFrame:x16}.log";

    public static string ManifestName(ulong lastFrame) => $"checkpoint-{lastFrame:x16}.manifest";

    public static ulong Number(string file)
    {
        var name = System.IO.Path.GetFileNameWithoutExtension(file);
        return ulong.TryParse(name.AsSpan(name.IndexOf('-', StringComparison.Ordinal) + 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new DamagedDataException(file, 0, "the file's name has no number");
    }

    public static bool Exists(string path) => File.Exists(System.IO.Path.Combine(path, IdentityFile));

    /// <summary>Opens the folder, or makes it when that is allowed, and holds it until disposed.</summary>
    public static DataDirectory Open(Disk disk, string path, string? instance, bool requireExisting)
    {
        path = System.IO.Path.GetFullPath(path);
        var identityPath = System.IO.Path.Combine(path, IdentityFile);
        if (requireExisting && !File.Exists(identityPath))
        {
            throw new DataDirectoryException(ExitCodes.WrongData,
                $"{identityPath} is missing, and --require-existing forbids to start empty. If the data was moved or deleted, put it back; without --require-existing a new, empty folder is made.");
        }

        Make(disk, path);
        var held = Hold(path);
        try
        {
            var identity = File.Exists(identityPath) ? ReadIdentity(identityPath) : null;
            var found = identity?.Instance;
            if (found is null)
            {
                if (Directory.EnumerateFiles(path, "checkpoint-*.manifest").Any() || Directory.EnumerateFiles(path, "wal-*.log").Any())
                {
                    throw new DataDirectoryException(ExitCodes.WrongData, $"{path} holds data but no {IdentityFile}: put that file back from a backup.");
                }

                found = instance ?? "standalone";
                WriteIdentity(disk, identityPath, found);
            }
            else if (instance is not null && found != instance)
            {
                throw new DataDirectoryException(ExitCodes.WrongData, $"{path} belongs to instance {found}, not to {instance}. Name the right folder or the right --instance.");
            }

            if (identity is { Format: < FormatVersion })
            {
                WriteIdentity(disk, identityPath, found);
            }

            return new DataDirectory(path, found, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Makes a folder that something else fills before it is opened by anybody: it has no identity until that is <see cref="Finish">finished</see>.</summary>
    public static DataDirectory Fill(Disk disk, string path, string instance)
    {
        path = System.IO.Path.GetFullPath(path);
        Make(disk, path);
        var held = Hold(path);
        var mark = System.IO.Path.Combine(path, FillingFile);
        foreach (var leftover in Directory.EnumerateFiles(path).Where(f => System.IO.Path.GetFileName(f) is not (FillingFile or "LOCK")).ToList())
        {
            if (!File.Exists(mark))
            {
                held.Dispose();
                throw new DataDirectoryException(ExitCodes.WrongData, $"{path} is not empty: {System.IO.Path.GetFileName(leftover)} is there. Name an empty folder.");
            }

            disk.Delete(leftover); // Of a filling that was not finished.
        }

        disk.WriteWhole(mark);
        return new DataDirectory(path, instance, held);
    }

    /// <summary>Gives a filled folder its identity.</summary>
    public void Finish(Disk disk)
    {
        WriteIdentity(disk, PathOf(IdentityFile), Instance);
        disk.Delete(PathOf(FillingFile));
    }

    public static bool IsSnapshot(string name) => name.StartsWith("snapshot-", StringComparison.Ordinal) && name.EndsWith(".manifest", StringComparison.Ordinal);

    public string PathOf(string name) => System.IO.Path.Combine(Path, name);

    public string[] Logs() => [.. Directory.EnumerateFiles(Path, "wal-*.log").OrderBy(Number)];

    /// <summary>Where files are that are not, or not wholly, here; null when there is no such place.</summary>
    public IWholeFiles? Bucket { get; set; }

    /// <summary>Segments, those of older formats and parts among them.</summary>
    public IEnumerable<string> Segments() => new[] { SegmentFile.Extension, ".dat", PartFile.Extension }.SelectMany(e => Directory.EnumerateFiles(Path, "segment-*" + e));

    /// <summary>Indexes, and the names of those that are in the bucket.</summary>
    public IEnumerable<string> Indexes() => new[] { IndexFile.Extension, PartFile.Extension }.SelectMany(e => Directory.EnumerateFiles(Path, "index-*" + e));

    public string[] Snapshots() => [.. Directory.EnumerateFiles(Path, "snapshot-*.manifest").Order(StringComparer.Ordinal)];

    /// <summary>Descriptions of snapshots that could not be read and were moved aside.</summary>
    public IEnumerable<string> DamagedSnapshots() => Directory.EnumerateFiles(Path, "snapshot-*.damaged*");

    public string[] Manifests() => [.. Directory.EnumerateFiles(Path, "checkpoint-*.manifest").OrderBy(Number)];

    public void Dispose() => lockFile.Dispose();

    /// <summary>Makes the folder if it is missing. Its name, and those of folders made above it, must survive a power cut as well.</summary>
    private static void Make(Disk disk, string path)
    {
        var above = new List<string>();
        for (var at = path; at is not null && !Directory.Exists(at); at = System.IO.Path.GetDirectoryName(at))
        {
            above.Add(System.IO.Path.GetDirectoryName(at)!);
        }

        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        above.ForEach(disk.SyncDirectory);
    }

    private static FileStream Hold(string path)
    {
        var lockPath = System.IO.Path.Combine(path, "LOCK");
        try
        {
            return new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (File.Exists(lockPath))
        {
            throw new DataDirectoryException(ExitCodes.Locked, $"{path} is in use by another process ({e.Message})");
        }
    }

    private static void WriteIdentity(Disk disk, string path, string instance) =>
        disk.WriteWhole(path, JsonSerializer.SerializeToUtf8Bytes(new Identity("demarc-engine", FormatVersion, instance, Identity.SumOf(FormatVersion, instance)), IdentityJson.Default.Identity));

    private static Identity ReadIdentity(string path)
    {
        Identity? identity;
        try
        {
            identity = JsonSerializer.Deserialize(File.ReadAllBytes(path), IdentityJson.Default.Identity);
        }
        catch (JsonException e)
        {
            throw new DamagedDataException(path, e.BytePositionInLine ?? 0, "the identity file is not valid JSON");
        }

        if (identity is not { Engine: "demarc-engine", Instance.Length: > 0 })
        {
            throw new DamagedDataException(path, 0, "the identity file is not one of demarc-engine");
        }

        if (identity.Sum is { } sum && sum != Identity.SumOf(identity.Format, identity.Instance))
        {
            throw new DamagedDataException(path, 0, "the identity file does not match its checksum");
        }

        return identity.Format is >= OldestFormat and <= FormatVersion
            ? identity
            : throw new DataDirectoryException(ExitCodes.WrongData, $"{path} is of format {identity.Format}; this engine reads formats {OldestFormat} to {FormatVersion}.");
    }
}

/// <summary>The content of engine.json. The sum is missing in folders of earlier versions.</summary>
internal sealed record Identity(string Engine, int Format, string Instance, uint? Sum = null)
{
    public static uint SumOf(int format, string instance) =>
        Crc32C.Compute(System.Text.Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{format}/{instance}")));
}

[System.Text.Json.Serialization.JsonSourceGenerationOptions(PropertyNamingPolicy = System.Text.Json.Serialization.JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[System.Text.Json.Serialization.JsonSerializable(typeof(Identity))]
internal sealed partial class IdentityJson : System.Text.Json.Serialization.JsonSerializerContext;
