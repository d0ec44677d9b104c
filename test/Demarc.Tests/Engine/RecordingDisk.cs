using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Demarc.Engine.Durability;
using Microsoft.Win32.SafeHandles;

namespace Demarc.Tests.Engine;

/// <summary>A folder as a crash leaves it, and how it came about.</summary>
/// <param name="Point">Which act it was, counted from the first, and what was cut short.</param>
/// <param name="Acknowledged">How many steps had been answered.</param>
/// <param name="Files">Names with contents.</param>
internal sealed record CrashImage(string Point, int Acknowledged, IReadOnlyDictionary<string, byte[]> Files)
{
    public void WriteTo(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var (name, bytes) in Files)
        {
            File.WriteAllBytes(Path.Combine(folder, name), bytes);
        }
    }
}

/// <summary>
/// A disk that remembers what it holds and what it was only told: a write is safe once its file was synced, a name once its
/// folder was. At each act it keeps every folder that a crash at that moment could leave: by a kill (everything told is
/// there, the act done, not done, or torn) and by a power cut (only what was synced is sure; of the rest nothing, all, the
/// names, the contents, one act alone, half a write or zeroes in its place).
/// </summary>
internal sealed class RecordingDisk(string folder) : Disk
{
    private readonly Lock gate = new();
    private readonly ConditionalWeakTable<SafeFileHandle, Inode> byHandle = [];
    private readonly Dictionary<string, Inode> names = [];
    private readonly Dictionary<string, Inode> safeNames = [];
    private readonly List<Action<Dictionary<string, Inode>>> unsyncedNames = [];
    private readonly HashSet<string> known = [];
    private int acts;

    /// <summary>Steps answered so far; the test counts.</summary>
    public int Acknowledged { get; set; }

    public List<CrashImage> Images { get; } = [];

    public int Acts => acts;

    /// <summary>How often each kind of act was seen.</summary>
    public Dictionary<string, int> Kinds { get; } = [];

    public override long FreeBytes(string directory) => long.MaxValue;

    public override void Write(SafeFileHandle file, ReadOnlySpan<byte> data, long offset)
    {
        lock (gate)
        {
            var inode = Of(file);
            Begin("write", inode);
            foreach (var length in new[] { 1, data.Length / 2, data.Length - 1 }.Where(l => l > 0).Distinct())
            {
                var torn = Changed(inode.Now, data[..length], offset);
                KeepKill($"torn after {length} of {data.Length} bytes", inode, torn);
            }

            base.Write(file, data, offset);
            inode.Now = Changed(inode.Now, data, offset);
            inode.Unsynced.Add(new Change(offset, data.ToArray()));
            End();
        }
    }

    public override void Truncate(SafeFileHandle file, long length)
    {
        lock (gate)
        {
            var inode = Of(file);
            Begin("truncate", inode);
            base.Truncate(file, length);
            inode.Now = Resized(inode.Now, length);
            inode.Unsynced.Add(new Change(length, null));
            End();
        }
    }

    public override void Sync(SafeFileHandle file)
    {
        lock (gate)
        {
            var inode = Of(file);
            Begin("sync", inode);
            inode.Safe = inode.Now;
            inode.Unsynced.Clear();
            End();
        }
    }

    public override void SyncDirectory(string path)
    {
        lock (gate)
        {
            Begin("sync of a folder", null);
            if (Path.GetFullPath(path) == Path.GetFullPath(folder))
            {
                unsyncedNames.ForEach(act => act(safeNames));
                unsyncedNames.Clear();
            }

            End();
        }
    }

    public override void Rename(string from, string to)
    {
        lock (gate)
        {
            var (old, own) = (Path.GetFileName(from), Path.GetFileName(to));
            var inode = names.TryGetValue(old, out var there) ? there : Empty(old);
            Begin("rename", inode);
            base.Rename(from, to);
            Name(all =>
            {
                all.Remove(old);
                all[own] = inode;
            });
            inode.Name = own;
            End();
        }
    }

    public override void Delete(string path)
    {
        lock (gate)
        {
            var name = Path.GetFileName(path);
            Begin("delete", names.GetValueOrDefault(name));
            base.Delete(path);
            Name(all => all.Remove(name));
            End();
        }
    }

    /// <summary>Whether the disk knows of every byte that is in the folder: what was written past it would escape the test.</summary>
    public void CheckNothingWentPast()
    {
        foreach (var path in Directory.GetFiles(folder))
        {
            var bytes = File.ReadAllBytes(path);
            Assert.True(bytes.Length == 0 || (names.TryGetValue(Path.GetFileName(path), out var inode) && inode.Now.AsSpan().SequenceEqual(bytes)), $"{path} was written past the disk");
        }

        Assert.All(names.Keys, name => Assert.True(File.Exists(Path.Combine(folder, name)), $"{name} was taken away past the disk"));
    }

    /// <summary>Takes over a folder that is there already, all of it safe.</summary>
    public void Adopt(CrashImage image)
    {
        foreach (var (name, bytes) in image.Files)
        {
            names[name] = safeNames[name] = new Inode { Name = name, Now = bytes, Safe = bytes };
        }
    }

    private static byte[] Changed(byte[] before, ReadOnlySpan<byte> data, long offset)
    {
        var after = new byte[Math.Max(before.Length, offset + data.Length)];
        before.CopyTo(after, 0);
        data.CopyTo(after.AsSpan((int)offset));
        return after;
    }

    private static byte[] Resized(byte[] before, long length)
    {
        var after = new byte[length];
        before.AsSpan(0, (int)Math.Min(before.Length, length)).CopyTo(after);
        return after;
    }

    private Inode Of(SafeFileHandle file)
    {
        if (byHandle.TryGetValue(file, out var known))
        {
            return known;
        }

        var name = Path.GetFileName(File.ResolveLinkTarget($"/proc/self/fd/{file.DangerousGetHandle()}", false)!.FullName);
        var inode = names.TryGetValue(name, out var there) ? there : Empty(name);
        var length = RandomAccess.GetLength(file);
        if (length < inode.Now.Length)
        {
            inode.Now = Resized(inode.Now, length); // Opened anew, and emptied by that.
            inode.Unsynced.Add(new Change(length, null));
        }

        byHandle.Add(file, inode);
        return inode;
    }

    private Inode Empty(string name)
    {
        var inode = new Inode { Name = name };
        Name(all => all[name] = inode);
        return inode;
    }

    private void Name(Action<Dictionary<string, Inode>> act)
    {
        act(names);
        unsyncedNames.Add(act);
    }

    private string now = "";

    private void Begin(string kind, Inode? inode)
    {
        now = $"act {++acts}, {kind} {inode?.Name}";
        Kinds[kind] = Kinds.GetValueOrDefault(kind) + 1;
        KeepAll("before it");
    }

    private void End() => KeepAll("after it");

    private void KeepAll(string when)
    {
        KeepKill(when, null, []);
        Keep($"{when}, power cut, nothing that was not synced", safeNames, i => i.Safe);
        Keep($"{when}, power cut, with all names", names, i => i.Safe);
        Keep($"{when}, power cut, with all contents", safeNames, i => i.Now);
        for (var i = 0; i < unsyncedNames.Count; i++)
        {
            var some = new Dictionary<string, Inode>(safeNames);
            unsyncedNames[i](some);
            Keep($"{when}, power cut, of the names only change {i}", some, n => n.Safe);
        }

        foreach (var inode in names.Values.Where(i => i.Unsynced.Count > 0).ToList())
        {
            var last = inode.Unsynced[^1];
            if (last.Data is { Length: > 1 } data)
            {
                var half = Changed(inode.Safe, data.AsSpan(0, data.Length / 2), last.Offset);
                var zeroes = Changed(inode.Safe, new byte[data.Length], last.Offset);
                Keep($"{when}, power cut, half of the last write to {inode.Name}", names, i => i == inode ? half : i.Safe);
                Keep($"{when}, power cut, zeroes for the last write to {inode.Name}", names, i => i == inode ? zeroes : i.Safe);
            }
        }
    }

    private void KeepKill(string when, Inode? inode, byte[] torn) => Keep($"{when}, killed", names, i => i == inode ? torn : i.Now);

    private void Keep(string what, Dictionary<string, Inode> of, Func<Inode, byte[]> content)
    {
        var files = of.ToDictionary(pair => pair.Key, pair => content(pair.Value));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, bytes) in files.OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes($"{name}/{bytes.Length}/"));
            hash.AppendData(bytes);
        }

        if (known.Add($"{Acknowledged}/{Convert.ToHexString(hash.GetHashAndReset())}"))
        {
            Images.Add(new CrashImage($"{now}: {what}", Acknowledged, files));
        }
    }

    /// <summary>One write, or without data a cut to a length.</summary>
    private sealed record Change(long Offset, byte[]? Data);

    private sealed class Inode
    {
        public string Name { get; set; } = "";

        public byte[] Now { get; set; } = [];

        public byte[] Safe { get; set; } = [];

        public List<Change> Unsynced { get; } = [];
    }
}
