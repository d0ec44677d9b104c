using System.CommandLine;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Environments;

/// <summary><c>demarc env found NAME</c>: founds an environment with both roots; needs both keys in one profile for the moment of signing.</summary>
internal static class EnvFoundCommand
{
    public static Command Create()
    {
        var id = new Argument<string>("name") { Description = "Name of the new environment: 3 to 40 of a-z, 0-9 and '-'." };
        var title = new Option<string?>("--title") { Description = "What people call it. Default: its name.", HelpName = "TEXT" };
        return new Verb("found", "Found an environment; both parties' root keys sign.", invocation => RunAsync(invocation, invocation.Get(id)!, invocation.Get(title)), [id, title]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string name, string? title)
    {
        if (!EnvironmentId.TryParse(name, out var id)) throw CommandFailedException.Usage($"'{name}' is not an environment's name: {EnvironmentId.Form}.");
        using var sealing = invocation.Profile.SealingOrNew();
        var client = invocation.Client(Party.Customer);
        await Founding.FoundAsync(invocation, client, id, title ?? name, invocation.Key(Party.Customer), invocation.Key(Party.Vendor), sealing.Recipient);
        var view = await client.GetAsync($"/v1/environments/{id}", ViewJson.Default.EnvironmentView, invocation.Stop);
        invocation.Terminal.Result(view, terminal => terminal.Line($"Founded {id}. Next: demarc charter propose FILE, demarc charter sign, demarc env invite."));
        return ExitCodes.Ok;
    }
}
