using System.Globalization;
using Demarc.Core.Charter;

namespace Demarc.Plane.Console;

/// <summary>
/// The language of one page. Both languages of a sentence stand side by side where it is used, so that none can be forgotten; the words that stand for
/// values of the system are here.
/// </summary>
public sealed class Words
{
    private readonly bool japanese;

    private Words(bool japanese) => this.japanese = japanese;

    /// <summary>The cookie that keeps a reader's choice.</summary>
    public const string Cookie = "demarc-lang";

    /// <summary>English.</summary>
    public static Words English { get; } = new(false);

    /// <summary>Japanese.</summary>
    public static Words Japanese { get; } = new(true);

    /// <summary>As in <c>&lt;html lang&gt;</c>.</summary>
    public string Code => japanese ? "ja" : "en";

    /// <summary>The choice in the address, else the one made before, else what the browser prefers.</summary>
    public static Words For(HttpRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        foreach (var chosen in new[] { request.Query["lang"].ToString(), request.Cookies[Cookie] })
        {
            if (chosen == "ja") return Japanese;
            if (chosen == "en") return English;
        }

        return request.Headers.AcceptLanguage.ToString().StartsWith("ja", StringComparison.OrdinalIgnoreCase) ? Japanese : English;
    }

    /// <summary>The sentence in the language of the page.</summary>
    public string Say(string english, string inJapanese) => japanese ? inJapanese : english;

    /// <summary>A number of things in English, where one is not many.</summary>
    public static string Some(long count, string one, string many) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {(count == 1 ? one : many)}");

    /// <summary>Who owns a task.</summary>
    public string Owner(Owner owner) => owner switch
    {
        Core.Charter.Owner.Vendor => Say("Vendor", "ベンダー"),
        Core.Charter.Owner.Customer => Say("Customer", "顧客"),
        Core.Charter.Owner.Both => Say("Both", "双方"),
    };

    /// <summary>Whose approval is asked for.</summary>
    public string Need(ApprovalNeed need) => Say(need.Word(), string.Join("、", Enum.GetValues<Party>().Where(need.Includes).Select(p => need.Of(p) == 1 ? Who(p.Word()) : $"{Who(p.Word())} {need.Of(p)} 名"))
        + (need.Roles.IsEmpty ? "" : $"({string.Join("・", need.Roles.Select(r => r.ToString().ToLowerInvariant()))})") + (need.NotRequester ? "(依頼者以外)" : ""));

    /// <summary>When a window is open.</summary>
    public string Window(TimeWindow window)
    {
        var days = window.Days.IsEmpty ? Say("every day", "毎日") : string.Join(", ", window.Days.OrderBy(d => ((int)d + 6) % 7).Select(Day));
        var except = window.Except.IsEmpty ? "" : Say($", not on {string.Join(", ", window.Except)}", $"({string.Join("、", window.Except)} を除く)");
        return Say($"{days} from {window.From:HH\\:mm} for {window.For.TotalHours:0.##} h, {window.Zone}{except}", $"{days} {window.From:HH\\:mm} から {window.For.TotalHours:0.##} 時間、{window.Zone}{except}");
    }

    private string Day(DayOfWeek day) => Say(day.ToString()[..3], "日月火水木金土"[(int)day].ToString());

    /// <summary>Who acted or is awaited: a party's word, <c>both</c> or <c>agent</c>.</summary>
    public string Who(string word) => word switch
    {
        "vendor" => Say("vendor", "ベンダー"),
        "customer" => Say("customer", "顧客"),
        "both" => Say("both parties", "双方"),
        "agent" => Say("agent", "エージェント"),
        "time" => Say("time", "時刻"),
        _ => word,
    };

    /// <summary>The state of a row of the table.</summary>
    public string State(string word) => word switch
    {
        "ok" => Say("in order", "正常"),
        "working" => Say("working", "実行中"),
        "waiting" => Say("waiting", "待機中"),
        "attention" => Say("needs attention", "要対応"),
        "later" => Say("not in this version", "このバージョンでは未対応"),
        _ => word,
    };

    /// <summary>The status of a version of the charter.</summary>
    public string CharterStatus(string word) => word switch
    {
        "proposed" => Say("proposed", "提案中"),
        "in-force" => Say("in force", "発効中"),
        _ => Say("replaced", "失効"),
    };

    /// <summary>The status of a change, a step or an instance.</summary>
    public string Status(string word) => word switch
    {
        "requested" => Say("requested", "要求済み"),
        "planned" => Say("awaits approval", "承認待ち"),
        "approved" => Say("approved", "承認済み"),
        "running" => Say("running", "実行中"),
        "succeeded" => Say("succeeded", "成功"),
        "failed" => Say("failed", "失敗"),
        "rolled back" => Say("rolled back", "ロールバック済み"),
        "refused" => Say("refused", "拒否"),
        "rejected" => Say("rejected", "却下"),
        "withdrawn" => Say("withdrawn", "取り下げ"),
        "expired" => Say("expired", "期限切れ"),
        "pausing" => Say("pausing", "一時停止処理中"),
        "paused" => Say("paused", "一時停止中"),
        "stopping" => Say("stopping", "中止処理中"),
        "stopped" => Say("stopped", "中止"),
        "waiting" or "pending" => Say("waiting", "待機中"),
        "started" => Say("started", "開始"),
        "finished" => Say("finished", "完了"),
        "undone" => Say("undone", "取り消し済み"),
        "provisioning" => Say("provisioning", "プロビジョニング中"),
        "ready" => Say("ready", "稼働中"),
        "suspended" => Say("suspended", "停止中"),
        "deleted" => Say("in the recycle bin", "ごみ箱"),
        _ => word,
    };

    /// <summary>How far a notification is.</summary>
    public string Delivery(string word) => word switch
    {
        "waiting" => Say("waiting", "再試行待ち"),
        "delivered" => Say("delivered", "配信済み"),
        "given up" => Say("given up", "断念"),
        _ => word,
    };

    /// <summary>A moment, to the second, in UTC.</summary>
    public static string Moment(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
}
