using System.CommandLine;
using System.Globalization;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Charter;

/// <summary><c>demarc charter show</c>: the responsibility table as it is in force, live; or the exact text that was signed.</summary>
internal static class CharterShowCommand
{
    public static Command Create()
    {
        var yaml = new Option<bool>("--yaml") { Description = "Print the exact text in force (or the proposed one) instead of the table." };
        var japanese = new Option<bool>("--japanese") { Description = "Name groups and tasks in Japanese, as published." };
        return new Verb("show", "Show who is responsible for what.", invocation => invocation.Get(yaml) ? TextAsync(invocation) : TableAsync(invocation, invocation.Get(japanese)), [yaml, japanese]);
    }

    private static async Task<int> TableAsync(Invocation invocation, bool japanese)
    {
        var rows = await invocation.Reader.GetAsync($"{invocation.Path}/responsibilities", ViewJson.Default.ImmutableArrayResponsibilityView, invocation.Stop);
        invocation.Terminal.Result(rows, terminal => terminal.Table(
            ["#", "group", "task", "owner", "state", "last act", "waits for"],
            rows.Select(row => (IReadOnlyList<string>)
            [
                row.Number.ToString(CultureInfo.InvariantCulture), japanese ? row.GroupJapanese : row.Group, japanese ? row.Japanese : $"{row.English} ({row.Task})",
                row.Owner.Word(), row.State, row.LastAct is { } act ? $"{act.Kind} by the {act.By}" : "",
                string.Join('\n', row.Waiting.Select(w => w.Command is { } command ? $"{w.For}: {command}" : $"{w.For}: {w.What}")),
            ])));
        return ExitCodes.Ok;
    }

    private static async Task<int> TextAsync(Invocation invocation)
    {
        var charter = await invocation.Reader.GetAsync($"{invocation.Path}/charter", ViewJson.Default.CharterView, invocation.Stop);
        if ((charter.Yaml ?? charter.ProposedYaml) is not { } text) throw new CommandFailedException(ExitCodes.NotFound, $"Environment {invocation.Environment} has no charter yet.", "Propose one: demarc charter propose FILE.");
        invocation.Terminal.Result(charter, terminal => terminal.Line(text.TrimEnd('\n')));
        return ExitCodes.Ok;
    }
}
