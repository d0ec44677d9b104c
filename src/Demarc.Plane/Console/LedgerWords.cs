using System.Collections.Frozen;
using System.Globalization;
using Demarc.Core.Changes;
using Demarc.Core.Charter;
using Demarc.Core.Environments;
using Demarc.Core.Monitoring;

namespace Demarc.Plane.Console;

/// <summary>What entries, actions, limits and what leaves are called in a sentence, in both languages: the system's own names stand beside them, never alone.</summary>
public static class LedgerWords
{
    private static readonly FrozenDictionary<string, (string English, string Japanese)> Kinds = new Dictionary<string, (string, string)>
    {
        ["environment.founded"] = ("founded the environment", "環境を設立"),
        ["charter.proposed"] = ("proposed a charter", "憲章を提案"),
        ["charter.signed"] = ("signed a charter", "憲章に署名"),
        ["member.added"] = ("added a member", "メンバーを追加"),
        ["member.removed"] = ("took a member out", "メンバーを削除"),
        ["member.rekeyed"] = ("changed their own key", "自分の鍵を変更"),
        ["member.replaced"] = ("replaced a member's lost key", "メンバーの紛失した鍵を交換"),
        ["member.expiry-set"] = ("set when a member's access ends", "メンバーの有効期限を設定"),
        ["root.replaced"] = ("replaced a party's root key", "当事者のルート鍵を交換"),
        ["token.issued"] = ("issued a token for a service", "サービス用トークンを発行"),
        ["member.linked"] = ("linked a sign-in account to a member", "サインイン用アカウントを連携"),
        ["member.unlinked"] = ("took a link to an account back", "アカウントの連携を解除"),
        ["agent.invited"] = ("invited an agent", "エージェントを招待"),
        ["agent.joined"] = ("joined as the agent", "エージェントとして参加"),
        ["agent.revoked"] = ("cut the agent off", "エージェントを失効"),
        ["vendor.severed"] = ("severed the vendor", "ベンダーを切り離し"),
        ["plane.moved"] = ("moved the ledger to another plane", "台帳を別のプレーンへ移動"),
        ["change.requested"] = ("asked for a change", "変更を要求"),
        ["change.planned"] = ("planned a change", "変更を計画"),
        ["change.approved"] = ("approved a plan", "計画を承認"),
        ["change.rejected"] = ("rejected a change", "変更を却下"),
        ["change.withdrawn"] = ("withdrew a change", "変更を取り下げ"),
        ["change.refused"] = ("refused a change", "変更を拒否"),
        ["change.started"] = ("began a change", "変更を開始"),
        ["change.step-started"] = ("began a step", "ステップを開始"),
        ["change.step-finished"] = ("finished a step", "ステップを完了"),
        ["change.step-failed"] = ("could not do a step", "ステップに失敗"),
        ["change.step-undone"] = ("undid a step", "ステップを取り消し"),
        ["change.succeeded"] = ("ended a change well", "変更に成功"),
        ["change.failed"] = ("could not carry a change out", "変更に失敗"),
        ["change.rolled-back"] = ("rolled a change back", "変更をロールバック"),
        ["change.expired"] = ("let a change expire", "変更が期限切れ"),
        ["change.paused"] = ("paused a change", "変更を一時停止"),
        ["change.resumed"] = ("let a change go on", "変更を再開"),
        ["change.stopped"] = ("stopped a change", "変更を中止"),
        ["change.deferred"] = ("put a change off", "変更を延期"),
        ["change.halted"] = ("halted at a safe place", "安全な箇所で停止"),
        ["change.postponed"] = ("took a start back: the window had closed", "時間帯が終了したため開始を取り消し"),
        ["credential.issued"] = ("sealed a credential to the customer's key", "資格情報を顧客の鍵で封印"),
        ["finding.raised"] = ("found something wrong", "異常を検出"),
        ["finding.cleared"] = ("saw it in order again", "異常の解消を確認"),
        ["egress.consented"] = ("let more leave on one day", "ある日の送信量を追加で許可"),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, string> Actions = new Dictionary<string, string>
    {
        ["instances.create"] = "注文から新しいインスタンスを用意する",
        ["instances.modify"] = "インスタンスのサイズやラベルを変更する",
        ["instances.suspend"] = "インスタンスを停止し、データは残す",
        ["instances.resume"] = "停止したインスタンスを起動する",
        ["instances.delete"] = "インスタンスを停止し、データをごみ箱へ移す",
        ["instances.restore"] = "ごみ箱からインスタンスを戻す",
        ["instances.heal"] = "予期せず停止したインスタンスを再起動する",
        ["instances.purge"] = "ごみ箱の保管期間を過ぎたインスタンスを消去する",
        ["emergency.bundle"] = "秘匿処理済みの診断バンドルを収集する",
        ["emergency.milvus"] = "一時的な Milvus ユーザーでインスタンスを使う",
        ["emergency.terminal"] = "許可されたコマンドをエージェントのマシンで実行する",
        ["emergency.override"] = "緊急セッションを直ちに開き、事後に審査を受ける",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, (string English, string Japanese)> Limits = new Dictionary<string, (string, string)>
    {
        [CharterLimits.MaxInstances] = ("instances, the recycle bin included", "インスタンス数(ごみ箱を含む)"),
        [CharterLimits.MaxMemoryMib] = ("MiB of memory for all instances together", "全インスタンスのメモリ合計(MiB)"),
        [CharterLimits.MaxMonthlyCost] = ("a month for all instances, by the charter's prices", "全インスタンスの月額合計(憲章の価格による)"),
        [CharterLimits.MaxChangesPerDay] = ("changes asked for within 24 hours", "24 時間以内の変更要求数"),
        [CharterLimits.MaxSessionMinutes] = ("minutes for one emergency session", "緊急セッション 1 回の分数"),
        [CharterLimits.MaxOpenSessions] = ("emergency sessions at once", "同時の緊急セッション数"),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>What somebody did who wrote an entry of this kind; its name for one that this version does not know.</summary>
    public static string Kind(this Words words, string kind) => Kinds.TryGetValue(kind, out var said) ? words.Say(said.English, said.Japanese) : kind;

    /// <summary>What an action does.</summary>
    public static string Action(this Words words, ChangeAction action) => words.Say(action.Summary, Actions.GetValueOrDefault(action.Name, action.Summary));

    /// <summary>A limit with its greatest value.</summary>
    public static string Limit(this Words words, string limit, long most)
    {
        var number = most.ToString("N0", CultureInfo.InvariantCulture);
        return Limits.TryGetValue(limit, out var said) ? words.Say($"at most {number} {said.English}", $"{said.Japanese}: 最大 {number}") : $"{limit} ≤ {number}";
    }

    /// <summary>Who holds a change, and how.</summary>
    public static string Held(this Words words, ChangeView change) =>
        words.Say(change.Held!, $"{string.Join("、", change.HeldBy.Select(party => words.Who(party.Word())))}: {words.Status(change.Status)}");

    /// <summary>What a change waits for.</summary>
    public static string Waits(this Words words, ChangeView change) =>
        words.Say(change.Waits!, change.WaitsUntil is { } until ? $"{Words.Moment(until)} まで待機" : "待機中");

    /// <summary>What waits for people.</summary>
    public static string Awaited(this Words words, AwaitedThing thing, EnvironmentState state, DateTimeOffset at)
    {
        var change = thing.Change is { } id && state.Changes.TryGetValue(id, out var found) ? ChangeViews.Of(state, found, at) : null;
        return thing.Kind switch
        {
            "approval" when change?.Awaited.FirstOrDefault(awaited => awaited.Party == thing.Party) is { } awaited => words.Say(thing.What, $"{change.Action} {change.Instance}: {words.Who(thing.Party.Word())}の承認待ち(あと {awaited.Missing} 名)"),
            "pause" when change is not null => words.Say(thing.What, $"{change.Action} {change.Instance}: 一時停止中"),
            "charter" when state.Proposal is { } proposal => words.Say(thing.What, $"憲章バージョン {proposal.Document.Version}: {words.Who(thing.Party.Word())}の署名待ち"),
            "charter" => words.Say(thing.What, "発効中の憲章がありません。憲章を提案してください。"),
            "agent" => words.Say(thing.What, "参加中のエージェントがありません。招待してください。"),
            _ => thing.What,
        };
    }

    /// <summary>A role.</summary>
    public static string Role(this Words words, string role) => role switch
    {
        "owner" => words.Say("owner", "オーナー"),
        "operator" => words.Say("operator", "オペレーター"),
        "approver" => words.Say("approver", "承認者"),
        "auditor" => words.Say("auditor", "監査者"),
        "viewer" => words.Say("viewer", "閲覧者"),
        "service" => words.Say("service", "サービス"),
        _ => role,
    };

    /// <summary>A class of what leaves the customer's account.</summary>
    public static string Egress(this Words words, EgressClass which) => which switch
    {
        EgressClass.Ledger => words.Say("entries that the agent signed", "エージェントが署名した台帳エントリー"),
        EgressClass.Countersignature => words.Say("heads of the ledger that it verified", "検証済みの台帳ヘッドへの連署"),
        EgressClass.Observation => words.Say("what it sees of machine, bucket and instances", "マシン・バケット・インスタンスの観測"),
        EgressClass.Progress => words.Say("how far a running change is", "実行中の変更の進捗"),
        EgressClass.Control => words.Say("what keeps the link going", "接続の維持"),
        EgressClass.Session => words.Say("what an emergency session shows", "緊急セッションの表示内容"),
        EgressClass.Bundle => words.Say("diagnostic bundles", "診断バンドル"),
    };

    /// <summary>Bytes, as people read them: three figures and a unit.</summary>
    public static string Bytes(long bytes) => bytes switch
    {
        < 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
        < 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.#} KiB"),
        < 1024L * 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.#} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1073741824.0:0.#} GiB"),
    };
}
