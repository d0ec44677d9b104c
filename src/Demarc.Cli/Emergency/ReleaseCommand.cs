using System.CommandLine;
using System.Text;
using Demarc.Cli.Agents;
using Demarc.Core.Charter;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Emergency;

/// <summary>
/// <c>demarc emergency release SESSION</c>: shows a bundle, read from the customer's own agent before anything has left, and signs the hash of exactly what was shown.
/// </summary>
internal static class ReleaseCommand
{
    public static Command Create()
    {
        var id = SessionNames.Argument();
        var yes = GlobalOptions.Yes();
        var show = new Option<bool>("--show") { Description = "Only show it, release nothing." };
        return new Verb("release", "Look at a diagnostic bundle and let it leave (customer only).", async invocation =>
        {
            var name = SessionNames.Parsed(invocation.Get(id)!);
            var party = invocation.Acting(Party.Customer);
            if (party != Party.Customer) throw new CommandFailedException(ExitCodes.Refused, "What leaves the customer's account is the customer's to release.", "Leave out --as vendor, or ask the customer.");
            var bytes = await AgentFiles.ReadAsync(invocation, "session.bundle", name);
            var hash = ContentHash.Of(bytes);
            if (!invocation.Terminal.Json || invocation.Get(show)) invocation.Terminal.Line(Terminal.Terminal.Printable(Encoding.UTF8.GetString(bytes)).TrimEnd());
            if (invocation.Get(show)) return ExitCodes.Ok;
            invocation.Terminal.Confirm($"Let these {bytes.Length} bytes ({hash}) leave for the vendor?", invocation.Get(yes));
            await invocation.AppendAsync(party, new SessionReleased(name, hash));
            var view = await SessionNames.FindAsync(invocation, party, name);
            invocation.Terminal.Result(view, terminal => terminal.Line($"Released {hash}. It leaves now, and the session ends."));
            return ExitCodes.Ok;
        }, [id, yes, show, AgentDoorClient.Data]);
    }
}
