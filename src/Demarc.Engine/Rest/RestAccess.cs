using System.Text;
using Demarc.Engine.Protocol;

namespace Demarc.Engine.Rest;

/// <summary>Users, roles, privileges and groups of them.</summary>
internal static class RestAccess
{
    public static void Add(Action<string, Func<RestCall, Task<object>>> add)
    {
        AddUsers(add);
        AddRoles(add);
        AddGroups(add);
    }

    private static void AddUsers(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("users/list", async call =>
        {
            var answer = await call.Core.ListCredUsers(new ListCredUsersRequest(), call.Context);
            RestCall.Check(answer.Status);
            return answer.Usernames;
        });
        add("users/describe", async call =>
        {
            var answer = await call.Core.SelectUser(new SelectUserRequest { User = new UserEntity { Name = call.Needed("userName") }, IncludeRoleInfo = true }, call.Context);
            RestCall.Check(answer.Status);
            return new RestDescribed(answer.Results.SelectMany(r => r.Roles).Select(r => r.Name).ToList(), answer.Results.FirstOrDefault()?.Description ?? "");
        });
        add("users/create", call =>
        {
            var request = new CreateCredentialRequest { Username = call.Needed("userName"), Password = Base64(call.Needed("password")) };
            if (call.Part("description") is not null)
            {
                request.Description = call.Text("description");
            }

            return RestCall.Done(call.Core.CreateCredential(request, call.Context));
        });
        add("users/update_password", call =>
        {
            var request = new UpdateCredentialRequest { Username = call.Needed("userName") };
            if (call.Text("newPassword") is { Length: > 0 } fresh)
            {
                (request.OldPassword, request.NewPassword) = (Base64(call.Text("password")), Base64(fresh));
            }

            if (call.Part("description") is not null)
            {
                request.Description = call.Text("description");
            }

            return RestCall.Done(call.Core.UpdateCredential(request, call.Context));
        });
        add("users/drop", call => RestCall.Done(call.Core.DeleteCredential(new DeleteCredentialRequest { Username = call.Needed("userName") }, call.Context)));
        add("users/grant_role", call => UserRole(call, OperateUserRoleType.AddUserToRole));
        add("users/revoke_role", call => UserRole(call, OperateUserRoleType.RemoveUserFromRole));
    }

    private static void AddRoles(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("roles/list", async call =>
        {
            var answer = await call.Core.SelectRole(new SelectRoleRequest(), call.Context);
            RestCall.Check(answer.Status);
            return answer.Results.Select(r => r.Role.Name).ToList();
        });
        add("roles/describe", async call =>
        {
            var role = await call.Core.SelectRole(new SelectRoleRequest { Role = new RoleEntity { Name = call.Needed("roleName") } }, call.Context);
            RestCall.Check(role.Status);
            var answer = await call.Core.SelectGrant(new SelectGrantRequest { Entity = new GrantEntity { Role = new RoleEntity { Name = call.Needed("roleName") }, DbName = call.Database } }, call.Context);
            RestCall.Check(answer.Status);
            var grants = answer.Entities.Select(g => new Dictionary<string, object?>
            {
                ["objectType"] = g.Object.Name, ["objectName"] = g.ObjectName, ["privilege"] = g.Grantor.Privilege.Name, ["dbName"] = g.DbName, ["grantor"] = g.Grantor.User.Name,
            }).ToList();
            return new RestDescribed(grants, role.Results.FirstOrDefault()?.Role?.Description ?? "");
        });
        add("roles/create", call => RestCall.Done(call.Core.CreateRole(new CreateRoleRequest { Entity = new RoleEntity { Name = call.Needed("roleName"), Description = call.Text("description") } }, call.Context)));
        add("roles/alter", call => RestCall.Done(call.Core.AlterRole(new AlterRoleRequest { RoleName = call.Needed("roleName"), Description = call.Text("description") }, call.Context)));
        add("roles/drop", call => RestCall.Done(call.Core.DropRole(new DropRoleRequest { RoleName = call.Needed("roleName"), ForceDrop = call.Flag("forceDrop") }, call.Context)));
        add("roles/grant_privilege", call => Privilege(call, OperatePrivilegeType.Grant));
        add("roles/revoke_privilege", call => Privilege(call, OperatePrivilegeType.Revoke));
        add("roles/grant_privilege_v2", call => PrivilegeV2(call, OperatePrivilegeType.Grant));
        add("roles/revoke_privilege_v2", call => PrivilegeV2(call, OperatePrivilegeType.Revoke));
    }

    private static void AddGroups(Action<string, Func<RestCall, Task<object>>> add)
    {
        add("privilege_groups/list", async call =>
        {
            var answer = await call.Core.ListPrivilegeGroups(new ListPrivilegeGroupsRequest(), call.Context);
            RestCall.Check(answer.Status);
            return new Dictionary<string, object?>
            {
                ["privilegeGroups"] = answer.PrivilegeGroups.Select(g => new Dictionary<string, object?> { ["privilegeGroupName"] = g.GroupName, ["privileges"] = g.Privileges.Select(p => p.Name).ToList() }).ToList(),
            };
        });
        add("privilege_groups/create", call => RestCall.Done(call.Core.CreatePrivilegeGroup(new CreatePrivilegeGroupRequest { GroupName = call.Needed("privilegeGroupName") }, call.Context)));
        add("privilege_groups/drop", call => RestCall.Done(call.Core.DropPrivilegeGroup(new DropPrivilegeGroupRequest { GroupName = call.Needed("privilegeGroupName") }, call.Context)));
        add("privilege_groups/add_privileges_to_group", call => Group(call, OperatePrivilegeGroupType.AddPrivilegesToGroup));
        add("privilege_groups/remove_privileges_from_group", call => Group(call, OperatePrivilegeGroupType.RemovePrivilegesFromGroup));
    }

    private static Task<object> UserRole(RestCall call, OperateUserRoleType type) =>
        RestCall.Done(call.Core.OperateUserRole(new OperateUserRoleRequest { Username = call.Needed("userName"), RoleName = call.Needed("roleName"), Type = type }, call.Context));

    private static Task<object> Privilege(RestCall call, OperatePrivilegeType type)
    {
        var entity = new GrantEntity
        {
            Role = new RoleEntity { Name = call.Needed("roleName") },
            Object = new ObjectEntity { Name = call.Needed("objectType") },
            ObjectName = call.Needed("objectName"),
            DbName = call.Database,
            Grantor = new GrantorEntity { Privilege = new PrivilegeEntity { Name = call.Needed("privilege") } },
        };
        return RestCall.Done(call.Core.OperatePrivilege(new OperatePrivilegeRequest { Entity = entity, Type = type }, call.Context));
    }

    private static Task<object> PrivilegeV2(RestCall call, OperatePrivilegeType type) =>
        RestCall.Done(call.Core.OperatePrivilegeV2(
            new OperatePrivilegeV2Request
            {
                Role = new RoleEntity { Name = call.Needed("roleName") },
                Grantor = new GrantorEntity { Privilege = new PrivilegeEntity { Name = call.Needed("privilege") } },
                DbName = call.Database,
                CollectionName = call.Needed("collectionName"),
                Type = type,
            },
            call.Context));

    private static Task<object> Group(RestCall call, OperatePrivilegeGroupType type)
    {
        var request = new OperatePrivilegeGroupRequest { GroupName = call.Needed("privilegeGroupName"), Type = type };
        request.Privileges.Add(call.Texts("privileges").Select(p => new PrivilegeEntity { Name = p }));
        return RestCall.Done(call.Core.OperatePrivilegeGroup(request, call.Context));
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
