using System.CommandLine;
using Demarc.Core.Charter;

namespace Demarc.Cli.Emergency;

/// <summary><c>demarc emergency watch SESSION</c>: what is typed and shown in a session, as it happens.</summary>
internal static class WatchCommand
{
    private const string Data = "data: ";

    public static Command Create()
    {
        var id = SessionNames.Argument();
        return new Verb("watch", "Watch a session live, until it is over or you interrupt.", async invocation =>
        {
            var name = SessionNames.Parsed(invocation.Get(id)!);
            var party = invocation.Looking;
            await using var stream = await invocation.Client(party).EventsAsync($"{SessionNames.Path(invocation, name)}/watch", invocation.Stop);
            using var reader = new StreamReader(stream);
            var screen = new Screen(invocation, showsTyped: true);
            invocation.Terminal.Say($"-- watching {name}; Ctrl-C leaves it as it is, 'demarc emergency revoke {name} --reason TEXT' ends it");
            var kind = "";
            while (await reader.ReadLineAsync(invocation.Stop) is { } line)
            {
                if (line.StartsWith("event: ", StringComparison.Ordinal)) kind = line[7..];
                else if (line.StartsWith(Data, StringComparison.Ordinal) && kind == "line") screen.Show(line[Data.Length..]);
                else if (line.StartsWith(Data, StringComparison.Ordinal) && kind == "end") break;
            }

            var view = await SessionNames.FindAsync(invocation, party, name);
            invocation.Terminal.Say($"-- {name} is {view.Status}{(view.Detail is { } why ? $": {Terminal.Terminal.Printable(why)}" : "")}");
            return ExitCodes.Ok;
        }, [id]);
    }
}
