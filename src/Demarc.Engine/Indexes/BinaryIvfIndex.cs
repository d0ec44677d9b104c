using Demarc.Engine.Durability;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>Bit vectors in lists (BIN_IVF_FLAT). A centre has each bit that most of its rows have.</summary>
internal sealed class BinaryIvfIndex : VectorIndex
{
    private const int DefaultProbes = 8;
    private const int RowsPerList = 32;
    private const int Rounds = 5;

    private readonly InvertedLists lists;
    private readonly byte[] centres;
    private readonly Metric metric;

    private BinaryIvfIndex(long indexId, int rows, InvertedLists lists, byte[] centres, Metric metric)
        : base(indexId, rows) => (this.lists, this.centres, this.metric) = (lists, centres, metric);

    public override long Bytes => lists.Bytes + centres.Length;

    public static BinaryIvfIndex Build(long indexId, ByteVectorColumn column, Metric metric, int rows, int listCount, CancellationToken cancel)
    {
        var rowBytes = column.Field.VectorBytes;
        var count = Math.Clamp(rows / RowsPerList, 1, listCount);
        var centres = new byte[count * rowBytes];
        for (var c = 0; c < count; c++)
        {
            column.Row((int)((long)c * rows / count)).CopyTo(centres.AsSpan(c * rowBytes));
        }

        var nearest = new int[rows];
        for (var round = 0; round <= Rounds; round++)
        {
            cancel.ThrowIfCancellationRequested();
            Parallel.For(0, rows, row => nearest[row] = Nearest(centres, rowBytes, column.Row(row)));
            if (round < Rounds)
            {
                Move(column, nearest, centres, rowBytes);
            }
        }

        return new BinaryIvfIndex(indexId, rows, InvertedLists.Group(nearest, count), centres, metric);
    }

    public override (IndexFileKind Kind, long[] Numbers) Description => (IndexFileKind.BinaryLists, [(long)metric, lists.Count]);

    /// <summary>Takes over lists from their file; see <see cref="HnswIndex.ReadFrom"/>.</summary>
    public static BinaryIvfIndex? ReadFrom(BlockFile from, bool copied, ReadOnlySpan<long> description, VectorColumn column, long indexId) =>
        description is [var metric, var count]
            ? new BinaryIvfIndex(indexId, (int)from.Identity.Rows, InvertedLists.ReadFrom(from, copied, (int)count), from.Read<byte>(BlockKind.Centres, 0, count * column.Field.VectorBytes), (Metric)metric)
            : null;

    public override void WriteTo(BlockWriter to)
    {
        lists.WriteTo(to);
        to.Block<byte>(BlockKind.Centres, 0, centres);
    }

    public override bool Search(in IndexSearch search, HitCollector found)
    {
        var probes = Math.Min(lists.Count, search.Hints.Probes ?? DefaultProbes);
        if ((long)search.Matches * lists.Count <= (long)Rows * probes && search.Mask is not null)
        {
            return false;
        }

        var query = search.Query.Bytes;
        var distances = new float[lists.Count];
        for (var c = 0; c < distances.Length; c++)
        {
            var centre = centres.AsSpan(c * query.Length, query.Length);
            distances[c] = metric == Metric.Jaccard ? Kernels.Jaccard(query, centre) : Kernels.Hamming(query, centre);
        }

        var order = new ListOrder(distances);
        var seen = 0;
        for (var i = 0; order.Left > 0 && (i < probes || seen < search.Keep); i++)
        {
            foreach (var row in lists[order.Take()])
            {
                if (InvertedLists.May(search.Mask, row))
                {
                    seen++;
                    found.Offer(row, search.Exact.Nearness(row));
                }
            }
        }

        return true;
    }

    private static int Nearest(byte[] centres, int rowBytes, ReadOnlySpan<byte> row)
    {
        var (best, distance) = (0, int.MaxValue);
        for (var c = 0; c < centres.Length / rowBytes; c++)
        {
            var candidate = Kernels.Hamming(row, centres.AsSpan(c * rowBytes, rowBytes));
            if (candidate < distance)
            {
                (best, distance) = (c, candidate);
            }
        }

        return best;
    }

    private static void Move(ByteVectorColumn column, int[] nearest, byte[] centres, int rowBytes)
    {
        var bits = rowBytes * 8;
        var counts = new int[centres.Length / rowBytes];
        var set = new int[counts.Length * bits];
        for (var row = 0; row < nearest.Length; row++)
        {
            counts[nearest[row]]++;
            var values = column.Row(row);
            for (var bit = 0; bit < bits; bit++)
            {
                set[(nearest[row] * bits) + bit] += values[bit >> 3] >> (bit & 7) & 1;
            }
        }

        for (var c = 0; c < counts.Length; c++)
        {
            for (var bit = 0; bit < bits && counts[c] > 0; bit++)
            {
                ref var value = ref centres[(c * rowBytes) + (bit >> 3)];
                var mask = (byte)(1 << (bit & 7));
                value = 2 * set[(c * bits) + bit] > counts[c] ? (byte)(value | mask) : (byte)(value & ~mask);
            }
        }
    }
}
