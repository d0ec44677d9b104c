using System.Globalization;
using System.Text;
using Demarc.Core.Instances;

namespace Demarc.Core.Charter;

/// <summary>Charter → YAML; what is as if left out is left out.</summary>
internal static class CharterWriter
{
    public static string Write(CharterDocument charter)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# Who may do what. Both parties sign this text; the agent enforces it.\ncharter: {charter.Version}\nname: {Quote(charter.Name)}\n");
        Named(text, charter);
        text.Append("tasks:\n");
        foreach (var row in Responsibilities.All) Rule(text, row, charter[row.Id]);
        return text.ToString();
    }

    /// <summary>As in 3d, 72h or 90m: the largest unit that leaves nothing over, but hours below a week.</summary>
    public static string Duration(TimeSpan duration)
    {
        if (duration >= TimeSpan.FromDays(7) && duration.Ticks % TimeSpan.TicksPerDay == 0) return string.Create(CultureInfo.InvariantCulture, $"{duration.TotalDays}d");
        return duration.Ticks % TimeSpan.TicksPerHour == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{duration.TotalHours}h")
            : string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(duration.TotalMinutes)}m");
    }

    /// <summary>As in 64MiB.</summary>
    public static string Bytes(long bytes)
    {
        if (bytes > 0 && bytes % (1L << 30) == 0) return string.Create(CultureInfo.InvariantCulture, $"{bytes >> 30}GiB");
        if (bytes > 0 && bytes % (1L << 20) == 0) return string.Create(CultureInfo.InvariantCulture, $"{bytes >> 20}MiB");
        return bytes > 0 && bytes % (1L << 10) == 0 ? string.Create(CultureInfo.InvariantCulture, $"{bytes >> 10}KiB") : bytes.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>A window's three-letter word of a day.</summary>
    public static string Word(DayOfWeek day) => day.ToString()[..3].ToLowerInvariant();

    private static void Named(StringBuilder text, CharterDocument charter)
    {
        if (!charter.Windows.IsEmpty) text.Append("windows:\n");
        foreach (var (name, window) in charter.Windows)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {name}: {{ zone: {Quote(window.Zone.Text)}");
            if (!window.Days.IsEmpty) text.Append(CultureInfo.InvariantCulture, $", days: [{string.Join(", ", window.Days.OrderBy(d => ((int)d + 6) % 7).Select(Word))}]");
            text.Append(CultureInfo.InvariantCulture, $", from: '{window.From:HH\\:mm}', for: {Duration(window.For)}");
            if (!window.Except.IsEmpty) text.Append(CultureInfo.InvariantCulture, $", except: [{string.Join(", ", window.Except)}]");
            text.Append(" }\n");
        }

        if (!charter.Preapproved.IsEmpty) text.Append("preapproved:\n");
        foreach (var act in charter.Preapproved)
        {
            var instance = act.Instance is { } id ? $", instance: {id}" : "";
            text.Append(CultureInfo.InvariantCulture, $"  - {{ name: {act.Name}, action: {act.Action}{instance}, uses: {act.Uses}, until: {act.Until:yyyy-MM-dd} }}\n");
        }

        if (!charter.Prices.IsEmpty) text.Append(CultureInfo.InvariantCulture, $"prices: {{ {string.Join(", ", charter.Prices.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Key.Word()}: {p.Value}")))} }}\n");
    }

    private static void Rule(StringBuilder text, Responsibility row, CharterRule rule)
    {
        text.Append(CultureInfo.InvariantCulture, $"  {row.Slug}: # {row.Number}. {row.English} / {row.Japanese}\n    owner: {rule.Owner.Word()}\n");
        Map(text, "parts", rule.Parts.Select(p => (p.Key.Word(), Quote(p.Value))));
        Map(text, "approval", rule.Approval.Select(p => (p.Key, Need(p.Value))));
        Map(text, "window", rule.Windows.Select(p => (p.Key, p.Value)));
        if (rule.OnStop == OnStop.Leave) text.Append("    on-stop: leave\n");
        if (rule.Deferral > TimeSpan.Zero) text.Append(CultureInfo.InvariantCulture, $"    deferral: {Duration(rule.Deferral)}\n");
        if (!rule.Standing.IsEmpty) text.Append(CultureInfo.InvariantCulture, $"    standing: [{string.Join(", ", rule.Standing)}]\n");
        Map(text, "limits", rule.Limits.Select(p => (p.Key, p.Value.ToString(CultureInfo.InvariantCulture))));
        if (rule.Override) text.Append("    override: allowed\n");
        Map(text, "egress", rule.Egress.Select(p => (p.Key, Bytes(p.Value))));
    }

    private static void Map(StringBuilder text, string name, IEnumerable<(string Key, string Value)> pairs)
    {
        var first = true;
        foreach (var (key, value) in pairs)
        {
            if (first) text.Append(CultureInfo.InvariantCulture, $"    {name}:\n");
            text.Append(CultureInfo.InvariantCulture, $"      {key}: {value}\n");
            first = false;
        }
    }

    private static string Need(ApprovalNeed need)
    {
        if (need.Roles.IsEmpty && !need.NotRequester && need is { Vendor: <= 1, Customer: <= 1 })
            return (need.Vendor, need.Customer) switch { (1, 1) => "both", (1, _) => "vendor", _ => "customer" };
        var fields = new List<string>();
        if (need.Customer > 0) fields.Add(string.Create(CultureInfo.InvariantCulture, $"customer: {need.Customer}"));
        if (need.Vendor > 0) fields.Add(string.Create(CultureInfo.InvariantCulture, $"vendor: {need.Vendor}"));
        if (!need.Roles.IsEmpty) fields.Add($"roles: [{string.Join(", ", need.Roles.Select(r => r.ToString().ToLowerInvariant()))}]");
        if (need.NotRequester) fields.Add("not-requester: true");
        return $"{{ {string.Join(", ", fields)} }}";
    }

    private static string Quote(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";
}
