using System.CommandLine;
using System.Globalization;
using Demarc.Core.Charter;
using Demarc.Core.Emergency;
using Demarc.Core.Environments;

namespace Demarc.Cli.Emergency;

/// <summary>What the commands of sessions share: the argument, the lookup, and how a session is shown.</summary>
internal static class SessionNames
{
    public static Argument<string> Argument() => new("session") { Description = "The session, as in s-5hq2m7xk." };

    public static SessionId Parsed(string text) => SessionId.TryParse(text, out var id)
        ? id
        : throw CommandFailedException.Usage($"'{text}' is not a session's id: {SessionId.Form}.", "'demarc emergency list' shows them.");

    public static string Path(Invocation invocation, SessionId id) => $"{invocation.Path}/sessions/{id}";

    public static Task<SessionView> FindAsync(Invocation invocation, Party party, SessionId id) =>
        invocation.Client(party).GetAsync(Path(invocation, id), ViewJson.Default.SessionView, invocation.Stop);

    /// <summary>As in <c>terminal for 30 minutes</c>.</summary>
    public static string What(SessionView view) =>
        $"{view.Kind}{(view.Instance is { } instance ? $" on {instance}" : "")} for {view.Minutes} min{(view.Override ? ", by override" : "")}";

    public static string Moment(DateTimeOffset? at) => at is { } time ? time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture) : "";

    public static void Print(Terminal.Terminal terminal, SessionView view) => terminal.Facts(
        ("session", $"{view.Id}, {What(view)}"),
        ("reason", view.Reason),
        ("status", view.Status + (view.Detail is { } detail ? $": {detail}" : "")),
        ("requested", $"{Moment(view.RequestedAt)} by the {view.RequestedFor.Word()}, {view.RequestedBy}"),
        ("awaits", view.Awaited.IsEmpty ? null : string.Join(" and ", view.Awaited.Select(awaited => awaited.Words))),
        ("approved", view.Approvals.IsEmpty ? view.Preapproved is { } act ? $"beforehand, by '{act}' of the charter" : null : string.Join(", ", view.Approvals.Select(a => $"{Moment(a.At)} by the {a.Party.Word()}'s {a.Role} {a.Key}"))),
        ("opened", view.OpenedAt is null ? null : Moment(view.OpenedAt)),
        ("confined", view.Confinement),
        ("until", view.ExpiresAt is null ? null : Moment(view.ExpiresAt)),
        ("revoked", view.Revoked),
        ("ended", view.EndedAt is null ? null : Moment(view.EndedAt)),
        ("changed", view.Difference),
        ("recording", view.Recording is { Head.Length: > 0 } mark ? string.Create(CultureInfo.InvariantCulture, $"{mark.Events} lines, {mark.Bytes} bytes, head {mark.Head}") : null),
        ("bundle", view.Bundle is { } bundle ? string.Create(CultureInfo.InvariantCulture, $"{bundle.Bytes} bytes, {bundle.Hash}, {(bundle.Released ? "released" : "not released")}") : null),
        ("user", view.CredentialUser is { } user ? $"{user}, port {view.Port} on the customer's side; its password: demarc emergency show {view.Id} --credential" : null),
        ("review", view.Review is { } review ? $"{review} ({view.ReviewedBy})" : view.AwaitsReview ? $"awaited, and until then nothing of the vendor's begins: demarc emergency review {view.Id}" : null));
}
