using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Demarc.Core.Charter;

/// <summary>What is wrong in a charter's text: where, which field, and what would be right.</summary>
/// <param name="File">The file as the reader knows it.</param>
/// <param name="Line">Counted from 1.</param>
/// <param name="Column">Counted from 1.</param>
/// <param name="Field">Path of the field, as in <c>tasks.provision.owner</c>.</param>
/// <param name="Message">What is wrong and which values are allowed.</param>
public sealed record CharterFault(string File, int Line, int Column, string Field, string Message)
{
    /// <summary>As compilers print it, so that editors can jump to it.</summary>
    public override string ToString() => $"{File}:{Line}:{Column}: {Field}: {Message}";
}

/// <summary>What reading a charter gives.</summary>
/// <param name="Document">The charter; null when there are faults.</param>
/// <param name="Faults">Everything that is wrong, in the order of the text.</param>
public readonly record struct CharterRead(CharterDocument? Document, ImmutableArray<CharterFault> Faults);

/// <summary>The charter as people write it. Reading names every fault by file, line and field; writing and reading again gives the same charter.</summary>
public static class CharterYaml
{
    private const int MaxFaults = 50;

    /// <summary>Reads a charter's text. Never throws for bad input.</summary>
    public static CharterRead Read(string text, string file = "charter.yaml")
    {
        var reader = new Reader(file);
        if (Encoding.UTF8.GetByteCount(text) > CharterLimits.MaxBytes)
            return reader.Only(1, 1, "charter", $"the text is longer than {CharterLimits.MaxBytes} bytes");
        try
        {
            if (reader.Bounded(text) is { } refused) return refused;
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            if (stream.Documents.Count != 1) return reader.Only(1, 1, "charter", "the text must hold exactly one YAML document");
            return reader.Document(stream.Documents[0].RootNode);
        }
        catch (YamlException unreadable)
        {
            return reader.Only((int)unreadable.Start.Line, (int)unreadable.Start.Column, "charter", $"not YAML: {unreadable.Message}");
        }
        catch (Exception unreadable) when (unreadable is InvalidOperationException or ArgumentException or FormatException)
        {
            // The parser's own exceptions for some kinds of damage carry no place.
            return reader.Only(1, 1, "charter", "not YAML that can be read");
        }
    }

    /// <summary>Writes a charter.</summary>
    public static string Write(CharterDocument charter)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# Who may do what. Both parties sign this text; the agent enforces it.\ncharter: {charter.Version}\nname: {Quote(charter.Name)}\ntasks:\n");
        foreach (var row in Responsibilities.All)
        {
            var rule = charter[row.Id];
            text.Append(CultureInfo.InvariantCulture, $"  {row.Slug}: # {row.Number}. {row.English} / {row.Japanese}\n    owner: {rule.Owner.Word()}\n");
            if (!rule.Approval.IsEmpty)
            {
                text.Append("    approval:\n");
                foreach (var (action, who) in rule.Approval) text.Append(CultureInfo.InvariantCulture, $"      {action}: {who.Word()}\n");
            }

            if (!rule.Standing.IsEmpty) text.Append(CultureInfo.InvariantCulture, $"    standing: [{string.Join(", ", rule.Standing)}]\n");
            if (!rule.Limits.IsEmpty)
            {
                text.Append("    limits:\n");
                foreach (var (limit, value) in rule.Limits) text.Append(CultureInfo.InvariantCulture, $"      {limit}: {value}\n");
            }
        }

        return text.ToString();
    }

    private static string Quote(string name) => "'" + name.Replace("'", "''", StringComparison.Ordinal) + "'";

    private sealed class Reader(string file)
    {
        private static readonly string[] OwnerWords = ["vendor", "customer", "both"];
        private readonly ImmutableArray<CharterFault>.Builder faults = ImmutableArray.CreateBuilder<CharterFault>();

        public CharterRead Only(int line, int column, string field, string message) =>
            new(null, [new CharterFault(file, Math.Max(1, line), Math.Max(1, column), field, message)]);

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
            var version = 0;
            var name = "";
            foreach (var (key, node) in Map(root, "charter", "charter, name, tasks"))
            {
                switch (key)
                {
                    case "charter":
                        version = (int)Number(node, key, 1, 1_000_000);
                        break;
                    case "name":
                        name = Text(node, key, 80);
                        break;
                    case "tasks":
                        Tasks(node, rules);
                        break;
                    default:
                        Fault(node, key, "is not a field of a charter; allowed are charter, name, tasks");
                        break;
                }
            }

            if (version == 0 && faults.Count == 0) Fault(root, "charter", "is missing: give the charter's version, 1 for the first");
            if (name.Length == 0 && faults.Count == 0) Fault(root, "name", "is missing: give the charter a name");
            foreach (var row in Responsibilities.All)
            {
                if (faults.Count == 0 && !rules.ContainsKey(row.Id)) Fault(root, $"tasks.{row.Slug}", "is missing: a charter says who owns each of the 17 tasks");
            }

            return faults.Count > 0 ? new CharterRead(null, faults.ToImmutable()) : new CharterRead(new CharterDocument(version, name, rules.ToImmutable()), []);
        }

        private void Tasks(YamlNode node, ImmutableDictionary<TaskId, CharterRule>.Builder rules)
        {
            foreach (var (slug, value) in Map(node, "tasks", "the 17 task ids"))
            {
                if (Responsibilities.BySlug(slug) is { } task) rules[task] = Rule(value, task, $"tasks.{slug}");
                else Fault(value, $"tasks.{slug}", $"is not a task; allowed are {string.Join(", ", Responsibilities.All.Select(r => r.Slug))}");
            }
        }

        private CharterRule Rule(YamlNode node, TaskId task, string path)
        {
            Owner? owner = null;
            var rule = CharterRule.OwnedBy(Owner.Both);
            foreach (var (key, value) in Map(node, path, "owner, approval, standing, limits"))
            {
                var field = $"{path}.{key}";
                switch (key)
                {
                    case "owner":
                        owner = OwnerOf(value, field);
                        break;
                    case "approval":
                        foreach (var (action, who) in Map(value, field, "action: party"))
                        {
                            if (Action(who, $"{field}.{action}", action, task, standing: false) && OwnerOf(who, $"{field}.{action}") is { } party) rule = rule with { Approval = rule.Approval.SetItem(action, party) };
                        }

                        break;
                    case "standing":
                        foreach (var item in List(value, field))
                        {
                            var action = Text(item, field, 80);
                            if (Action(item, field, action, task, standing: true)) rule = rule with { Standing = rule.Standing.Add(action) };
                        }

                        break;
                    case "limits":
                        foreach (var (limit, most) in Map(value, field, "limit: number"))
                        {
                            var known = CharterLimits.Known.GetValueOrDefault(task, []);
                            if (known.Contains(limit)) rule = rule with { Limits = rule.Limits.SetItem(limit, Number(most, $"{field}.{limit}", 0, 1_000_000_000)) };
                            else Fault(most, $"{field}.{limit}", known.IsEmpty ? $"task {task.Slug()} knows no limits" : $"is not a limit of {task.Slug()}; allowed are {string.Join(", ", known)}");
                        }

                        break;
                    default:
                        Fault(value, field, "is not a field of a task; allowed are owner, approval, standing, limits");
                        break;
                }
            }

            if (owner is null && !faults.Any(f => f.Field == $"{path}.owner" || f.Field == path)) Fault(node, $"{path}.owner", $"is missing; allowed are {string.Join(", ", OwnerWords)}");
            return rule with { Owner = owner ?? Owner.Both };
        }

        private bool Action(YamlNode node, string field, string name, TaskId task, bool standing)
        {
            var allowed = ChangeAction.All.Where(a => a.Task == task && a.Standing == standing).Select(a => a.Name).ToList();
            if (allowed.Contains(name)) return true;
            Fault(node, field, allowed.Count == 0 ? $"task {task.Slug()} has no action for this" : $"'{Clip(name)}' is not allowed here; allowed are {string.Join(", ", allowed)}");
            return false;
        }

        private Owner? OwnerOf(YamlNode node, string field)
        {
            var at = Array.IndexOf(OwnerWords, node is YamlScalarNode { Value: { } word } ? word : "");
            if (at >= 0) return (Owner)at;
            Fault(node, field, $"'{Clip(node is YamlScalarNode scalar ? scalar.Value ?? "" : "a " + node.NodeType)}' is not a party; allowed are {string.Join(", ", OwnerWords)}");
            return null;
        }

        private IEnumerable<(string Key, YamlNode Value)> Map(YamlNode node, string field, string wanted)
        {
            if (node is not YamlMappingNode map)
            {
                Fault(node, field, $"must be a map of {wanted}");
                yield break;
            }

            foreach (var (key, value) in map.Children)
            {
                if (key is YamlScalarNode { Value: { Length: > 0 } name }) yield return (name, value);
                else Fault(key, field, "has a key that is not a word");
            }
        }

        private IEnumerable<YamlNode> List(YamlNode node, string field)
        {
            if (node is YamlSequenceNode list) return list.Children;
            Fault(node, field, "must be a list");
            return [];
        }

        private string Text(YamlNode node, string field, int max)
        {
            if (node is YamlScalarNode { Value: { } value } && value.Length is > 0 && value.Length <= max && !value.Any(char.IsControl)) return value;
            Fault(node, field, $"must be text of 1 to {max} printable characters");
            return "";
        }

        private long Number(YamlNode node, string field, long min, long max)
        {
            if (node is YamlScalarNode { Value: { } value } && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max) return number;
            Fault(node, field, $"must be a whole number from {min} to {max}");
            return 0;
        }

        private void Fault(YamlNode node, string field, string message)
        {
            if (faults.Count < MaxFaults) faults.Add(new CharterFault(file, (int)node.Start.Line, (int)node.Start.Column, field, message));
        }

        private static string Clip(string text) => text.Length <= 60 ? text : text[..60] + "…";
    }
}
