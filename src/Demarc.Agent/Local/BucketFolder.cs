using System.Text.Json;
using Demarc.Core.Agents;
using Demarc.Core.Instances;

namespace Demarc.Agent.Local;

/// <summary>
/// A folder as the bucket. It belongs to the customer: the agent works inside <c>instances/</c> and <c>recycle/</c>, never makes the bucket itself and
/// never changes its rights.
/// </summary>
public sealed class BucketFolder(string root) : IFolders
{
    private const string MarkerFile = "demarc-instance.json";
    private const string EngineIdentityFile = "engine.json";
    private const string MakingPrefix = ".making-";
    private const string ErasingPrefix = ".erasing-";
    private const long Mib = 1024 * 1024;

    public BucketFacts Bucket()
    {
        try
        {
            if (!Directory.Exists(root)) return Unreachable($"{root} does not exist or is not a folder: mount it, or name the right folder with --bucket.");
            var probe = Path.Combine(root, ".demarc-reach");
            using (PrivateDisk.Open(probe, FileMode.Create))
            {
                // Making and removing a file is the proof; there is nothing to write into it.
            }

            File.Delete(probe);
            var isPrivate = !PrivateDisk.IsOpenToOthers(root);
            var free = new DriveInfo(root).AvailableFreeSpace / Mib;
            var problem = free < Instances.ReconcileLimits.MinFreeMib ? $"the bucket {root} has {free} MiB left, {Instances.ReconcileLimits.MinFreeMib} MiB are needed: free some space." : null;
            return new BucketFacts(root, true, isPrivate, free, problem);
        }
        catch (Exception closed) when (closed is IOException or UnauthorizedAccessException)
        {
            return Unreachable($"{root} can not be read and written ({closed.Message}): give the agent's user access.");
        }
    }

    public IReadOnlyCollection<InstanceId> Known()
    {
        var known = new HashSet<InstanceId>();
        foreach (var place in Enum.GetValues<FolderPlace>())
        {
            var folder = Path.Combine(root, Word(place));
            if (!Directory.Exists(folder)) continue;
            foreach (var path in Directory.EnumerateDirectories(folder))
            {
                if (InstanceId.TryParse(Path.GetFileName(path), out var id)) known.Add(id);
            }
        }

        return known;
    }

    public FolderContent Look(FolderPlace place, InstanceId instance)
    {
        var path = PathOf(place, instance);
        var erasing = Directory.Exists(Path.Combine(root, Word(place), ErasingPrefix + instance.Value));
        if (!Directory.Exists(path)) return new FolderContent(false, null, false, erasing);
        InstanceMarker? marker = null;
        try
        {
            if (PrivateDisk.Read(Path.Combine(path, MarkerFile)) is { } bytes) marker = JsonSerializer.Deserialize(bytes, LocalJson.Default.InstanceMarker);
        }
        catch (JsonException)
        {
            // A marker that cannot be read marks nothing.
        }

        return new FolderContent(true, marker?.Instance == instance.Value ? marker : null, File.Exists(Path.Combine(path, EngineIdentityFile)), erasing);
    }

    public string PathOf(FolderPlace place, InstanceId instance) => Path.Combine(root, Word(place), instance.Value);

    public void Create(InstanceId instance, InstanceMarker marker)
    {
        var place = Path.Combine(root, Word(FolderPlace.Instances));
        PrivateDisk.EnsureFolder(place);
        var making = Path.Combine(place, MakingPrefix + instance.Value);
        PrivateDisk.EnsureFolder(making);
        PrivateDisk.Write(Path.Combine(making, MarkerFile), JsonSerializer.SerializeToUtf8Bytes(marker, LocalJson.Default.InstanceMarker));
        Directory.Move(making, PathOf(FolderPlace.Instances, instance));
        Posix.SyncDirectory(place);
        Posix.SyncDirectory(root);
    }

    public void Move(InstanceId instance, FolderPlace from, FolderPlace to)
    {
        var target = Path.Combine(root, Word(to));
        PrivateDisk.EnsureFolder(target);
        Directory.Move(PathOf(from, instance), PathOf(to, instance));
        Posix.SyncDirectory(target);
        Posix.SyncDirectory(Path.Combine(root, Word(from)));
    }

    public async Task EraseAsync(FolderPlace place, InstanceId instance, CancellationToken stop)
    {
        var folder = Path.Combine(root, Word(place));
        if (!Directory.Exists(folder)) return;
        var path = PathOf(place, instance);
        var erasing = Path.Combine(folder, ErasingPrefix + instance.Value);
        // First out of the way in one piece, so that a crash leaves no half of an instance behind; rests of an earlier try go first.
        if (Directory.Exists(erasing)) await DeleteAsync(erasing, stop);
        if (!Directory.Exists(path)) return;
        Directory.Move(path, erasing);
        Posix.SyncDirectory(folder);
        await DeleteAsync(erasing, stop);
        Posix.SyncDirectory(folder);
    }

    // Deleting gigabytes takes a while; it is done on another thread so that the agent goes on meanwhile.
    private static Task DeleteAsync(string path, CancellationToken stop) => Task.Run(() => Directory.Delete(path, recursive: true), stop);

    private BucketFacts Unreachable(string problem) => new(root, false, false, 0, problem);

    private static string Word(FolderPlace place) => place switch { FolderPlace.Instances => "instances", FolderPlace.Recycle => "recycle" };
}
