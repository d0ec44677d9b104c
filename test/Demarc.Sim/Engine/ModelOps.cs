using CsCheck;
using Demarc.Engine.Protocol;

namespace Demarc.Sim.Engine;

/// <summary>One thing that is done to the engine, or asked of it. Whatever it names may be gone when its turn comes.</summary>
internal abstract record ModelOp;

internal sealed record PutOp(bool Upsert, IReadOnlyList<DraftRow> Rows, string Partition, bool Dense) : ModelOp;

internal sealed record ChangeOp(IReadOnlyList<DraftRow> Rows, IReadOnlyList<string> Given, bool WithMeta, string Partition) : ModelOp;

/// <summary>Keys are given as numbers: of the key itself, or with automatic keys of a row that is there.</summary>
internal sealed record DeleteOp(IReadOnlyList<int> Keys, Reading? Filter, string Partition) : ModelOp;

internal enum Plain
{
    Flush,
    Compact,
    Restart,
    Kill,
    Truncate,
    Release,
    Load,
    MakePartition,
    DropPartition,
    LoadPartition,
    ReleasePartition,
    Reindex,
    IndexScalar,
    UnindexScalar,
    AddField,
    Snapshot,
    GoBack,
}

internal sealed record PlainOp(Plain Kind, int Choice) : ModelOp;

/// <summary>An operation whose n-th act on the disk fails, alone or with all that come after it; then the engine is killed.</summary>
internal sealed record FaultyOp(ModelOp Op, int At, bool StayDown) : ModelOp;

internal sealed record QueryOp(Reading Filter, IReadOnlyList<string> Fields, int? Limit, int Offset, string? Partition, ConsistencyLevel Level) : ModelOp;

internal sealed record CountOp(Reading Filter, string? Partition, ConsistencyLevel Level) : ModelOp;

internal sealed record GetOp(IReadOnlyList<int> Keys, ConsistencyLevel Level) : ModelOp;

internal sealed record SearchOp(string Field, IReadOnlyList<object> Queries, Reading Filter, int Limit, int Offset, int Range, string? Partition, ConsistencyLevel Level) : ModelOp;

internal sealed record HybridOp(IReadOnlyList<SearchOp> Parts, int Limit, bool Weighted) : ModelOp;

internal sealed record WalkRowsOp(Reading Filter, int Batch) : ModelOp;

internal sealed record WalkHitsOp(string Field, object Query, Reading Filter, int Batch) : ModelOp;

/// <summary>Many rows at once, and then a wait until their indexes are built.</summary>
internal sealed record BulkOp(IReadOnlyList<DraftRow> Rows) : ModelOp;

/// <summary>What one number stands for: a schema, the bytes after which a checkpoint starts, and what is done.</summary>
internal sealed record ModelSequence(int Seed, ModelSchema Schema, long CheckpointAfter, bool Wide, IReadOnlyList<ModelOp> Ops)
{
    private const int OneWideIn = 40;

    public static ModelSequence Of(int seed)
    {
        var draw = new Draw(new PCG(7, (ulong)seed));
        var wide = seed % OneWideIn == OneWideIn - 1;
        var schema = draw.Of(wide ? ModelSchema.Wide : ModelSchema.Any);
        var maker = new ModelOps(draw, schema);
        return new ModelSequence(seed, schema, draw.Number(1_000, 60_000), wide, wide ? maker.Wide() : maker.Usual());
    }
}

/// <summary>Draws what is done to a collection.</summary>
internal sealed class ModelOps(Draw draw, ModelSchema schema)
{
    private static readonly ConsistencyLevel[] Levels = [ConsistencyLevel.Strong, ConsistencyLevel.Session, ConsistencyLevel.Bounded, ConsistencyLevel.Eventually, ConsistencyLevel.Customized];

    public List<ModelOp> Usual()
    {
        var ops = new List<ModelOp> { Put(false) };
        var count = draw.Number(8, 34);
        while (ops.Count < count)
        {
            ops.Add(draw.Number(0, 99) switch
            {
                < 30 => Write(),
                < 36 => new FaultyOp(draw.OneIn(6) ? new PlainOp(Plain.Restart, 0) : Write(), draw.Number(1, 4), draw.OneIn(2)),
                < 52 => Plainly(),
                < 65 => new QueryOp(Filter(), Outputs(), draw.OneIn(2) ? draw.Number(1, 30) : null, draw.OneIn(3) ? draw.Number(0, 10) : 0, Part(), Level()),
                < 70 => new CountOp(Filter(), Part(), Level()),
                < 74 => new GetOp(draw.Many(0, 6, () => draw.Number(0, 40)), Level()),
                < 89 => Search(),
                < 93 => new HybridOp([Search() with { Offset = 0, Range = 0, Partition = null }, Search() with { Offset = 0, Range = 0, Partition = null }], draw.Number(1, 12), draw.OneIn(2)),
                < 96 => new WalkRowsOp(Filter(), draw.Number(1, 7)),
                _ => Walk(),
            });
        }

        return ops;
    }

    /// <summary>Thousands of rows, an index over them, and then what comes to live beside the index and what is taken out from under it.</summary>
    public List<ModelOp> Wide()
    {
        var rows = draw.Number(4_200, 5_200);
        var ops = new List<ModelOp> { new BulkOp([.. Enumerable.Range(0, rows).Select(i => Row((long)i))]) };
        for (var i = draw.Number(4, 8); i > 0; i--)
        {
            ops.Add(draw.Number(0, 5) switch
            {
                0 => new DeleteOp([], Filter(), ""),
                1 => new PlainOp(draw.Pick([Plain.Restart, Plain.Kill, Plain.Compact]), 0),
                2 => Put(true),
                _ => Search() with { Offset = 0, Range = 0 },
            });
            ops.Add(Search() with { Offset = 0, Range = 0, Filter = Reading.All });
        }

        return ops;
    }

    private ModelOp Write() => draw.Number(0, 9) switch
    {
        < 3 => Put(false),
        < 6 => Put(!schema.AutoId),
        6 => schema.AutoId ? Put(false) : Change(),
        7 => new DeleteOp([], Filter(), Named()),
        _ => new DeleteOp(draw.Many(1, 6, () => draw.Number(0, 40)), null, ""),
    };

    private PlainOp Plainly() => new((Plain)draw.Number(0, (int)Plain.GoBack), draw.Number(0, 1000));

    private PutOp Put(bool upsert)
    {
        var rows = draw.Many(1, 12, () => Row(schema.AutoId ? null : draw.Of(ModelValues.Key(schema.Key))));

        // An upsert that names a key twice is refused, which is seldom worth a turn.
        return new PutOp(upsert, upsert && !schema.AutoId && !draw.OneIn(8) ? [.. rows.DistinctBy(r => r.Key)] : rows, Named(), draw.OneIn(2));
    }

    private ChangeOp Change()
    {
        var given = schema.Fields.Where(f => !f.IsKey && draw.OneIn(3)).Select(f => f.Name).ToList();
        var keys = draw.Many(1, 5, () => draw.Of(ModelValues.Key(schema.Key))).Distinct();
        return new ChangeOp([.. keys.Select(Row)], given, schema.Dynamic && draw.OneIn(2), Named());
    }

    private DraftRow Row(object? key)
    {
        var values = schema.Fields.Where(f => !f.IsKey).ToDictionary(f => f.Name, f => f.MayBeLeftOut && draw.OneIn(4) ? null : draw.Of(ModelValues.Of(f)));
        return new DraftRow(key, values, schema.Dynamic ? draw.Of(ModelValues.Meta) : "{}");
    }

    private SearchOp Search()
    {
        var field = draw.Pick(schema.Vectors.ToList());
        return new SearchOp(
            field.Name,
            draw.Many(1, 2, () => draw.Of(ModelValues.Of(field))),
            draw.OneIn(2) ? Filter() : Reading.All,
            draw.Number(1, 20),
            draw.OneIn(4) ? draw.Number(1, 5) : 0,
            draw.OneIn(4) ? draw.Number(1, 40) : 0,
            Part(),
            Level());
    }

    private WalkHitsOp Walk()
    {
        var field = draw.Pick(schema.Vectors.ToList());
        return new WalkHitsOp(field.Name, draw.Of(ModelValues.Of(field)), draw.OneIn(2) ? Filter() : Reading.All, draw.Number(1, 7));
    }

    private Reading Filter() => new ModelFilters(draw, schema.Fields, schema.Dynamic).Any();

    private string[] Outputs() => draw.OneIn(2) ? ["*"] : [.. schema.Fields.Where(_ => draw.OneIn(2)).Select(f => f.Name)];

    private string Named() => schema.Spread == Spread.Named && draw.OneIn(2) ? draw.Pick(ModelSchema.Partitions) : "";

    private string? Part() => schema.Spread == Spread.Named && draw.OneIn(3) ? draw.Pick(ModelSchema.Partitions) : null;

    private ConsistencyLevel Level() => draw.Pick(Levels);
}
