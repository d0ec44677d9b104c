using System.CommandLine;
using Demarc.Core.Environments;

namespace Demarc.Cli.Quickstart;

/// <summary><c>demarc console</c>: a one-time link that signs a browser in with the authority of one's own key.</summary>
internal static class ConsoleCommand
{
    public static Command Create() => new Verb("console", "Print a one-time link that signs a browser in (good for five minutes).", async invocation =>
    {
        var link = await invocation.Client(invocation.Looking).PostNothingAsync("/v1/console/links", ViewJson.Default.LinkView, invocation.Stop);
        invocation.Terminal.Result(link, terminal => terminal.Line(link.Url));
        return ExitCodes.Ok;
    });
}
