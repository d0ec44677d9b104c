using System.Collections.Immutable;
using System.Globalization;
using Demarc.Core.Instances;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Demarc.Core.Charter;

/// <summary>YAML → charter, with every fault at its place.</summary>
internal sealed class CharterReader(string file)
{
    private const string Fields = "charter, name, windows, preapproved, prices, tasks";
    private static readonly ImmutableArray<(string Word, DayOfWeek Day)> Days =
        [("mon", DayOfWeek.Monday), ("tue", DayOfWeek.Tuesday), ("wed", DayOfWeek.Wednesday), ("thu", DayOfWeek.Thursday), ("fri", DayOfWeek.Friday), ("sat", DayOfWeek.Saturday), ("sun", DayOfWeek.Sunday)];

    private readonly CharterNodes nodes = new(file);

    public CharterRead Only(int line, int column, string field, string message) => nodes.Only(line, column, field, message);

    /// <summary>Refuses depth, anchors and aliases before a tree is built, so that a small text cannot become a large one.</summary>
    public CharterRead? Bounded(string text)
    {
        var parser = new Parser(new StringReader(text));
        var depth = 0;
        while (parser.MoveNext())
        {
            var current = parser.Current!;
            depth += current.NestingIncrease;
            if (depth > CharterLimits.MaxDepth + 2) return Only((int)current.Start.Line, (int)current.Start.Column, "charter", $"nested deeper than {CharterLimits.MaxDepth} levels");
            if (current is AnchorAlias || current is NodeEvent { Anchor.IsEmpty: false }) return Only((int)current.Start.Line, (int)current.Start.Column, "charter", "anchors and aliases are not allowed: write the value out");
        }

        return null;
    }

    public CharterRead Document(YamlNode root)
    {
        var rules = ImmutableDictionary.CreateBuilder<TaskId, CharterRule>();
        var charter = new CharterDocument(0, "", ImmutableDictionary<TaskId, CharterRule>.Empty);
        YamlNode? tasks = null;
        foreach (var (key, node) in nodes.Map(root, "charter", Fields))
        {
            charter = key switch
            {
                "charter" => charter with { Version = (int)nodes.Number(node, key, 1, 1_000_000) },
                "name" => charter with { Name = nodes.Text(node, key, 80) },
                "windows" => charter with { Windows = Windows(node) },
                "preapproved" => charter with { Preapproved = Preapproved(node) },
                "prices" => charter with { Prices = Prices(node) },
                _ => charter,
            };
            if (key == "tasks") tasks = node;
            else if (!Fields.Split(", ").Contains(key)) nodes.Fault(node, key, $"is not a field of a charter; allowed are {Fields}");
        }

        // Windows may stand below the tasks that name them.
        if (tasks is not null) Tasks(tasks, charter, rules);
        if (charter.Version == 0 && !nodes.HasFaults) nodes.Fault(root, "charter", "is missing: give the charter's version, 1 for the first");
        if (charter.Name.Length == 0 && !nodes.HasFaults) nodes.Fault(root, "name", "is missing: give the charter a name");
        foreach (var row in Responsibilities.All)
        {
            if (!nodes.HasFaults && !rules.ContainsKey(row.Id)) nodes.Fault(root, $"tasks.{row.Slug}", "is missing: a charter says who owns each of the 17 tasks");
        }

        return nodes.HasFaults ? new CharterRead(null, nodes.Faults) : new CharterRead(charter with { Rules = rules.ToImmutable() }, []);
    }

    private void Tasks(YamlNode node, CharterDocument charter, ImmutableDictionary<TaskId, CharterRule>.Builder rules)
    {
        var reader = new CharterRuleReader(nodes, charter);
        foreach (var (slug, value) in nodes.Map(node, "tasks", "the 17 task ids"))
        {
            if (Responsibilities.BySlug(slug) is { } task) rules[task] = reader.Rule(value, task, $"tasks.{slug}");
            else nodes.Fault(value, $"tasks.{slug}", $"is not a task; allowed are {string.Join(", ", Responsibilities.All.Select(r => r.Slug))}");
        }
    }

    private ImmutableSortedDictionary<string, TimeWindow> Windows(YamlNode node)
    {
        var windows = ImmutableSortedDictionary.CreateBuilder<string, TimeWindow>(StringComparer.Ordinal);
        foreach (var (name, value) in nodes.Map(node, "windows", "name: window"))
        {
            var field = $"windows.{CharterNodes.Clip(name)}";
            if (!Slug.IsValid(name, 2, 40)) nodes.Fault(value, field, "a window's name must be 2 to 40 characters of a-z, 0-9 and '-', starting with a letter");
            else if (windows.Count >= CharterLimits.MaxNamed) nodes.Fault(value, field, $"a charter has at most {CharterLimits.MaxNamed} windows");
            else if (Window(value, field) is { } window) windows[name] = window;
        }

        return windows.ToImmutable();
    }

    private TimeWindow? Window(YamlNode node, string path)
    {
        PosixZone? zone = null;
        TimeOnly? from = null;
        var (length, days, except) = (TimeSpan.Zero, ImmutableSortedSet<DayOfWeek>.Empty, ImmutableArray<Blackout>.Empty);
        foreach (var (key, value) in nodes.Map(node, path, "zone, days, from, for, except"))
        {
            var field = $"{path}.{key}";
            switch (key)
            {
                case "zone":
                    if (!PosixZone.TryParse(value is YamlScalarNode { Value: { } text } ? text : null, out zone)) nodes.Fault(value, field, $"must be {PosixZone.Form}");
                    break;
                case "days":
                    days = [.. nodes.List(value, field).Select(day => nodes.Choice(day, field, Days.AsSpan())).OfType<DayOfWeek>()];
                    break;
                case "from":
                    from = TimeOnly.TryParseExact(value is YamlScalarNode { Value: { } time } ? time : "", "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var read) ? read : null;
                    if (from is null) nodes.Fault(value, field, "must be a time of day, as in \"02:00\"");
                    break;
                case "for":
                    length = nodes.Duration(value, field, TimeSpan.FromDays(1));
                    if (length == TimeSpan.Zero && !nodes.HasFaultAt(field)) nodes.Fault(value, field, "must be longer than nothing");
                    break;
                case "except":
                    except = [.. nodes.List(value, field).Select(item => nodes.Days(item, field)).OfType<Blackout>()];
                    if (except.Length > CharterLimits.MaxNamed) nodes.Fault(value, field, $"at most {CharterLimits.MaxNamed} stretches of days may stand here");
                    break;
                default:
                    nodes.Fault(value, field, "is not a field of a window; allowed are zone, days, from, for, except");
                    break;
            }
        }

        if (zone is null && !nodes.HasFaultAt($"{path}.zone")) nodes.Fault(node, $"{path}.zone", $"is missing: {PosixZone.Form}");
        if (from is null && !nodes.HasFaultAt($"{path}.from")) nodes.Fault(node, $"{path}.from", "is missing: a time of day, as in \"02:00\"");
        if (length == TimeSpan.Zero && !nodes.HasFaultAt($"{path}.for")) nodes.Fault(node, $"{path}.for", "is missing: how long the window stays open, as in 3h");
        return zone is null || from is null || length == TimeSpan.Zero ? null : new TimeWindow(zone, days, from.Value, length, except);
    }

    private ImmutableArray<PreapprovedAct> Preapproved(YamlNode node)
    {
        var acts = ImmutableArray.CreateBuilder<PreapprovedAct>();
        foreach (var item in nodes.List(node, "preapproved"))
        {
            if (acts.Count >= CharterLimits.MaxNamed) nodes.Fault(item, "preapproved", $"a charter has at most {CharterLimits.MaxNamed} preapproved acts");
            else if (Act(item) is { } act && acts.Any(a => a.Name == act.Name)) nodes.Fault(item, "preapproved.name", $"'{act.Name}' stands here twice");
            else if (Act(item) is { } once) acts.Add(once);
        }

        return acts.ToImmutable();
    }

    private PreapprovedAct? Act(YamlNode node)
    {
        const string path = "preapproved";
        var (name, action, uses) = ("", "", 0L);
        InstanceId? instance = null;
        DateOnly? until = null;
        foreach (var (key, value) in nodes.Map(node, path, "name, action, instance, uses, until"))
        {
            var field = $"{path}.{key}";
            switch (key)
            {
                case "name":
                    name = nodes.Text(value, field, 40);
                    if (name.Length > 0 && !Slug.IsValid(name, 2, 40)) nodes.Fault(value, field, "must be 2 to 40 characters of a-z, 0-9 and '-', starting with a letter");
                    break;
                case "action":
                    action = nodes.Text(value, field, 80);
                    var allowed = ChangeAction.All.Where(CharterRuleReader.IsApprovable).Select(a => a.Name).ToList();
                    if (action.Length > 0 && !allowed.Contains(action)) nodes.Fault(value, field, $"'{CharterNodes.Clip(action)}' is not allowed here; allowed are {string.Join(", ", allowed)}");
                    break;
                case "instance":
                    if (InstanceId.TryParse(nodes.Text(value, field, 40), out var id)) instance = id;
                    else if (!nodes.HasFaultAt(field)) nodes.Fault(value, field, $"must be {InstanceId.Form}");
                    break;
                case "uses":
                    uses = nodes.Number(value, field, 1, 1_000);
                    break;
                case "until":
                    until = nodes.Day(value, field);
                    break;
                default:
                    nodes.Fault(value, field, "is not a field of a preapproved act; allowed are name, action, instance, uses, until");
                    break;
            }
        }

        if (!nodes.HasFaults && (name.Length == 0 || action.Length == 0 || uses == 0 || until is null)) nodes.Fault(node, path, "an act needs name, action, uses and until");
        return nodes.HasFaults ? null : new PreapprovedAct(name, action, instance, (int)uses, until!.Value);
    }

    private ImmutableSortedDictionary<InstanceSize, long> Prices(YamlNode node)
    {
        var prices = ImmutableSortedDictionary.CreateBuilder<InstanceSize, long>();
        foreach (var (word, value) in nodes.Map(node, "prices", "size: number"))
        {
            if (InstanceSizes.Parse(word) is { } size) prices[size] = nodes.Number(value, $"prices.{word}", 0, 1_000_000_000);
            else nodes.Fault(value, $"prices.{CharterNodes.Clip(word)}", $"is not a size; allowed are {string.Join(", ", Enum.GetValues<InstanceSize>().Select(s => s.Word()))}");
        }

        return prices.ToImmutable();
    }
}
