namespace Demarc.Engine;

/// <summary>
/// Every bound of the engine, with its reason. Where Milvus has the same bound, the value is Milvus's default, so that
/// a client that fits here fits there.
/// </summary>
internal static class Limits
{
    /// <summary>One request; Milvus's default for its proxy.</summary>
    public const int RequestBytes = 64 * 1024 * 1024;

    /// <summary>One answer. Larger ones are refused with advice to page instead of filling memory.</summary>
    public const int ResponseBytes = 100 * 1024 * 1024;

    /// <summary>limit + offset of one search or query; Milvus's default.</summary>
    public const int TopK = 16384;

    /// <summary>Query vectors in one search; Milvus's default.</summary>
    public const int QueryVectors = 16384;

    /// <summary>Dimensions of one vector; Milvus's default.</summary>
    public const int Dimensions = 32768;

    /// <summary>Bits of one binary vector: eight times as many as dimensions, as in Milvus.</summary>
    public const int BinaryDimensions = 8 * Dimensions;

    /// <summary>Bytes of one VarChar value; Milvus's bound on max_length.</summary>
    public const int VarCharBytes = 65535;

    /// <summary>Bytes of one JSON value, the dynamic field included; Milvus's default.</summary>
    public const int JsonBytes = 65536;

    /// <summary>Nesting of one JSON value: enough for data, too little to exhaust a stack.</summary>
    public const int JsonDepth = 64;

    /// <summary>Bytes of all parameters of one index, names and values; Milvus's default.</summary>
    public const int IndexParameterBytes = 100 * 1024;

    /// <summary>Elements of one array; Milvus's bound on max_capacity.</summary>
    public const int ArrayCapacity = 4096;

    /// <summary>Bytes of one geometry as text; as large as the largest text field.</summary>
    public const int GeometryBytes = 65535;

    /// <summary>Nesting of geometry collections: the check recurses.</summary>
    public const int GeometryDepth = 16;

    /// <summary>Rows of one insert or upsert: what fits a request at a few bytes a row, and bounds the time one write holds the queue.</summary>
    public const int RowsPerRequest = 1_000_000;

    /// <summary>Fields of one collection; Milvus's default.</summary>
    public const int Fields = 64;

    /// <summary>Vector fields of one collection; Milvus's default is 4 and its ceiling 10.</summary>
    public const int VectorFields = 10;

    /// <summary>Collections of one engine. One process on one machine; the distributed engine is for more.</summary>
    public const int Collections = 1024;

    /// <summary>Databases of one engine; Milvus's default.</summary>
    public const int Databases = 64;

    /// <summary>Partitions of one collection; Milvus's default.</summary>
    public const int Partitions = 1024;

    /// <summary>Partitions a partition key spreads rows over when nothing is said; Milvus's default.</summary>
    public const int DefaultKeyPartitions = 16;

    /// <summary>Roles of one engine; Milvus's default.</summary>
    public const int Roles = 10;

    /// <summary>Privilege groups of one engine; Milvus's default.</summary>
    public const int PrivilegeGroups = 1024;

    /// <summary>Resource groups of one engine; Milvus's default.</summary>
    public const int ResourceGroups = 1024;

    /// <summary>Search iterators whose place is remembered; the one that has been idle longest goes first.</summary>
    public const int OpenIterators = 1024;

    /// <summary>Compactions whose outcome can still be asked for.</summary>
    public const int RememberedCompactions = 256;

    /// <summary>Files of one import; Milvus's default.</summary>
    public const int ImportFiles = 1024;

    /// <summary>Bytes of one file to import: it is read whole before any of it is written.</summary>
    public const long ImportFileBytes = 512L * 1024 * 1024;

    /// <summary>Imports that wait for their turn or run, Milvus's default, and as many whose outcome can still be asked for.</summary>
    public const int Imports = 1024;

    /// <summary>Snapshots of one engine: each keeps its description in memory.</summary>
    public const int Snapshots = 1024;

    /// <summary>Characters of a snapshot's description.</summary>
    public const int SnapshotDescription = 4096;

    /// <summary>The longest a snapshot may ask that its data is kept from compaction: a week, Milvus's default.</summary>
    public const long CompactionProtectionSeconds = 7 * 24 * 3600;

    /// <summary>The longest that a pin with an end may last, as in Milvus.</summary>
    public const long PinSeconds = 30 * 24 * 3600;

    /// <summary>Pins of one snapshot that last.</summary>
    public const int SnapshotPins = 256;

    /// <summary>Restores that wait for their turn or run, and as many whose outcome can still be asked for.</summary>
    public const int Restores = 1024;

    /// <summary>Searches that one hybrid search may combine; Milvus's default.</summary>
    public const int SubSearches = 1024;

    /// <summary>Rows of one group in a grouping search; Milvus's default.</summary>
    public const int GroupSize = 10;

    /// <summary>Levels of buckets that one search may nest; Milvus's bound.</summary>
    public const int AggregationLevels = 4;

    /// <summary>Rows that one search may gather for its buckets; Milvus's default.</summary>
    public const int AggregationEntries = 10_000;

    /// <summary>Characters of a collection, field, index or user name; Milvus's default.</summary>
    public const int NameLength = 255;

    /// <summary>Characters of a user name; Milvus's default.</summary>
    public const int UserNameLength = 32;

    /// <summary>Users of one engine; Milvus's default.</summary>
    public const int Users = 100;

    /// <summary>Shortest password; Milvus's default.</summary>
    public const int PasswordMinLength = 6;

    /// <summary>Longest password; Milvus's default.</summary>
    public const int PasswordMaxLength = 72;

    /// <summary>Characters of one filter: room for 16,384 keys of 64 characters in an `in` list.</summary>
    public const int FilterLength = 1024 * 1024;

    /// <summary>Nesting of one filter: the parser and the evaluator recurse, and a stack overflow cannot be caught.</summary>
    public const int FilterDepth = 128;

    /// <summary>Filter nodes, `in` values not counted: each may cost one pass over the rows.</summary>
    public const int FilterNodes = 4096;

    /// <summary>Groups of one query; Milvus's default.</summary>
    public const int QueryGroups = 100_000;

    /// <summary>Characters of one regular expression: the automaton made of it grows with it. A plain text is no more than looked for.</summary>
    public const int RegexLength = 16 * 1024;

    /// <summary>Characters of one n-gram: each text has as many of them for every length.</summary>
    public const int NgramLength = 32;

    /// <summary>Words of an analyzer's own dictionary: each is weighed against those before it, and the analyzer is made anew at each start.</summary>
    public const int OwnWords = 10_000;

    /// <summary>Texts of one call to the analyzer; each is as long as a VarChar at most.</summary>
    public const int AnalyzedTexts = 1024;

    /// <summary>Vector bytes of one segment: small enough to rewrite in a checkpoint, large enough that one graph holds most collections.</summary>
    public const int SegmentVectorBytes = 320 * 1024 * 1024;

    /// <summary>Rows of one segment, whatever their size.</summary>
    public const int SegmentRows = 262_144;

    /// <summary>Reads at work at once for each processor: one to compute while another waits for the disk.</summary>
    public const int ReadsPerProcessor = 2;

    /// <summary>Reads that wait for a place; more are turned away.</summary>
    public const int WaitingReads = 4096;

    /// <summary>Bytes of the writes that wait for the disk; beyond that they are turned away before they fill memory.</summary>
    public const long WaitingWriteBytes = 256L * 1024 * 1024;

    /// <summary>Connections; each costs some memory before anybody has logged in.</summary>
    public const int Connections = 8192;

    /// <summary>Writes that wait for the writer. A full queue makes callers wait, it never grows.</summary>
    public const int WriteQueue = 1024;

    /// <summary>Bytes gathered into one log frame before it is written, unless a single write is larger.</summary>
    public const int FrameTargetBytes = 8 * 1024 * 1024;

    /// <summary>The largest log frame: one full batch and one full request over it, with room for the keys the engine adds.</summary>
    public const int FrameBytes = FrameTargetBytes + (2 * RequestBytes);

    /// <summary>Log bytes after which a checkpoint starts: bounds the time of a recovery.</summary>
    public const long LogBytesPerCheckpoint = 64L * 1024 * 1024;

    /// <summary>Memory that a checkpoint has made free before the collector is asked to give it back.</summary>
    public const long FreedBytesPerCollection = 64L * 1024 * 1024;

    /// <summary>The largest log, manifest or older segment file the engine will read back, against a damaged length.</summary>
    public const int StoredFileBytes = 1024 * 1024 * 1024;

    /// <summary>Verified logins held in memory, so that the slow hash does not run for each request.</summary>
    public const int CachedLogins = 1024;

    /// <summary>Logins that wait for the slow hash; more are turned away, so that wrong passwords cannot pile up work.</summary>
    public const int WaitingLogins = 64;

    /// <summary>Free bytes under which writes are refused before the disk is full, so that the log can always be closed properly.</summary>
    public const long FreeDiskBytes = 16L * 1024 * 1024;
}
