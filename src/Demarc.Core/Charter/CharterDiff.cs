using System.Collections.Immutable;
using System.Globalization;
using Demarc.Core.Instances;

namespace Demarc.Core.Charter;

/// <summary>One difference between two charters.</summary>
/// <param name="Field">Path of the field, as in <c>tasks.provision.owner</c>.</param>
/// <param name="Before">What it was; null for nothing.</param>
/// <param name="After">What it becomes; null for nothing.</param>
/// <param name="Means">What that means, in a sentence.</param>
public sealed record CharterDifference(string Field, string? Before, string? After, string Means);

/// <summary>What changes between two charters in meaning, not in letters.</summary>
public sealed class CharterDiff
{
    private readonly ImmutableArray<CharterDifference>.Builder found = ImmutableArray.CreateBuilder<CharterDifference>();

    private CharterDiff()
    {
    }

    /// <summary>Every difference, in the order in which a charter is written.</summary>
    public static ImmutableArray<CharterDifference> Between(CharterDocument before, CharterDocument after)
    {
        var diff = new CharterDiff();
        diff.Compare("name", before.Name, after.Name, $"The charter is called '{after.Name}'.");
        diff.Each("windows", before.Windows, after.Windows, Window, (name, was, now) => now is null ? $"The window {name} is gone." : was is null ? $"There is a window {name}: {now}." : $"The window {name} becomes: {now}.");
        diff.Each("preapproved", ByName(before), ByName(after), Act, (name, _, now) => now is null ? $"{name} is not approved beforehand any more." : $"{name} is approved beforehand: {now}.");
        diff.Each("prices", Prices(before), Prices(after), Number, (size, _, now) => now is null ? $"Size {size} has no price." : $"Size {size} costs {now} a month.");
        foreach (var row in Responsibilities.All) diff.Rule(row, before[row.Id], after[row.Id]);
        return diff.found.ToImmutable();
    }

    /// <summary>A window in one line.</summary>
    public static string Window(TimeWindow window)
    {
        var days = window.Days.IsEmpty ? "every day" : string.Join(", ", window.Days.OrderBy(d => ((int)d + 6) % 7).Select(d => d.ToString()[..3]));
        return $"{days} from {window.From:HH\\:mm} for {window.For.TotalHours:0.##} h in {window.Zone}{(window.Except.IsEmpty ? "" : $", except {string.Join(", ", window.Except)}")}";
    }

    private void Rule(Responsibility row, CharterRule was, CharterRule now)
    {
        var path = $"tasks.{row.Slug}";
        Compare($"{path}.owner", was.Owner.Word(), now.Owner.Word(), $"{row.English} is now the task of {Whose(now.Owner)}.");
        Each($"{path}.parts", Words(was.Parts), Words(now.Parts), text => text, (party, _, part) => part is null ? $"The {party}'s part of {row.Slug} is not written down any more." : $"The {party}'s part of {row.Slug}: {part}.");
        Each($"{path}.approval", was.Approval, now.Approval, need => need.Word(), (action, _, who) => who is null ? $"{action} needs no approval any more." : $"{action} now needs the approval of the {who}.");
        Each($"{path}.window", was.Windows, now.Windows, name => name, (action, _, name) => name is null ? $"{action} may begin at any time." : $"{action} begins only in the window {name}.");
        foreach (var action in was.Standing.Union(now.Standing))
            Compare($"{path}.standing", was.Standing.Contains(action) ? action : null, now.Standing.Contains(action) ? action : null, now.Standing.Contains(action) ? $"The agent may do {action} alone." : $"The agent may not do {action} alone any more.");
        Each($"{path}.limits", was.Limits, now.Limits, Number, (limit, _, most) => most is null ? $"{limit} is not limited any more." : $"{limit} is at most {most}.");
        Compare($"{path}.on-stop", Stop(was), Stop(now), now.OnStop == OnStop.Leave ? $"A stopped change of {row.Slug} stays as it stands." : $"A stopped change of {row.Slug} is rolled back.");
        Compare($"{path}.deferral", Hours(was), Hours(now), now.Deferral == TimeSpan.Zero ? $"The customer cannot put off changes of {row.Slug}." : $"The customer may put off changes of {row.Slug} for {now.Deferral.TotalHours:0.##} h in all.");
        Compare($"{path}.override", was.Override ? "allowed" : "forbidden", now.Override ? "allowed" : "forbidden", now.Override ? "The vendor may open an emergency session before it is approved, and is reviewed afterwards." : "No emergency session opens before it is approved.");
        Each($"{path}.egress", was.Egress, now.Egress, Number, (name, _, most) => most is null ? $"What leaves as {name} has its default limit." : $"At most {most} bytes a day leave as {name}.");
    }

    private void Each<T>(string path, IReadOnlyDictionary<string, T> before, IReadOnlyDictionary<string, T> after, Func<T, string> word, Func<string, string?, string?, string> means)
    {
        foreach (var key in before.Keys.Union(after.Keys).Order(StringComparer.Ordinal))
        {
            var was = before.TryGetValue(key, out var old) ? word(old) : null;
            var now = after.TryGetValue(key, out var next) ? word(next) : null;
            Compare($"{path}.{key}", was, now, means(key, was, now));
        }
    }

    private void Compare(string field, string? before, string? after, string means)
    {
        if (before != after) found.Add(new CharterDifference(field, before, after, means));
    }

    private static Dictionary<string, PreapprovedAct> ByName(CharterDocument charter) => charter.Preapproved.ToDictionary(act => act.Name);

    private static Dictionary<string, long> Prices(CharterDocument charter) => charter.Prices.ToDictionary(price => price.Key.Word(), price => price.Value);

    private static Dictionary<string, string> Words(ImmutableSortedDictionary<Party, string> parts) => parts.ToDictionary(part => part.Key.Word(), part => part.Value);

    private static string Act(PreapprovedAct act) => string.Create(CultureInfo.InvariantCulture, $"{act.Action}{(act.Instance is { } id ? $" of {id}" : "")}, {act.Uses} times until {act.Until:yyyy-MM-dd}");

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Stop(CharterRule rule) => rule.OnStop == OnStop.Leave ? "leave" : "roll-back";

    private static string Hours(CharterRule rule) => string.Create(CultureInfo.InvariantCulture, $"{rule.Deferral.TotalHours:0.##} h");

    private static string Whose(Owner owner) => owner == Owner.Both ? "both parties" : $"the {owner.Word()} alone";
}
