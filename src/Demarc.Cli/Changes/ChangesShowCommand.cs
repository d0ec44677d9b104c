using System.CommandLine;
using Demarc.Core.Environments;

namespace Demarc.Cli.Changes;

/// <summary><c>demarc changes show CHANGE</c>.</summary>
internal static class ChangesShowCommand
{
    public static Command Create()
    {
        var id = new Argument<string>("change") { Description = "The change, as in c-5hq2m7xk." };
        return new Verb("show", "Show a change with its steps and receipts.", invocation => RunAsync(invocation, invocation.Get(id)!), [id]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string id)
    {
        var change = await invocation.Reader.GetAsync($"{invocation.Path}/changes/{ChangeNames.Checked(id)}", ViewJson.Default.ChangeView, invocation.Stop);
        invocation.Terminal.Result(change, terminal => ChangePrinter.Whole(terminal, change));
        return ExitCodes.Ok;
    }
}
