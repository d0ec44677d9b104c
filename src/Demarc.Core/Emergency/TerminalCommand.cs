using System.Collections.Immutable;
using System.Globalization;

namespace Demarc.Core.Emergency;

/// <summary>An argument that a command may take.</summary>
/// <param name="Name">As the help shows it.</param>
/// <param name="Least">For a number: the smallest.</param>
/// <param name="Most">For a number: the largest; 0 for a word.</param>
/// <param name="Default">What it is when left out; null for one that has to be given.</param>
public sealed record CommandArgument(string Name, int Least, int Most, string? Default)
{
    private const int MaxWord = 64;

    /// <summary>Whether a text may be this argument. A word is a name: letters, digits, '_', '-' and '.', and begins with no dash or dot, so that no program takes it for an option or a path.</summary>
    public bool Takes(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Most > 0) return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= Least && number <= Most;
        return text.Length is > 0 and <= MaxWord && char.IsAsciiLetterOrDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.') && !text.Contains("..", StringComparison.Ordinal);
    }

    /// <summary>How it may look, in words.</summary>
    public string Form => Most > 0 ? string.Create(CultureInfo.InvariantCulture, $"a whole number from {Least} to {Most}") : "a name of letters, digits, '_', '-' and '.'";
}

/// <summary>A command of the fixed list: which program it runs with which arguments, all but named ones fixed. No shell has a part in it.</summary>
/// <param name="Name">What is typed.</param>
/// <param name="Summary">What it shows.</param>
/// <param name="Program">Absolute paths, the first that exists is run; empty for what the agent answers itself.</param>
/// <param name="Fixed">The arguments; <c>{0}</c> stands for the first that is typed.</param>
/// <param name="Arguments">What may be typed behind the name.</param>
public sealed record TerminalCommand(string Name, string Summary, ImmutableArray<string> Program, ImmutableArray<string> Fixed, ImmutableArray<CommandArgument> Arguments)
{
    /// <summary>As the help shows it.</summary>
    public string Usage => string.Join(' ', [Name, .. Arguments.Select(a => a.Default is null ? a.Name : $"[{a.Name}]")]);
}

/// <summary>A command that was typed and is on the list, ready to run.</summary>
/// <param name="Command">Which.</param>
/// <param name="Values">Its arguments, those left out filled in.</param>
public sealed record TypedCommand(TerminalCommand Command, ImmutableArray<string> Values)
{
    /// <summary>What the program is given.</summary>
    public ImmutableArray<string> ProgramArguments => [.. Command.Fixed.Select(text => text is ['{', var digit, '}'] ? Values[digit - '0'] : text)];
}

/// <summary>
/// The commands of terminal and Milvus sessions: diagnostics that only read. What is typed is a name and names or numbers behind it; everything else, and every
/// character that means something to a shell, is refused before anything is looked for.
/// </summary>
public static class TerminalCommands
{
    /// <summary>Commands on the agent's machine.</summary>
    public static ImmutableArray<TerminalCommand> OfMachine { get; } =
    [
        new("help", "this list", [], [], []),
        new("instances", "instances, and whether they are healthy", [], [], []),
        new("findings", "what the agent found wrong", [], [], []),
        new("log", "the last lines of an instance's log, with what may be secret taken out", [], [], [new("INSTANCE", 0, 0, null), new("LINES", 1, 200, "20")]),
        Run("addresses", "network addresses of the machine", ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"], "-brief", "address"),
        Run("clock", "the machine's clock", ["/usr/bin/date", "/bin/date"], "-u", "+%Y-%m-%dT%H:%M:%SZ"),
        Run("disk", "space on the disks", ["/usr/bin/df", "/bin/df"], "-h"),
        Run("kernel", "kernel and architecture", ["/usr/bin/uname", "/bin/uname"], "-srmo"),
        Run("memory", "memory in use, in MiB", ["/usr/bin/free", "/bin/free"], "-m"),
        Run("processes", "processes by memory, without their arguments", ["/usr/bin/ps", "/bin/ps"], "-eo", "pid,ppid,user,stat,etime,rss,comm", "--sort=-rss"),
        Run("sockets", "listening TCP sockets", ["/usr/bin/ss", "/bin/ss", "/usr/sbin/ss"], "-ltn"),
        Run("uptime", "how long the machine has been up, and its load", ["/usr/bin/uptime", "/bin/uptime"]),
        Run("vmstat", "processor, memory and disk each second", ["/usr/bin/vmstat", "/bin/vmstat"], "1", "{0}") with { Arguments = [new("SECONDS", 1, 300, "5")] },
    ];

    /// <summary>Commands on the instance of a Milvus session, answered through its temporary user.</summary>
    public static ImmutableArray<TerminalCommand> OfMilvus { get; } =
    [
        new("help", "this list", [], [], []),
        new("collections", "the names of the collections", [], [], []),
        new("describe", "fields and state of a collection", [], [], [new("COLLECTION", 0, 0, null)]),
        new("count", "how many rows a collection has", [], [], [new("COLLECTION", 0, 0, null)]),
        new("version", "version and health of Milvus", [], [], []),
    ];

    /// <summary>What was typed, if it is on the list; else why not, and what to type instead.</summary>
    public static (TypedCommand? Command, string? Fault) Read(ImmutableArray<TerminalCommand> list, string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (line.Length > SessionLimits.MaxCommand) return (null, $"a command has at most {SessionLimits.MaxCommand} characters");
        foreach (var bad in line.Where(c => !(char.IsAsciiLetterOrDigit(c) || c is ' ' or '_' or '-' or '.')))
            return (null, $"'{(char.IsControl(bad) ? '?' : bad)}' means nothing here: there is no shell, only names and numbers; 'help' lists the commands");
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0) return (null, "nothing was typed; 'help' lists the commands");
        if (list.FirstOrDefault(command => command.Name == words[0]) is not { } found) return (null, $"'{words[0]}' is not on the list; 'help' shows it");
        if (words.Length - 1 > found.Arguments.Length) return (null, $"too much was typed: {found.Usage}");
        var values = ImmutableArray.CreateBuilder<string>();
        for (var i = 0; i < found.Arguments.Length; i++)
        {
            var argument = found.Arguments[i];
            if ((i + 1 < words.Length ? words[i + 1] : argument.Default) is not { } value) return (null, $"{argument.Name} is missing: {found.Usage}");
            if (!argument.Takes(value)) return (null, $"{argument.Name} '{value}' is not {argument.Form}: {found.Usage}");
            values.Add(value);
        }

        return (new TypedCommand(found, values.ToImmutable()), null);
    }

    /// <summary>The list, as <c>help</c> shows it.</summary>
    public static string Help(ImmutableArray<TerminalCommand> list)
    {
        var width = list.Max(command => command.Usage.Length);
        return string.Concat(list.Select(command => $"{command.Usage.PadRight(width)}  {command.Summary}\n"));
    }

    private static TerminalCommand Run(string name, string summary, ImmutableArray<string> program, params ImmutableArray<string> arguments) => new(name, summary, program, arguments, []);
}
