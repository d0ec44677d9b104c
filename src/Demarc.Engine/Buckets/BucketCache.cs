using Demarc.Engine.Durability;
using Demarc.Engine.Indexes;
using Demarc.Engine.Rows;

namespace Demarc.Engine.Buckets;

/// <summary>
/// Keeps the folder within its size: beyond it, full segments that the bucket has too become parts, and their indexes names.
/// Those of collections that are not loaded go first, then those that were not searched for longest. What is open stays, and
/// so does what a start has to read.
/// </summary>
internal sealed class BucketCache(long mostBytes, BucketFiles files, IndexFolder indexes, EngineState state, DataDirectory directory, Disk disk, ILogger log)
{
    private long bytes;

    /// <summary>Bytes of whole files in the folder, when it was last looked.</summary>
    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>Lets go of what is too much.</summary>
    public void Trim()
    {
        try
        {
            var held = Held();
            if (held > mostBytes)
            {
                foreach (var (file, sharing) in Candidates())
                {
                    if ((held -= LetGo(file, sharing)) <= mostBytes)
                    {
                        break;
                    }
                }

                held = Held();
            }

            Interlocked.Exchange(ref bytes, held);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DamagedDataException)
        {
            // Too much is there for longer; the next fetch or checkpoint tries again.
            log.CacheNotTrimmed(directory.Path, e.Message);
        }
    }

    private long Held() => directory.Segments().Concat(directory.Indexes()).Where(f => !f.EndsWith(PartFile.Extension, StringComparison.Ordinal)).Sum(LengthOf);

    private IEnumerable<KeyValuePair<string, List<Segment>>> Candidates()
    {
        var sharing = new Dictionary<string, List<Segment>>(StringComparer.Ordinal);
        var loaded = new HashSet<string>(StringComparer.Ordinal);
        foreach (var view in state.Collections.Select(c => c.View))
        {
            foreach (var segment in view.Segments.Select(s => s.Segment).Where(s => s.File is not null && s.Stored is not null))
            {
                var file = segment.Stored!.File;
                (sharing.TryGetValue(file, out var known) ? known : sharing[file] = []).Add(segment);
                if (view.Definition.IsLoaded(segment.PartitionId))
                {
                    loaded.Add(file);
                }
            }
        }

        var waiting = IndexFolder.Waiting(state);
        return sharing
            .Where(s => files.Has(s.Key) && s.Value.TrueForAll(segment => segment.IsFull && !waiting.Contains(segment)))
            .OrderBy(s => loaded.Contains(s.Key)).ThenBy(s => s.Value.Max(segment => segment.File!.LastUse)).ToList();
    }

    private long LetGo(string file, List<Segment> sharing)
    {
        long freed = 0;
        var path = directory.PathOf(file);
        if (File.Exists(path))
        {
            var whole = sharing[0].File!;
            whole.WritePart(disk, SegmentFile.IsDense(whole));

            // The name goes first: whoever reads from the whole file goes on, and whoever fetches it now gets another one.
            freed += Remove(path);
            sharing.ForEach(segment => segment.TurnToPart());
        }

        return freed + sharing.Sum(segment => indexes.LetGo(state, segment).Sum(Remove));
    }

    private long Remove(string path)
    {
        var length = LengthOf(path);
        disk.Delete(path);
        return length;
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } there ? there.Length : 0;
}
