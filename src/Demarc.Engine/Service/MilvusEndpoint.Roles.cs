using Demarc.Engine.Catalog;
using Demarc.Engine.Credentials;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>Roles, who has them, and groups of privileges.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<Protocol.Status> CreateRole(CreateRoleRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            var name = request.Entity?.Name ?? "";
            NameRules.Check(name, "role name");
            var access = State.Access;
            if (access.HasRole(name))
            {
                throw new Fault(65535, $"role [name:\"{name}\"] already exists", ErrorCode.CreateRoleFailure);
            }

            return access.Roles.Count >= Limits.Roles
                ? throw new Fault(65535, $"unable to create role because the number of roles has reached the limit of {Limits.Roles}", ErrorCode.CreateRoleFailure)
                : new LogOp { PutRole = new PutRoleOp { Role = new StoredRole { Name = name, Description = request.Entity!.Description } } };
        });

    public override Task<Protocol.Status> AlterRole(AlterRoleRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            RefuseBuiltIn(request.RoleName, "altered");
            return State.Access.Roles.TryGetValue(request.RoleName, out var role)
                ? new LogOp { PutRole = new PutRoleOp { Role = new StoredRole { Name = role.Name, Description = request.Description } } }
                : throw NoSuchRole(request.RoleName, ErrorCode.UnexpectedError);
        });

    public override Task<Protocol.Status> DropRole(DropRoleRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            var name = request.RoleName;
            RefuseBuiltIn(name, "dropped");
            var access = State.Access;
            if (!access.Roles.ContainsKey(name))
            {
                throw NoSuchRole(name, ErrorCode.DropRoleFailure);
            }

            return !request.ForceDrop && access.Grants.Any(g => g.Role == name)
                ? throw new Fault(65535, $"fail to drop the role that it has privileges. Use REVOKE API to revoke privileges", ErrorCode.DropRoleFailure)
                : new LogOp { DropRole = new DropRoleOp { Name = name } };
        });

    public override Task<Protocol.Status> OperateUserRole(OperateUserRoleRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            var access = State.Access;
            if (!access.HasRole(request.RoleName))
            {
                throw NoSuchRole(request.RoleName, ErrorCode.OperateUserRoleFailure);
            }

            if (request.Username == AccessState.Root)
            {
                return request.RoleName == AccessState.AdminRole ? null : throw new Fault(65535, "the roles of root cannot be changed", ErrorCode.OperateUserRoleFailure);
            }

            // As in Milvus, taking a role from who is not there succeeds.
            if (access.Users.GetValueOrDefault(request.Username)?.Clone() is not { } user)
            {
                return request.Type == OperateUserRoleType.RemoveUserFromRole ? null : throw NoSuchUser(request.Username, ErrorCode.OperateUserRoleFailure);
            }

            var has = user.Roles.Contains(request.RoleName);
            if (request.Type == OperateUserRoleType.AddUserToRole ? has : !has)
            {
                return null;
            }

            if (has)
            {
                user.Roles.Remove(request.RoleName);
            }
            else
            {
                // Whoever gives an older user a role means it to be bound by roles.
                user.Roles.Add(request.RoleName);
                user.BoundByRoles = true;
            }

            return PutUser(user);
        });

    public override Task<SelectRoleResponse> SelectRole(SelectRoleRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            var access = State.Access;
            var asked = request.Role?.Name ?? "";
            var answer = new SelectRoleResponse { Status = Success() };
            foreach (var role in access.AllRoles().Where(r => asked.Length == 0 || r.Name == asked))
            {
                var result = new RoleResult { Role = new RoleEntity { Name = role.Name, Description = role.Description } };
                if (request.IncludeUserInfo)
                {
                    var users = role.Name == AccessState.AdminRole ? access.UsersWith(role.Name).Append(AccessState.Root).Distinct() : access.UsersWith(role.Name);
                    result.Users.Add(users.Order(StringComparer.Ordinal).Select(u => new UserEntity { Name = u }));
                }

                answer.Results.Add(result);
            }

            return answer;
        });

    public override Task<Protocol.Status> CreatePrivilegeGroup(CreatePrivilegeGroupRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            NameRules.CheckPrivilegeGroup(request.GroupName);
            if (Privileges.Known.Contains(request.GroupName))
            {
                throw Faults.Invalid($"privilege name [{request.GroupName}] is defined by built in privileges or privilege groups in system");
            }

            var groups = State.Access.Groups;
            if (groups.ContainsKey(request.GroupName))
            {
                throw Faults.Invalid($"privilege group name [{request.GroupName}] is already defined");
            }

            return groups.Count >= Limits.PrivilegeGroups
                ? throw Faults.Unexpected($"unable to create privilege group because the number of groups has reached the limit of {Limits.PrivilegeGroups}")
                : PutGroup(new StoredPrivilegeGroup { Name = request.GroupName });
        });

    public override Task<Protocol.Status> DropPrivilegeGroup(DropPrivilegeGroupRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            var access = State.Access;
            if (!access.Groups.ContainsKey(request.GroupName))
            {
                return null;
            }

            return access.Grants.FirstOrDefault(g => g.Privilege == request.GroupName) is { } grant
                ? throw Faults.Invalid($"privilege group [{request.GroupName}] is used by role [{grant.Role}], Use REVOKE API to revoke it first")
                : new LogOp { DropPrivilegeGroup = new DropPrivilegeGroupOp { Name = request.GroupName } };
        });

    public override Task<Protocol.Status> OperatePrivilegeGroup(OperatePrivilegeGroupRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            NameRules.CheckPrivilegeGroup(request.GroupName);
            var access = State.Access;
            if (!access.Groups.TryGetValue(request.GroupName, out var group))
            {
                throw Faults.Invalid($"there is no privilege group name [{request.GroupName}] defined in system to operate");
            }

            if (request.Privileges.Count == 0)
            {
                throw Faults.Invalid("privileges is empty when alter the privilege group");
            }

            var named = request.Privileges.Select(p => Privileges.Bare(p.Name)).ToList();
            foreach (var name in named.Where(n => !Privileges.Known.Contains(n) && !access.Groups.ContainsKey(n)))
            {
                throw Faults.Invalid($"there is no privilege name or privilege group name [{name}] defined in system to operate");
            }

            if (named.Contains(request.GroupName))
            {
                throw Faults.Invalid($"privilege group [{request.GroupName}] cannot hold itself");
            }

            var changed = new StoredPrivilegeGroup { Name = group.Name };
            changed.Privileges.Add(request.Type == OperatePrivilegeGroupType.AddPrivilegesToGroup ? group.Privileges.Union(named) : group.Privileges.Except(named));
            return PutGroup(changed);
        });

    public override Task<ListPrivilegeGroupsResponse> ListPrivilegeGroups(ListPrivilegeGroupsRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            var answer = new ListPrivilegeGroupsResponse { Status = Success() };
            answer.PrivilegeGroups.Add(Groups(State.Access));
            answer.PrivilegeGroups.Add(Privileges.BuiltInGroups.OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => Group(g.Key, g.Value)));
            return answer;
        });

    private static IEnumerable<PrivilegeGroupInfo> Groups(AccessState access) => access.Groups.Values.Select(g => Group(g.Name, g.Privileges));

    private static PrivilegeGroupInfo Group(string name, IEnumerable<string> privileges)
    {
        var info = new PrivilegeGroupInfo { GroupName = name };
        info.Privileges.Add(privileges.Select(p => new PrivilegeEntity { Name = p }));
        return info;
    }

    private static LogOp PutGroup(StoredPrivilegeGroup group) => new() { PutPrivilegeGroup = new PutPrivilegeGroupOp { Group = group } };

    private static Fault NoSuchRole(string name, ErrorCode old) => new(65535, $"not found the role, maybe the role isn't existed or internal system error: {name}", old);

    private static void RefuseBuiltIn(string role, string verb)
    {
        if (role is AccessState.AdminRole or AccessState.PublicRole)
        {
            throw new Fault(65535, $"the role[{role}] is a default role, which can't be {verb}", ErrorCode.DropRoleFailure);
        }
    }
}
