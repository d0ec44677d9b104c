using System.Collections.Immutable;
using Demarc.Engine.Durability;

namespace Demarc.Engine.Credentials;

/// <summary>Users, roles, what each role may do, and groups of privileges. Immutable: a change makes a new one.</summary>
internal sealed record AccessState(
    ImmutableSortedDictionary<string, StoredUser> Users,
    ImmutableSortedDictionary<string, StoredRole> Roles,
    ImmutableList<StoredGrant> Grants,
    ImmutableSortedDictionary<string, StoredPrivilegeGroup> Groups)
{
    /// <summary>May do everything, and cannot be taken away or limited.</summary>
    public const string Root = "root";

    /// <summary>The role that may do everything.</summary>
    public const string AdminRole = "admin";

    /// <summary>The role that everybody has.</summary>
    public const string PublicRole = "public";

    public static AccessState Empty { get; } = new(
        ImmutableSortedDictionary.Create<string, StoredUser>(StringComparer.Ordinal),
        ImmutableSortedDictionary.Create<string, StoredRole>(StringComparer.Ordinal),
        [],
        ImmutableSortedDictionary.Create<string, StoredPrivilegeGroup>(StringComparer.Ordinal));

    /// <summary>
    /// Whether calls need a login: once there is root, or a user of a credential file. Users made over the wire before that
    /// are kept but asked for nothing, as Milvus does while its authorization is off.
    /// </summary>
    public bool LoginsOn => Users.Values.Any(Enforces);

    public static bool Enforces(StoredUser user) => user.Name == Root || user.ImportedHash.Length > 0;

    public bool HasRole(string name) => name is AdminRole or PublicRole || Roles.ContainsKey(name);

    /// <summary>All roles, the built-in ones first.</summary>
    public IEnumerable<StoredRole> AllRoles() =>
        [new StoredRole { Name = AdminRole }, new StoredRole { Name = PublicRole }, .. Roles.Values];

    public IEnumerable<string> UsersWith(string role) =>
        Users.Values.Where(u => u.Roles.Contains(role)).Select(u => u.Name);

    public AccessState Apply(LogOp op)
    {
        switch (op.ChangeCase)
        {
            case LogOp.ChangeOneofCase.PutUser:
                return this with { Users = Users.SetItem(op.PutUser.User.Name, op.PutUser.User) };
            case LogOp.ChangeOneofCase.DropUser:
                return this with { Users = Users.Remove(op.DropUser.Name) };
            case LogOp.ChangeOneofCase.PutRole:
                return this with { Roles = Roles.SetItem(op.PutRole.Role.Name, op.PutRole.Role) };
            case LogOp.ChangeOneofCase.DropRole:
                return WithoutRole(op.DropRole.Name);
            case LogOp.ChangeOneofCase.PutGrant:
                return this with { Grants = Grants.RemoveAll(g => Same(g, op.PutGrant.Grant)).Add(op.PutGrant.Grant) };
            case LogOp.ChangeOneofCase.DropGrant:
                return this with { Grants = Grants.RemoveAll(g => Same(g, op.DropGrant.Grant)) };
            case LogOp.ChangeOneofCase.PutPrivilegeGroup:
                return this with { Groups = Groups.SetItem(op.PutPrivilegeGroup.Group.Name, op.PutPrivilegeGroup.Group) };
            case LogOp.ChangeOneofCase.DropPrivilegeGroup:
                return this with { Groups = Groups.Remove(op.DropPrivilegeGroup.Name) };
            default:
                throw new InvalidDataException($"a log operation of a kind this version does not know ({op.ChangeCase})");
        }
    }

    /// <summary>Whether two grants are one, whoever gave them.</summary>
    public static bool Same(StoredGrant a, StoredGrant b) =>
        a.Role == b.Role && a.ObjectType == b.ObjectType && a.ObjectName == b.ObjectName && a.Database == b.Database && a.Privilege == b.Privilege;

    private AccessState WithoutRole(string role)
    {
        var users = Users;
        foreach (var user in Users.Values.Where(u => u.Roles.Contains(role)))
        {
            var changed = user.Clone();
            _ = changed.Roles.Remove(role);
            users = users.SetItem(changed.Name, changed);
        }

        return this with { Users = users, Roles = Roles.Remove(role), Grants = Grants.RemoveAll(g => g.Role == role) };
    }
}
