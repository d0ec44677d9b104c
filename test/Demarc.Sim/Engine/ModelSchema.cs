using System.Globalization;
using CsCheck;
using Demarc.Engine.Protocol;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Sim.Engine;

/// <summary>How rows are spread over partitions.</summary>
internal enum Spread
{
    One,
    Named,
    ByKey,
}

/// <summary>One field of a random schema. A default is a value in the model's own form.</summary>
internal sealed record ModelField(string Name, DataType Type)
{
    public DataType Element { get; init; }

    public bool Nullable { get; init; }

    public object? Default { get; init; }

    public int Dimension { get; init; }

    public bool IsKey { get; init; }

    public bool IsPartitionKey { get; init; }

    public bool IsVector => Type is DataType.FloatVector or DataType.Float16Vector or DataType.Bfloat16Vector or DataType.Int8Vector or DataType.BinaryVector or DataType.SparseFloatVector;

    /// <summary>A row may leave it out.</summary>
    public bool MayBeLeftOut => Nullable || Default is not null;

    /// <summary>What a row that leaves it out has.</summary>
    public object? LeftOut => Default;
}

/// <summary>An index asked for on a vector field.</summary>
internal sealed record ModelIndex(string Type, string Metric);

/// <summary>A random collection: the key first, then scalars, then vectors.</summary>
internal sealed record ModelSchema(IReadOnlyList<ModelField> Fields, bool Dynamic, bool AutoId, Spread Spread, IReadOnlyDictionary<string, ModelIndex> Indexes)
{
    public const string Meta = "$meta";
    public static readonly string[] Partitions = ["_default", "p1", "p2"];

    private static readonly DataType[] ScalarTypes =
        [DataType.Bool, DataType.Int8, DataType.Int16, DataType.Int32, DataType.Int64, DataType.Float, DataType.Double, DataType.VarChar, DataType.Json, DataType.Timestamptz, DataType.Geometry, DataType.Array];

    private static readonly DataType[] VectorTypes =
        [DataType.FloatVector, DataType.Float16Vector, DataType.Bfloat16Vector, DataType.Int8Vector, DataType.BinaryVector, DataType.SparseFloatVector];

    private static readonly DataType[] ElementTypes =
        [DataType.Bool, DataType.Int8, DataType.Int16, DataType.Int32, DataType.Int64, DataType.Float, DataType.Double, DataType.VarChar];

    public ModelField Key => Fields[0];

    public IEnumerable<ModelField> Vectors => Fields.Where(f => f.IsVector);

    public IEnumerable<ModelField> Scalars => Fields.Where(f => !f.IsVector && !f.IsKey);

    public static readonly Gen<ModelSchema> Any =
        from text in Gen.Bool
        from auto in Gen.Int[0, 6]
        from scalars in Scalar().Array[2, 8]
        from vectors in Vector().Array[1, 3]
        from dynamic in Gen.Bool
        from spread in Gen.Int[0, 2]
        from indexes in Gen.Int[0, 1000].Array[vectors.Length]
        select Made(text, auto == 0, scalars, vectors, dynamic, (Spread)spread, indexes);

    /// <summary>One float field that an approximate index answers, and few scalars: for sequences with many rows.</summary>
    public static readonly Gen<ModelSchema> Wide =
        from scalars in Gen.Int[0, 2].Select(i => new ModelField("", new[] { DataType.Int32, DataType.VarChar, DataType.Double }[i])).Array[1, 2]
        from type in Gen.Int[0, 3]
        from index in Gen.Int[0, 1000]
        select Made(false, false, scalars, [new ModelField("", VectorTypes[type]) { Dimension = 16 }], false, Spread.One, [index]);

    /// <summary>Index types that may be asked for on a field, with the metrics they take.</summary>
    public static ModelIndex Index(ModelField field, int choice)
    {
        string[] types = field.Type switch
        {
            DataType.BinaryVector => ["BIN_FLAT", "BIN_IVF_FLAT", "AUTOINDEX"],
            DataType.SparseFloatVector => ["SPARSE_INVERTED_INDEX", "AUTOINDEX"],
            DataType.Int8Vector => ["HNSW", "HNSW_SQ", "AUTOINDEX"],
            _ => ["FLAT", "HNSW", "IVF_FLAT", "IVF_SQ8", "AUTOINDEX"],
        };
        string[] metrics = field.Type switch
        {
            DataType.BinaryVector => ["HAMMING", "JACCARD"],
            DataType.SparseFloatVector => ["IP"],
            _ => ["L2", "IP", "COSINE"],
        };
        return new ModelIndex(types[choice % types.Length], metrics[choice / 7 % metrics.Length]);
    }

    public CollectionSchema ToMessage()
    {
        var schema = new CollectionSchema { Name = "model", EnableDynamicField = Dynamic };
        foreach (var field in Fields)
        {
            schema.Fields.Add(ToMessage(field));
        }

        return schema;
    }

    public FieldSchema ToMessage(ModelField field)
    {
        var message = new FieldSchema
        {
            Name = field.Name, DataType = field.Type, Nullable = field.Nullable, IsPrimaryKey = field.IsKey, AutoID = field.IsKey && AutoId, IsPartitionKey = field.IsPartitionKey, ElementType = field.Element,
        };
        if (field.Dimension > 0) message.TypeParams.Add(new Pair { Key = "dim", Value = field.Dimension.ToString(CultureInfo.InvariantCulture) });
        if (field.Type == DataType.VarChar || field.Element == DataType.VarChar) message.TypeParams.Add(new Pair { Key = "max_length", Value = "64" });
        if (field.Type == DataType.Array) message.TypeParams.Add(new Pair { Key = "max_capacity", Value = "8" });
        if (field.Default is { } value) message.DefaultValue = ModelValues.ToDefault(field, value);
        return message;
    }

    private static ModelSchema Made(bool text, bool auto, ModelField[] scalars, ModelField[] vectors, bool dynamic, Spread spread, int[] choices)
    {
        List<ModelField> fields = [new ModelField("key", text ? DataType.VarChar : DataType.Int64) { IsKey = true }];
        fields.AddRange(scalars.Select((f, i) => f with { Name = $"s{i}_{(f.Type == DataType.Array ? $"list_{f.Element}" : f.Type)}".ToLowerInvariant() }));
        var keyed = fields.FindIndex(f => f is { IsKey: false, Nullable: false, Type: DataType.Int64 or DataType.VarChar });
        if (spread == Spread.ByKey && keyed < 0) spread = Spread.One;
        if (spread == Spread.ByKey) fields[keyed] = fields[keyed] with { IsPartitionKey = true };
        fields.AddRange(vectors.Select((f, i) => f with { Name = $"v{i}_{f.Type}".ToLowerInvariant() }));
        var indexes = fields.Where(f => f.IsVector).Select((f, i) => (f.Name, Index(f, choices[i]))).ToDictionary(p => p.Name, p => p.Item2);
        return new ModelSchema(fields, dynamic, auto, spread, indexes);
    }

    private static Gen<ModelField> Scalar() =>
        from type in Gen.Int[0, ScalarTypes.Length - 1].Select(i => ScalarTypes[i])
        from element in Gen.Int[0, ElementTypes.Length - 1].Select(i => ElementTypes[i])
        from nullable in Gen.Bool
        from withDefault in Gen.Int[0, 2]
        let field = new ModelField("", type) { Nullable = nullable, Element = type == DataType.Array ? element : DataType.None }
        from value in ModelValues.Of(field)
        select withDefault == 0 && type is not (DataType.Json or DataType.Array or DataType.Geometry) ? field with { Default = value } : field;

    private static Gen<ModelField> Vector() =>
        from type in Gen.Int[0, VectorTypes.Length - 1].Select(i => VectorTypes[i])
        from size in Gen.Int[1, 4]
        from nullable in Gen.Int[0, 3]
        select new ModelField("", type) { Nullable = nullable == 0, Dimension = type == DataType.SparseFloatVector ? 0 : type == DataType.BinaryVector ? size * 8 : (size * 3) + 1 };
}
