using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Rows;
using Demarc.Engine.Vectors;

namespace Demarc.Engine.Indexes;

/// <summary>
/// Puts rows that wait for their index into lists while they come in, so that a search beside a stream of inserts does not compare
/// all of them. It has the priority of requests, because it does so little for each row; the graphs that take its place later do not.
/// </summary>
internal sealed class Arrivals : IDisposable
{
    /// <summary>Rows that are compared sooner than lists of them are looked through.</summary>
    public const int LeastRows = 16_384;

    /// <summary>New rows that are worth being put into lists: fewer are compared as quickly.</summary>
    private const int Step = 256;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly EngineState state;
    private readonly CancellationTokenSource stop = new();
    private readonly Bell bell = new();
    private readonly Thread worker;

    public Arrivals(EngineState state)
    {
        this.state = state;
        state.Applied += bell.Ring;
        worker = new Thread(Run) { Name = "demarc-engine arrivals", IsBackground = true };
        worker.Start();
    }

    public void Dispose()
    {
        state.Applied -= bell.Ring;
        stop.Cancel();
        worker.Join();
        stop.Dispose();
        bell.Dispose();
    }

    private void Run()
    {
        try
        {
            while (true)
            {
                bell.Wait(Timeout.InfiniteTimeSpan, stop.Token);
                foreach (var view in state.Collections.Where(c => c.Damage is null).Select(c => c.View))
                {
                    Look(view);
                }

                stop.Token.WaitHandle.WaitOne(Pause); // What comes in meanwhile is put into lists together.
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping; what waits is compared row by row again after a start, until it is in lists.
        }
    }

    private static void Look(CollectionView view)
    {
        foreach (var index in view.Definition.Indexes)
        {
            var field = view.Definition.FieldIndex(index.FieldName);
            if (field < 0 || !IsFor(view.Definition.Fields[field], index))
            {
                continue;
            }

            foreach (var segment in view.Segments)
            {
                try
                {
                    Look(segment, field, index);
                }
                catch (Errors.Fault)
                {
                    // The rows cannot be read, which whoever asks for them is told.
                }
            }
        }
    }

    private static void Look(SegmentView view, int field, StoredIndex index)
    {
        var segment = view.Segment;
        var built = Built(segment, field, index);
        var arrived = segment.ArrivedOf(field) is { } before && before.IndexId == index.IndexId && before.From <= built ? before : null;
        if (view.Count - built < LeastRows)
        {
            segment.SetArrived(field, null);
            return;
        }

        if (arrived is not null && view.Count - arrived.Rows < Step)
        {
            return;
        }

        if (segment.WidenerOf(field) is { } rows)
        {
            segment.SetArrived(field, arrived?.With(rows, view.Count) ?? ArrivedRows.Begin(index.IndexId, rows, segment.Columns[field].Field.Dimension, Metrics.Parse(index.Metric()!), built, view.Count));
            if (view.Count - Built(segment, field, index) < LeastRows)
            {
                segment.SetArrived(field, null); // The index came meanwhile, and whoever brought it may have looked before these lists were there.
            }
        }
    }

    private static int Built(Segment segment, int field, StoredIndex index) => segment.IndexOf(field) is { } there && there.IndexId == index.IndexId ? there.Rows : 0;

    /// <summary>Rows of numbers for which something better than comparing all is asked for.</summary>
    private static bool IsFor(FieldDefinition field, StoredIndex index) =>
        field.IsVector && field.Type is not (Protocol.DataType.BinaryVector or Protocol.DataType.SparseFloatVector or Protocol.DataType.ArrayOfVector)
        && IndexParameters.Structure(field, index) is VectorStructure.Graph or VectorStructure.QuantisedGraph or VectorStructure.Lists or VectorStructure.QuantisedLists;
}
