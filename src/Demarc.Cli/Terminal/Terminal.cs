using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Demarc.Core.Agents;
using Demarc.Core.Environments;
using Spectre.Console;

namespace Demarc.Cli.Terminal;

/// <summary>
/// Where a command prints: results to standard output as a table or JSON, progress and errors to standard error, so that a pipe
/// carries results only. Texts of others are escaped: a label can neither colour nor move anything.
/// </summary>
internal sealed class Terminal
{
    /// <summary>Width of tables when nobody's window says otherwise; long lines are better than broken ones in a file.</summary>
    private const int WidthInFiles = 160;

    private static readonly JsonSerializerOptions Indented = new(ViewJson.Default.Options)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        TypeInfoResolver = JsonTypeInfoResolver.Combine(ViewJson.Default, CliJson.Default, AgentDoorJson.Default),
    };

    private readonly CliHost host;
    private IAnsiConsole? console;

    public Terminal(CliHost host, bool json, bool quiet)
    {
        this.host = host;
        Json = json;
        Quiet = quiet;
    }

    public bool Json { get; }

    public bool Quiet { get; }

    /// <summary>Whether a line on standard error can be written over, as a progress bar does.</summary>
    public bool Live => host.ErrorIsTerminal && !Quiet && !Json;

    private IAnsiConsole Console => console ??= Open();

    /// <summary>Prints a result: the JSON of the value, or what <paramref name="table"/> draws.</summary>
    public void Result<T>(T value, Action<Terminal> table)
    {
        if (Json) host.Out.WriteLine(JsonSerializer.Serialize(value, (JsonTypeInfo<T>)Indented.GetTypeInfo(typeof(T))));
        else table(this);
    }

    /// <summary>A line of a result.</summary>
    public void Line(string text = "") => host.Out.WriteLine(text);

    /// <summary>A line for the person who waits; not printed when quiet or when a program reads.</summary>
    public void Say(string text)
    {
        if (!Quiet && !Json) host.Error.WriteLine(text);
    }

    /// <summary>Writes over the current line of standard error; only when <see cref="Live"/>.</summary>
    public void Overwrite(string text)
    {
        if (Live) host.Error.Write("\r\x1b[K" + text);
    }

    /// <summary>A table whose cells are plain text.</summary>
    public void Table(IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        var table = new Table().Border(host.OutIsTerminal ? TableBorder.Rounded : TableBorder.Ascii2);
        foreach (var column in columns) table.AddColumn(new TableColumn(new Text(column, new Style(decoration: Decoration.Bold))));
        foreach (var row in rows) table.AddRow(row.Select(cell => (Spectre.Console.Rendering.IRenderable)new Text(Printable(cell))).ToArray());
        Console.Write(table);
    }

    /// <summary>Names and values, one pair a line.</summary>
    public void Facts(params (string Name, string? Value)[] facts)
    {
        var width = facts.Max(f => f.Name.Length);
        foreach (var (name, value) in facts)
        {
            if (value is not null) Line($"{name.PadRight(width)}  {Printable(value)}");
        }
    }

    /// <summary>Asks yes or no; without somebody to ask, the command ends and says how to answer beforehand.</summary>
    public void Confirm(string question, bool yes)
    {
        if (yes) return;
        if (!host.InIsTerminal) throw CommandFailedException.Usage($"'{question}' was asked, and nobody is there to answer.", "Pass --yes to answer beforehand.");
        host.Error.Write($"{question} [y/N] ");
        var answer = host.In.ReadLine()?.Trim();
        if (answer is not ("y" or "Y" or "yes")) throw new CommandFailedException(ExitCodes.Failed, "Not confirmed: nothing was done.");
    }

    /// <summary>The text without control characters, line ends aside.</summary>
    public static string Printable(string text) => text.Any(c => char.IsControl(c) && c != '\n') ? string.Concat(text.Select(c => char.IsControl(c) && c != '\n' ? '\uFFFD' : c)) : text;

    private IAnsiConsole Open()
    {
        var opened = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(host.Out),
            Ansi = host.OutIsTerminal && !host.NoColor ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = host.OutIsTerminal && !host.NoColor ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        if (!host.OutIsTerminal) opened.Profile.Width = WidthInFiles;
        return opened;
    }
}
