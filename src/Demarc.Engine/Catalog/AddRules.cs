using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Text;
using AddRequest = Demarc.Engine.Protocol.AlterCollectionSchemaRequest.Types.AddRequest;
using FieldInfo = Demarc.Engine.Protocol.AlterCollectionSchemaRequest.Types.FieldInfo;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Catalog;

/// <summary>
/// Adds a field, or a function together with the field that it fills, to a schema. The rows that are there get the function's values at
/// once, whether or not the request asks for that.
/// </summary>
internal static class AddRules
{
    /// <summary>The schema with what the request adds, and what is said about the index of a function's field.</summary>
    public static (CollectionSchema Schema, FieldInfo? Indexed) With(CollectionDefinition definition, AddRequest request)
    {
        if (request.FuncSchema.Count > 1)
        {
            throw Faults.Invalid("For now, at most one function schema is supported");
        }

        if (request.FieldInfos.Count > 1)
        {
            throw Faults.Invalid("For now, only one field info is supported");
        }

        var (info, function) = (request.FieldInfos.FirstOrDefault(), request.FuncSchema.FirstOrDefault());
        if (info is { FieldSchema: null })
        {
            throw Faults.Invalid("fieldSchema is nil in fieldInfos");
        }

        switch (info, function)
        {
            case (null, null):
                throw Faults.Invalid("fieldInfos and function schema are both empty");
            case (null, { Type: FunctionType.Bm25 }):
                throw Faults.Invalid("BM25 function must be added with its output field in add_function_field interface");
            case (null, _):
                throw Faults.NotServed($"a function of type {function!.Type}");
            case (_, null):
                return (SchemaRules.WithField(definition, info!.FieldSchema), null);
            default:
                var schema = SchemaRules.WithField(definition, info.FieldSchema, isOutput: true);
                CheckPlan(function, info);
                FunctionRules.Add(schema, function);
                return (schema, info);
        }
    }

    /// <summary>The parameters of the index that a function's field comes with, ready to be stored.</summary>
    public static List<Pair> IndexOf(FieldDefinition output, FieldInfo given)
    {
        if (given.ExtraParams.FirstOrDefault(p => p.Key == IndexRules.TypeKey)?.Value is null or "" or IndexRules.Auto)
        {
            throw Faults.Invalid($"an explicit index_type is required for the bound index of function output field \"{output.Name}\"");
        }

        var pairs = given.ExtraParams.ToList();
        var metric = pairs.Find(p => p.Key == IndexRules.MetricKey);
        if (metric is null)
        {
            pairs.Add(new Pair { Key = IndexRules.MetricKey, Value = "BM25" });
        }
        else if (metric.Value != "BM25")
        {
            throw Faults.Invalid($"index metric type of BM25 function output field must be BM25, got {metric.Value}");
        }

        return IndexRules.Complete(output, pairs);
    }

    private static void CheckPlan(FunctionSchema function, FieldInfo info)
    {
        if (function.Type != FunctionType.Bm25)
        {
            throw function.Type == FunctionType.MinHash ? Faults.NotServed($"a function of type {function.Type}")
                : Faults.Invalid("For now, only BM25 and MinHash functions are supported in add_function_field interface");
        }

        if (function.InputFieldNames.Count != 1 || function.OutputFieldNames.Count != 1)
        {
            throw Faults.Invalid("BM25 function should have exactly one input field and exactly one output field");
        }

        if (function.OutputFieldNames[0] != info.FieldSchema.Name)
        {
            throw Faults.Invalid($"function output field \"{function.OutputFieldNames[0]}\" must be the newly-added field \"{info.FieldSchema.Name}\"");
        }

        if (FieldDefinition.IsVectorType(info.FieldSchema.DataType) && info.ExtraParams.Count == 0)
        {
            throw Faults.Invalid($"index params are required when adding function output field \"{info.FieldSchema.Name}\" of vector type {FieldDefinition.TypeName(info.FieldSchema.DataType)}: provide index_type/metric_type (and params) in field_info.extra_params");
        }
    }
}
