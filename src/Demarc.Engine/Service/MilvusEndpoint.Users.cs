using System.Text;
using Demarc.Engine.Catalog;
using Demarc.Engine.Credentials;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>
/// Users. Root is always there for clients that look; its making, or a credential file, switches logins on. What a user may
/// do follows from roles.
/// </summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<Protocol.Status> CreateCredential(CreateCredentialRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            NameRules.CheckUser(request.Username);
            var user = new StoredUser { Name = request.Username, PasswordHash = PasswordHash.Create(NewPassword(request.Password)).Encode(), Description = request.Description, BoundByRoles = request.Username != AccessState.Root };
            await store.Decide(() =>
            {
                var users = State.Access.Users;
                if (users.ContainsKey(user.Name))
                {
                    throw new Fault(65535, $"user already exists: {user.Name}", ErrorCode.CreateCredentialFailure);
                }

                return users.Count >= Limits.Users
                    ? throw new Fault(65535, $"unable to add user because the number of users has reached the limit of {Limits.Users}", ErrorCode.CreateCredentialFailure)
                    : PutUser(user);
            });
            return Success();
        });

    public override Task<Protocol.Status> UpdateCredential(UpdateCredentialRequest request, ServerCallContext context) =>
        Run(request, context, async call =>
        {
            // Whoever changes a password shows the old one, so that a session left open is not enough. Of who is not there no more is said than of who has another one.
            var user = State.Access.Users.GetValueOrDefault(request.Username);
            if (PasswordHash.Parse(user?.PasswordHash) is not { } known || !known.Matches(Decode(request.OldPassword, "old password")))
            {
                throw Faults.NotAuthenticated($"old password not correct for {request.Username}");
            }

            var hash = PasswordHash.Create(NewPassword(request.NewPassword)).Encode();
            await store.Decide(() =>
            {
                var changed = State.Access.Users.GetValueOrDefault(request.Username)?.Clone() ?? throw NoSuchUser(request.Username, ErrorCode.UpdateCredentialFailure);
                changed.PasswordHash = hash;
                if (request.HasDescription)
                {
                    changed.Description = request.Description;
                }

                return PutUser(changed);
            });
            return Success();
        });

    public override Task<Protocol.Status> DeleteCredential(DeleteCredentialRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            if (request.Username == AccessState.Root)
            {
                throw new Fault(65535, "user root cannot be deleted", ErrorCode.DeleteCredentialFailure);
            }

            // As in Milvus, deleting who is not there succeeds.
            var access = State.Access;
            if (!access.Users.TryGetValue(request.Username, out var user))
            {
                return null;
            }

            return AccessState.Enforces(user) && access.Users.Values.Count(AccessState.Enforces) == 1
                ? throw new Fault(65535, $"user {request.Username} is the last of the credential file and root does not exist; deleting it would switch logins off", ErrorCode.DeleteCredentialFailure)
                : new LogOp { DropUser = new DropUserOp { Name = request.Username } };
        });

    public override Task<ListCredUsersResponse> ListCredUsers(ListCredUsersRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            var answer = new ListCredUsersResponse { Status = Success() };
            answer.Usernames.Add(UserNames());
            return answer;
        });

    public override Task<SelectUserResponse> SelectUser(SelectUserRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            var access = State.Access;
            var asked = request.User?.Name ?? "";
            var answer = new SelectUserResponse { Status = Success() };
            foreach (var name in UserNames().Where(n => asked.Length == 0 || n == asked))
            {
                var stored = access.Users.GetValueOrDefault(name);
                var result = new UserResult { User = new UserEntity { Name = name }, Description = stored?.Description ?? "" };
                if (request.IncludeRoleInfo)
                {
                    result.Roles.Add(RolesOf(name, stored).Select(r => new RoleEntity { Name = r }));
                }

                answer.Results.Add(result);
            }

            return answer;
        });

    private static LogOp PutUser(StoredUser user) => new() { PutUser = new PutUserOp { User = user } };

    private static IEnumerable<string> RolesOf(string name, StoredUser? user) => name == AccessState.Root ? [AccessState.AdminRole] : user?.Roles ?? [];

    private static Fault NoSuchUser(string name, ErrorCode old) => new(65535, $"not found the credential:{name}", old);

    private SortedSet<string> UserNames() => new(State.Access.Users.Keys.Append(AccessState.Root), StringComparer.Ordinal);

    private static string NewPassword(string base64)
    {
        var password = Decode(base64, "password");
        return password.Length is >= Limits.PasswordMinLength and <= Limits.PasswordMaxLength
            ? password
            : throw Faults.OutOfRange("invalid password length", Limits.PasswordMinLength, Limits.PasswordMaxLength, password.Length);
    }

    private static string Decode(string base64, string what)
    {
        var bytes = new byte[((base64.Length / 4) + 1) * 3];
        return Convert.TryFromBase64String(base64, bytes, out var length) ? Encoding.UTF8.GetString(bytes, 0, length)
            : throw Faults.Invalid($"decode {what} failed: it should be base64");
    }
}
