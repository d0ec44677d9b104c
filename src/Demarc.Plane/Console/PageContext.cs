using System.Collections.Immutable;
using Demarc.Core.Access;
using Demarc.Core.Environments;
using Demarc.Core.Monitoring;
using Demarc.Plane.Access;
using Demarc.Plane.Ledger;

namespace Demarc.Plane.Console;

/// <summary>What every page of one request shares: its language, who reads it, and the environment it is about.</summary>
/// <param name="Words">The language.</param>
/// <param name="Path">The address of the page without its query.</param>
/// <param name="Caller">Who reads; null on a page that says how to sign in.</param>
/// <param name="Environment">The environment at a glance; null on pages of none.</param>
public sealed record PageContext(Words Words, string Path, Caller? Caller, EnvironmentView? Environment)
{
    /// <summary>The moment the page is made for: what waits for a window is shown as of then.</summary>
    public DateTimeOffset Now { get; init; }

    /// <summary>The plane's name, which requests that the browser signs are for.</summary>
    public string PlaneName { get; init; } = "";

    /// <summary>What the button for signing in says; null when there is no provider to sign in with.</summary>
    public string? SignInProvider { get; init; }

    /// <summary>The environment as it stands.</summary>
    public LedgerView View => Caller!.Environment;

    /// <summary>Where the environment's pages begin.</summary>
    public string Root => $"/environments/{Environment?.Id}";

    /// <summary>Whether the reader may see the ledger itself.</summary>
    public bool MayAudit => Caller?.Member?.Allows(Permission.Audit) ?? false;

    /// <summary>The other pages about the environment, with how many things stand on each.</summary>
    public ImmutableArray<(string Path, string Name, int? Count)> Pages => Environment is not { } environment ? [] :
    [
        (Root, Words.Say("Responsibilities", "責任分担"), null),
        ($"{Root}/inbox", Words.Say("Inbox", "受信箱"), Caller?.Member is { } member ? AwaitedThing.Of(View.State).Count(thing => thing.Party == member.Party) : null),
        ($"{Root}/oversight", Words.Say("Vendor", "ベンダー"), null),
        ($"{Root}/instances", Words.Say("Instances", "インスタンス"), environment.Instances),
        ($"{Root}/changes", Words.Say("Changes", "変更"), environment.OpenChanges),
        ($"{Root}/findings", Words.Say("Findings", "検出事項"), environment.Findings),
        ($"{Root}/machine", Words.Say("Machine", "マシン"), null),
        ($"{Root}/egress", Words.Say("Egress", "外部送信"), null),
        ($"{Root}/charter", Words.Say("Charter", "憲章"), null),
        ($"{Root}/members", Words.Say("Members", "メンバー"), null),
        .. MayAudit ? [($"{Root}/notifications", Words.Say("Notifications", "通知"), null), ($"{Root}/ledger", Words.Say("Ledger", "台帳"), null)] : ImmutableArray<(string, string, int?)>.Empty,
    ];

    /// <summary>Whether a page of the navigation is the one shown, or the one it belongs to.</summary>
    public bool IsAt(string path) => Path == path || (path != Root && Path.StartsWith(path + "/", StringComparison.Ordinal)) || (path == Root && Path == "/");
}
