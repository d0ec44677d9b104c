using System.Collections.Immutable;
using Demarc.Engine.Protocol;

namespace Demarc.Sim.Engine;

/// <summary>Changes of a collection that are not of its rows, and when Milvus refuses them.</summary>
internal sealed class ModelAdministration(ModelCalls calls)
{
    private static readonly DataType[] Addable = [DataType.Int32, DataType.VarChar, DataType.Double, DataType.Json, DataType.Bool];

    public (Demarc.Engine.Protocol.Status Status, ModelState? After) Apply(ModelState state, PlainOp op)
    {
        var named = state.Schema.Spread == Spread.Named;
        var partition = ModelSchema.Partitions[op.Choice % ModelSchema.Partitions.Length];
        switch (op.Kind)
        {
            case Plain.Flush or Plain.Compact:
                return (calls.Do(state, op, partition, null), state);
            case Plain.Truncate:
                return op.Choice % 4 == 0 ? (calls.Do(state, op, partition, null), state with { Rows = state.Rows.Clear() }) : (new(), state);
            case Plain.Release:
                return (calls.Do(state, op, partition, null), state with { Loaded = false, LoadedPartitions = null });
            case Plain.Load:
                return (calls.Do(state, op, partition, null), state with { Loaded = true, LoadedPartitions = null });
            case Plain.MakePartition or Plain.DropPartition or Plain.LoadPartition or Plain.ReleasePartition:
                return named ? Partition(state, op, partition) : (new(), state);
            case Plain.Reindex:
                return Reindex(state, op.Choice);
            case Plain.IndexScalar or Plain.UnindexScalar:
                var scalars = state.Schema.Scalars.Where(f => f.Type is not (DataType.Json or DataType.Geometry)).ToList();
                if (scalars.Count == 0) return (new(), state);
                var field = scalars[op.Choice % scalars.Count];
                return (calls.Do(state, op, partition, field), state with { ScalarIndexes = op.Kind == Plain.IndexScalar ? state.ScalarIndexes.Add(field.Name) : state.ScalarIndexes.Remove(field.Name) });
            case Plain.AddField:
                return AddField(state, op);
            case Plain.Snapshot:
                return (calls.TakeSnapshot(replace: state.Kept is not null), state with { Kept = state with { Kept = null } });
            case Plain.GoBack:
                return state.Kept is { } kept ? (calls.GoBack(), kept with { Loaded = false, LoadedPartitions = null }) : (new(), state);
            default:
                throw new InvalidOperationException($"{op.Kind} is a stop.");
        }
    }

    private (Demarc.Engine.Protocol.Status Status, ModelState? After) Partition(ModelState state, PlainOp op, string partition)
    {
        var there = state.Partitions.Contains(partition);
        var loaded = there && state.IsLoaded(partition);
        ModelState? after = op.Kind switch
        {
            Plain.MakePartition => there ? state : state with { Partitions = state.Partitions.Add(partition) },
            Plain.DropPartition when partition == ModelSchema.Partitions[0] || loaded => null,
            Plain.DropPartition when !there => state,
            Plain.DropPartition => Dropped(state, partition),
            _ when !there => null,
            Plain.LoadPartition when !state.Loaded => state with { Loaded = true, LoadedPartitions = [partition] },
            Plain.LoadPartition => state with { LoadedPartitions = state.LoadedPartitions?.Add(partition) },
            _ when !loaded => state,
            _ => Released(state, partition),
        };
        return (calls.Do(state, op, partition, null), after);
    }

    private static ModelState Dropped(ModelState state, string partition) => state with
    {
        Partitions = state.Partitions.Remove(partition),
        Rows = state.Rows.RemoveRange(state.Rows.Values.Where(r => r.Partition == partition).Select(r => r.Key)),
    };

    private static ModelState Released(ModelState state, string partition)
    {
        var left = state.Partitions.Where(p => p != partition && state.IsLoaded(p)).ToImmutableHashSet();
        return left.IsEmpty ? state with { Loaded = false, LoadedPartitions = null } : state with { LoadedPartitions = left };
    }

    /// <summary>Another index on a vector field: released, dropped, made, loaded, four calls that each may meet a fault.</summary>
    private (Demarc.Engine.Protocol.Status Status, ModelState? After) Reindex(ModelState state, int choice)
    {
        var vectors = state.Schema.Vectors.ToList();
        var field = vectors[choice % vectors.Count];
        var index = ModelSchema.Index(field, choice / 3);
        if (state.Loaded)
        {
            if (calls.DropIndex(field.Name) is { Code: 0 }) throw new ModelMismatchException("the index of a loaded collection was dropped");
            return (new(), state);
        }

        // Loading needs all indexes, so one that is dropped is made again at once; a fault may come between the two.
        var dropped = state.Indexes.ContainsKey(field.Name) ? calls.DropIndex(field.Name) : new();
        return dropped.Code != 0 ? (dropped, state) : (calls.CreateIndex(field.Name, index), state with { Indexes = state.Indexes.SetItem(field.Name, index) });
    }

    private (Demarc.Engine.Protocol.Status Status, ModelState? After) AddField(ModelState state, PlainOp op)
    {
        if (state.Added.Count >= 3) return (new(), state);
        var field = new ModelField($"added{state.Added.Count}", Addable[op.Choice % Addable.Length]) { Nullable = true };
        var rows = state.Rows.ToImmutableDictionary(r => r.Key, r => r.Value with { Values = r.Value.Values.SetItem(field.Name, null) });
        return (calls.Do(state, op, "", field), state with { Added = state.Added.Add(field), Rows = rows });
    }
}
