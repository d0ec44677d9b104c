using System.Buffers.Binary;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Google.Protobuf;

namespace Demarc.Engine.Text;

/// <summary>The BM25 function of a schema: one text field goes in, a sparse vector field of word counts comes out and is never sent by clients.</summary>
internal static class FunctionRules
{
    private const long FirstFunctionId = 100;

    /// <summary>Checks a schema's functions and fills in what follows: ids, and the mark on their output fields.</summary>
    public static void Complete(CollectionSchema schema)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var outputs = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < schema.Functions.Count; i++)
        {
            var function = schema.Functions[i];
            if (function.Name.Length == 0)
            {
                throw Faults.Invalid("function name cannot be empty");
            }

            if (!names.Add(function.Name))
            {
                throw Faults.Invalid($"duplicate function name: {function.Name}");
            }

            if (function.Type != FunctionType.Bm25)
            {
                throw Faults.NotServed($"a function of type {function.Type}");
            }

            var input = Field(schema, function.InputFieldNames, "input");
            var output = Field(schema, function.OutputFieldNames, "output");
            CheckInput(input);
            if (output.DataType != DataType.SparseFloatVector)
            {
                throw Faults.Invalid($"BM25 function output field must be a SparseFloatVector field, but got {output.DataType}");
            }

            if (output.Nullable || !outputs.Add(output.Name))
            {
                throw Faults.Invalid(output.Nullable ? $"function output field cannot be nullable: function {function.Name}, field {output.Name}" : $"duplicate function output field: {output.Name}");
            }

            output.IsFunctionOutput = true;
            function.Id = FirstFunctionId + i;
            function.InputFieldIds.Clear();
            function.InputFieldIds.Add(input.FieldID);
            function.OutputFieldIds.Clear();
            function.OutputFieldIds.Add(output.FieldID);
        }

        if (schema.Fields.FirstOrDefault(f => f.IsFunctionOutput && !outputs.Contains(f.Name)) is { } lone)
        {
            throw Faults.Invalid($"field {lone.Name} is marked as a function's output, but no function has it");
        }
    }

    /// <summary>The text field that a function's output is computed from.</summary>
    public static FieldDefinition InputOf(CollectionDefinition definition, FieldDefinition output)
    {
        var function = definition.Op.Schema.Functions.First(f => f.OutputFieldNames.Contains(output.Name));
        return definition.Field(function.InputFieldNames[0])!;
    }

    /// <summary>Fills the output columns from the input ones; canonical columns in the schema's order, outputs still empty.</summary>
    public static void Fill(CollectionDefinition definition, IReadOnlyList<FieldData> columns, int rows)
    {
        for (var i = 0; i < columns.Count; i++)
        {
            var output = definition.Fields[i];
            if (!output.Schema.IsFunctionOutput)
            {
                continue;
            }

            var input = InputOf(definition, output);
            var texts = columns[definition.FieldIndex(input.Name)];
            for (var row = 0; row < rows; row++)
            {
                var present = texts.ValidData.Count == 0 || texts.ValidData[row];
                columns[i].Vectors.SparseFloatVector.Contents.Add(present ? Row(input.Analyzer, texts.Scalars.StringData.Data[row]) : ByteString.Empty);
            }
        }
    }

    private static ByteString Row(Analyzer analyzer, string text)
    {
        var counts = Terms.Count(analyzer, text);
        var bytes = new byte[counts.Count * SparseVectorColumn.EntryBytes];
        var at = 0;
        foreach (var (term, count) in counts)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), term);
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(at + sizeof(uint)), count);
            at += SparseVectorColumn.EntryBytes;
        }

        return UnsafeByteOperations.UnsafeWrap(bytes);
    }

    private static FieldSchema Field(CollectionSchema schema, Google.Protobuf.Collections.RepeatedField<string> names, string side) =>
        names.Count != 1 ? throw Faults.Invalid($"BM25 function should have exactly one {side} field, got {names.Count}")
        : schema.Fields.FirstOrDefault(f => f.Name == names[0]) ?? throw Faults.Invalid($"function {side} field not found: {names[0]}");

    private static void CheckInput(FieldSchema input)
    {
        if (input.DataType != DataType.VarChar)
        {
            throw Faults.Invalid($"BM25 function input field must be a VARCHAR/TEXT field, got {input.Name} field with type {input.DataType}");
        }

        if (!FieldDefinition.IsOn(input, "enable_analyzer"))
        {
            throw Faults.Invalid("BM25 function input field must set enable_analyzer to true");
        }
    }
}
