using Demarc.Core.Access;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Access;

/// <summary>Whom a request or a browser stands for: the holder of a key, or a person whom the plane's OpenID provider knows.</summary>
public sealed record Reader
{
    private Reader(PublicKey? key, Subject? subject)
    {
        Key = key;
        Subject = subject;
    }

    /// <summary>The key; null for somebody who signed in with the provider.</summary>
    public PublicKey? Key { get; }

    /// <summary>Who they are to the provider; null for the holder of a key.</summary>
    public Subject? Subject { get; }

    /// <summary>Their name in the index of environments.</summary>
    public string Id => Key?.KeyId ?? Subject!.Id;

    /// <summary>The holder of a key.</summary>
    public static Reader Of(PublicKey key) => new(key, null);

    /// <summary>Somebody who signed in.</summary>
    public static Reader Of(Subject subject) => new(null, subject);

    /// <summary>What they are in an environment as it stands now; null for a stranger. Asked anew for every request, so that who left is out at once.</summary>
    public Member? In(EnvironmentState state) => Key is { } key ? state.MemberOf(key) : state.MemberOf(Subject!);

    /// <summary>The same, and null as well when their time is over.</summary>
    public Member? At(EnvironmentState state, DateTimeOffset at) => In(state) is { } member && !member.IsExpired(at) ? member : null;
}
