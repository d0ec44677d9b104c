using System.Globalization;
using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Demarc.Engine.Rows;
using Grpc.Core;
using Pair = Demarc.Engine.Protocol.KeyValuePair;

namespace Demarc.Engine.Service;

/// <summary>Changes of a collection that keep its rows: name, properties, fields. Each is one operation that holds the definition as it is from then on.</summary>
internal sealed partial class MilvusEndpoint
{
    private const string DynamicFieldProperty = "dynamicfield.enabled";
    private const string DescriptionProperty = "collection.description";

    // What may be set on a field. The first two bound what may be written; the third is kept and shown.
    private static readonly string[] FieldProperties = ["max_length", "max_capacity", "mmap.enabled", "warmup"];

    public override Task<Protocol.Status> AlterCollection(AlterCollectionRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            if (request.Properties.Count > 0 && request.DeleteKeys.Count > 0)
            {
                throw Faults.Invalid("can not provide properties and deletekeys at the same time");
            }

            if (request.Properties.Count == 0 && request.DeleteKeys.Count == 0)
            {
                throw Faults.Invalid("no properties or delete keys provided");
            }

            var definition = Definition(call, request.CollectionName);
            var op = Same(definition);
            foreach (var pair in request.Properties.Where(p => p.Key == DescriptionProperty))
            {
                op.Schema.Description = pair.Value;
            }

            foreach (var pair in request.Properties.Where(p => p.Key == DynamicFieldProperty))
            {
                SetDynamic(definition, op.Schema, pair.Value);
            }

            Merge(op.Properties, request.Properties.Where(p => p.Key is not (DescriptionProperty or DynamicFieldProperty)), request.DeleteKeys);
            PropertyRules.Check(op.Schema, op.Properties);
            var isolation = op.Properties.FirstOrDefault(p => p.Key == CollectionDefinition.IsolationProperty)?.Value;
            if (PropertyRules.Isolates(isolation) != PropertyRules.Isolates(definition.Property(CollectionDefinition.IsolationProperty))
                && definition.Fields.FirstOrDefault(f => f.IsSearchable && definition.IndexOn(f.Name) is not null) is { } indexed)
            {
                throw new Fault(702, $"can not alter partition key isolation mode if the collection already has a vector index. Please drop the index first: index duplicates[indexName={indexed.Name}]");
            }

            return new LogOp { AlterCollection = op };
        });

    public override Task<Protocol.Status> AlterCollectionField(AlterCollectionFieldRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var definition = Definition(call, request.CollectionName);
            var op = Same(definition);
            var field = op.Schema.Fields.FirstOrDefault(f => f.Name == request.FieldName && !f.IsDynamic) ?? throw Faults.FieldNotFound(request.FieldName);
            foreach (var key in request.Properties.Select(p => p.Key).Concat(request.DeleteKeys))
            {
                CheckFieldProperty(field, key, request.DeleteKeys.Contains(key));
            }

            Merge(field.TypeParams, request.Properties, request.DeleteKeys);

            // Read once here, so that a value out of range is refused and never logged.
            _ = SchemaRules.Altered(definition, op.Schema, op.Properties, definition.UpdatedTimestamp);
            return new LogOp { AlterCollection = op };
        });

    public override Task<Protocol.Status> AddCollectionField(AddCollectionFieldRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            var field = Parsed(FieldSchema.Parser, request.Schema, "field schema");
            await store.Decide(() =>
            {
                var definition = Definition(call, request.CollectionName);
                var op = Same(definition);
                op.Schema = SchemaRules.WithField(definition, field);
                ZonedTimes.FixDefaults(op.Schema, definition.Zone);
                return new LogOp { AlterCollection = op };
            });
            return Success();
        });

    public override Task<Protocol.Status> AddCollectionStructField(AddCollectionStructFieldRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var op = Same(Definition(call, request.CollectionName));
            op.Schema = StructRules.WithArray(Definition(call, request.CollectionName), request.StructArrayFieldSchema ?? throw Faults.Invalid("struct array field schema is nil"));
            return new LogOp { AlterCollection = op };
        });

    public override Task<Protocol.Status> RenameCollection(RenameCollectionRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            SchemaRules.CheckName(request.NewName, "collection name");
            var definition = Definition(call, request.OldName);
            if (definition.Name != request.OldName)
            {
                throw Faults.Unexpected($"unsupported use an alias to rename collection, alias:{request.OldName}");
            }

            var database = request.NewDBName.Length > 0 ? request.NewDBName : call.Database;
            CheckDatabase(database);
            if (database == call.Database && request.NewName == request.OldName)
            {
                return null;
            }

            if (State.Lookup(database, request.NewName) is not null)
            {
                throw Faults.Unexpected($"duplicated new collection name {database}:{request.NewName} with other collection name or alias");
            }

            if (database != call.Database && State.Names.AliasesOf(definition.Id).Any())
            {
                throw Faults.Unexpected("fail to rename db name, must drop all aliases of this collection before rename");
            }

            var op = Same(definition);
            (op.Schema.Name, op.Schema.DbName) = (request.NewName, database);
            return new LogOp { AlterCollection = op };
        });

    /// <summary>The definition as it is, to be changed in one respect.</summary>
    private static AlterCollectionOp Same(CollectionDefinition definition)
    {
        var op = new AlterCollectionOp { CollectionId = definition.Id, Schema = definition.Op.Schema.Clone() };
        op.Properties.Add(definition.Op.Properties.Select(p => p.Clone()));
        return op;
    }

    private static void SetDynamic(CollectionDefinition definition, CollectionSchema schema, string value)
    {
        if (!bool.TryParse(value, out var on))
        {
            throw Faults.Invalid($"invalid {DynamicFieldProperty} value: {value}, should be true or false");
        }

        if (on == schema.EnableDynamicField)
        {
            return;
        }

        if (!on)
        {
            throw Faults.Invalid("dynamic schema cannot supported to be disabled");
        }

        schema.EnableDynamicField = true;
        schema.Fields.Add(SchemaRules.DynamicField(definition.Fields.Max(f => f.Schema.FieldID) + 1));
    }

    private static void CheckFieldProperty(FieldSchema field, string key, bool deleted)
    {
        if (Array.IndexOf(FieldProperties, key) < 0)
        {
            throw Faults.Invalid($"{key} does not allow update in collection field param");
        }

        var fits = key switch
        {
            "max_length" => field.DataType == DataType.VarChar || (field.DataType == DataType.Array && field.ElementType == DataType.VarChar),
            "max_capacity" => field.DataType == DataType.Array,
            _ => true,
        };
        if (!fits)
        {
            throw Faults.Invalid($"{field.Name} can not modify the {(key == "max_length" ? "maxlength for non-string types" : "maxcapacity for non-array types")}");
        }

        if (deleted && key is "max_length" or "max_capacity")
        {
            throw Faults.Invalid($"{key} does not allow to be deleted in collection field param");
        }
    }
}
