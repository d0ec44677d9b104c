using System.Collections.Immutable;
using System.Globalization;

namespace Demarc.Engine.Durability;

/// <summary>
/// The snapshots in the folder. Each is a file that describes a collection as of one moment and names the files of its
/// segments, which it shares with the collection itself: taking one copies nothing that is on the disk already. The
/// file is the snapshot: with those it names it may be copied elsewhere and put into another engine's folder.
/// </summary>
internal sealed class Snapshots
{
    private readonly DataDirectory directory;
    private readonly Disk disk;
    private ImmutableList<StoredSnapshot> all = [];

    private Snapshots(DataDirectory directory, Disk disk) => (this.directory, this.disk) = (directory, disk);

    /// <summary>Those there are, oldest first.</summary>
    public ImmutableList<StoredSnapshot> All => Volatile.Read(ref all);

    /// <summary>
    /// Whether every snapshot's description can be read. Which segments a damaged one names nobody knows, so as long as it
    /// lies there none are removed.
    /// </summary>
    public bool AreComplete { get; private init; } = true;

    /// <summary>The name of a snapshot's file.</summary>
    public static string NameOf(long id) => string.Create(CultureInfo.InvariantCulture, $"snapshot-{id:x16}.manifest");

    /// <summary>Reads the descriptions. A damaged one is moved aside, named in the log, and is no reason not to start.</summary>
    public static Snapshots Load(DataDirectory directory, Disk disk, HybridClock clock, ILogger log)
    {
        var read = ImmutableList.CreateBuilder<StoredSnapshot>();
        foreach (var path in directory.Snapshots())
        {
            try
            {
                var snapshot = StoredFile.Read(path, StoredFile.SnapshotMagic, StoredSnapshot.Parser);
                if (path != directory.PathOf(NameOf(snapshot.Id)) || snapshot.Collection?.Definition?.Schema is null)
                {
                    throw new DamagedDataException(path, 0, "the content is not that of the snapshot its name says");
                }

                read.Add(snapshot);

                // Names of files are made of numbers: one that a snapshot has is not given out again.
                clock.Raise(snapshot.Collection.Segments.Select(s => s.SegmentId).Append(snapshot.Id).Append((long)snapshot.CreatedTimestamp).Max());
            }
            catch (DamagedDataException e)
            {
                log.SnapshotDamaged(Quarantine.MoveAside(disk, e, log));
            }
        }

        return new Snapshots(directory, disk) { all = read.ToImmutable(), AreComplete = !directory.DamagedSnapshots().Any() };
    }

    /// <summary>Writes a snapshot, or writes it anew with other pins. When this returns it survives a crash.</summary>
    public void Put(StoredSnapshot snapshot)
    {
        var path = directory.PathOf(NameOf(snapshot.Id));
        var isNew = !all.Exists(s => s.Id == snapshot.Id);
        try
        {
            StoredFile.Write(disk, path, StoredFile.SnapshotMagic, snapshot);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It may stand under its name all the same, and what is told has to be what the next start finds.
            if (isNew)
            {
                TakeBack(path);
            }

            if (File.Exists(path) && StoredFile.Read(path, StoredFile.SnapshotMagic, StoredSnapshot.Parser).Equals(snapshot))
            {
                Set(snapshot);
            }

            throw;
        }

        Set(snapshot);
    }

    public void Remove(StoredSnapshot snapshot)
    {
        disk.Delete(directory.PathOf(NameOf(snapshot.Id)));
        Volatile.Write(ref all, all.RemoveAll(s => s.Id == snapshot.Id));
        disk.SyncDirectory(directory.Path);
    }

    private void Set(StoredSnapshot snapshot)
    {
        var at = all.FindIndex(s => s.Id == snapshot.Id);
        Volatile.Write(ref all, at < 0 ? all.Add(snapshot) : all.SetItem(at, snapshot));
    }

    private void TakeBack(string path)
    {
        try
        {
            disk.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then it stays, and is told.
        }
    }
}
