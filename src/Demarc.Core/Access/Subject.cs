using System.Security.Cryptography;
using System.Text;
using Demarc.Core.Ledger;

namespace Demarc.Core.Access;

/// <summary>Who somebody is to an OpenID provider: its issuer and its own name for the person (OpenID Connect Core 1.0, section 2: <c>iss</c> and <c>sub</c>), compared exactly.</summary>
/// <param name="Issuer">An https address, or an http one of this machine.</param>
/// <param name="Name">The provider's name for the person; often no name that people would know.</param>
public sealed record Subject(string Issuer, string Name)
{
    /// <summary>Characters of an issuer.</summary>
    public const int MaxIssuer = 255;

    /// <summary>Characters of a subject; the specification's own limit.</summary>
    public const int MaxName = 255;

    /// <summary>One short word for both, which stands beside key ids in indexes: nobody can choose it.</summary>
    public string Id => "oidc:" + Base64Text.EncodeUrl(SHA256.HashData(Encoding.UTF8.GetBytes(Issuer + "\n" + Name)));

    /// <summary>Why this cannot be linked, or null.</summary>
    public string? Fault()
    {
        if (Issuer.Length is 0 or > MaxIssuer) return $"issuer must have 1 to {MaxIssuer} characters";
        if (!Uri.TryCreate(Issuer, UriKind.Absolute, out var address) || address.Query.Length > 0 || address.Fragment.Length > 0 || !(address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback)))
            return "issuer must be an https address without query, exactly as the provider's tokens name it";
        return Name.Length is 0 or > MaxName || Name.Any(c => c is < ' ' or > '~') ? $"subject must have 1 to {MaxName} printable ASCII characters" : null;
    }
}

/// <summary>A person whom an OpenID provider knows, and the member they may read as.</summary>
/// <param name="Subject">Who they are to the provider.</param>
/// <param name="Key">The member's key.</param>
public sealed record MemberLink(Subject Subject, string Key);
