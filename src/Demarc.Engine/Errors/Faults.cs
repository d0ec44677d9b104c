using Demarc.Engine.Protocol;

namespace Demarc.Engine.Errors;

/// <summary>The refusals that clients branch on, with Milvus's codes and wording.</summary>
internal static class Faults
{
    public const string DefaultDatabase = "default";

    public static Fault CollectionNotFound(string name, string database = DefaultDatabase) =>
        new(100, $"collection not found[database={database}][collection={name}]");

    /// <summary>From the calls that look in the catalogue of names alone, which Milvus lets say no database.</summary>
    public static Fault NameNotFound(string name) => new(100, $"collection not found[collection={name}]");

    public static Fault CollectionNotLoaded(string name) => new(101, $"collection not loaded[collection={name}]");

    /// <summary>What only a collection that is not loaded allows.</summary>
    public static Fault CollectionLoaded(string name, string why) => new(104, $"{why}: collection already loaded[collection={name}]");

    public static Fault PartitionNotLoaded(string name) => new(201, $"partition not loaded[partition={name}]");

    public static Fault ReplicaNotFound(string collection) => new(400, $"replica not found[collection={collection}]");

    public static Fault DatabaseExists(string name) => Invalid($"database already exist: {name}");

    public static Fault TooManyDatabases() => new(801, $"exceeded the limit number of database[limit={Limits.Databases}]");

    public static Fault AliasNotFound(string database, string alias) => new(1600, $"alias not found[database={database}][alias={alias}]");

    public static Fault AliasTaken(string database, string alias, string advice = "") =>
        new(1601, $"{(advice.Length > 0 ? advice + ": " : "")}alias and collection name conflict[database={database}][alias={alias}]");

    public static Fault AliasExists(string database, string alias, string collection) =>
        new(1602, $"{alias} is alias to another collection: {collection}: alias already exist[database={database}][alias={alias}]");

    public static Fault ResourceGroupNotFound(string name) => new(300, $"resource group not found[rg={name}]");

    public static Fault ResourceGroupExists(string name) => new(301, $"resource group already exist, but create with different config[rg={name}]");

    public static Fault TooManyCollections() =>
        new(102, $"exceeded the limit number of collections[limit={Limits.Collections}]");

    public static Fault IllegalSchema(string collection, string why) => new(105, $"{why}: illegal collection schema[collection={collection}]");

    public static Fault SchemaChanged(string name) =>
        new(109, $"collection schema mismatch[collection={name}]", ErrorCode.SchemaMismatch);

    public static Fault PartitionNotFound(string name) => new(200, $"partition not found[partition={name}]");

    public static Fault IndexNotFound(string collection) => new(700, $"index not found[collection={collection}]");

    public static Fault FieldNotLoaded(string field) => new(2000, $"field index of the field: {field} is not loaded, please reload the collection: segcore error");

    public static Fault IndexNotNamed(string index) => new(700, $"index not found[indexName={index}]");

    public static Fault DatabaseNotFound(string name) => new(800, $"database not found[database={name}]");

    public static Fault SnapshotNotFound(string name) => new(2600, $"snapshot not found[snapshot={name}]");

    public static Fault SnapshotNotFound(string name, long collection) => new(2600, $"collection {collection}: snapshot not found[snapshot={name}]");

    public static Fault SnapshotPinned(string name) => new(2601, $"active pins exist, unpin before dropping: snapshot is pinned[snapshot={name}]");

    public static Fault Invalid(string why) => new(1100, $"{why}: invalid parameter");

    public static Fault Invalid(string why, object expected, object actual) =>
        new(1100, $"{why}: invalid parameter[expected={expected}][actual={actual}]");

    public static Fault Invalid(object expected, object actual) =>
        new(1100, $"invalid parameter[expected={expected}][actual={actual}]");

    public static Fault OutOfRange(string why, long least, long most, long actual) =>
        new(1100, $"{why}: invalid parameter[{actual} out of range {least} <= value <= {most}]");

    public static Fault TooLarge(string why) => new(1102, $"{why}: parameter too large");

    public static Fault Missing(string field) => new(1101, $"missing required parameters[missing_param={field}]: missing parameter");

    /// <summary>Something that must be said, in words of their own.</summary>
    public static Fault MissingSaid(string why) => new(1101, $"{why}: missing parameter");

    /// <summary>A name that is neither a field nor a place in one, as Milvus's plan says it.</summary>
    public static Fault Unreadable(string name, string? why) => new(2201, $"cannot parse identifier: {name}{(why is null ? "" : ": " + why)}: query plan failed");

    public static Fault FieldNotFound(string name) => new(1700, $"field not found[field={name}]");

    /// <summary>Something the wire can say and this engine does not do. Refused, never half obeyed.</summary>
    public static Fault NotServed(string what) =>
        new(3000, $"{what} is not served by demarc-engine: unsupported operation");

    public static Fault Unexpected(string why) => new(65535, why);

    /// <summary>Stored rows are not what was written; what reads or writes them is refused until they are put right.</summary>
    public static Fault Damaged(string what, string place) =>
        new(1001, $"stored data of {what} is damaged: {place}. Restore that file from a backup under its own name and restart the engine: IO failed");

    /// <summary>Stored rows are in the bucket alone, and it does not give them now: clients may ask again.</summary>
    public static Fault NotFetched(string what, string why) =>
        new(1001, $"stored data of {what} is in the bucket and could not be fetched: {why}; ask again: IO failed");

    public static Fault DiskFull(string why) =>
        new(7, $"disk limit exceeded[reason={why}]", ErrorCode.DiskQuotaExhausted);

    public static Fault MemoryFull(long usedMib, long limitMib) =>
        new(9, $"quota exceeded[reason=memory quota exhausted, {usedMib} MiB of {limitMib} MiB used; drop or delete data, or start the engine with a larger --max-memory-mib]",
            ErrorCode.MemoryQuotaExhausted);

    public static Fault WritesStopped(string why) =>
        new(2, $"service unavailable[reason=writes are stopped: {why}]", ErrorCode.UnexpectedError);

    /// <summary>Milvus's code for a rate that is exceeded: clients wait and ask again.</summary>
    public static Fault TooBusy(string why) =>
        new(8, $"rate limit exceeded[reason=the engine is busy, {why}; ask again later]", ErrorCode.RateLimit);

    public static Fault NotAuthenticated(string why) => new(1400, $"{why}: not authenticated");

    public static Fault NotPermitted(string why) => new(1401, $"{why}: privilege not permitted", ErrorCode.PermissionDenied);
}
