using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Builds vector indexes behind the service's back, one segment at a time on all processors, at a priority below that of
/// requests. A segment is due when it is full, or when it has grown by half since it was last indexed and somebody has
/// flushed, defined an index, or stopped writing. Until a segment's index is there its rows are compared one by one, so nothing waits for
/// a build. With a folder, what is built is stored there and taken from there at a start.
/// </summary>
internal sealed class IndexBuilder : IDisposable
{
    /// <summary>Rows that are compared sooner than a structure over them is walked.</summary>
    public const int LeastRows = 4096;

    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(2);

    private readonly EngineState state;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly int threads;
    private readonly IndexFolder? folder;
    private readonly CancellationTokenSource stop = new();
    private readonly Bell bell = new();
    private readonly Thread? loading;
    private readonly Thread worker;
    private Arrivals? arrivals;

    public IndexBuilder(EngineState state, TimeProvider time, ILogger log, int? threads = null, IndexFolder? folder = null)
    {
        (this.state, this.time, this.log, this.threads, this.folder) = (state, time, log, threads ?? Environment.ProcessorCount, folder);
        state.Applied += Wake;
        if (folder is not null)
        {
            // Not in the background: a start that has its indexes soon is worth a moment of all processors.
            loading = new Thread(Load) { Name = "demarc-engine load", IsBackground = true };
            loading.Start();
        }

        worker = BackgroundThread.Start("demarc-engine indexes", Run);
    }

    /// <summary>Looks again whether anything is due.</summary>
    public void Wake() => bell.Ring();

    /// <summary>How many of a collection's rows an index answers, directly or because so few are left that comparing them is as quick.</summary>
    public static IndexProgress Progress(CollectionView view, StoredIndex index)
    {
        var field = view.Definition.FieldIndex(index.FieldName);
        long pending = 0;
        for (var i = 0; i < view.Segments.Length && view.Definition.Fields[field].IsVector; i++)
        {
            if (Due(view, i, field, index))
            {
                var built = Current(view.Segments[i], field, index);
                pending += Math.Max(0, view.Segments[i].Live - (built?.Rows ?? 0));
            }
        }

        return new IndexProgress(view.LiveRows, Math.Max(0, view.LiveRows - pending), pending);
    }

    public void Dispose()
    {
        state.Applied -= Wake;
        stop.Cancel();
        worker.Join();
        arrivals?.Dispose();
        stop.Dispose();
        bell.Dispose();
    }

    private void Run()
    {
        try
        {
            loading?.Join();
            arrivals = new Arrivals(state); // Not before: what has its index in a file needs no lists.
            for (bool asked = false, later = false; ;)
            {
                if (bell.Wait(asked && !later ? Timeout.InfiniteTimeSpan : Idle, stop.Token))
                {
                    asked = false;
                }
                else
                {
                    // Nothing has been written for a while: what is there may as well be indexed.
                    asked = true;
                    foreach (var collection in state.Collections)
                    {
                        collection.AskForIndex();
                    }
                }

                later = false;
                while (!later && Next() is { } job)
                {
                    later = folder?.Share(job.Collection, job.Segment.Segment, job.Field, job.Index) != true && !Build(job);
                    folder?.Store(state);
                }

                folder?.Store(state); // A checkpoint may have named more rows.

                foreach (var collection in state.Collections)
                {
                    Filters.ScalarIndexes.Refresh(collection.View, stop.Token);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping; a half-built index is simply dropped.
        }
    }

    private void Load()
    {
        try
        {
            folder!.Load(state, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping; what was not taken is taken by the next start.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.IndexesNotLoaded(e.Message);
        }
    }

    private Job? Next()
    {
        foreach (var collection in state.Collections)
        {
            var view = collection.View;
            RemoveDropped(view);
            foreach (var index in view.Definition.Indexes)
            {
                var field = view.Definition.FieldIndex(index.FieldName);
                for (var i = 0; field >= 0 && view.Definition.Fields[field].IsVector && i < view.Segments.Length; i++)
                {
                    if (Due(view, i, field, index))
                    {
                        return new Job(collection, view.Segments[i], field, view.Definition.Fields[field], index);
                    }
                }
            }
        }

        return null;
    }

    /// <summary>Gives back the memory of indexes whose definition is gone.</summary>
    private static void RemoveDropped(CollectionView view)
    {
        foreach (var segment in view.Segments)
        {
            for (var field = 0; field < view.Definition.Fields.Count; field++)
            {
                if (segment.Segment.IndexOf(field) is { } built && !view.Definition.Indexes.Any(i => i.IndexId == built.IndexId))
                {
                    segment.Segment.SetIndex(field, null);
                }
            }
        }
    }

    private static VectorIndex? Current(SegmentView segment, int field, StoredIndex index) =>
        segment.Segment.IndexOf(field) is { } built && built.IndexId == index.IndexId ? built : null;

    private static bool Due(CollectionView view, int segment, int field, StoredIndex index)
    {
        var of = view.Segments[segment];
        if (of.Count < LeastRows || of.Segment.NotIndexable(field) == index.IndexId || IndexParameters.Structure(view.Definition.Fields[field], index) == VectorStructure.None)
        {
            return false;
        }

        var covered = Current(of, field, index)?.Rows ?? 0;
        var closed = segment < view.Segments.Length - 1 || of.Segment.IsFull;

        // Half again as many rows each time: an open segment is indexed a few times on its way, not after each write.
        return closed ? covered < of.Count : of.Segment.AskedRows - covered >= Math.Max(LeastRows, covered / 2);
    }

    /// <summary>False when the rows cannot be had now.</summary>
    private bool Build(Job job)
    {
        var begun = time.GetTimestamp();
        var segment = job.Segment.Segment;
        try
        {
            var index = Build(job, stop.Token);
            if (index is null)
            {
                segment.SetNotIndexable(job.Field, job.Index.IndexId);
                log.NotIndexable(job.Index.Name, job.Collection.Definition.Name, job.Segment.Count);
            }
            else
            {
                segment.SetIndex(job.Field, index);
                if (segment.ArrivedOf(job.Field) is { } waiting && waiting.Rows - index.Rows < Arrivals.LeastRows)
                {
                    segment.SetArrived(job.Field, null);
                }

                log.IndexBuilt(job.Index.Name, job.Collection.Definition.Name, job.Segment.Count, time.GetElapsedTime(begun).TotalSeconds);
            }
        }
        catch (Errors.Fault e) when (segment.File is { IsPart: true })
        {
            log.IndexPutOff(job.Index.Name, job.Collection.Definition.Name, e.Message);
            return false;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The rows stay searchable one by one; trying again would fail again.
            segment.SetNotIndexable(job.Field, job.Index.IndexId);
            log.IndexFailed(e, job.Index.Name, job.Collection.Definition.Name);
        }

        return true;
    }

    private VectorIndex? Build(Job job, CancellationToken cancel)
    {
        var column = (VectorColumn)job.Segment.Segment.Columns[job.Field];
        var (id, rows, metric) = (job.Index.IndexId, job.Segment.Count, Metrics.Parse(job.Index.Metric()!));
        var structure = IndexParameters.Structure(job.Definition, job.Index);
        var lists = IndexParameters.Number(job.Index, "nlist", IndexParameters.DefaultLists);
        switch (structure)
        {
            case VectorStructure.Graph or VectorStructure.QuantisedGraph:
                var links = IndexParameters.Number(job.Index, "M", IndexParameters.DefaultLinks);
                var construction = IndexParameters.Number(job.Index, "efConstruction", IndexParameters.DefaultConstruction);
                var plan = new HnswPlan(links, Math.Min(construction, rows), (ulong)job.Segment.Segment.Id, threads);
                return HnswIndex.Build(id, column, metric, rows, structure == VectorStructure.QuantisedGraph, plan, cancel);
            case VectorStructure.Lists or VectorStructure.QuantisedLists:
                return IvfIndex.Build(id, column, metric, rows, lists, structure == VectorStructure.QuantisedLists, cancel);
            case VectorStructure.BinaryLists:
                return BinaryIvfIndex.Build(id, (ByteVectorColumn)column, metric, rows, lists, cancel);
            case VectorStructure.Inverted:
                return SparseIndex.Build(id, (SparseVectorColumn)column, rows);
            default:
                throw new InvalidOperationException($"{structure} needs no index.");
        }
    }

    private sealed record Job(CollectionRows Collection, SegmentView Segment, int Field, FieldDefinition Definition, StoredIndex Index);
}

/// <summary>Rows of a collection, those that an index answers, and those whose index is still to come.</summary>
internal readonly record struct IndexProgress(long Total, long Indexed, long Pending);
