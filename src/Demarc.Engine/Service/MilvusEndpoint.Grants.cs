using Demarc.Engine.Credentials;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>What roles may do: granting, revoking, listing, and all of it as one piece for a backup.</summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<Protocol.Status> OperatePrivilege(OperatePrivilegeRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var entity = request.Entity ?? throw Faults.Invalid("the entity in the request is nil");
            if (!Enum.TryParse<ObjectKind>(entity.Object?.Name, out var kind) || !Enum.IsDefined(kind))
            {
                throw new Fault(65535, $"not found the object type[name: {entity.Object?.Name}], supported the object types: [Collection, Global, User]", ErrorCode.OperatePrivilegeFailure);
            }

            if (entity.ObjectName.Length == 0)
            {
                throw Faults.Invalid("the object name in the object entity of the grant entity info is empty");
            }

            var grant = new StoredGrant
            {
                Role = entity.Role?.Name ?? "",
                ObjectType = kind.ToString(),
                ObjectName = entity.ObjectName,
                Database = entity.DbName.Length > 0 ? entity.DbName : Faults.DefaultDatabase,
                Privilege = Privileges.Bare(entity.Grantor?.Privilege?.Name ?? ""),
                Grantor = Grantor(call),
            };
            return Operate(grant, request.Type);
        });

    public override Task<Protocol.Status> OperatePrivilegeV2(OperatePrivilegeV2Request request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var privilege = Privileges.Bare(request.Grantor?.Privilege?.Name ?? "");
            var grant = new StoredGrant
            {
                Role = request.Role?.Name ?? "",
                ObjectType = Privileges.ObjectTypeOf(privilege),
                ObjectName = request.CollectionName.Length > 0 ? request.CollectionName : Privileges.Any,
                Database = request.DbName.Length > 0 ? request.DbName : Faults.DefaultDatabase,
                Privilege = privilege,
                Grantor = Grantor(call),
            };
            return Operate(grant, request.Type);
        });

    public override Task<SelectGrantResponse> SelectGrant(SelectGrantRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            var entity = request.Entity ?? throw Faults.Invalid("the grant entity in the request is nil");
            var role = entity.Role?.Name ?? "";
            var access = State.Access;
            if (!access.HasRole(role))
            {
                throw NoSuchRole(role, ErrorCode.SelectGrantFailure);
            }

            var type = entity.Object?.Name ?? "";
            var database = entity.DbName.Length > 0 ? entity.DbName : type.Length > 0 ? Faults.DefaultDatabase : Privileges.Any;
            var answer = new SelectGrantResponse { Status = Success() };
            answer.Entities.Add(access.Grants
                .Where(g => g.Role == role
                    && (type.Length == 0 || g.ObjectType == type)
                    && (entity.ObjectName.Length == 0 || g.ObjectName == entity.ObjectName)
                    && (database == Privileges.Any || g.Database == database || g.Database == Privileges.Any))
                .Select(Entity));
            return answer;
        });

    public override Task<BackupRBACMetaResponse> BackupRBAC(BackupRBACMetaRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            // Password hashes stay here: a user that is restored elsewhere is given a password there.
            var access = State.Access;
            var meta = new RBACMeta();
            foreach (var user in access.Users.Values.Where(u => u.Name != AccessState.Root))
            {
                var info = new UserInfo { User = user.Name };
                info.Roles.Add(user.Roles.Select(r => new RoleEntity { Name = r }));
                meta.Users.Add(info);
            }

            meta.Roles.Add(access.Roles.Values.Select(r => new RoleEntity { Name = r.Name, Description = r.Description }));
            meta.Grants.Add(access.Grants.Select(Entity));
            meta.PrivilegeGroups.Add(Groups(access));
            return new BackupRBACMetaResponse { Status = Success(), RBACMeta = meta };
        });

    public override Task<Protocol.Status> RestoreRBAC(RestoreRBACMetaRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            var meta = request.RBACMeta ?? throw Faults.Invalid("restore rbac meta failed: rbac meta is nil");
            var access = State.Access;
            var ops = new List<LogOp>();
            foreach (var role in meta.Roles.Where(r => !access.HasRole(r.Name)))
            {
                ops.Add(new LogOp { PutRole = new PutRoleOp { Role = new StoredRole { Name = role.Name, Description = role.Description } } });
            }

            foreach (var group in meta.PrivilegeGroups)
            {
                var stored = new StoredPrivilegeGroup { Name = group.GroupName };
                stored.Privileges.Add(group.Privileges.Select(p => Privileges.Bare(p.Name)));
                ops.Add(PutGroup(stored));
            }

            ops.AddRange(meta.Grants.Select(g => new LogOp
            {
                PutGrant = new PutGrantOp
                {
                    Grant = new StoredGrant
                    {
                        Role = g.Role?.Name ?? "", ObjectType = g.Object?.Name ?? "", ObjectName = g.ObjectName, Database = g.DbName, Privilege = Privileges.Bare(g.Grantor?.Privilege?.Name ?? ""), Grantor = Grantor(call),
                    },
                },
            }));
            ops.AddRange(meta.Users.Where(u => access.Users.ContainsKey(u.User) && u.User != AccessState.Root).Select(u =>
            {
                var user = access.Users[u.User].Clone();
                user.Roles.Add(u.Roles.Select(r => r.Name).Except(user.Roles).ToList());
                return PutUser(user);
            }));
            return ops.Count == 0 ? null : Batch(ops);
        });

    private LogOp? Operate(StoredGrant grant, OperatePrivilegeType type)
    {
        var access = State.Access;
        if (!access.HasRole(grant.Role))
        {
            throw NoSuchRole(grant.Role, ErrorCode.OperatePrivilegeFailure);
        }

        if (!Privileges.IsKnown(access, grant.Privilege))
        {
            throw new Fault(65535, $"not found the privilege name[{grant.Privilege}] in the system", ErrorCode.OperatePrivilegeFailure);
        }

        var there = access.Grants.Any(g => AccessState.Same(g, grant));
        return type == OperatePrivilegeType.Grant
            ? there ? null : new LogOp { PutGrant = new PutGrantOp { Grant = grant } }
            : there ? new LogOp { DropGrant = new DropGrantOp { Grant = grant } } : null;
    }

    private static string Grantor(Call call) => call.User.Length > 0 ? call.User : AccessState.Root;

    private static GrantEntity Entity(StoredGrant grant) => new()
    {
        Role = new RoleEntity { Name = grant.Role },
        Object = new ObjectEntity { Name = grant.ObjectType },
        ObjectName = grant.ObjectName,
        DbName = grant.Database,
        Grantor = new GrantorEntity { User = new UserEntity { Name = grant.Grantor }, Privilege = new PrivilegeEntity { Name = grant.Privilege == Privileges.Any ? Privileges.All : grant.Privilege } },
    };
}
