using System.Collections.Frozen;

namespace Demarc.Engine.Credentials;

/// <summary>
/// Milvus's privileges by name and its built-in groups of them. The older interface names a privilege for an object type; the newer one
/// names it alone, and the level follows from it. Names are without the prefix "Privilege" throughout.
/// </summary>
internal static class Privileges
{
    /// <summary>Every privilege, as a name in a grant.</summary>
    public const string All = "All";

    public const string Any = "*";

    private static readonly string[] CollectionReadOnly =
        ["Query", "Search", "IndexDetail", "GetFlushState", "GetLoadState", "GetLoadingProgress", "HasPartition", "ShowPartitions", "DescribeCollection", "DescribeAlias", "GetStatistics", "ListAliases", "ListSnapshots", "DescribeSnapshot"];

    private static readonly string[] CollectionReadWrite =
        [.. CollectionReadOnly, "Load", "Release", "Insert", "Delete", "Upsert", "Import", "Flush", "Compaction", "LoadBalance", "CreateIndex", "DropIndex", "CreatePartition", "DropPartition", "AddCollectionField", "AlterCollectionSchema"];

    private static readonly string[] DatabaseReadOnly = ["ShowCollections", "DescribeDatabase"];

    private static readonly string[] DatabaseReadWrite = [.. DatabaseReadOnly, "AlterDatabase"];

    private static readonly string[] ClusterReadOnly =
        ["ListDatabases", "SelectOwnership", "SelectUser", "DescribeResourceGroup", "ListResourceGroups", "ListPrivilegeGroups"];

    private static readonly string[] ClusterReadWrite = [.. ClusterReadOnly, "FlushAll", "TransferNode", "TransferReplica", "UpdateResourceGroups"];

    private static readonly string[] ClusterAdmin =
        [.. ClusterReadWrite, "BackupRBAC", "RestoreRBAC", "CreateDatabase", "DropDatabase", "CreateOwnership", "DropOwnership", "ManageOwnership", "UpdateUser",
         "RenameCollection", "CreateResourceGroup", "DropResourceGroup", "CreatePrivilegeGroup", "DropPrivilegeGroup", "OperatePrivilegeGroup", "PinSnapshotData", "UnpinSnapshotData"];

    /// <summary>The groups that are always there.</summary>
    public static FrozenDictionary<string, string[]> BuiltInGroups { get; } = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["CollectionReadOnly"] = CollectionReadOnly,
        ["CollectionReadWrite"] = CollectionReadWrite,
        ["CollectionAdmin"] = [.. CollectionReadWrite, "CreateAlias", "DropAlias", "CreateSnapshot", "DropSnapshot", "RestoreSnapshot"],
        ["DatabaseReadOnly"] = DatabaseReadOnly,
        ["DatabaseReadWrite"] = DatabaseReadWrite,
        ["DatabaseAdmin"] = [.. DatabaseReadWrite, "CreateCollection", "DropCollection"],
        ["ClusterReadOnly"] = ClusterReadOnly,
        ["ClusterReadWrite"] = ClusterReadWrite,
        ["ClusterAdmin"] = ClusterAdmin,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Privileges and built-in groups that a grant may name.</summary>
    public static FrozenSet<string> Known { get; } = BuiltInGroups.Keys.Concat(BuiltInGroups.Values.SelectMany(g => g)).Concat(BuiltInGroups.Keys.Select(g => "Group" + g)).Append(All).Append(Any).ToFrozenSet(StringComparer.Ordinal);

    public static bool IsKnown(AccessState access, string name) => Known.Contains(name) || access.Groups.ContainsKey(name);

    /// <summary>What is about the whole engine, in whichever database it is asked for.</summary>
    public static FrozenSet<string> Cluster { get; } = ClusterAdmin.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>What everybody may do who is logged in.</summary>
    public static FrozenSet<string> Public { get; } = new[] { "DescribeCollection", "IndexDetail", "ListAliases" }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>What is about users and roles: not for users from before there were roles.</summary>
    public static FrozenSet<string> Ownership { get; } = new[]
    {
        "CreateOwnership", "DropOwnership", "ManageOwnership", "SelectOwnership", "UpdateUser", "SelectUser", "BackupRBAC", "RestoreRBAC",
        "CreatePrivilegeGroup", "DropPrivilegeGroup", "OperatePrivilegeGroup", "ListPrivilegeGroups",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The object type that the newer interface means with a privilege.</summary>
    public static string ObjectTypeOf(string privilege) =>
        privilege is "UpdateUser" or "SelectUser" ? "User"
        : Array.IndexOf(CollectionReadWrite, privilege) >= 0 || privilege.StartsWith("Collection", StringComparison.Ordinal) || privilege.EndsWith("Snapshot", StringComparison.Ordinal) ? "Collection" : "Global";

    /// <summary>A name as clients give it, without the older interface's prefix.</summary>
    public static string Bare(string name) => name.StartsWith("Privilege", StringComparison.Ordinal) && name.Length > "Privilege".Length ? name["Privilege".Length..] : name;

    /// <summary>Whether what a grant names includes the privilege needed.</summary>
    public static bool Covers(AccessState access, string granted, string needed)
    {
        if (granted == needed || granted is All or Any)
        {
            return true;
        }

        var name = granted.StartsWith("Group", StringComparison.Ordinal) && BuiltInGroups.ContainsKey(granted["Group".Length..]) ? granted["Group".Length..] : granted;
        return BuiltInGroups.TryGetValue(name, out var built) ? Array.IndexOf(built, needed) >= 0
            : access.Groups.TryGetValue(name, out var group) && group.Privileges.Any(p => p != name && Covers(access, p, needed));
    }
}
