using Demarc.Engine.Protocol;
using Demarc.Engine.Text;

namespace Demarc.Engine.Catalog;

/// <summary>One field of a collection, checked once at creation so that the hot paths need not doubt it.</summary>
/// <param name="Schema">As the client gave it, with the field id assigned.</param>
/// <param name="Dimension">Of a vector field; otherwise 0.</param>
/// <param name="MaxLength">Bytes of a VarChar, or of each one in an array; otherwise 0.</param>
internal sealed record FieldDefinition(FieldSchema Schema, int Dimension, int MaxLength)
{
    private FieldAnalyzers? analyzers;
    private FieldDefinition? element;

    public string Name => Schema.Name;

    /// <summary>Whether only the place of the field is left: rows written before may still hold values in it, and nothing shows them.</summary>
    public bool IsDropped => Schema.State == FieldState.FieldDropped;

    public DataType Type => Schema.DataType;

    public bool IsVector => IsVectorType(Type);

    /// <summary>Whether a row holds several vectors; only parts of struct arrays do.</summary>
    public bool IsVectorArray => Type == DataType.ArrayOfVector;

    /// <summary>Whether a search may be by this field.</summary>
    public bool IsSearchable => IsVector || IsVectorArray;

    /// <summary>Of an array of vectors: one of them, as a field.</summary>
    public FieldDefinition Element => element ??= new FieldDefinition(new FieldSchema { Name = Name, FieldID = Schema.FieldID, DataType = ElementType }, Dimension, 0);

    /// <summary>Bytes of one vector, of an array as many as may be in it; for sparse ones, whose rows differ, what a typical row of a hundred entries takes.</summary>
    public int VectorBytes => Type switch
    {
        DataType.FloatVector => Dimension * sizeof(float),
        DataType.Float16Vector or DataType.Bfloat16Vector => Dimension * sizeof(ushort),
        DataType.Int8Vector => Dimension,
        DataType.BinaryVector => Dimension / 8,
        DataType.SparseFloatVector => 800,

        // Bounded, so that a sum over all fields stays a number: a segment holds a few hundred rows at least, however large they may be.
        DataType.ArrayOfVector => Math.Min(Element.VectorBytes * MaxCapacity, Limits.SegmentVectorBytes / 16),
        _ => 0,
    };

    public static bool IsVectorType(DataType type) =>
        type is DataType.FloatVector or DataType.Float16Vector or DataType.Bfloat16Vector or DataType.Int8Vector or DataType.BinaryVector or DataType.SparseFloatVector;

    /// <summary>A type as Milvus writes it in its messages.</summary>
    public static string TypeName(DataType type) => type switch
    {
        DataType.Json => "JSON",
        DataType.Bfloat16Vector => "BFloat16Vector",
        _ => type.ToString(),
    };

    /// <summary>Whether its rows are counts of words that only BM25 can read; other fields that functions fill are shown as any.</summary>
    public bool IsCounted => Schema is { IsFunctionOutput: true, DataType: DataType.SparseFloatVector };

    /// <summary>A text with a bound of its own, or one as long as a request may carry.</summary>
    public bool IsText => Type is DataType.VarChar or DataType.Text;

    public bool IsArray => Type == DataType.Array;

    /// <summary>Of an array: the type of its elements.</summary>
    public DataType ElementType => Schema.ElementType;

    /// <summary>Of an array: the most elements of one row; checked at creation.</summary>
    public int MaxCapacity { get; } = Schema.TypeParams.FirstOrDefault(p => p.Key == "max_capacity") is { } given && int.TryParse(given.Value, out var capacity) ? capacity : 0;

    /// <summary>How a text field's words are told apart, for text_match and BM25.</summary>
    public FieldAnalyzers Analyzers => analyzers ??= FieldAnalyzers.Of(Schema);

    /// <summary>The same where no row says otherwise.</summary>
    public Analyzer Analyzer => Analyzers.Usual;

    /// <summary>Whether text_match may ask for the words of this field.</summary>
    public bool MatchesText => IsOn(Schema, "enable_match");

    public static string? Parameter(FieldSchema schema, string name) => schema.TypeParams.FirstOrDefault(p => p.Key == name)?.Value;

    public static bool IsOn(FieldSchema schema, string name) => Parameter(schema, name) is { } given && given.Equals("true", StringComparison.OrdinalIgnoreCase);

    public bool Nullable => Schema.Nullable;

    public bool IsInteger => Type is DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64;

    /// <summary>The inclusive range of an integer field, or of the integers in an array.</summary>
    public (long Low, long High) Range => (IsArray ? ElementType : Type) switch
    {
        DataType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        DataType.Int16 => (short.MinValue, short.MaxValue),
        DataType.Int32 => (int.MinValue, int.MaxValue),
        _ => (long.MinValue, long.MaxValue),
    };
}
