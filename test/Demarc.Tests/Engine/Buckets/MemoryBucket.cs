using System.Security.Cryptography;
using Demarc.Engine.Buckets;

namespace Demarc.Tests.Engine.Buckets;

/// <summary>
/// A bucket in memory that fails when it is told to: before an act has its effect, or after it, as when the answer is lost.
/// The acts are "list", "put", "put-if", "read", "range" and "delete".
/// </summary>
internal sealed class MemoryBucket : IBucket
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, byte[]> objects = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> counts = new(StringComparer.Ordinal);

    public string Place => "memory://bucket";

    /// <summary>Asked with the act and the name, empty for a list, before the effect; what it gives is thrown.</summary>
    public Func<string, string, Exception?>? Before { get; set; }

    /// <summary>The same after the effect.</summary>
    public Func<string, string, Exception?>? After { get; set; }

    /// <summary>The names of all objects.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            lock (gate)
            {
                return [.. objects.Keys];
            }
        }
    }

    /// <summary>Changes an object's content behind everybody's back.</summary>
    public void Change(string name, Action<byte[]> change)
    {
        lock (gate)
        {
            change(objects[name]);
        }
    }

    /// <summary>How many acts of a kind were asked for, those that failed included.</summary>
    public int Count(string act)
    {
        lock (gate)
        {
            return counts.GetValueOrDefault(act);
        }
    }

    public Task<IReadOnlyDictionary<string, long>> ListAsync(CancellationToken stop) =>
        Act("list", "", () => (IReadOnlyDictionary<string, long>)objects.ToDictionary(pair => pair.Key, pair => (long)pair.Value.Length, StringComparer.Ordinal), stop);

    public async Task PutAsync(string name, string path, CancellationToken stop)
    {
        var content = await File.ReadAllBytesAsync(path, stop);
        await Act("put", name, () => objects[name] = content, stop);
    }

    public Task<bool> PutIfAsync(string name, ReadOnlyMemory<byte> content, string? seen, CancellationToken stop) => Act("put-if", name, () =>
    {
        var there = objects.GetValueOrDefault(name);
        if ((there is null ? null : Tag(there)) == seen)
        {
            objects[name] = content.ToArray();
            return true;
        }

        // As in a real one, which cannot tell its own earlier try from another's.
        return there is not null && content.Span.SequenceEqual(there);
    }, stop);

    public Task<BucketObject?> ReadAsync(string name, int most, CancellationToken stop) => Act("read", name, () =>
        !objects.TryGetValue(name, out var there) ? null
        : there.Length <= most ? new BucketObject([.. there], Tag(there))
        : throw new BucketException($"{Place}: {name} has {there.Length} bytes, and at most {most} are expected."), stop);

    public async Task<bool> ReadRangeAsync(string name, long from, long length, Stream to, CancellationToken stop)
    {
        var part = await Act("range", name, () =>
            !objects.TryGetValue(name, out var there) ? (ReadOnlyMemory<byte>?)null
            : from + length <= there.Length ? there.AsMemory((int)from, (int)length)
            : throw new BucketException($"{Place}: {name} ends before byte {from + length}."), stop);
        if (part is null)
        {
            return false;
        }

        await to.WriteAsync(part.Value, stop);
        return true;
    }

    public Task DeleteAsync(string name, CancellationToken stop) => Act("delete", name, () => objects.Remove(name), stop);

    public void Dispose()
    {
    }

    private static string Tag(byte[] content) => $"\"{Convert.ToHexString(SHA256.HashData(content))}\"";

    private Task<T> Act<T>(string act, string name, Func<T> effect, CancellationToken stop) => Task.Run(() =>
    {
        lock (gate)
        {
            counts[act] = counts.GetValueOrDefault(act) + 1;
        }

        Throw(Before?.Invoke(act, name));
        T result;
        lock (gate)
        {
            result = effect();
        }

        Throw(After?.Invoke(act, name));
        return result;
    }, stop);

    private static void Throw(Exception? told)
    {
        if (told is not null)
        {
            throw told;
        }
    }
}
