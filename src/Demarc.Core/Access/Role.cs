using System.Text.Json.Serialization;

namespace Demarc.Core.Access;

/// <summary>What a member is to its party.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Role>))]
public enum Role
{
    /// <summary>Signs charters, members and agents; may do all else too.</summary>
    [JsonStringEnumMemberName("owner")] Owner,

    /// <summary>Requests changes.</summary>
    [JsonStringEnumMemberName("operator")] Operator,

    /// <summary>Approves and rejects changes.</summary>
    [JsonStringEnumMemberName("approver")] Approver,

    /// <summary>Reads and exports the ledger.</summary>
    [JsonStringEnumMemberName("auditor")] Auditor,

    /// <summary>Looks.</summary>
    [JsonStringEnumMemberName("viewer")] Viewer,
}

/// <summary>What a route or an entry kind asks of its caller.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Permission>))]
public enum Permission
{
    /// <summary>Nothing: only for what is public by nature, such as a health answer.</summary>
    [JsonStringEnumMemberName("none")] None,

    /// <summary>See states, instances and changes.</summary>
    [JsonStringEnumMemberName("look")] Look,

    /// <summary>Read and export the ledger.</summary>
    [JsonStringEnumMemberName("audit")] Audit,

    /// <summary>Ask for changes.</summary>
    [JsonStringEnumMemberName("operate")] Operate,

    /// <summary>Approve or reject changes.</summary>
    [JsonStringEnumMemberName("approve")] Approve,

    /// <summary>Pause, resume and stop changes: whoever may ask for one or approve one may also hold one up. It never does more than was approved.</summary>
    Halt,

    /// <summary>Sign charters, members and agents.</summary>
    [JsonStringEnumMemberName("own")] Own,

    /// <summary>Reserved to the joined agent of the environment.</summary>
    [JsonStringEnumMemberName("agent")] Agent,
}

/// <summary>Role → permissions: the whole table.</summary>
public static class RolePermissions
{
    /// <summary>Whether a role holds a permission.</summary>
    public static bool Allows(this Role role, Permission permission) => permission switch
    {
        Permission.None or Permission.Look => true,
        Permission.Audit => role is Role.Owner or Role.Auditor or Role.Approver or Role.Operator,
        Permission.Operate => role is Role.Owner or Role.Operator,
        Permission.Approve => role is Role.Owner or Role.Approver,
        Permission.Halt => role is Role.Owner or Role.Operator or Role.Approver,
        Permission.Own => role is Role.Owner,
        Permission.Agent => false,
    };
}
