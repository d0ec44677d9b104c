using System.Buffers.Binary;
using Demarc.Engine.Catalog;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Google.Protobuf;

namespace Demarc.Engine.Text;

/// <summary>The functions of a schema: one text field goes in, and what comes out is never sent by clients: a sparse vector field of word counts (BM25), or a binary one of signatures (MinHash).</summary>
internal static class FunctionRules
{
    private const long FirstFunctionId = 100;

    /// <summary>Checks a schema's functions and fills in what follows: ids, and the mark on their output fields.</summary>
    public static void Complete(CollectionSchema schema)
    {
        for (var i = 0; i < schema.Functions.Count; i++)
        {
            Complete(schema, schema.Functions[i], schema.Functions.Take(i).ToList(), FirstFunctionId + i);
        }

        if (schema.Fields.FirstOrDefault(f => f.IsFunctionOutput && !schema.Functions.Any(g => g.OutputFieldNames.Contains(f.Name))) is { } lone)
        {
            throw Faults.Invalid($"field {lone.Name} is marked as a function's output, but no function has it");
        }
    }

    /// <summary>The schema with one more function, whose output field is in it already.</summary>
    public static void Add(CollectionSchema schema, FunctionSchema given)
    {
        var function = given.Clone();
        Complete(schema, function, schema.Functions, schema.Functions.Select(f => f.Id + 1).Append(FirstFunctionId).Max());
        schema.Functions.Add(function);
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
            if (definition.Fields[i].Schema.IsFunctionOutput)
            {
                Fill(definition, definition.Fields[i], field => Texts(columns[definition.FieldIndex(field.Name)]), columns[i], rows);
            }
        }
    }

    /// <summary>The output column of a function for rows that were written before there was one.</summary>
    public static FieldData Made(CollectionDefinition definition, FieldDefinition output, IEnumerable<FieldData> columns, int rows)
    {
        IReadOnlyList<FieldData> there = [.. columns];
        var made = Column.NewData(output);
        Fill(definition, output, field => Texts(there[definition.FieldIndex(field.Name)]), made, rows);
        return made;
    }

    /// <summary>The output column of a function for the rows of a segment that has the others.</summary>
    public static FieldData Made(CollectionDefinition definition, FieldDefinition output, Column[] columns, int rows)
    {
        var made = Column.NewData(output);
        Fill(definition, output, field => Texts((TextColumn)columns[definition.FieldIndex(field.Name)]), made, rows);
        return made;
    }

    /// <param name="definition">Of the collection.</param>
    /// <param name="output">The field that is computed.</param>
    /// <param name="textsOf">The text of a field in each row, null where there is none.</param>
    /// <param name="made">Where the values are put.</param>
    /// <param name="rows">How many there are.</param>
    private static void Fill(CollectionDefinition definition, FieldDefinition output, Func<FieldDefinition, Func<int, string?>> textsOf, FieldData made, int rows)
    {
        var input = InputOf(definition, output);
        var texts = textsOf(input);
        if (output.Type == DataType.BinaryVector)
        {
            made.Vectors.BinaryVector = Signatures(MinHash.Of(definition, output), texts, rows);
            return;
        }

        var names = input.Analyzers.ByField is { } deciding ? textsOf(definition.Field(deciding)!) : _ => null;
        for (var row = 0; row < rows; row++)
        {
            made.Vectors.SparseFloatVector.Contents.Add(texts(row) is { } text ? Row(input.Analyzers.Of(names(row)), text) : ByteString.Empty);
        }
    }

    private static ByteString Signatures(MinHash function, Func<int, string?> texts, int rows)
    {
        var bytes = new MemoryStream();
        for (var row = 0; row < rows; row++)
        {
            bytes.Write(function.Signature(texts(row) ?? ""));
        }

        return UnsafeByteOperations.UnsafeWrap(bytes.ToArray());
    }

    private static Func<int, string?> Texts(FieldData column) => row => column.ValidData.Count == 0 || column.ValidData[row] ? column.Scalars.StringData.Data[row] : null;

    private static Func<int, string?> Texts(TextColumn column) => row => column.IsNull(row) ? null : column.Values[row];

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

    private static void Complete(CollectionSchema schema, FunctionSchema function, IReadOnlyCollection<FunctionSchema> others, long id)
    {
        CheckNames(function);
        if (function.Type is not (FunctionType.Bm25 or FunctionType.MinHash))
        {
            throw Faults.NotServed($"a function of type {function.Type}");
        }

        if (function.Type == FunctionType.Bm25 && function.Params.Count > 0)
        {
            throw Faults.Invalid("BM25 function accepts no params");
        }

        if (others.Any(f => f.Name == function.Name))
        {
            throw Faults.Invalid($"duplicate function name: {function.Name}");
        }

        var inputs = function.InputFieldNames.Select(n => Field(schema, n, "input")).ToList();
        if (function.Type == FunctionType.Bm25)
        {
            CheckCountedInput(inputs);
        }

        var outputs = function.OutputFieldNames.Select(n => Field(schema, n, "output")).ToList();
        foreach (var field in outputs)
        {
            CheckOutput(function, field, others);
        }

        if (function.Type == FunctionType.MinHash)
        {
            MinHash.Check(function, Only(inputs, "input"), Only(outputs, "output"));
        }
        else
        {
            CheckCountedOutput(outputs);
        }

        var output = outputs[0];
        output.IsFunctionOutput = true;
        function.Id = id;
        function.InputFieldIds.Clear();
        function.InputFieldIds.Add(inputs[0].FieldID);
        function.OutputFieldIds.Clear();
        function.OutputFieldIds.Add(output.FieldID);
    }

    private static void CheckNames(FunctionSchema function)
    {
        var (inputs, outputs) = (function.InputFieldNames, function.OutputFieldNames);
        var missing = function.Name.Length == 0 ? "function name cannot be empty"
            : inputs.Count == 0 ? $"function input field names cannot be empty, function: {function.Name}"
            : outputs.Count == 0 ? $"function output field names cannot be empty, function: {function.Name}"
            : inputs.Contains("") ? $"function input field name cannot be empty string, function: {function.Name}"
            : outputs.Contains("") ? $"function output field name cannot be empty string, function: {function.Name}"
            : null;
        if (missing is not null)
        {
            throw Faults.MissingSaid(missing);
        }

        if (inputs.FirstOrDefault(n => inputs.Count(m => m == n) > 1) is { } input)
        {
            throw Faults.Invalid($"each function input field should be used exactly once in the same function, function: {function.Name}, input field: {input}");
        }

        if (outputs.FirstOrDefault(inputs.Contains) is { } both)
        {
            throw Faults.Invalid($"a single field cannot be both input and output in the same function, function: {function.Name}, field: {both}");
        }

        if (outputs.FirstOrDefault(n => outputs.Count(m => m == n) > 1) is { } output)
        {
            throw Faults.Invalid($"each function output field should be used exactly once in the same function, function: {function.Name}, output field: {output}");
        }
    }

    private static void CheckOutput(FunctionSchema function, FieldSchema field, IEnumerable<FunctionSchema> others)
    {
        var refusal = field.IsPrimaryKey ? "function output field cannot be primary key"
            : field.IsPartitionKey || field.IsClusteringKey ? "function output field cannot be partition key or clustering key"
            : field.Nullable ? "function output field cannot be nullable"
            : others.Any(f => f.OutputFieldNames.Contains(field.Name)) ? "duplicate function output field"
            : null;
        if (refusal is not null)
        {
            throw Faults.Invalid($"{refusal}: function {function.Name}, field {field.Name}");
        }
    }

    private static FieldSchema Field(CollectionSchema schema, string name, string side) =>
        schema.Fields.FirstOrDefault(f => f.Name == name && f.State != FieldState.FieldDropped) ?? throw Faults.Invalid($"function {side} field not found: {name}");

    private static FieldSchema Only(List<FieldSchema> fields, string side) =>
        fields.Count == 1 ? fields[0] : throw Faults.Invalid($"MinHash function should have exactly one {side} field, got {fields.Count}");

    private static void CheckCountedInput(List<FieldSchema> inputs)
    {
        if (inputs.Count != 1 || inputs[0].DataType is not (DataType.VarChar or DataType.Text))
        {
            throw Faults.Invalid($"BM25 function input field must be a VARCHAR/TEXT field, got {inputs.Count} field with type {FieldDefinition.TypeName(inputs[0].DataType)}");
        }

        if (!FieldDefinition.IsOn(inputs[0], "enable_analyzer"))
        {
            throw Faults.Invalid("BM25 function input field must set enable_analyzer to true");
        }
    }

    private static void CheckCountedOutput(List<FieldSchema> outputs)
    {
        if (outputs.Count != 1)
        {
            throw Faults.Invalid($"BM25 function only need 1 output field, but got {outputs.Count}");
        }

        if (outputs[0].DataType != DataType.SparseFloatVector)
        {
            throw Faults.Invalid($"BM25 function output field must be a SparseFloatVector field, but got {FieldDefinition.TypeName(outputs[0].DataType)}");
        }
    }
}
