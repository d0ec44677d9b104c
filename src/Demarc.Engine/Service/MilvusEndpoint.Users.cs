using System.Text;
using Demarc.Engine.Catalog;
using Demarc.Engine.Credentials;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>
/// Users. This engine has no roles: every user may use every collection, only root may make, change or remove other
/// users, and each may change the own password.
/// </summary>
internal sealed partial class MilvusEndpoint
{
    private const string Root = "root";

    public override Task<Protocol.Status> CreateCredential(CreateCredentialRequest request, ServerCallContext context) =>
        Run(
            async () =>
            {
                RequireRoot(context, "PrivilegeCreateOwnership");
                SchemaRules.CheckName(request.Username, "username");
                if (request.Username.Length > Limits.UserNameLength)
                {
                    throw Faults.Invalid($"invalid username: the length of username must be less than {Limits.UserNameLength}");
                }

                var hash = PasswordHash.Create(NewPassword(request.Password)).Encode();
                await store.Decide(() =>
                {
                    if (State.Users.ContainsKey(request.Username))
                    {
                        throw new Fault(65535, $"user already exists: {request.Username}", ErrorCode.CreateCredentialFailure);
                    }

                    if (State.Users.Count >= Limits.Users)
                    {
                        throw new Fault(65535, $"unable to add user because the number of users has reached the limit of {Limits.Users}", ErrorCode.CreateCredentialFailure);
                    }

                    // The first user switches logins on for everyone; without root nobody could administer them.
                    return State.Users.IsEmpty && request.Username != Root
                        ? throw new Fault(65535, $"the first user must be {Root}, because creating it switches logins on", ErrorCode.CreateCredentialFailure)
                        : new LogOp { PutUser = new PutUserOp { User = new StoredUser { Name = request.Username, PasswordHash = hash } } };
                });
                return Success();
            },
            status => status);

    public override Task<Protocol.Status> UpdateCredential(UpdateCredentialRequest request, ServerCallContext context) =>
        Run(
            async () =>
            {
                var caller = CallerName(context);
                if (caller != request.Username)
                {
                    RequireRoot(context, "PrivilegeUpdateUser");
                }

                var user = State.Users.GetValueOrDefault(request.Username)
                    ?? throw new Fault(65535, $"not found the credential:{request.Username}", ErrorCode.UpdateCredentialFailure);
                var old = Decode(request.OldPassword, "old password");
                if (PasswordHash.Parse(user.PasswordHash) is not { } known || !known.Matches(old))
                {
                    throw Faults.NotAuthenticated($"old password not correct for {request.Username}");
                }

                var hash = PasswordHash.Create(NewPassword(request.NewPassword)).Encode();
                await store.Decide(() => State.Users.TryGetValue(request.Username, out var current)
                    ? new LogOp { PutUser = new PutUserOp { User = new StoredUser { Name = current.Name, PasswordHash = hash, ImportedHash = current.ImportedHash } } }
                    : throw new Fault(65535, $"not found the credential:{request.Username}", ErrorCode.UpdateCredentialFailure));
                return Success();
            },
            status => status);

    public override Task<Protocol.Status> DeleteCredential(DeleteCredentialRequest request, ServerCallContext context) =>
        Run(
            async () =>
            {
                RequireRoot(context, "PrivilegeDropOwnership");
                if (request.Username == Root)
                {
                    throw new Fault(65535, "user root cannot be deleted", ErrorCode.DeleteCredentialFailure);
                }

                // As in Milvus, deleting who is not there succeeds.
                await store.Decide(() => State.Users.ContainsKey(request.Username) ? new LogOp { DropUser = new DropUserOp { Name = request.Username } } : null);
                return Success();
            },
            status => status);

    public override Task<ListCredUsersResponse> ListCredUsers(ListCredUsersRequest request, ServerCallContext context) =>
        Run(
            () =>
            {
                RequireRoot(context, "PrivilegeSelectOwnership");
                var answer = new ListCredUsersResponse { Status = Success() };
                answer.Usernames.Add(State.Users.Keys);
                return answer;
            },
            status => new ListCredUsersResponse { Status = status });

    private void RequireRoot(ServerCallContext context, string privilege)
    {
        var caller = CallerName(context);
        if (!State.Users.IsEmpty && caller != Root)
        {
            throw Faults.NotPermitted($"{privilege}: permission deny to {caller} in the `default` database");
        }
    }

    private static string NewPassword(string base64)
    {
        var password = Decode(base64, "password");
        return password.Length is >= Limits.PasswordMinLength and <= Limits.PasswordMaxLength
            ? password
            : throw Faults.Invalid($"invalid password: out of range {Limits.PasswordMinLength} <= value <= {Limits.PasswordMaxLength}");
    }

    private static string Decode(string base64, string what)
    {
        var bytes = new byte[((base64.Length / 4) + 1) * 3];
        return Convert.TryFromBase64String(base64, bytes, out var length) ? Encoding.UTF8.GetString(bytes, 0, length)
            : throw Faults.Invalid($"decode {what} failed: it should be base64");
    }
}
