using Demarc.Plane.Access;
using MimeKit;

namespace Demarc.Plane.Monitoring;

/// <summary>The server that takes the plane's e-mail, and who it is from.</summary>
/// <param name="Host">The server.</param>
/// <param name="Port">Its port.</param>
/// <param name="ImplicitTls">TLS from the first byte, instead of STARTTLS.</param>
/// <param name="User">Whose account; null for a server that asks for none.</param>
/// <param name="Password">Its password.</param>
/// <param name="From">The sender's address.</param>
public sealed record MailOptions(string Host, int Port, bool ImplicitTls, string? User, Secret? Password, string From)
{
    /// <summary>Whether the server is this very machine, where a clear connection is nobody else's to hear.</summary>
    public bool IsLocal => new UriBuilder("smtp", Host).Uri.IsLoopback;

    /// <summary>Reads the options of the command line; null for none, and a sentence says what is wrong.</summary>
    public static (MailOptions? Options, string? Fault) Read(IReadOnlyDictionary<string, string> values)
    {
        if (!values.TryGetValue("--smtp-url", out var text))
            return (null, values.ContainsKey("--smtp-password-file") || values.ContainsKey("--mail-from") ? "--smtp-password-file and --mail-from say nothing without --smtp-url." : null);
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("smtp" or "smtps") || url.Host.Length == 0 || url.AbsolutePath is not ("" or "/") || url.Query.Length > 0)
            return (null, $"--smtp-url '{text}' is not an address like smtp://user@mail.example:587.");
        if (url.UserInfo.Contains(':', StringComparison.Ordinal)) return (null, "--smtp-url must not hold a password: others can read a command line. Name a file with --smtp-password-file.");
        if (!values.TryGetValue("--mail-from", out var from) || !IsAddress(from)) return (null, $"--mail-from '{from}' is not an e-mail address.");
        var user = url.UserInfo.Length > 0 ? Uri.UnescapeDataString(url.UserInfo) : null;
        var port = url.Port > 0 ? url.Port : url.Scheme == "smtps" ? 465 : 587;
        if (!values.TryGetValue("--smtp-password-file", out var file))
            return user is null ? (new MailOptions(url.Host, port, url.Scheme == "smtps", null, null, from), null) : (null, $"--smtp-url names the user {user}: give the password with --smtp-password-file.");
        if (user is null) return (null, "--smtp-password-file is of no use without a user in --smtp-url.");
        var (password, fault) = OpenIdOptions.ReadSecret("--smtp-password-file", file);
        return password is null ? (null, fault) : (new MailOptions(url.Host, port, url.Scheme == "smtps", user, password, from), null);
    }

    /// <summary>One plain address: no name, no list, nothing that could become a header.</summary>
    internal static bool IsAddress(string text) =>
        text.Length is > 2 and <= Core.Monitoring.NotifyLimits.MailCharacters && text.All(c => c is > ' ' and <= '~') && MailboxAddress.TryParse(text, out var read) && read.Address == text && text.Contains('@', StringComparison.Ordinal);
}
