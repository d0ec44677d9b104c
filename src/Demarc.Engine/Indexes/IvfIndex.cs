using Demarc.Engine.Durability;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Rows in lists by their nearest centre (IVF_FLAT, IVF_SQ8): a search looks through the lists of the centres nearest to
/// it. With codes, rows are compared by code first and only the best of them by value. A filter that leaves too few rows
/// in those lists makes it look through more.
/// </summary>
internal sealed class IvfIndex : VectorIndex
{
    private const int DefaultProbes = 8;

    /// <summary>Rows a list should have: with fewer, finding the lists costs more than it saves.</summary>
    private const int RowsPerList = 32;

    [ThreadStatic]
    private static FlatMemory<sbyte>? queryCode;

    private readonly InvertedLists lists;
    private readonly float[] centres;
    private readonly Int8Codes? codes;
    private readonly Metric metric;

    private IvfIndex(long indexId, int rows, InvertedLists lists, float[] centres, Int8Codes? codes, Metric metric)
        : base(indexId, rows) => (this.lists, this.centres, this.codes, this.metric) = (lists, centres, codes, metric);

    public override long Bytes => lists.Bytes + ((long)centres.Length * sizeof(float)) + (codes?.Bytes ?? 0);

    public static IvfIndex Build(long indexId, VectorColumn column, Metric metric, int rows, int listCount, bool quantised, CancellationToken cancel)
    {
        var dimension = column.Field.Dimension;
        var count = Math.Clamp(rows / RowsPerList, 1, listCount);
        var sampled = (int)Math.Min(rows, (long)count * KMeans.SamplePerCentre);
        var sample = new float[sampled * dimension];
        var rowsOf = column.Widener();
        for (var i = 0; i < sampled; i++)
        {
            Read(rowsOf, (int)((long)i * rows / sampled), metric, KMeans.Row(sample, i, dimension));
        }

        var centres = KMeans.Centres(sample, dimension, count, Environment.ProcessorCount, cancel);
        var listOfRow = new int[rows];
        Parallel.For(0, rows, () => new float[dimension], (row, _, wide) =>
        {
            Read(rowsOf, row, metric, wide);
            listOfRow[row] = KMeans.Nearest(centres, dimension, wide);
            return wide;
        }, _ => { });
        cancel.ThrowIfCancellationRequested();
        var codes = quantised ? Int8Codes.Encode(column, metric, rows) : null;
        return new IvfIndex(indexId, rows, InvertedLists.Group(listOfRow, count), centres, codes is not null && codes.Faithful(column) ? codes : null, metric);
    }

    public override (IndexFileKind Kind, long[] Numbers) Description =>
        (IndexFileKind.Lists, [(long)metric, lists.Count, codes is null ? 0 : 1, codes is null ? 0 : BitConverter.SingleToInt32Bits(codes.Steps)]);

    /// <summary>Takes over lists from their file; see <see cref="HnswIndex.ReadFrom"/>.</summary>
    public static IvfIndex? ReadFrom(BlockFile from, bool copied, ReadOnlySpan<long> description, VectorColumn column, long indexId)
    {
        if (description is not [var metric, var count, var coded, var steps])
        {
            return null;
        }

        var (rows, dimension) = ((int)from.Identity.Rows, column.Field.Dimension);
        var codes = coded == 0 ? null : Int8Codes.ReadFrom(from, copied, (Metric)metric, dimension, rows, BitConverter.Int32BitsToSingle((int)steps));
        return new IvfIndex(indexId, rows, InvertedLists.ReadFrom(from, copied, (int)count), from.Read<float>(BlockKind.Centres, 0, count * dimension), codes, (Metric)metric);
    }

    public override void WriteTo(BlockWriter to)
    {
        lists.WriteTo(to);
        to.Block<float>(BlockKind.Centres, 0, centres);
        codes?.WriteTo(to);
    }

    public override bool Search(in IndexSearch search, HitCollector found)
    {
        var probes = Math.Min(lists.Count, search.Hints.Probes ?? DefaultProbes);
        if ((long)search.Matches * lists.Count <= (long)Rows * probes && search.Mask is not null)
        {
            return false; // Fewer rows match than the lists to look through have.
        }

        var scratch = WalkScratch.Own;
        var keep = Math.Max(2 * search.Keep, search.Keep + 32);
        scratch.Begin(0, keep);
        var order = new ListOrder(Distances(search.Query.Floats, centres, metric));
        var point = codes is null ? default : Point(search.Query.Floats);
        var seen = 0;
        for (var i = 0; order.Left > 0 && (i < probes || seen < search.Keep); i++)
        {
            foreach (var row in lists[order.Take()])
            {
                if (!InvertedLists.May(search.Mask, row))
                {
                    continue;
                }

                seen++;
                if (codes is null)
                {
                    found.Offer(row, search.Exact.Nearness(row));
                }
                else
                {
                    scratch.Insert(WalkScratch.Key(point.To(row), row), keep);
                }
            }
        }

        foreach (var key in scratch.Pool.AsSpan(0, scratch.PoolCount))
        {
            found.Offer(WalkScratch.Node(key), search.Exact.Nearness(WalkScratch.Node(key)));
        }

        return true;
    }

    private CodePoint Point(float[] query)
    {
        if (queryCode is null || queryCode.Length < codes!.Stride)
        {
            queryCode = new FlatMemory<sbyte>(codes!.Stride);
        }

        codes.Encode(query.ToArray(), queryCode.Span[..codes.Stride]);
        return codes.Space.At(queryCode);
    }

    /// <summary>How far a query is from each centre, in an order that is the metric's.</summary>
    public static float[] Distances(float[] query, float[] centres, Metric metric)
    {
        var distances = new float[centres.Length / query.Length];
        for (var c = 0; c < distances.Length; c++)
        {
            var centre = KMeans.Row(centres, c, query.Length);
            distances[c] = metric switch
            {
                Metric.L2 => Kernels.SquaredDistance(query, centre),
                Metric.IP => -Kernels.Dot(query, centre),
                _ => -Kernels.Dot(query, centre) / Math.Max(Kernels.Norm(centre), float.Epsilon),
            };
        }

        return distances;
    }

    /// <summary>A row as it is compared with centres.</summary>
    public static void Read(VectorColumn.Widening rows, int row, Metric metric, Span<float> to)
    {
        rows(row, to);
        var norm = metric == Metric.Cosine ? Kernels.Norm(to) : 0;
        for (var d = 0; d < to.Length && norm > 0; d++)
        {
            to[d] /= norm;
        }
    }
}
