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
        if (given.FieldCase != FieldData.FieldOneofCase.Vectors || given.Vectors.DataCase != result.Vectors.DataCase)
        {
            throw Faults.Invalid($"the data of field {field.Name} does not match its type", field.Type, given.FieldCase == FieldData.FieldOneofCase.Vectors ? given.Vectors.DataCase : given.FieldCase);
        }

        var marks = given.Vectors.ValidData.Count > 0 ? given.Vectors.ValidData : given.ValidData;
        if (marks.Count > 0 && marks.Count != rows)
        {
            throw Faults.Invalid($"the length of valid_data of field {field.Name} is wrong", rows, marks.Count);
        }

        var present = marks.Count == 0 ? rows : marks.Count(m => m);
        if (present != rows && !field.Nullable)
        {
            throw Faults.Invalid($"the field {field.Name} is not nullable, but a row leaves it out");
        }

        var count = VectorCount(field, given.Vectors);
        if (count != rows && count != present)
        {
            throw Faults.Invalid($"the num_rows ({count}) of field ({field.Name}) is not equal to passed num_rows ({rows})", rows, count);
        }

        Take(field, given.Vectors, result.Vectors, count == present ? null : [.. marks]);
        Check(field, result.Vectors);
        if (field.Nullable)
        {
            result.ValidData.Add(marks.Count == 0 ? Enumerable.Repeat(true, rows) : marks);
        }

        return result;
    }

    /// <summary>Arrays of vectors, each row by itself.</summary>
    public static FieldData ReadArrays(FieldDefinition field, FieldData given, int rows)
    {
        if (given.FieldCase != FieldData.FieldOneofCase.Vectors || given.Vectors.DataCase != VectorField.DataOneofCase.VectorArray)
        {
            throw Faults.Invalid($"the data of field {field.Name} does not match its type", field.Type, given.FieldCase == FieldData.FieldOneofCase.Vectors ? given.Vectors.DataCase : given.FieldCase);
        }

        var arrays = given.Vectors.VectorArray.Data;
        if (arrays.Count != rows)
        {
            throw Faults.Invalid($"the num_rows ({arrays.Count}) of field ({field.Name}) is not equal to passed num_rows ({rows})", rows, arrays.Count);
        }

        var result = Column.NewData(field);
        for (var row = 0; row < rows; row++)
        {
            var one = Column.NewData(field.Element);
            if (arrays[row].DataCase != VectorField.DataOneofCase.None)
            {
                var count = arrays[row].DataCase == one.Vectors.DataCase ? VectorCount(field.Element, arrays[row])
                    : throw Faults.Invalid($"the data of field {field.Name} does not match its element type", field.ElementType, arrays[row].DataCase);
                one = count <= field.MaxCapacity ? Read(field.Element, new FieldData { Type = field.ElementType, FieldName = field.Name, Vectors = arrays[row] }, count)
                    : throw Faults.Invalid($"the length ({count}) of {row}th array exceeds max capacity ({field.MaxCapacity})", "valid length array", "array length exceeds max capacity");
            }

            result.Vectors.VectorArray.Data.Add(one.Vectors);
        }

        return result;
    }

    /// <summary>The column of a nullable field that a request leaves out.</summary>
    public static FieldData Nulls(FieldDefinition field, int rows)
    {
        var result = Column.NewData(field);
        result.ValidData.Add(Enumerable.Repeat(false, rows));
        return result;
    }

    /// <summary>One query vector from its bytes on the wire.</summary>
    public static QueryVector Query(FieldDefinition field, ByteString bytes)
    {
        if (field.Type == DataType.SparseFloatVector)
        {
            CheckSparse(bytes.Span);
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

        if (data.Dim != 0 && data.Dim != field.Dimension)
        {
            throw Faults.Invalid($"the dim ({data.Dim}) of field data({field.Name}) is not equal to schema dim ({field.Dimension})", field.Dimension, data.Dim);
        }

        if (data.DataCase == VectorField.DataOneofCase.FloatVector)
        {
            var length = data.FloatVector.Data.Count;
            return length % field.Dimension == 0 ? length / field.Dimension
                : throw Faults.Invalid($"the length ({length}) of float data of field {field.Name} should divide the dim ({field.Dimension})", field.Dimension, length);
        }

        var bytes = ByteVectorColumn.BytesOf(data).Length;
        return bytes % field.VectorBytes == 0 ? bytes / field.VectorBytes
            : throw Faults.Invalid($"the length ({bytes}) of bytes of field {field.Name} should divide the bytes of one vector ({field.VectorBytes})", field.VectorBytes, bytes);
    }

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
                for (var i = 0; i < data.FloatVector.Data.Count; i++)
                {
                    if (!float.IsFinite(data.FloatVector.Data[i]))
                    {
                        throw Faults.Invalid($"value '{data.FloatVector.Data[i]}' in row {i / field.Dimension} of field {field.Name} is not a number or infinity");
                    }
                }

                break;
            case DataType.Float16Vector or DataType.Bfloat16Vector:
                CheckHalf(field, ByteVectorColumn.BytesOf(data).Span);
                break;
            case DataType.SparseFloatVector:
                foreach (var row in data.SparseFloatVector.Contents)
                {
                    CheckSparse(row.Span);
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
                throw Faults.Invalid($"a value of {field.Type} field {field.Name} is not a number or infinity");
            }
        }
    }

    private static void CheckSparse(ReadOnlySpan<byte> row)
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

            if (!float.IsFinite(BinaryPrimitives.ReadSingleLittleEndian(row[(at + sizeof(uint))..])))
            {
                throw Faults.Invalid("a value of a sparse float vector is not a number or infinity");
            }

            last = index;
        }
    }
}
