namespace Demarc.Engine;

/// <summary>Every line the engine logs. None takes a password, a header, a filter or a row.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "demarc-engine {version} serves {data} (instance {instance}) on {address}, health and metrics on {metrics}")]
    public static partial void Started(this ILogger log, string version, string data, string instance, string address, string metrics);

    [LoggerMessage(Level = LogLevel.Information, Message = "Stopped.")]
    public static partial void Stopped(this ILogger log);

    [LoggerMessage(Level = LogLevel.Information, Message = "Recovered {collections} collections with {rows} rows, {frames} log frames replayed")]
    public static partial void Recovered(this ILogger log, int collections, long rows, int frames);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Cut {bytes} bytes of a half-written, never acknowledged frame from the end of {file}")]
    public static partial void TornTail(this ILogger log, long bytes, string file);

    [LoggerMessage(Level = LogLevel.Error, Message = "{count} writes refused: {why}")]
    public static partial void WriteRefused(this ILogger log, int count, string why);

    [LoggerMessage(Level = LogLevel.Error, Message = "Checkpoint failed, the log goes on and it is tried again: {why}")]
    public static partial void CheckpointFailed(this ILogger log, string why);

    [LoggerMessage(Level = LogLevel.Error, Message = "Collection {collection} is refused until a file is restored: {place}")]
    public static partial void Quarantined(this ILogger log, string collection, string place);

    [LoggerMessage(Level = LogLevel.Error, Message = "A snapshot cannot be read, and until its file is restored or removed no segment's file is removed: {place}")]
    public static partial void SnapshotDamaged(this ILogger log, string place);

    [LoggerMessage(Level = LogLevel.Information, Message = "Snapshot {snapshot} of {collection} taken: {rows} rows in {seconds:F1} s")]
    public static partial void SnapshotTaken(this ILogger log, string snapshot, string collection, long rows, double seconds);

    [LoggerMessage(Level = LogLevel.Information, Message = "Collection {collection} restored from snapshot {snapshot}: {rows} rows in {seconds:F1} s")]
    public static partial void SnapshotRestored(this ILogger log, string collection, string snapshot, long rows, double seconds);

    [LoggerMessage(Level = LogLevel.Error, Message = "The damaged file {file} could not be moved aside: {why}")]
    public static partial void NotMovedAside(this ILogger log, string file, string why);

    [LoggerMessage(Level = LogLevel.Information, Message = "{count} indexes taken from their files")]
    public static partial void IndexesLoaded(this ILogger log, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Indexes are built again because their files cannot be read: {why}")]
    public static partial void IndexesNotLoaded(this ILogger log, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An index is built again because its file is not sound: {place}")]
    public static partial void IndexDamaged(this ILogger log, string place);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Index {index} of {collection} could not be written to a file and is built again after a restart: {why}")]
    public static partial void IndexNotStored(this ILogger log, string index, string collection, string why);

    [LoggerMessage(Level = LogLevel.Information, Message = "Index {index} of {collection}: {rows} rows of a segment indexed in {seconds:F1} s")]
    public static partial void IndexBuilt(this ILogger log, string index, string collection, int rows, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Index {index} of {collection}: {rows} rows of a segment cannot be told apart by code and are compared one by one")]
    public static partial void NotIndexable(this ILogger log, string index, string collection, int rows);

    [LoggerMessage(Level = LogLevel.Error, Message = "Index {index} of {collection} could not be built for a segment; its rows are compared one by one")]
    public static partial void IndexFailed(this ILogger log, Exception cause, string index, string collection);

    [LoggerMessage(Level = LogLevel.Warning, Message = "No login is set: anyone on this machine can read and write. Give --credential-file to change that.")]
    public static partial void Open(this ILogger log);

    [LoggerMessage(Level = LogLevel.Information, Message = "Login of user {user} taken from the credential file")]
    public static partial void CredentialImported(this ILogger log, string user);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Login refused for user {user} from {peer}")]
    public static partial void LoginRefused(this ILogger log, string user, string peer);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Slow: {method} on {collection} took {milliseconds} ms")]
    public static partial void Slow(this ILogger log, string method, string collection, long milliseconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "No TLS is set, and {address} is reachable from other machines: passwords and rows cross the network in clear. Give --tls-cert and --tls-key.")]
    public static partial void InClear(this ILogger log, string address);

    [LoggerMessage(Level = LogLevel.Information, Message = "The renewed certificate in {file} is served from now on, until {until:yyyy-MM-dd}")]
    public static partial void CertificateRenewed(this ILogger log, string file, DateTimeOffset until);

    [LoggerMessage(Level = LogLevel.Error, Message = "The certificate in {file} has changed and cannot be used, the one before stays: {why}")]
    public static partial void CertificateUnusable(this ILogger log, string file, string why);

    [LoggerMessage(Level = LogLevel.Information, Message = "Segments are kept in {place}")]
    public static partial void InBucket(this ILogger log, string place);

    [LoggerMessage(Level = LogLevel.Warning, Message = "This folder was used with {place}, which --bucket does not name: nothing is put there")]
    public static partial void BucketNotNamed(this ILogger log, string place);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{place} cannot be written to; everything stays in the data folder until it can: {why}")]
    public static partial void BucketAway(this ILogger log, string place, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{place} lacks what was stored last, which only the data folder has: {why}")]
    public static partial void BucketLeftBehind(this ILogger log, string place, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "This folder goes on with what is in {place}, as instance {instance} had stored it until {until:u}; what was acknowledged after that is not in it")]
    public static partial void TakenOver(this ILogger log, string place, string instance, DateTimeOffset until);

    [LoggerMessage(Level = LogLevel.Error, Message = "{place} belongs to another data folder now, which took over from {folder}; writes are refused here from now on")]
    public static partial void Fenced(this ILogger log, string place, string folder);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A damaged file is replaced by the one in {place}: {damage}")]
    public static partial void Refetched(this ILogger log, string damage, string place);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Index {index} of {collection} is built later, its rows cannot be had now: {why}")]
    public static partial void IndexPutOff(this ILogger log, string index, string collection, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An index could not be fetched, its rows are compared one by one: {why}")]
    public static partial void IndexNotFetched(this ILogger log, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Files in {folder} that the bucket has too could not be removed: {why}")]
    public static partial void CacheNotTrimmed(this ILogger log, string folder, string why);

    [LoggerMessage(Level = LogLevel.Error, Message = "{method} failed by a defect of the engine")]
    public static partial void Defect(this ILogger log, Exception cause, string method);
}
