using System.Runtime.InteropServices;
using Demarc.Engine.Durability;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>
/// For each index that occurs in sparse rows, which rows have it and with what value (SPARSE_INVERTED_INDEX). A search
/// adds up the lists of its own indexes, so its scores are complete; drop_ratio_search leaves out the share of its
/// smallest values.
/// </summary>
internal sealed class SparseIndex : VectorIndex
{
    [ThreadStatic]
    private static float[]? sums;

    private readonly Dictionary<uint, int> listOf;
    private readonly int[] starts;
    private readonly FlatMemory<int> rows;
    private readonly FlatMemory<float> values;

    private SparseIndex(long indexId, int covered, Dictionary<uint, int> listOf, int[] starts, FlatMemory<int> rows, FlatMemory<float> values)
        : base(indexId, covered) => (this.listOf, this.starts, this.rows, this.values) = (listOf, starts, rows, values);

    public override long Bytes => rows.Bytes + values.Bytes + (starts.Length * (long)sizeof(int)) + (listOf.Count * 16L);

    public override (IndexFileKind Kind, long[] Numbers) Description => (IndexFileKind.Inverted, [starts.Length - 1]);

    /// <summary>Takes over lists from their file; see <see cref="HnswIndex.ReadFrom"/>.</summary>
    public static SparseIndex? ReadFrom(BlockFile from, bool copied, ReadOnlySpan<long> description, long indexId)
    {
        if (description is not [var count])
        {
            return null;
        }

        var indexes = from.Read<uint>(BlockKind.Indexes, 0, count);
        var listOf = new Dictionary<uint, int>(indexes.Length);
        for (var list = 0; list < indexes.Length; list++)
        {
            listOf[indexes[list]] = list;
        }

        var (rows, starts) = (from.Take<int>(BlockKind.Rows, 0, copied), from.Read<int>(BlockKind.Offsets, 0, count + 1));
        if (listOf.Count != count || !IndexFile.Divides(starts, rows.Length) || !IndexFile.Within(rows.Span, 0, (int)from.Identity.Rows - 1))
        {
            throw IndexFile.Unsound(from);
        }

        return new SparseIndex(indexId, (int)from.Identity.Rows, listOf, starts, rows, from.Take<float>(BlockKind.Values, 0, copied, rows.Length));
    }

    public override void WriteTo(BlockWriter to)
    {
        var indexes = new uint[listOf.Count];
        foreach (var (index, list) in listOf)
        {
            indexes[list] = index;
        }

        to.Block<uint>(BlockKind.Indexes, 0, indexes);
        to.Block<int>(BlockKind.Offsets, 0, starts);
        to.Block<int>(BlockKind.Rows, 0, rows.Span);
        to.Block<float>(BlockKind.Values, 0, values.Span);
    }


    public static SparseIndex Build(long indexId, SparseVectorColumn column, int covered)
    {
        var (begin, indexes, entries) = (column.Starts, column.Indexes, column.Values);
        var listOf = new Dictionary<uint, int>();
        var counts = new List<int>();
        for (var i = 0; i < begin[covered]; i++)
        {
            ref var list = ref CollectionsMarshal.GetValueRefOrAddDefault(listOf, indexes[i], out var known);
            if (!known)
            {
                list = counts.Count;
                counts.Add(0);
            }

            counts[list]++;
        }

        var starts = new int[counts.Count + 1];
        for (var i = 0; i < counts.Count; i++)
        {
            starts[i + 1] = starts[i] + counts[i];
        }

        var at = starts.ToArray();
        var rows = new FlatMemory<int>(begin[covered]);
        var values = new FlatMemory<float>(rows.Length);
        for (var row = 0; row < covered; row++)
        {
            for (var i = begin[row]; i < begin[row + 1]; i++)
            {
                var place = at[listOf[indexes[i]]]++;
                (rows[place], values[place]) = (row, entries[i]);
            }
        }

        return new SparseIndex(indexId, covered, listOf, starts, rows, values);
    }

    public override bool Search(in IndexSearch search, HitCollector found)
    {
        var least = Least(search.Query.Values, search.Hints.DropRatio);
        long entries = 0;
        foreach (var index in search.Query.Indexes)
        {
            entries += listOf.TryGetValue(index, out var list) ? starts[list + 1] - starts[list] : 0;
        }

        // Few matching rows are compared sooner than long lists are added up.
        if (search.Mask is not null && search.Matches * 32L < entries)
        {
            return false;
        }

        if (sums is null || sums.Length < Rows)
        {
            sums = new float[Rows];
        }

        var own = sums;
        var words = search.Exact as Bm25Scorer;
        for (var i = 0; i < search.Query.Indexes.Length; i++)
        {
            var value = search.Query.Values[i];
            if (Math.Abs(value) >= least && listOf.TryGetValue(search.Query.Indexes[i], out var list))
            {
                var (first, length) = (starts[list], starts[list + 1] - starts[list]);
                var having = rows.AsSpan(first, length);
                var counts = values.AsSpan(first, length);
                for (var at = 0; at < length; at++)
                {
                    own[having[at]] += words is null ? value * counts[at] : words.Part(value, counts[at], having[at]);
                }
            }
        }

        // Rows that share no index with the query are no hits, as in Milvus.
        for (var row = 0; row < Rows; row++)
        {
            if (own[row] != 0)
            {
                if (own[row] >= found.Bound && InvertedLists.May(search.Mask, row))
                {
                    found.Offer(row, search.Exact.Nearness(row));
                }

                own[row] = 0;
            }
        }

        GC.KeepAlive(this);
        return true;
    }

    private static float Least(float[] values, double ratio)
    {
        if (ratio <= 0 || values.Length == 0)
        {
            return 0;
        }

        var sizes = values.Select(Math.Abs).Order().ToArray();
        return sizes[Math.Min(sizes.Length - 1, (int)(sizes.Length * ratio))];
    }
}
