using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Vectors;
using Google.Protobuf;

namespace Demarc.Engine.Rows;

/// <summary>Checks the vectors of a request, of rows and of queries, and brings columns with nulls into the form in which nulls take no place.</summary>
internal static class VectorReader
{
    public static FieldData Read(FieldDefinition field, FieldData given, int rows)
    {
        var result = Column.NewData(field);
        var vectors = Narrowed(field, given.FieldCase == FieldData.FieldOneofCase.Vectors ? given.Vectors : new VectorField { Dim = field.Dimension });
        if (vectors.DataCase != result.Vectors.DataCase)
        {
            // A field that may be null counts as left out.
            vectors = field.Nullable ? result.Vectors.Clone()
                : throw Faults.Invalid($"{Kind(field.Type)} vector field '{field.Name}' is illegal, array type mismatch", $"need {Kind(field.Type)} vector", "got nil");
        }

        var marks = given.FieldCase == FieldData.FieldOneofCase.Vectors && given.Vectors.ValidData.Count > 0 ? given.Vectors.ValidData : given.ValidData;
        RowReader.CheckMarks(field, marks, rows);
        var present = marks.Count == 0 ? rows : marks.Count(m => m);
        var count = VectorCount(field, vectors);
        if (count != rows && count != present)
        {
            throw Faults.Invalid($"the num_rows ({count}) of field ({field.Name}) is not equal to passed num_rows ({rows})", rows, count);
        }

        Take(field, vectors, result.Vectors, count == present ? null : [.. marks]);
        Check(field, result.Vectors);
        if (field.Nullable)
        {
            result.ValidData.Add(marks.Count == 0 ? Enumerable.Repeat(true, rows) : marks);
        }

        return result;
    }

    /// <summary>Arrays of vectors, each row by itself; rows that are null come without a place or with an empty one.</summary>
    public static FieldData ReadArrays(FieldDefinition field, FieldData given, int rows)
    {
        if (given.FieldCase != FieldData.FieldOneofCase.Vectors || given.Vectors.DataCase != VectorField.DataOneofCase.VectorArray)
        {
            throw Faults.Invalid($"array of vector field '{field.Name}' is illegal, array type mismatch", $"need {FieldDefinition.TypeName(field.ElementType)} array", "got nil");
        }

        var (arrays, marks) = (given.Vectors.VectorArray.Data, given.ValidData);
        RowReader.CheckMarks(field, marks, rows);
        if (arrays.Count != rows && (marks.Count == 0 || arrays.Count != marks.Count(m => m)))
        {
            throw Faults.Invalid($"the num_rows ({arrays.Count}) of field ({field.Name}) is not equal to passed num_rows ({rows})", rows, arrays.Count);
        }

        if (given.Vectors.VectorArray.Dim is var dim && dim != 0 && dim != field.Dimension)
        {
            throw Faults.Invalid($"the dim ({dim}) of field data({field.Name}) is not equal to schema dim ({field.Dimension})", field.Dimension, dim);
        }

        var result = Column.NewData(field);
        for (int row = 0, at = 0; row < rows; row++)
        {
            var present = marks.Count == 0 || marks[row];
            result.Vectors.VectorArray.Data.Add(present ? OneRow(field, arrays[arrays.Count == rows ? row : at++]) : Column.NewData(field.Element).Vectors);
            if (field.Nullable)
            {
                result.ValidData.Add(present);
            }
        }

        return result;
    }

    private static VectorField OneRow(FieldDefinition field, VectorField vectors)
    {
        var one = Column.NewData(field.Element);
        if (vectors.DataCase == VectorField.DataOneofCase.None)
        {
            return one.Vectors;
        }

        if (vectors.DataCase != one.Vectors.DataCase)
        {
            throw Faults.Invalid($"array of vector field '{field.Name}' is illegal, array type mismatch", $"need {Kind(field.ElementType)} vector array", "got nil");
        }

        var (length, width) = ElementReader.VectorLength(field.Element, vectors);
        if (length % width != 0)
        {
            throw Faults.Invalid($"array of vector field {field.Name} has invalid payload length {length}, should be divisible by vector width {width}", "valid array of vector payload length", "invalid payload length");
        }

        var count = length / width;
        return count <= field.MaxCapacity ? Read(field.Element, new FieldData { Type = field.ElementType, FieldName = field.Name, Vectors = vectors }, count).Vectors
            : throw Faults.Invalid($"the length ({count}) of array of vector field {field.Name} exceeds max capacity ({field.MaxCapacity})", "valid length array", "array length exceeds max capacity");
    }

    /// <summary>The column of a nullable field that a request leaves out.</summary>
    public static FieldData Nulls(FieldDefinition field, int rows)
    {
        var result = Column.NewData(field);
        result.ValidData.Add(Enumerable.Repeat(false, rows));
        if (field.IsVectorArray)
        {
            result.Vectors.VectorArray.Data.Add(Enumerable.Range(0, rows).Select(_ => Column.NewData(field.Element).Vectors));
        }

        return result;
    }

    /// <summary>One query vector from its bytes on the wire.</summary>
    public static QueryVector Query(FieldDefinition field, ByteString bytes)
    {
        if (field.Type == DataType.SparseFloatVector)
        {
            CheckSparse(bytes.Span, isQuery: true);
            var length = bytes.Length / SparseVectorColumn.EntryBytes;
            var (indexes, values) = (new uint[length], new float[length]);
            SparseVectorColumn.Read(bytes.Span, indexes, values);
            return QueryVector.Sparse(indexes, values);
        }

        if (bytes.Length != field.VectorBytes)
        {
            throw Faults.Invalid($"vector dimension mismatch, expected vector size(byte) {field.VectorBytes}, actual {bytes.Length}");
        }

        if (field.Type == DataType.BinaryVector)
        {
            return QueryVector.Binary(bytes.ToByteArray());
        }

        var floats = new float[field.Dimension];
        if (field.Type == DataType.FloatVector)
        {
            MemoryMarshal.Cast<byte, float>(bytes.Span).CopyTo(floats);
        }
        else
        {
            if (field.Type != DataType.Int8Vector)
            {
                CheckHalf(field, bytes.Span);
            }

            ByteVectorColumn.Widen(field.Type, bytes.Span, floats);
        }

        return Array.TrueForAll(floats, float.IsFinite)
            ? new QueryVector(floats, field.Type == DataType.Int8Vector ? bytes.ToByteArray() : [], [], [])
            : throw Faults.Invalid("a query vector holds a value that is not a number or infinity");
    }

    private static int VectorCount(FieldDefinition field, VectorField data)
    {
        if (data.DataCase == VectorField.DataOneofCase.SparseFloatVector)
        {
            return data.SparseFloatVector.Contents.Count;
        }

        var (length, width) = ElementReader.VectorLength(field, data);

        // For these types Milvus looks at the data before it looks at the dimension that is said.
        if (field.Type is DataType.FloatVector or DataType.Int8Vector && length % width != 0)
        {
            throw Faults.Invalid($"the length({length}) of {Kind(field.Type)} data should divide the dim({field.Dimension})");
        }

        if (data.Dim != 0 && data.Dim != field.Dimension)
        {
            throw Faults.Invalid($"the dim ({data.Dim}) of field data({field.Name}) is not equal to schema dim ({field.Dimension})", field.Dimension, data.Dim);
        }

        if (length % width != 0)
        {
            throw Faults.Invalid(field.Type == DataType.BinaryVector ? $"the num({8 * length}) of all bits should divide the dim({field.Dimension})"
                : $"the length({length}) of {(field.Type == DataType.Float16Vector ? "float16" : "bfloat")} data should divide the row width({width})");
        }

        return length / width;
    }

    /// <summary>Floats given for a field of half as many bits, in its format.</summary>
    private static VectorField Narrowed(FieldDefinition field, VectorField given)
    {
        if (given.DataCase != VectorField.DataOneofCase.FloatVector || field.Type is not (DataType.Float16Vector or DataType.Bfloat16Vector))
        {
            return given;
        }

        var bytes = new byte[given.FloatVector.Data.Count * sizeof(ushort)];
        for (var i = 0; i < given.FloatVector.Data.Count; i++)
        {
            var value = RowReader.Finite(given.FloatVector.Data[i]);
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(i * sizeof(ushort)), field.Type == DataType.Float16Vector ? BitConverter.HalfToUInt16Bits((Half)value) : Bfloat16(value));
        }

        var narrowed = new VectorField { Dim = given.Dim };
        narrowed.ValidData.Add(given.ValidData);
        ByteVectorColumn.SetBytes(narrowed, field.Type, UnsafeByteOperations.UnsafeWrap(bytes));
        return narrowed;
    }

    /// <summary>The upper half of a float's bits, rounded to the nearest, ties to even.</summary>
    private static ushort Bfloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    private static string Kind(DataType type) => type switch
    {
        DataType.Float16Vector => "float16",
        DataType.Bfloat16Vector => "bfloat16",
        DataType.BinaryVector => "binary",
        DataType.SparseFloatVector => "sparse float",
        DataType.Int8Vector => "int8",
        _ => "float",
    };

    /// <param name="field">The field.</param>
    /// <param name="from">The request's vectors.</param>
    /// <param name="to">Where they go.</param>
    /// <param name="marks">Set when nulls take a place in the request: which rows are to be kept.</param>
    private static void Take(FieldDefinition field, VectorField from, VectorField to, bool[]? marks)
    {
        switch (from.DataCase)
        {
            case VectorField.DataOneofCase.FloatVector when marks is null:
                to.FloatVector = from.FloatVector;
                break;
            case VectorField.DataOneofCase.FloatVector:
                to.FloatVector.Data.Add(from.FloatVector.Data.Where((_, i) => marks[i / field.Dimension]));
                break;
            case VectorField.DataOneofCase.SparseFloatVector:
                to.SparseFloatVector.Contents.Add(from.SparseFloatVector.Contents.Where((_, i) => marks is null || marks[i]));
                break;
            default:
                var bytes = ByteVectorColumn.BytesOf(from);
                ByteVectorColumn.SetBytes(to, field.Type, marks is null ? bytes : ByteString.CopyFrom([.. bytes.ToByteArray().Where((_, i) => marks[i / field.VectorBytes])]));
                break;
        }
    }

    private static void Check(FieldDefinition field, VectorField data)
    {
        switch (field.Type)
        {
            case DataType.FloatVector:
                foreach (var value in data.FloatVector.Data)
                {
                    _ = RowReader.Finite(value);
                }

                break;
            case DataType.Float16Vector or DataType.Bfloat16Vector:
                CheckHalf(field, ByteVectorColumn.BytesOf(data).Span);
                break;
            case DataType.SparseFloatVector:
                foreach (var row in data.SparseFloatVector.Contents)
                {
                    CheckSparse(row.Span, isQuery: false);
                }

                break;
            default:
                break;
        }
    }

    private static void CheckHalf(FieldDefinition field, ReadOnlySpan<byte> bytes)
    {
        // All exponent bits set is infinity or not a number, in either format.
        var exponent = field.Type == DataType.Float16Vector ? 0x7C00 : 0x7F80;
        foreach (var bits in MemoryMarshal.Cast<byte, ushort>(bytes))
        {
            if ((bits & exponent) == exponent)
            {
                throw Faults.Invalid($"{Kind(field.Type)} vector contain nan or infinity value.");
            }
        }
    }

    private static void CheckSparse(ReadOnlySpan<byte> row, bool isQuery)
    {
        if (row.Length % SparseVectorColumn.EntryBytes != 0)
        {
            throw Faults.Invalid($"invalid data length in sparse float vector: {row.Length}");
        }

        long last = -1;
        for (var at = 0; at < row.Length; at += SparseVectorColumn.EntryBytes)
        {
            var index = BinaryPrimitives.ReadUInt32LittleEndian(row[at..]);
            if (index == uint.MaxValue)
            {
                throw Faults.Invalid("invalid index in sparse float vector: must be less than 2^32-1");
            }

            if (index <= last)
            {
                throw Faults.Invalid("unsorted or same indices in sparse float vector");
            }

            if (RowReader.Finite(BinaryPrimitives.ReadSingleLittleEndian(row[(at + sizeof(uint))..])) < 0 && !isQuery)
            {
                throw Faults.Invalid("negative value in sparse float vector");
            }

            last = index;
        }
    }
}
