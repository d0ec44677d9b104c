using System.Collections.Immutable;
using System.Globalization;
using Demarc.Engine.Protocol;
using Demarc.Tests.Engine;

namespace Demarc.Sim.Engine;

/// <summary>What a sequence came to.</summary>
/// <param name="Trace">A hash over all exact answers: the same number gives the same one.</param>
internal sealed record ModelResult(int Seed, int Calls, int Crashes, int Searches, ulong Trace, double Recall, string? Violation);

/// <summary>Runs one sequence: each operation on the engine and on the model, each answer held against the model's.</summary>
internal sealed class ModelRun : IDisposable
{
    private const double LeastRecall = 0.9;
    private readonly ModelSequence sequence;
    private readonly string folder;
    private readonly FaultyDisk disk = new();
    private readonly TickingTime time = new();
    private readonly List<double> recalls = [];
    private EngineBox box;
    private ModelCalls calls;
    private ModelState state;
    private ModelChecks checks;
    private int done;
    private int crashes;
    private int searches;
    private ulong trace = 14695981039346656037;

    private readonly BrokenEngine broken;
    private Dictionary<string, byte[]> earlier = [];

    private ModelRun(ModelSequence sequence, string folder, BrokenEngine broken)
    {
        (this.sequence, this.folder, this.broken) = (sequence, folder, broken);
        state = new ModelState(sequence.Schema);
        (box, calls, checks) = Open();
    }

    public static ModelResult Of(ModelSequence sequence, BrokenEngine broken = BrokenEngine.None)
    {
        var folder = Directory.CreateTempSubdirectory("demarc-model-").FullName;
        ModelRun? run = null;
        var at = -1;
        try
        {
            run = new ModelRun(sequence, folder, broken);
            run.Prepare();
            for (at = 0; at < sequence.Ops.Count; at++)
            {
                run.Do(sequence.Ops[at]);
                run.CheckDefects();
            }

            run.Finish();
            return run.Result(null);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            var what = at >= 0 && at < sequence.Ops.Count ? $"operation {at} ({ModelText.Of(sequence.Ops[at])})" : "the schema or the end";
            return run?.Result($"{what}: {(e is ModelMismatchException ? e.Message : e.ToString())}") ?? new ModelResult(sequence.Seed, 0, 0, 0, 0, 1, $"the first start: {e}");
        }
        finally
        {
            run?.Dispose();
            Directory.Delete(folder, recursive: true);
        }
    }

    public void Dispose() => box.Abandon();

    private ModelResult Result(string? violation) => new(sequence.Seed, done, crashes, searches, trace, recalls.Count == 0 ? 1 : recalls.Average(), violation);

    private (EngineBox Box, ModelCalls Calls, ModelChecks Checks) Open()
    {
        var opened = EngineBox.Open(folder, disk, time, indexing: sequence.Wide, checkpointAfter: sequence.CheckpointAfter);
        var own = new ModelCalls(opened.Client, broken);
        return (opened, own, new ModelChecks(own, Note));
    }

    private void Prepare()
    {
        Accepted(calls.Create(sequence.Schema), "create collection");
        foreach (var (field, index) in sequence.Schema.Indexes)
        {
            Accepted(calls.CreateIndex(field, index), "create index");
        }

        Accepted(calls.Do(state, new PlainOp(Plain.Load, 0), "", null), "load");
    }

    private void Do(ModelOp op)
    {
        done++;
        if (broken == BrokenEngine.LosesWritesWhenKilled && op is PutOp) earlier = Files();
        switch (op)
        {
            case FaultyOp faulty:
                Faulty(faulty);
                break;
            case PlainOp { Kind: Plain.Restart or Plain.Kill } stop:
                Reopen(kill: stop.Kind == Plain.Kill);
                break;
            case BulkOp bulk:
                foreach (var some in bulk.Rows.Chunk(1000))
                {
                    Change(new PutOp(false, some, "", true));
                }

                Settle();
                break;
            case SearchOp search:
                searches++;
                if (checks.Search(state, search, sequence.Wide) is { } recall) recalls.Add(recall);
                break;
            case QueryOp or CountOp or GetOp or HybridOp or WalkRowsOp or WalkHitsOp:
                checks.Read(state, op, sequence.Wide);
                break;
            default:
                Change(op);
                break;
        }
    }

    private void Change(ModelOp op)
    {
        var (status, after) = Apply(op);
        if (after is null)
        {
            if (status.Code == 0) throw new ModelMismatchException("was accepted, but should be refused");
            return;
        }

        Accepted(status, "the change");
        state = after;
        if (op is PlainOp { Kind: Plain.Flush or Plain.Compact or Plain.Reindex } && sequence.Wide) Settle();
    }

    /// <summary>Does it to the engine; gives what the engine said, and the state it should bring, or null if it should be refused.</summary>
    private (Demarc.Engine.Protocol.Status Status, ModelState? After) Apply(ModelOp op)
    {
        switch (op)
        {
            case PutOp put:
                var (told, keys) = calls.Put(state, put);
                if (put.Upsert && !state.Schema.AutoId && put.Rows.DistinctBy(r => r.Key).Count() < put.Rows.Count) return (told, null);
                var into = put.Partition.Length == 0 ? ModelSchema.Partitions[0] : put.Partition;
                return (told, state.Partitions.Contains(into) ? told.Code == 0 ? state.Put(put.Rows, Keys(put, keys), into) : state.Schema.AutoId ? state : state.Put(put.Rows, [.. put.Rows.Select(r => r.Key!)], into) : null);
            case ChangeOp change:
                var partition = change.Partition.Length == 0 ? ModelSchema.Partitions[0] : change.Partition;
                return (calls.Change(state, change), state.Partitions.Contains(partition) ? state.Change(change.Rows, change.Given, change.WithMeta, partition) : null);
            case DeleteOp delete:
                return Delete(delete);
            case PlainOp plain:
                return new ModelAdministration(calls).Apply(state, plain);
            default:
                throw new InvalidOperationException($"{op.GetType().Name} changes nothing.");
        }
    }

    private List<object> Keys(PutOp put, List<object> answered)
    {
        if (answered.Count != put.Rows.Count) throw new ModelMismatchException($"{answered.Count} keys answered for {put.Rows.Count} rows");
        if (!state.Schema.AutoId && !answered.SequenceEqual(put.Rows.Select(r => r.Key!))) throw new ModelMismatchException("other keys answered than were given");
        if (state.Schema.AutoId && answered.Exists(state.Rows.ContainsKey)) throw new ModelMismatchException("a key was given out twice");
        return answered;
    }

    private (Demarc.Engine.Protocol.Status Status, ModelState? After) Delete(DeleteOp delete)
    {
        if (delete.Filter is null)
        {
            var keys = ModelChecks.Keys(state, delete.Keys);
            var after = state.Delete(keys);
            return (calls.Delete(ModelChecks.InKeys(state, keys), ""), after);
        }

        var partition = delete.Partition.Length == 0 ? null : delete.Partition;
        var known = partition is null || state.Partitions.Contains(partition);
        var gone = state.Rows.Values.Where(r => (partition is null || r.Partition == partition) && delete.Filter.Takes(r)).Select(r => r.Key);
        var status = calls.Delete(delete.Filter.Text, delete.Partition);

        // What is not loaded cannot be looked through; a filter that only names keys need not be.
        var possible = known && (state.Loaded || status.Code == 0);
        return (status, possible ? state.Delete(gone) : null);
    }

    /// <summary>The disk fails under an operation. What was refused is not seen; after the crash it is there whole or not at all.</summary>
    private void Faulty(FaultyOp faulty)
    {
        if (faulty.Op is PutOp && state.Schema.AutoId)
        {
            Change(faulty.Op); // Its keys would not be known if it failed.
            return;
        }

        disk.Reset(faulty.At, faulty.StayDown);
        if (faulty.Op is PlainOp { Kind: Plain.Restart })
        {
            box.Dispose();
            disk.Reset(0);
            (box, calls, checks) = Open();
            crashes++;
            checks.Everything(state);
            return;
        }

        var before = state;
        var (status, after) = Apply(faulty.Op);
        after ??= before;
        if (status.Code == 0)
        {
            state = after;
        }
        else
        {
            checks.Everything(before);
        }

        var refused = status.Code != 0;
        box.Abandon();
        if (broken == BrokenEngine.KeepsHalfOfWhatFailed && refused && faulty.Op is PutOp { Rows.Count: > 1 } put)
        {
            disk.Reset(0);
            (box, calls, checks) = Open();
            calls.Put(before, put with { Rows = [.. put.Rows.Take(put.Rows.Count / 2)] });
            box.Abandon();
        }

        disk.Reset(0);
        (box, calls, checks) = Open();
        crashes++;
        if (refused)
        {
            state = checks.Either(before, after);
        }
        else
        {
            checks.Everything(state);
        }
    }

    private void Reopen(bool kill)
    {
        if (kill)
        {
            box.Abandon();
            crashes++;
            if (earlier.Count > 0) Restore();
        }
        else
        {
            box.Dispose();
            earlier = [];
        }

        (box, calls, checks) = Open();
        if (sequence.Wide) Settle();
        checks.Everything(state);
    }

    /// <summary>Has the indexes built, so that what a search finds does not depend on the moment.</summary>
    private void Settle()
    {
        Accepted(calls.Do(state, new PlainOp(Plain.Flush, 0), "", null), "flush");
        for (var i = 0; calls.PendingRows() > 0; i++)
        {
            if (i > 3000) throw new ModelMismatchException("an index is not built after half a minute");
            Thread.Sleep(10);
        }
    }

    private void Finish()
    {
        checks.Everything(state);
        Reopen(kill: true);
        Reopen(kill: false);
        CheckDefects();
        if (recalls.Count > 0 && recalls.Average() < LeastRecall) throw new ModelMismatchException(string.Create(CultureInfo.InvariantCulture, $"recall is {recalls.Average():0.000} over {recalls.Count} searches"));
    }

    private Dictionary<string, byte[]> Files() => Directory.GetFiles(folder).Where(f => Path.GetFileName(f) != "LOCK").ToDictionary(f => f, File.ReadAllBytes);

    private void Restore()
    {
        foreach (var file in Files().Keys) File.Delete(file);
        foreach (var (file, bytes) in earlier) File.WriteAllBytes(file, bytes);
        earlier = [];
    }

    private void CheckDefects()
    {
        if (box.Defects.Count > 0) throw new ModelMismatchException($"a defect: {box.Defects.First()}");
    }

    private static void Accepted(Demarc.Engine.Protocol.Status status, string what)
    {
        if (status.Code != 0) throw new ModelMismatchException($"{what} was refused: {status.Code} {status.Reason}");
    }

    private void Note(string answer)
    {
        foreach (var c in answer) trace = (trace ^ c) * 1099511628211;
    }
}
