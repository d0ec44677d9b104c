using System.Collections.Concurrent;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Ledger;

/// <summary>What somebody looks for in a ledger; what is null does not matter.</summary>
/// <param name="Kind">A kind, or the beginning of several, as in <c>change.</c>.</param>
/// <param name="Author">An author's key id.</param>
/// <param name="Task">A row of the table.</param>
/// <param name="Change">A change.</param>
/// <param name="Instance">An instance.</param>
/// <param name="Since">Dated at this time or later.</param>
/// <param name="Until">Dated before this time.</param>
public sealed record LedgerFilter(string? Kind, string? Author, TaskId? Task, string? Change, string? Instance, DateTimeOffset? Since, DateTimeOffset? Until)
{
    /// <summary>Looks for nothing in particular.</summary>
    public static LedgerFilter Everything { get; } = new(null, null, null, null, null, null, null);

    /// <summary>Key ids of authors, any of whom will do; null when it does not matter.</summary>
    public IReadOnlySet<string>? Authors { get; init; }
}

/// <summary>
/// What every entry of one ledger is about, in two dozen bytes each, so that a million are looked through in milliseconds. It is worked out of the entries
/// while they are folded and thrown away with them: an index, never a second truth. One writes, in order; readers look at what their view covers.
/// </summary>
public sealed class LedgerFacets
{
    private const int ChunkBits = 12;
    private const int ChunkSize = 1 << ChunkBits;
    private readonly ConcurrentDictionary<string, int> kinds = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> authors = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> changes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> instances = new(StringComparer.Ordinal);
    private Row[][] chunks = [];

    /// <summary>How many entries are in it.</summary>
    public long Count { get; private set; }

    /// <summary>The key ids of everybody who has written.</summary>
    public IEnumerable<string> Authors => authors.Keys;

    /// <summary>Takes the next entry.</summary>
    public void Add(Entry entry, EntrySubject subject)
    {
        var (chunk, at) = ((int)(Count >> ChunkBits), (int)(Count & (ChunkSize - 1)));
        if (chunk == chunks.Length)
        {
            // A new array of the same chunks: whoever reads the old one reads on.
            Volatile.Write(ref chunks, [.. chunks, new Row[ChunkSize]]);
        }

        chunks[chunk][at] = new Row(
            Number(kinds, entry.Body.Kind), Number(authors, entry.Author.KeyId), Number(changes, subject.Change?.Value), Number(instances, subject.Instance?.Value),
            (byte)subject.Task, (uint)Math.Clamp(entry.At.ToUnixTimeSeconds(), 0, uint.MaxValue));
        Count++;
    }

    /// <summary>Places of the newest entries below <paramref name="before"/> that fit, newest first.</summary>
    public IEnumerable<long> Find(LedgerFilter filter, long before)
    {
        if (Wanted(filter) is not { } wanted) yield break;
        var rows = Volatile.Read(ref chunks);
        for (var at = before - 1; at >= 0; at--)
        {
            if (wanted.Fits(rows[at >> ChunkBits][at & (ChunkSize - 1)])) yield return at;
        }
    }

    /// <summary>How many of the entries below <paramref name="before"/> that fit are of which kind, the most frequent first.</summary>
    public IReadOnlyList<(string Kind, int Count)> CountByKind(LedgerFilter filter, long before)
    {
        var rows = Volatile.Read(ref chunks);
        var counts = new Dictionary<int, int>();
        foreach (var at in Find(filter, before))
        {
            var kind = rows[at >> ChunkBits][at & (ChunkSize - 1)].Kind;
            counts[kind] = counts.GetValueOrDefault(kind) + 1;
        }

        return [.. kinds.Where(k => counts.ContainsKey(k.Value)).Select(k => (k.Key, counts[k.Value])).OrderByDescending(c => c.Item2).ThenBy(c => c.Key, StringComparer.Ordinal)];
    }

    // Null when a word is asked for that no entry has.
    private Search? Wanted(LedgerFilter filter)
    {
        HashSet<int>? ofKinds = null;
        if (filter.Kind is { } kind)
        {
            ofKinds = [.. kinds.Where(k => k.Key == kind || (kind.EndsWith('.') && k.Key.StartsWith(kind, StringComparison.Ordinal))).Select(k => k.Value)];
            if (ofKinds.Count == 0) return null;
        }

        var ofAuthors = filter.Authors is { } several ? authors.Where(a => several.Contains(a.Key)).Select(a => a.Value).ToHashSet() : null;
        if (ofAuthors is { Count: 0 }) return null;
        int? author = null, change = null, instance = null;
        if (filter.Author is { } key && (author = Known(authors, key)) is null) return null;
        if (filter.Change is { } id && (change = Known(changes, id)) is null) return null;
        if (filter.Instance is { } name && (instance = Known(instances, name)) is null) return null;
        return new Search(ofKinds, ofAuthors, author, change, instance, filter.Task is { } task ? (byte)task : null, Seconds(filter.Since) ?? 0, Seconds(filter.Until) ?? long.MaxValue);
    }

    private static long? Seconds(DateTimeOffset? at) => at is { } time ? (long)Math.Ceiling(time.ToUnixTimeMilliseconds() / 1000.0) : null;

    private static int? Known(ConcurrentDictionary<string, int> words, string word) => words.TryGetValue(word, out var number) ? number : null;

    // 0 stands for none.
    private static int Number(ConcurrentDictionary<string, int> words, string? word)
    {
        if (word is null) return 0;
        if (words.TryGetValue(word, out var number)) return number;
        return words[word] = words.Count + 1;
    }

    private readonly record struct Row(int Kind, int Author, int Change, int Instance, byte Task, uint Seconds);

    private sealed record Search(HashSet<int>? Kinds, HashSet<int>? Authors, int? Author, int? Change, int? Instance, byte? Task, long Since, long Until)
    {
        public bool Fits(in Row row) =>
            (Kinds is null || Kinds.Contains(row.Kind)) && (Authors is null || Authors.Contains(row.Author)) && (Author is null || row.Author == Author) && (Change is null || row.Change == Change)
            && (Instance is null || row.Instance == Instance) && (Task is null || row.Task == Task) && row.Seconds >= Since && row.Seconds < Until;
    }
}
