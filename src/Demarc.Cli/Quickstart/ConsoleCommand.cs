using System.CommandLine;
using Demarc.Core.Environments;

namespace Demarc.Cli.Quickstart;

/// <summary><c>demarc console</c>: a one-time link that signs a browser in with the authority of one's own key; or out of every browser.</summary>
internal static class ConsoleCommand
{
    public static Command Create()
    {
        var signOut = new Option<bool>("--sign-out") { Description = "Instead, sign out of every browser that reads with this key or with an account linked to it." };
        return new Verb("console", "Print a one-time link that signs a browser in (good for five minutes).", async invocation =>
        {
            var client = invocation.Client(invocation.Looking);
            if (invocation.Get(signOut))
            {
                var closed = await client.PostNothingAsync("/v1/console/sign-out", ViewJson.Default.SignedOutView, invocation.Stop);
                invocation.Terminal.Result(closed, terminal => terminal.Line(closed.Browsers == 1 ? "Signed out of 1 browser." : $"Signed out of {closed.Browsers} browsers."));
                return ExitCodes.Ok;
            }

            var link = await client.PostNothingAsync("/v1/console/links", ViewJson.Default.LinkView, invocation.Stop);
            invocation.Terminal.Result(link, terminal => terminal.Line(link.Url));
            return ExitCodes.Ok;
        }, [signOut]);
    }
}
