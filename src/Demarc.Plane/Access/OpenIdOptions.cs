using Demarc.Plane.Hosting;

namespace Demarc.Plane.Access;

/// <summary>The OpenID provider that people may sign in with to read.</summary>
/// <param name="Authority">Where its discovery document is, without the <c>/.well-known/…</c> part.</param>
/// <param name="ClientId">What the provider calls this plane.</param>
/// <param name="ClientSecret">What this plane proves itself with; null for a public client, which PKCE alone protects.</param>
/// <param name="Name">What the button says.</param>
public sealed record OpenIdOptions(Uri Authority, string ClientId, Secret? ClientSecret, string Name)
{
    private const int MaxSecretBytes = 4096;
    private const int MaxName = 40;

    /// <summary>Reads the options of the command line; null for none, and a sentence says what is wrong.</summary>
    public static (OpenIdOptions? Options, string? Fault) Read(IReadOnlyDictionary<string, string> values)
    {
        if (!values.TryGetValue("--oidc-authority", out var authority))
            return (null, values.Keys.FirstOrDefault(key => key.StartsWith("--oidc-", StringComparison.Ordinal)) is { } stray ? $"{stray} says nothing without --oidc-authority." : null);
        if (!Uri.TryCreate(authority, UriKind.Absolute, out var address) || address.Query.Length > 0 || address.Fragment.Length > 0 || address.UserInfo.Length > 0 || !(address.Scheme == "https" || (address.Scheme == "http" && address.IsLoopback)))
            return (null, $"--oidc-authority '{authority}' is not an https address like https://login.example/tenant.");
        if (!values.TryGetValue("--oidc-client-id", out var client) || client.Length is 0 or > 255) return (null, "--oidc-client-id is missing: the name under which the provider knows this plane.");
        var name = values.GetValueOrDefault("--oidc-name", address.Host);
        if (name.Length is 0 or > MaxName) return (null, $"--oidc-name must have 1 to {MaxName} characters.");
        if (!values.TryGetValue("--oidc-client-secret-file", out var file)) return (new OpenIdOptions(address, client, null, name), null);
        var (secret, fault) = ReadSecret("--oidc-client-secret-file", file);
        return secret is null ? (null, fault) : (new OpenIdOptions(address, client, secret, name), null);
    }

    /// <summary>One line out of a file that only its owner can read.</summary>
    internal static (Secret? Secret, string? Fault) ReadSecret(string option, string file)
    {
        try
        {
            PrivateFile.DemandPrivate(file);
            if (new FileInfo(file).Length > MaxSecretBytes) return (null, $"{option} {file} has more than {MaxSecretBytes} bytes: it holds one line.");
            var text = File.ReadAllText(file).Trim();
            return text.Length > 0 ? (new Secret(text), null) : (null, $"{option} {file} is empty.");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return (null, $"{option} cannot be read: {unreadable.Message}");
        }
    }
}
