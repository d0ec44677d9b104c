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

    private const string FieldDescriptionProperty = "field.description";

    // What may be set on a field, and the part of it that may be taken away again. Two bound what may be written; the others are kept and shown.
    private static readonly string[] DroppableFieldProperties = ["mmap.enabled", .. PropertyRules.WarmupKeys];
    private static readonly string[] FieldProperties = ["max_length", "max_capacity", FieldDescriptionProperty, .. DroppableFieldProperties];

    public override Task<Protocol.Status> AlterCollection(AlterCollectionRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            if (request.Properties.Count > 0 && request.DeleteKeys.Count > 0)
            {
                throw Faults.Invalid("cannot provide both DeleteKeys and ExtraParams");
            }

            var definition = Definition(call, request.CollectionName);
            if (request.Properties.Count == 0 && request.DeleteKeys.Count == 0)
            {
                throw Faults.Invalid("no properties or delete keys provided");
            }

            CheckChange(definition, request);
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
            var field = op.Schema.Fields.FirstOrDefault(f => f.Name == request.FieldName && f.State != FieldState.FieldDropped && !f.IsDynamic);
            foreach (var pair in request.Properties)
            {
                CheckFieldProperty(definition, field, pair);
            }

            foreach (var key in request.DeleteKeys)
            {
                CheckDroppable(definition, key);
            }

            if (field is null)
            {
                throw Faults.Invalid($"field {request.FieldName} does not exist in collection");
            }

            field.Description = request.Properties.FirstOrDefault(p => p.Key == FieldDescriptionProperty)?.Value ?? field.Description;
            Merge(field.TypeParams, request.Properties.Where(p => p.Key != FieldDescriptionProperty), request.DeleteKeys);

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
            _ = NameRules.Collection(request.NewName);
            var database = request.NewDBName.Length > 0 ? request.NewDBName : call.Database;
            CheckDatabase(database);
            if (State.Names.Aliases.ContainsKey((call.Database, request.OldName)))
            {
                throw Faults.Invalid($"unsupported use an alias to rename collection, alias:{request.OldName}");
            }

            if (State.Names.Aliases.ContainsKey((database, request.NewName)))
            {
                throw Faults.AliasTaken(database, request.NewName);
            }

            if (State.Lookup(database, request.NewName) is not null)
            {
                throw Faults.Invalid($"duplicated new collection name {database}:{request.NewName} with other collection name or alias");
            }

            var definition = Definition(call, request.OldName);
            if (database != call.Database && State.Names.AliasesOf(definition.Id).Any())
            {
                throw Faults.Invalid("fail to rename db name, must drop all aliases of this collection before rename");
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
            throw Faults.Invalid($"invalid dynamic schema property value: {value}");
        }

        if (on == schema.EnableDynamicField)
        {
            return;
        }

        schema.EnableDynamicField = on;
        schema.Version++;
        if (on)
        {
            schema.Fields.Add(SchemaRules.DynamicField(definition.NextFieldId));
        }
        else
        {
            DropRules.Take(schema, f => f.IsDynamic);
        }
    }

    /// <summary>What may change only while the collection is not loaded, or not together with anything else.</summary>
    private static void CheckChange(CollectionDefinition definition, AlterCollectionRequest request)
    {
        var keys = request.Properties.Select(p => p.Key).ToList();
        if (definition.Loaded && keys.Contains("mmap.enabled"))
        {
            throw Faults.CollectionLoaded(definition.Name, "can not alter mmap properties if collection loaded");
        }

        if (definition.Loaded && keys.Any(PropertyRules.IsWarmup))
        {
            throw Faults.CollectionLoaded(definition.Name, "can not alter warmup properties if collection loaded");
        }

        if (definition.Loaded && request.DeleteKeys.FirstOrDefault(k => k == "mmap.enabled" || PropertyRules.IsWarmup(k)) is { } key)
        {
            throw Faults.CollectionLoaded(definition.Name, $"can not delete {(key == "mmap.enabled" ? "mmap" : key)} properties if collection loaded");
        }

        PropertyRules.CheckAutoId(definition.AutoId, request.Properties);
        PropertyRules.CheckTtlChange(definition, keys);
        if (request.DeleteKeys.Contains(DynamicFieldProperty))
        {
            throw Faults.Invalid($"cannot delete key {DynamicFieldProperty}, dynamic field schema could support set to true/false");
        }

        if (keys.Contains(DynamicFieldProperty) && keys.Count > 1)
        {
            throw Faults.Invalid("cannot alter dynamic schema with other properties at the same time");
        }
    }

    /// <summary>A field that is not there is told of only after all this, by Milvus too.</summary>
    private static void CheckFieldProperty(CollectionDefinition definition, FieldSchema? field, Pair pair)
    {
        if (Array.IndexOf(FieldProperties, pair.Key) < 0)
        {
            throw Faults.Invalid($"{pair.Key} does not allow update in collection field param");
        }

        switch (pair.Key)
        {
            case "mmap.enabled" when definition.Loaded:
                throw Faults.CollectionLoaded(definition.Name, "can not alter collection field properties if collection loaded");
            case PropertyRules.FieldWarmupKey:
                PropertyRules.CheckWarmupPolicy(definition.Loaded ? throw Faults.CollectionLoaded(definition.Name, "can not alter warmup if collection loaded") : pair.Value);
                break;
            case "max_length":
                if (field is not { DataType: DataType.VarChar } and not { DataType: DataType.Array, ElementType: DataType.VarChar })
                {
                    throw Faults.Invalid(" can not modify the maxlength for non-string types");
                }

                _ = !int.TryParse(pair.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var length) ? throw Faults.Invalid($"{pair.Key} should be an integer, but got string")
                    : length > Limits.VarCharBytes ? throw Faults.Invalid($"{pair.Value} exceeds the maximum allowed value {Limits.VarCharBytes}") : length;
                break;
            case "max_capacity":
                var array = field is { DataType: DataType.Array } ? field.Clone() : throw Faults.Invalid(" can not modify the maxcapacity for non-array types");
                Merge(array.TypeParams, [pair], []);
                SchemaRules.CheckArray(array, definition.Name);
                break;
            default:
                break;
        }
    }

    private static void CheckDroppable(CollectionDefinition definition, string key)
    {
        if (Array.IndexOf(DroppableFieldProperties, key) < 0)
        {
            throw Faults.Invalid($"{key} is not allowed to drop in collection field param");
        }

        if (definition.Loaded && key is "mmap.enabled" or PropertyRules.FieldWarmupKey)
        {
            throw Faults.CollectionLoaded(definition.Name, "can not drop collection field properties if collection loaded");
        }
    }
}
