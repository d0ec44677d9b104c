using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Google.Protobuf;

namespace Demarc.Engine.Credentials;

/// <summary>Decides whether who calls may do what they ask, from their roles and what was granted to these.</summary>
internal static class AccessCheck
{
    /// <summary>Refuses with Milvus's words when none of the caller's roles has the privilege.</summary>
    public static void Require(EngineState state, Service.Call call, IMessage request)
    {
        var access = state.Access;
        var (database, caller) = (call.Database, call.User);
        var needed = Requirements.Of(request.Descriptor);
        if (needed is null || !access.LoginsOn || caller == AccessState.Root || call.Temporary)
        {
            return;
        }

        if (IsOwn(needed, caller, request) || (access.Users.TryGetValue(caller, out var user) && Holds(state, user, needed, database, request)))
        {
            return;
        }

        throw Faults.NotPermitted($"Privilege{needed.Privilege}: permission deny to {caller} in the `{database}` database");
    }

    private static bool Holds(EngineState state, StoredUser user, Requirement needed, string database, IMessage request)
    {
        if (!user.BoundByRoles)
        {
            return !Privileges.Ownership.Contains(needed.Privilege);
        }

        if (user.Roles.Contains(AccessState.AdminRole) || Privileges.Public.Contains(needed.Privilege))
        {
            return true;
        }

        var access = state.Access;
        var everywhere = Privileges.Cluster.Contains(needed.Privilege);
        var grants = access.Grants.Where(g => (g.Role == AccessState.PublicRole || user.Roles.Contains(g.Role))
            && (everywhere || Covers(g.Database, database)) && Privileges.Covers(access, g.Privilege, needed.Privilege)).ToList();
        if (needed.Kind == ObjectKind.Global || grants.Count == 0)
        {
            return grants.Count > 0;
        }

        var names = needed.NamesIn(request).ToList();
        return names.Count == 0 ? grants.Exists(g => g.ObjectName == Privileges.Any) : names.TrueForAll(name => grants.Exists(g => Covers(g.ObjectName, RealName(state, needed, database, name))));
    }

    private static bool Covers(string granted, string asked) => granted == Privileges.Any || granted == asked;

    /// <summary>A grant on a collection holds for its aliases too.</summary>
    private static string RealName(EngineState state, Requirement needed, string database, string name) =>
        needed.Kind == ObjectKind.Collection && state.Lookup(database, name) is { } found ? found.Definition.Name : name;

    /// <summary>Everybody may look at and change what is their own.</summary>
    private static bool IsOwn(Requirement needed, string caller, IMessage request) => needed.Kind == ObjectKind.User && request switch
    {
        Protocol.UpdateCredentialRequest own => own.Username == caller,
        Protocol.SelectUserRequest own => own.User?.Name == caller,
        _ => false,
    };
}
