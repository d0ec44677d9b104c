using System.CommandLine;
using System.Text.Json;
using Demarc.Core.Agents;
using Demarc.Core.Audit;

namespace Demarc.Cli.Agents;

/// <summary><c>demarc agent status</c>: what the running agent says of itself, whatever the plane says of it.</summary>
internal static class AgentStatusCommand
{
    public static Command Create() => new Verb("status", "Ask the running agent how it is, without any plane.", RunAsync, AgentDoorClient.Data);

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var answer = await AgentDoorClient.Of(invocation).OneAsync(AgentDoorClient.Ask("status"), invocation.Stop);
        var status = answer.Deserialize(AgentDoorJson.Default.AgentStatusView)!;
        invocation.Terminal.Result(status, terminal => terminal.Facts(
            ("agent", $"{status.Name}, version {status.Version}, of environment {status.Environment}{(status.InForce ? "" : "; not the one in force")}"),
            ("plane", status.Refusal is { } refusal ? $"{status.Plane}, REFUSED: {refusal}" : $"{status.Plane}, {(status.Connected ? "connected" : "not connected")}"),
            ("ledger", $"{status.Size} entries verified, root {SignedHead.Spoken(Convert.FromHexString(status.Root))} …; {status.Waiting} wait for the plane")));
        return ExitCodes.Ok;
    }
}
