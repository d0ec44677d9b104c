using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Demarc.Sim.Engine;

/// <summary>A row as it should be: every field has a value, null for null.</summary>
internal sealed record ModelRow(object Key, ImmutableDictionary<string, object?> Values, string Meta, string Partition)
{
    public object? this[string field] => Values.GetValueOrDefault(field);
}

/// <summary>A row as a request brings it: null for what it leaves out.</summary>
internal sealed record DraftRow(object? Key, IReadOnlyDictionary<string, object?> Values, string Meta);

/// <summary>What one collection should hold. Each change makes another state, so that the one before a crash is still there.</summary>
internal sealed record ModelState(ModelSchema Schema)
{
    public ImmutableDictionary<object, ModelRow> Rows { get; init; } = ImmutableDictionary<object, ModelRow>.Empty;

    public ImmutableList<string> Partitions { get; init; } = [ModelSchema.Partitions[0]];

    public bool Loaded { get; init; } = true;

    /// <summary>Null when all partitions are loaded, later ones too.</summary>
    public ImmutableHashSet<string>? LoadedPartitions { get; init; }

    public ImmutableDictionary<string, ModelIndex> Indexes { get; init; } = Schema.Indexes.ToImmutableDictionary();

    public ImmutableHashSet<string> ScalarIndexes { get; init; } = [];

    /// <summary>Fields added after the collection was made.</summary>
    public ImmutableList<ModelField> Added { get; init; } = [];

    /// <summary>The collection as it was when a snapshot was taken, if one was.</summary>
    public ModelState? Kept { get; init; }

    public IEnumerable<ModelField> Fields => Schema.Fields.Concat(Added);

    public bool IsLoaded(string partition) => Loaded && (LoadedPartitions?.Contains(partition) ?? true);

    /// <summary>What a read sees.</summary>
    public IEnumerable<ModelRow> Visible(string? partition) =>
        Rows.Values.Where(r => Schema.Spread != Spread.Named ? Loaded : partition is null ? IsLoaded(r.Partition) : r.Partition == partition);

    /// <summary>Rows put in: one whose key is there takes its place, wherever it was.</summary>
    public ModelState Put(IReadOnlyList<DraftRow> rows, IReadOnlyList<object> keys, string partition)
    {
        var builder = Rows.ToBuilder();
        for (var i = 0; i < rows.Count; i++)
        {
            var values = Fields.Where(f => !f.IsKey).ToImmutableDictionary(f => f.Name, f => rows[i].Values.GetValueOrDefault(f.Name) ?? f.LeftOut);
            builder[keys[i]] = new ModelRow(keys[i], values.SetItem(Schema.Key.Name, keys[i]), rows[i].Meta, partition);
        }

        return this with { Rows = builder.ToImmutable() };
    }

    /// <summary>Some fields of some rows of a partition changed; null if a row that is not there does not bring what a new one needs, or nothing can be read.</summary>
    public ModelState? Change(IReadOnlyList<DraftRow> rows, IReadOnlyCollection<string> given, bool withMeta, string partition)
    {
        if (!Loaded)
        {
            return null;
        }

        var whole = new List<DraftRow>();
        foreach (var row in rows)
        {
            var before = Rows.GetValueOrDefault(row.Key!) is { } there && (Schema.Spread != Spread.Named || there.Partition == partition) ? there : null;
            if (before is null && Fields.Any(f => !f.IsKey && !f.MayBeLeftOut && !given.Contains(f.Name)))
            {
                return null;
            }

            var values = Fields.Where(f => !f.IsKey).ToDictionary(f => f.Name, f => given.Contains(f.Name) ? row.Values.GetValueOrDefault(f.Name) ?? f.LeftOut : before is null ? f.LeftOut : before[f.Name]);
            whole.Add(new DraftRow(row.Key, values, before is null ? withMeta ? row.Meta : "{}" : withMeta ? Merged(before.Meta, row.Meta) : before.Meta));
        }

        // Values are whole already, so a default must not come in again for a null that is kept.
        var builder = Rows.ToBuilder();
        foreach (var row in whole)
        {
            builder[row.Key!] = new ModelRow(row.Key!, row.Values.ToImmutableDictionary().SetItem(Schema.Key.Name, row.Key), row.Meta, partition);
        }

        return this with { Rows = builder.ToImmutable() };
    }

    public ModelState Delete(IEnumerable<object> keys) => this with { Rows = Rows.RemoveRange(keys) };

    public static bool SameJson(string a, string b) => a == b || JsonNode.DeepEquals(JsonNode.Parse(a), JsonNode.Parse(b));

    private static string Merged(string before, string change)
    {
        var merged = JsonNode.Parse(before)!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(change)!.AsObject())
        {
            merged[name] = value?.DeepClone();
        }

        return merged.ToJsonString();
    }
}
