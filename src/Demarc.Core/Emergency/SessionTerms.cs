using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json.Serialization;
using Demarc.Core.Charter;
using Demarc.Core.Instances;
using Demarc.Core.Ledger;

namespace Demarc.Core.Emergency;

/// <summary>What a session opens.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SessionKind>))]
public enum SessionKind
{
    /// <summary>A diagnostic bundle, which the customer sees before it leaves.</summary>
    [JsonStringEnumMemberName("bundle")] Bundle,

    /// <summary>A temporary Milvus user that only reads.</summary>
    [JsonStringEnumMemberName("milvus")] Milvus,

    /// <summary>Commands from a fixed list on the agent's machine.</summary>
    [JsonStringEnumMemberName("terminal")] Terminal,
}

/// <summary>The words for kinds, and the action of the charter that each one is.</summary>
public static class SessionKinds
{
    /// <summary>The word, as in <c>terminal</c>.</summary>
    public static string Word(this SessionKind kind) => kind switch { SessionKind.Bundle => "bundle", SessionKind.Milvus => "milvus", SessionKind.Terminal => "terminal" };

    /// <summary>What the charter calls it.</summary>
    public static ChangeAction Action(this SessionKind kind) => kind switch
    {
        SessionKind.Bundle => ChangeAction.Bundle,
        SessionKind.Milvus => ChangeAction.MilvusSession,
        SessionKind.Terminal => ChangeAction.Terminal,
    };

    /// <summary>The kind of a word, or null.</summary>
    public static SessionKind? ByWord(string? word)
    {
        foreach (var kind in Enum.GetValues<SessionKind>())
        {
            if (kind.Word() == word) return kind;
        }

        return null;
    }
}

/// <summary>What somebody asks for: which kind of session, on what, for how long, and why.</summary>
/// <param name="Kind">Which kind.</param>
/// <param name="Instance">The instance of a Milvus session; null for the other kinds.</param>
/// <param name="Minutes">How long it may last, from its approval on.</param>
/// <param name="Override">Whether it opens before anybody has approved it, to be reviewed afterwards.</param>
/// <param name="Recipient">The age recipient of who asks, to which the credential of a Milvus session is sealed; null for the other kinds.</param>
/// <param name="Reason">Why, in the words of who asks.</param>
public sealed record SessionTerms(
    [property: Public] SessionKind Kind,
    [property: Public] InstanceId? Instance,
    [property: Public] int Minutes,
    [property: Public] bool Override,
    [property: Public] string? Recipient,
    [property: Sensitive] string Reason)
{
    /// <summary>The text that approvals sign by its hash: everything that was asked for, and by whom, line by line.</summary>
    public string Text(SessionId session, string requestedBy) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
         demarc emergency session 1
         session: {session}
         requested-by: {requestedBy}
         kind: {Kind.Word()}
         instance: {Instance?.Value ?? "-"}
         minutes: {Minutes}
         override: {(Override ? "yes" : "no")}
         recipient: {Recipient ?? "-"}
         reason: "{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(Reason)}"

         """).ReplaceLineEndings("\n");

    /// <summary>Hex SHA-256 of that text.</summary>
    public string Hash(SessionId session, string requestedBy) => HashOf(Text(session, requestedBy));

    /// <summary>The hash of a text of terms, as whoever approves it computes it from what is shown.</summary>
    public static string HashOf(string text) => ContentHash.Of(text);
}

/// <summary>Bounds of emergency sessions, each with its reason.</summary>
public static class SessionLimits
{
    /// <summary>The longest session where the charter sets no limit: one working day's shift.</summary>
    public const int MaxMinutes = 480;

    /// <summary>Sessions asked for or open at once where the charter sets no limit: more nobody can watch.</summary>
    public const int MaxOpen = 8;

    /// <summary>Bytes of one recording; a session that shows more is ended. A shift at a terminal shows a few hundred KiB.</summary>
    public const int MaxRecordingBytes = 8 * 1024 * 1024;

    /// <summary>Bytes of one line of a recording: output is cut into pieces of a quarter of it.</summary>
    public const int MaxLineBytes = 16 * 1024;

    /// <summary>Characters of one command that is typed.</summary>
    public const int MaxCommand = 400;

    /// <summary>Bytes of a diagnostic bundle; log tails are cut to fit.</summary>
    public const int MaxBundleBytes = 1024 * 1024;

    /// <summary>A request that nobody has approved by then lapses.</summary>
    public static TimeSpan AwaitsApproval { get; } = TimeSpan.FromHours(24);

    /// <summary>How far the clock of who approved may be ahead of the agent's.</summary>
    public static TimeSpan ClockTolerance { get; } = TimeSpan.FromMinutes(5);

    /// <summary>From the moment in which the agent learns that a session is over until nothing of it runs any more, at the 99th percentile.</summary>
    public static TimeSpan Cut { get; } = TimeSpan.FromSeconds(1);

    /// <summary>How often who works in a session says that they are still there.</summary>
    public static TimeSpan Beat { get; } = TimeSpan.FromSeconds(1);

    /// <summary>Nothing signed by who works in the session for so long is the loss of their stream, though no connection was closed.</summary>
    public static TimeSpan Silence { get; } = TimeSpan.FromSeconds(5);

    /// <summary>A running session's recording is pinned in the ledger this often, when there is news.</summary>
    public static TimeSpan Pin { get; } = TimeSpan.FromSeconds(15);
}
