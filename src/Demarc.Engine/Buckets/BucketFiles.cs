using System.Collections.Concurrent;
using Demarc.Engine.Durability;

namespace Demarc.Engine.Buckets;

/// <summary>
/// The files that the bucket has, for a folder that may be without them. Files have one content under one name for ever, so
/// one that is fetched is the one that was put there; every byte is checked before it gets its name all the same.
/// </summary>
/// <param name="bucket">The bucket.</param>
/// <param name="tie">Which of the files in it are this folder's.</param>
/// <param name="directory">The folder.</param>
/// <param name="disk">What writes there.</param>
/// <param name="log">Where damage is told.</param>
/// <param name="limited">Whether the folder is a cache that may be too small for all; then what is new here begins as a part.</param>
internal sealed class BucketFiles(IBucket bucket, BucketTie tie, DataDirectory directory, Disk disk, ILogger log, bool limited) : IWholeFiles
{
    private readonly HashSet<string> inherited = new(tie.Inherited, StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (string Key, long Length)> there = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Lock> fetching = new(StringComparer.Ordinal);
    private long fetchedBytes;
    private long putBytes;

    public string Place => bucket.Place;

    /// <summary>Names of what is there, as far as it is known.</summary>
    public IEnumerable<string> There => there.Keys;

    /// <summary>Bytes fetched since the start.</summary>
    public long FetchedBytes => Interlocked.Read(ref fetchedBytes);

    /// <summary>Bytes put there since the start.</summary>
    public long PutBytes => Interlocked.Read(ref putBytes);

    /// <summary>Raised when the folder has got more.</summary>
    public event Action? Fetched;

    public bool Has(string path) => there.ContainsKey(Path.GetFileName(path));

    /// <summary>Learns what is there; gives the keys of what is not this folder's.</summary>
    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken stop)
    {
        var listed = await bucket.ListAsync(stop);
        var mine = Mine(listed, [tie.Holder, .. tie.Before], name => inherited.Contains(name), tie.Holder);
        foreach (var gone in there.Keys.Where(n => !mine.ContainsKey(n)).ToList())
        {
            there.TryRemove(gone, out _);
        }

        foreach (var (name, place) in mine)
        {
            there[name] = place;
        }

        var keys = mine.Values.Select(p => p.Key).ToHashSet(StringComparer.Ordinal);
        return [.. listed.Keys.Where(k => k != BucketHead.Name && !keys.Contains(k))];
    }

    /// <summary>Which of the files in a bucket are whose: of several with one name that of the newest holder, of those before it only what was taken over.</summary>
    /// <param name="listed">Keys and lengths of all there is.</param>
    /// <param name="holders">Whose files may be meant, newest first.</param>
    /// <param name="inherited">Names that may be another's than the owner's.</param>
    /// <param name="owner">Whose every file counts.</param>
    public static Dictionary<string, (string Key, long Length)> Mine(IReadOnlyDictionary<string, long> listed, IReadOnlyList<string> holders, Func<string, bool> inherited, string owner)
    {
        var mine = new Dictionary<string, (string, long)>(StringComparer.Ordinal);
        foreach (var holder in holders)
        {
            foreach (var (key, length) in listed.Where(l => l.Key.StartsWith(holder + "/", StringComparison.Ordinal)))
            {
                // A name that would lead out of the folder is none of ours.
                var name = key[(holder.Length + 1)..];
                if (name == Path.GetFileName(name) && (holder == owner || inherited(name)))
                {
                    mine.TryAdd(name, (key, length));
                }
            }
        }

        return mine;
    }

    /// <summary>Puts a file there; false when there is no such file here any more.</summary>
    public async Task<bool> PutAsync(string name, CancellationToken stop)
    {
        var path = directory.PathOf(name);
        try
        {
            var length = new FileInfo(path).Length;
            await bucket.PutAsync(KeyOf(name), path, stop);
            there[name] = (KeyOf(name), length);
            Interlocked.Add(ref putBytes, length);
            return true;
        }
        catch (FileNotFoundException)
        {
            return false; // A checkpoint has replaced it meanwhile.
        }
    }

    public async Task DeleteAsync(string name, CancellationToken stop)
    {
        // First, so that nobody lets go of the one here on the strength of it.
        if (there.TryRemove(name, out var place))
        {
            await bucket.DeleteAsync(place.Key, stop);
        }
    }

    /// <summary>Under which key this folder puts a file.</summary>
    public string KeyOf(string name) => $"{tie.Holder}/{name}";

    public void Fetch(string path)
    {
        lock (fetching.GetOrAdd(path, _ => new Lock()))
        {
            if (File.Exists(path))
            {
                return;
            }

            var (key, length) = PlaceOf(path);
            Write(path, length, file => Read(key, file, 0, length), temporary => CheckWhole(temporary, path));
        }

        Fetched?.Invoke();
    }

    public void Provide(string path)
    {
        if (File.Exists(path) || File.Exists(PartFile.NameOf(path)) || !Has(path))
        {
            return;
        }

        if (!limited)
        {
            Fetch(path);
            return;
        }

        var (key, length) = PlaceOf(path);
        Write(PartFile.NameOf(path), length, file => ReadPart(key, file, length), _ => { });
    }

    public void Replace(DamagedDataException damage) => log.Refetched(Quarantine.MoveAside(disk, damage, log), Place);

    private (string Key, long Length) PlaceOf(string path)
    {
        var name = Path.GetFileName(path);
        if (!there.TryGetValue(name, out var place))
        {
            ListAsync(CancellationToken.None).GetAwaiter().GetResult();
            place = there.TryGetValue(name, out var listed) ? listed : throw new DamagedDataException(path, 0, $"the file is missing, here and in {Place}");
        }

        return disk.FreeBytes(directory.Path) - place.Length >= Limits.FreeDiskBytes
            ? place
            : throw new BucketException($"{name} has {place.Length >> 20} MiB, and less than {Limits.FreeDiskBytes >> 20} MiB would be left in {directory.Path}");
    }

    private void Write(string path, long length, Action<DiskStream> fill, Action<string> check)
    {
        var temporary = path + ".tmp";
        try
        {
            using (var handle = File.OpenHandle(temporary, FileMode.Create, FileAccess.ReadWrite, FileShare.Read))
            {
                disk.Truncate(handle, length);
                using var stream = new DiskStream(disk, handle, temporary);
                fill(stream);
                disk.Sync(handle);
            }

            check(temporary);
            disk.Rename(temporary, path);
            disk.SyncDirectory(directory.Path);
        }
        catch
        {
            try
            {
                disk.Delete(temporary);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A start removes what was never renamed.
            }

            throw;
        }
    }

    private void Read(string key, DiskStream to, long from, long length)
    {
        to.Position = from;
        if (!bucket.ReadRangeAsync(key, from, length, to, CancellationToken.None).GetAwaiter().GetResult() || to.Position != from + length)
        {
            throw new DamagedDataException($"{Place}/{key}", 0, "the file is missing or has become shorter");
        }

        Interlocked.Add(ref fetchedBytes, length);
    }

    /// <summary>Header and directory say where everything is; then all comes that a part has.</summary>
    private void ReadPart(string key, DiskStream to, long length)
    {
        Read(key, to, 0, Math.Min(length, BlockFormat.HeaderBytes));
        var directoryAt = BlockFormat.DirectoryAt(MappedFile.Open(to.Path));
        if (directoryAt < BlockFormat.HeaderBytes || directoryAt > length)
        {
            throw new DamagedDataException($"{Place}/{key}", 0, "the file does not begin as it should");
        }

        Read(key, to, directoryAt, length - directoryAt);
        var (_, blocks) = BlockFormat.Read(MappedFile.Open(to.Path), BlockFormat.SegmentMagic);
        foreach (var (at, count) in Together(blocks.Where(b => b.Kind == BlockKind.Description)))
        {
            Read(key, to, at, count);
        }

        var dense = SegmentFile.IsDense(BlockFile.Open(to.Path, BlockFormat.SegmentMagic));
        foreach (var (at, count) in Together(blocks.Where(b => b.Kind != BlockKind.Description && (b.Kind != BlockKind.Values || !dense(b.Field)))))
        {
            Read(key, to, at, count);
        }
    }

    /// <summary>Blocks that stand near each other are fetched together, with the zeros between them.</summary>
    private static List<(long At, long Length)> Together(IEnumerable<Block> blocks)
    {
        var stretches = new List<(long At, long Length)>();
        foreach (var block in blocks.Where(b => b.Length > 0))
        {
            if (stretches is [.., var last] && block.At - (last.At + last.Length) < BlockFormat.PageBytes)
            {
                stretches[^1] = (last.At, block.At + block.Length - last.At);
            }
            else
            {
                stretches.Add((block.At, block.Length));
            }
        }

        return stretches;
    }

    private void CheckWhole(string temporary, string path)
    {
        try
        {
            var magic = Path.GetExtension(path) == SegmentFile.Extension ? BlockFormat.SegmentMagic : BlockFormat.IndexMagic;
            BlockFile.Open(temporary, magic).CheckAll();
        }
        catch (DamagedDataException e)
        {
            throw new DamagedDataException($"{Place}/{there[Path.GetFileName(path)].Key}", e.Offset, e.Why);
        }
    }

    /// <summary>Writes through what can fail on request.</summary>
    private sealed class DiskStream(Disk disk, Microsoft.Win32.SafeHandles.SafeFileHandle file, string path) : Stream
    {
        public string Path => path;

        public override bool CanRead => false;

        public override bool CanSeek => true;

        public override bool CanWrite => true;

        public override long Length => RandomAccess.GetLength(file);

        public override long Position { get; set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            disk.Write(file, buffer, Position);
            Position += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Write(buffer.Span);
            return ValueTask.CompletedTask;
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush()
        {
            // Nothing is held back.
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
