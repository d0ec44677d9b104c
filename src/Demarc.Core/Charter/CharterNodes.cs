using System.Collections.Immutable;
using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace Demarc.Core.Charter;

/// <summary>Reads single values out of YAML nodes, and keeps every fault with its place: a wrong value is noted and reading goes on.</summary>
internal sealed class CharterNodes(string file)
{
    private const int MaxFaults = 50;
    private static readonly string[] OwnerWords = ["vendor", "customer", "both"];
    private readonly ImmutableArray<CharterFault>.Builder faults = ImmutableArray.CreateBuilder<CharterFault>();

    public ImmutableArray<CharterFault> Faults => faults.ToImmutable();

    public bool HasFaults => faults.Count > 0;

    public bool HasFaultAt(string field) => faults.Any(f => f.Field == field);

    public CharterRead Only(int line, int column, string field, string message) =>
        new(null, [new CharterFault(file, Math.Max(1, line), Math.Max(1, column), field, message)]);

    public IEnumerable<(string Key, YamlNode Value)> Map(YamlNode node, string field, string wanted)
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

    public IEnumerable<YamlNode> List(YamlNode node, string field)
    {
        if (node is YamlSequenceNode list) return list.Children;
        Fault(node, field, "must be a list");
        return [];
    }

    public string Text(YamlNode node, string field, int max)
    {
        if (node is YamlScalarNode { Value: { } value } && value.Length is > 0 && value.Length <= max && !value.Any(char.IsControl)) return value;
        Fault(node, field, $"must be text of 1 to {max} printable characters");
        return "";
    }

    public long Number(YamlNode node, string field, long min, long max)
    {
        if (node is YamlScalarNode { Value: { } value } && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max) return number;
        Fault(node, field, $"must be a whole number from {min} to {max}");
        return 0;
    }

    public void Fault(YamlNode node, string field, string message)
    {
        if (faults.Count < MaxFaults) faults.Add(new CharterFault(file, (int)node.Start.Line, (int)node.Start.Column, field, message));
    }

    public static string Clip(string text) => text.Length <= 60 ? text : text[..60] + "…";

    /// <summary>An action of the task, of the kind that may stand here.</summary>
    public bool Action(YamlNode node, string field, string name, TaskId task, Func<ChangeAction, bool> fits)
    {
        var allowed = ChangeAction.All.Where(a => a.Task == task && fits(a)).Select(a => a.Name).ToList();
        if (allowed.Contains(name)) return true;
        Fault(node, field, allowed.Count == 0 ? $"task {task.Slug()} has no action for this" : $"'{Clip(name)}' is not allowed here; allowed are {string.Join(", ", allowed)}");
        return false;
    }

    public Owner? OwnerOf(YamlNode node, string field)
    {
        var at = Array.IndexOf(OwnerWords, node is YamlScalarNode { Value: { } word } ? word : "");
        if (at >= 0) return (Owner)at;
        Fault(node, field, $"'{Clip(node is YamlScalarNode scalar ? scalar.Value ?? "" : "a " + node.NodeType)}' is not a party; allowed are {string.Join(", ", OwnerWords)}");
        return null;
    }

    /// <summary>One of some words.</summary>
    public T? Choice<T>(YamlNode node, string field, params ReadOnlySpan<(string Word, T Value)> choices) where T : struct
    {
        var words = new List<string>();
        foreach (var (word, value) in choices)
        {
            if (node is YamlScalarNode scalar && scalar.Value == word) return value;
            words.Add(word);
        }

        Fault(node, field, $"must be one of {string.Join(", ", words)}");
        return null;
    }

    /// <summary>A whole number of days, hours or minutes, as in 3d, 72h or 90m.</summary>
    public TimeSpan Duration(YamlNode node, string field, TimeSpan most)
    {
        if (node is YamlScalarNode { Value: { Length: > 1 and < 12 } value } && int.TryParse(value.AsSpan(0, value.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < 1_000_000)
        {
            var duration = value[^1] switch { 'd' => TimeSpan.FromDays(number), 'h' => TimeSpan.FromHours(number), 'm' => TimeSpan.FromMinutes(number), _ => TimeSpan.MinValue };
            if (duration >= TimeSpan.Zero && duration <= most) return duration;
        }

        Fault(node, field, $"must be a whole number of days, hours or minutes up to {CharterWriter.Duration(most)}, as in 3d, 72h or 90m");
        return TimeSpan.Zero;
    }

    /// <summary>So many bytes, as in 64MiB.</summary>
    public long Bytes(YamlNode node, string field)
    {
        var value = node is YamlScalarNode { Value: { Length: < 20 } text } ? text : "";
        var (digits, unit) = value.EndsWith("GiB", StringComparison.Ordinal) ? (value[..^3], 1L << 30)
            : value.EndsWith("MiB", StringComparison.Ordinal) ? (value[..^3], 1L << 20)
            : value.EndsWith("KiB", StringComparison.Ordinal) ? (value[..^3], 1L << 10)
            : (value, 1L);
        if (long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= (1L << 40) / unit) return number * unit;
        Fault(node, field, "must be a number of bytes up to 1024GiB, as in 500000, 64KiB, 64MiB or 1GiB");
        return 0;
    }

    /// <summary>A day, as in 2026-12-24.</summary>
    public DateOnly? Day(YamlNode node, string field) => node is YamlScalarNode { Value: { } value } ? Day(node, field, value) : Day(node, field, "");

    /// <summary>A day, or the first and the last of several, as in 2026-12-24..2027-01-02.</summary>
    public Blackout? Days(YamlNode node, string field)
    {
        var text = node is YamlScalarNode { Value: { } value } ? value : "";
        var dots = text.IndexOf("..", StringComparison.Ordinal);
        if (Day(node, field, dots < 0 ? text : text[..dots]) is not { } from || Day(node, field, dots < 0 ? text : text[(dots + 2)..]) is not { } to) return null;
        if (from <= to) return new Blackout(from, to);
        Fault(node, field, $"ends on {to:yyyy-MM-dd}, before it begins on {from:yyyy-MM-dd}");
        return null;
    }

    private DateOnly? Day(YamlNode node, string field, string text)
    {
        if (DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) && day.Year is >= 2000 and < 3000) return day;
        Fault(node, field, $"'{Clip(text)}' is not a day; write 2026-12-24, or 2026-12-24..2027-01-02 where several may stand");
        return null;
    }
}
