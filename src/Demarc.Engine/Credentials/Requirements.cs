using System.Collections.Frozen;
using Demarc.Engine.Protocol;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Demarc.Engine.Credentials;

/// <summary>The object a privilege is about.</summary>
internal enum ObjectKind
{
    Collection,
    Global,
    User,
}

/// <summary>What a call needs, and on what.</summary>
/// <param name="Kind">The object's type.</param>
/// <param name="Privilege">The privilege's name.</param>
/// <param name="NameField">The request's field that names the object or the objects; 0 for none.</param>
internal sealed record Requirement(ObjectKind Kind, string Privilege, int NameField = 0)
{
    /// <summary>The names a request has in that field; an aliases' own name stands for itself.</summary>
    public IEnumerable<string> NamesIn(IMessage request)
    {
        var field = NameField == 0 ? null : request.Descriptor.FindFieldByNumber(NameField);
        return field?.Accessor.GetValue(request) switch
        {
            string name => [name],
            IEnumerable<string> names => names,
            _ => [],
        };
    }
}

/// <summary>Milvus's table of which call needs which privilege.</summary>
internal static class Requirements
{
    private static readonly (string Privilege, string Requests)[] Global =
    [
        ("CreateAlias", "CreateAlias AlterAlias"),
        ("DropAlias", "DropAlias"),
        ("DescribeAlias", "DescribeAlias"),
        ("ListAliases", "ListAliases"),
        ("CreateCollection", "CreateCollection AlterCollection AlterCollectionField AddCollectionFunction AlterCollectionFunction DropCollectionFunction"),
        ("DropCollection", "DropCollection TruncateCollection"),
        ("DescribeCollection", "DescribeCollection BatchDescribeCollection"),
        ("RenameCollection", "RenameCollection"),
        ("FlushAll", "FlushAll"),
        ("CreateOwnership", "CreateCredential CreateRole AlterRole"),
        ("DropOwnership", "DeleteCredential DropRole"),
        ("SelectOwnership", "ListCredUsers SelectRole SelectGrant"),
        ("ManageOwnership", "OperateUserRole OperatePrivilege OperatePrivilegeV2"),
        ("BackupRBAC", "BackupRBACMeta"),
        ("RestoreRBAC", "RestoreRBACMeta"),
        ("CreatePrivilegeGroup", "CreatePrivilegeGroup"),
        ("DropPrivilegeGroup", "DropPrivilegeGroup"),
        ("ListPrivilegeGroups", "ListPrivilegeGroups"),
        ("OperatePrivilegeGroup", "OperatePrivilegeGroup"),
        ("CreateResourceGroup", "CreateResourceGroup"),
        ("UpdateResourceGroups", "UpdateResourceGroups"),
        ("DropResourceGroup", "DropResourceGroup"),
        ("TransferNode", "TransferNode"),
        ("TransferReplica", "TransferReplica"),
        ("ListResourceGroups", "ListResourceGroups"),
        ("DescribeResourceGroup", "DescribeResourceGroup"),
        ("CreateDatabase", "CreateDatabase"),
        ("DropDatabase", "DropDatabase"),
        ("AlterDatabase", "AlterDatabase"),
        ("DescribeDatabase", "DescribeDatabase"),
        ("PinSnapshotData", "PinSnapshotData"),
        ("UnpinSnapshotData", "UnpinSnapshotData"),
    ];

    private static readonly (string Privilege, int NameField, string Requests)[] OnCollection =
    [
        ("Load", 3, "LoadCollection LoadPartitions"),
        ("Release", 3, "ReleaseCollection ReleasePartitions"),
        ("GetStatistics", 3, "GetCollectionStatistics GetPartitionStatistics"),
        ("CreatePartition", 3, "CreatePartition"),
        ("DropPartition", 3, "DropPartition"),
        ("HasPartition", 3, "HasPartition"),
        ("ShowPartitions", 3, "ShowPartitions"),
        ("CreateIndex", 3, "CreateIndex AlterIndex"),
        ("IndexDetail", 3, "DescribeIndex GetIndexStatistics GetIndexState GetIndexBuildProgress"),
        ("DropIndex", 3, "DropIndex"),
        ("Insert", 3, "Insert"),
        ("Upsert", 3, "Upsert"),
        ("Delete", 3, "Delete"),
        ("AddCollectionField", 3, "AddCollectionField AddCollectionStructField"),
        ("AlterCollectionSchema", 3, "AlterCollectionSchema"),
        ("Search", 3, "Search HybridSearch"),
        ("Query", 3, "Query"),
        ("Import", 1, "Import ListImportTasks"),
        ("Flush", 3, "Flush"),
        ("GetFlushState", 4, "GetFlushState"),
        ("LoadBalance", 5, "LoadBalance"),
        ("Compaction", 4, "ManualCompaction"),
        ("GetLoadState", 2, "GetLoadState GetLoadingProgress"),
        ("CreateSnapshot", 5, "CreateSnapshot"),
        ("DropSnapshot", 4, "DropSnapshot"),
        ("DescribeSnapshot", 4, "DescribeSnapshot"),
        ("ListSnapshots", 3, "ListSnapshots"),
        ("RestoreSnapshot", 4, "RestoreSnapshot"),
        ("RestoreSnapshot", 3, "ListRestoreSnapshotJobs"),
    ];

    private static readonly FrozenDictionary<string, Requirement> ByRequest = Table().ToFrozenDictionary(StringComparer.Ordinal);

    // Asked for before anything is known of the server, or about nothing that needs guarding.
    private static readonly FrozenSet<string> Free = new[]
    {
        "ConnectRequest", "GetVersionRequest", "CheckHealthRequest", "GetComponentStatesRequest", "AllocTimestampRequest", "HasCollectionRequest", "ListDatabasesRequest", "ShowCollectionsRequest",
        "GetMetricsRequest", "GetPersistentSegmentInfoRequest", "GetQuerySegmentInfoRequest", "GetReplicasRequest", "GetCompactionStateRequest", "GetCompactionPlansRequest", "GetFlushAllStateRequest",
        "RunAnalyzerRequest", "GetImportStateRequest", "GetRestoreSnapshotStateRequest",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>What a request needs; null for what everybody with a login may ask. A kind of request that is in neither table is a defect.</summary>
    public static Requirement? Of(MessageDescriptor request) =>
        ByRequest.GetValueOrDefault(request.Name)
        ?? (Free.Contains(request.Name) ? null : throw new InvalidOperationException($"Nobody has said which privilege {request.Name} needs."));

    private static Dictionary<string, Requirement> Table()
    {
        var table = new Dictionary<string, Requirement>(StringComparer.Ordinal);
        foreach (var (privilege, requests) in Global)
        {
            foreach (var request in requests.Split(' '))
            {
                table.Add(request + "Request", new Requirement(ObjectKind.Global, privilege));
            }
        }

        foreach (var (privilege, field, requests) in OnCollection)
        {
            foreach (var request in requests.Split(' '))
            {
                table.Add(request + "Request", new Requirement(ObjectKind.Collection, privilege, field));
            }
        }

        table.Add(nameof(UpdateCredentialRequest), new Requirement(ObjectKind.User, "UpdateUser", UpdateCredentialRequest.UsernameFieldNumber));
        table.Add(nameof(SelectUserRequest), new Requirement(ObjectKind.User, "SelectUser", SelectUserRequest.UserFieldNumber));
        return table;
    }
}
