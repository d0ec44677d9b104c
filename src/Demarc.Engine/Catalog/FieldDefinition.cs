using Demarc.Engine.Protocol;

namespace Demarc.Engine.Catalog;

/// <summary>One field of a collection, checked once at creation so that the hot paths need not doubt it.</summary>
/// <param name="Schema">As the client gave it, with the field id assigned.</param>
/// <param name="Dimension">Of a vector field; otherwise 0.</param>
/// <param name="MaxLength">Bytes of a VarChar; otherwise 0.</param>
internal sealed record FieldDefinition(FieldSchema Schema, int Dimension, int MaxLength)
{
    public string Name => Schema.Name;

    public DataType Type => Schema.DataType;

    public bool IsVector => Type == DataType.FloatVector;

    public bool Nullable => Schema.Nullable;

    public bool IsInteger => Type is DataType.Int8 or DataType.Int16 or DataType.Int32 or DataType.Int64;

    /// <summary>The inclusive range of an integer field.</summary>
    public (long Low, long High) Range => Type switch
    {
        DataType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        DataType.Int16 => (short.MinValue, short.MaxValue),
        DataType.Int32 => (int.MinValue, int.MaxValue),
        _ => (long.MinValue, long.MaxValue),
    };
}
