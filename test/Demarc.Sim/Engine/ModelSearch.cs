namespace Demarc.Sim.Engine;

/// <summary>A row and how far it is from a query.</summary>
internal readonly record struct Scored(object Key, double Score);

/// <summary>A range of scores, in the words of Milvus.</summary>
internal sealed record ModelRange(double? Radius, double? Near);

/// <summary>
/// Search as one would do it by hand: every row, in double precision. Answers are held against it by this rule. Scores are
/// within <see cref="Tolerance"/> (relative beyond one) of what the naive sum gives; the n-th score answered is within it of the
/// n-th best; rows whose scores are closer than that are ties and may stand in any order, or for each other at the end of a page.
/// </summary>
internal static class ModelSearch
{
    public const double Tolerance = 2e-5;

    /// <summary>Smaller is nearer.</summary>
    public static bool IsDistance(string metric) => metric is "L2" or "HAMMING" or "JACCARD";

    public static double Score(string metric, object query, object row)
    {
        if (query is SortedDictionary<uint, float> wanted)
        {
            return ((SortedDictionary<uint, float>)row).Sum(e => wanted.TryGetValue(e.Key, out var v) ? (double)v * e.Value : 0);
        }

        var (a, b) = ((float[])query, (float[])row);
        double dot = 0, apart = 0, left = 0, right = 0, both = 0, either = 0;
        for (var i = 0; i < a.Length; i++)
        {
            dot += (double)a[i] * b[i];
            apart += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
            left += (double)a[i] * a[i];
            right += (double)b[i] * b[i];
            both += a[i] > 0 && b[i] > 0 ? 1 : 0;
            either += a[i] > 0 || b[i] > 0 ? 1 : 0;
        }

        return metric switch
        {
            "L2" or "HAMMING" => apart,
            "IP" => dot,
            "COSINE" => dot / Math.Sqrt(left * right),
            _ => 1 - (both / either),
        };
    }

    /// <summary>All rows that may be found, nearest first. A sparse row that has nothing in common with the query is none.</summary>
    public static List<Scored> Ranked(string metric, string field, object query, IEnumerable<ModelRow> rows, ModelRange range)
    {
        var all = rows.Where(r => r[field] is not null).Select(r => new Scored(r.Key, Score(metric, query, r[field]!)))
            .Where(s => query is not SortedDictionary<uint, float> || s.Score != 0)
            .Where(s => InRange(metric, s.Score, range));
        return [.. IsDistance(metric) ? all.OrderBy(s => s.Score) : all.OrderByDescending(s => s.Score)];
    }

    /// <summary>A range that a number stands for; its ends lie between the scores that quarters can give. None for nought.</summary>
    public static ModelRange RangeOf(string metric, int number) => number == 0 ? new ModelRange(null, null) : metric switch
    {
        "L2" => new ModelRange(number + 60.03, number % 2 == 0 ? number - 0.03 : null),
        "HAMMING" => new ModelRange((number % 8) + 4.5, number % 2 == 0 ? (number % 4) - 0.5 : null),
        "JACCARD" => new ModelRange(0.7713, number % 2 == 0 ? 0.2317 : null),
        "COSINE" => new ModelRange(-0.3137, number % 2 == 0 ? 0.7713 : null),
        _ => new ModelRange(-number - 0.03, number % 2 == 0 ? 40.03 : null),
    };

    /// <summary>A score brought between nought and one, nearer being more, before it is weighed.</summary>
    public static double Normalised(string metric, double score) => metric switch
    {
        "COSINE" => (1 + score) / 2,
        "IP" => 0.5 + (Math.Atan(score) / Math.PI),
        _ => 1 - (2 * Math.Atan(score) / Math.PI),
    };

    public static bool Close(double a, double b) => Math.Abs(a - b) <= Tolerance * Math.Max(1, Math.Max(Math.Abs(a), Math.Abs(b)));

    /// <summary>Holds a page of an exact answer against the ranking.</summary>
    public static void CheckExact(string what, string metric, List<Scored> ranked, int offset, int limit, List<Scored> found)
    {
        CheckScores(what, metric, ranked, found);
        var expected = ranked.Skip(offset).Take(limit).ToList();
        if (found.Count != expected.Count)
        {
            throw new ModelMismatchException($"{what}: {found.Count} hits, {expected.Count} expected ({string.Join(' ', expected.Take(5))} …)");
        }

        for (var i = 0; i < found.Count; i++)
        {
            if (!Close(found[i].Score, expected[i].Score))
            {
                throw new ModelMismatchException($"{what}: hit {i} is {found[i]}, expected {expected[i]}");
            }
        }
    }

    /// <summary>Holds an approximate answer against the ranking; gives the share of the best that it found.</summary>
    public static double CheckApproximate(string what, string metric, List<Scored> ranked, int limit, List<Scored> found)
    {
        CheckScores(what, metric, ranked, found);
        var expected = Math.Min(limit, ranked.Count);
        if (found.Count != expected)
        {
            throw new ModelMismatchException($"{what}: {found.Count} hits, {expected} expected");
        }

        var last = expected == 0 ? 0 : ranked[expected - 1].Score;
        return expected == 0 ? 1 : found.Count(f => Close(f.Score, last) || (IsDistance(metric) ? f.Score < last : f.Score > last)) / (double)expected;
    }

    // The bounds of a range are chosen between the scores that quarters can give; only a cosine can come close to one, and then counts as either.
    private static bool InRange(string metric, double score, ModelRange range) => IsDistance(metric)
        ? (range.Radius is not { } outer || score < outer) && (range.Near is not { } inner || score >= inner)
        : (range.Radius is not { } low || score > low) && (range.Near is not { } high || score <= high);

    private static void CheckScores(string what, string metric, List<Scored> ranked, List<Scored> found)
    {
        var byKey = ranked.ToDictionary(r => r.Key, r => r.Score);
        var seen = new HashSet<object>();
        for (var i = 0; i < found.Count; i++)
        {
            if (!byKey.TryGetValue(found[i].Key, out var score) || !Close(score, found[i].Score))
            {
                throw new ModelMismatchException($"{what}: hit {i} is {found[i]}, {(byKey.ContainsKey(found[i].Key) ? $"whose score should be {score}" : "which should not be found")}");
            }

            if (!seen.Add(found[i].Key))
            {
                throw new ModelMismatchException($"{what}: {found[i].Key} is found twice");
            }

            if (i > 0 && (IsDistance(metric) ? found[i].Score < found[i - 1].Score : found[i].Score > found[i - 1].Score))
            {
                throw new ModelMismatchException($"{what}: hit {i} is nearer than the one before it");
            }
        }
    }
}
