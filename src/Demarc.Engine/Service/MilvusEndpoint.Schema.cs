using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Grpc.Core;
using AlterRequest = Demarc.Engine.Protocol.AlterCollectionSchemaRequest;
using DropRequest = Demarc.Engine.Protocol.AlterCollectionSchemaRequest.Types.DropRequest;

namespace Demarc.Engine.Service;

/// <summary>Fields and functions that come and go: one operation each, with the index that comes with a function's field.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<AlterCollectionSchemaResponse> AlterCollectionSchema(AlterRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            await store.Decide(() => DecideSchema(Definition(call, request.CollectionName), request.Action));
            return new AlterCollectionSchemaResponse { AlterStatus = Success() };
        });

    // The older calls are about functions that have no field of their own to fill. Milvus refuses BM25 in them, and others are not served.
    public override Task<Protocol.Status> AddCollectionFunction(AddCollectionFunctionRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var function = request.FunctionSchema ?? throw Faults.Invalid("function schema is empty");
            if (function.Type == FunctionType.Bm25)
            {
                throw Faults.Invalid("currently does not support adding BM25 function");
            }

            _ = Definition(call, request.CollectionName);
            throw Faults.NotServed($"a function of type {function.Type}");
        });

    public override Task<Protocol.Status> AlterCollectionFunction(AlterCollectionFunctionRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var function = request.FunctionSchema ?? throw Faults.Invalid("function schema is empty");
            if (function.Type != FunctionType.Bm25)
            {
                if (function.Name != request.FunctionName)
                {
                    throw Faults.Invalid("invalid function config, name not match");
                }

                if (!Definition(call, request.CollectionName).Op.Schema.Functions.Any(f => f.Name == request.FunctionName))
                {
                    throw Faults.Invalid($"function {request.FunctionName} not found");
                }
            }

            throw Faults.Invalid("currently does not support alter BM25 function");
        });

    public override Task<Protocol.Status> DropCollectionFunction(DropCollectionFunctionRequest request, ServerCallContext context) =>
        Change(request, context, call => Definition(call, request.CollectionName).Op.Schema.Functions.Any(f => f.Name == request.FunctionName)
            ? throw Faults.Invalid("currently does not support droping BM25 function")
            : null);

    private LogOp DecideSchema(CollectionDefinition definition, AlterRequest.Types.Action? action)
    {
        var op = Same(definition);
        switch (action?.OpCase)
        {
            case AlterRequest.Types.Action.OpOneofCase.AddRequest:
                (op.Schema, var indexed) = AddRules.With(definition, action.AddRequest);
                ZonedTimes.FixDefaults(op.Schema, definition.Zone);
                return indexed is null ? new LogOp { AlterCollection = op } : Batch([new LogOp { AlterCollection = op }, BoundIndex(definition, op, indexed)]);
            case AlterRequest.Types.Action.OpOneofCase.DropRequest:
                op.Schema = Without(definition, action.DropRequest);
                return new LogOp { AlterCollection = op };
            case null:
                throw Faults.Invalid("action is nil in alter schema task");
            default:
                throw Faults.Invalid("unknown action type in alter collection schema request");
        }
    }

    private static CollectionSchema Without(CollectionDefinition definition, DropRequest request) => request.IdentifierCase switch
    {
        DropRequest.IdentifierOneofCase.FunctionName => DropRules.WithoutFunction(definition, request.FunctionName, request.DropFunctionOutputFields),
        DropRequest.IdentifierOneofCase.FieldName => DropRules.WithoutField(definition, request.FieldName),
        DropRequest.IdentifierOneofCase.FieldId => DropRules.WithoutField(definition, request.FieldId),
        _ => throw Faults.MissingSaid("drop request must specify field_name, field_id, or function_name"),
    };

    /// <summary>The index that comes with a function's field.</summary>
    private LogOp BoundIndex(CollectionDefinition definition, AlterCollectionOp op, AlterRequest.Types.FieldInfo given)
    {
        CheckIndexName(given.IndexName.Trim());
        var after = SchemaRules.Altered(definition, op.Schema, op.Properties, definition.UpdatedTimestamp);
        var index = new StoredIndex { FieldName = given.FieldSchema.Name, Name = given.IndexName.Length > 0 ? given.IndexName : given.FieldSchema.Name };
        index.Params.Add(AddRules.IndexOf(after.Field(index.FieldName)!, given));
        if (definition.Indexes.Any(i => i.Name == index.Name))
        {
            throw Faults.Invalid($"index name {index.Name} already exists in collection");
        }

        index.IndexId = store.Clock.NextId();
        return new LogOp { PutIndex = new PutIndexOp { CollectionId = definition.Id, Index = index } };
    }
}
