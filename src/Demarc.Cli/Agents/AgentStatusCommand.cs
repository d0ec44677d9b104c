using System.CommandLine;
using System.Text.Json;
using Demarc.Core.Agents;
using Demarc.Core.Audit;

namespace Demarc.Cli.Agents;

/// <summary><c>demarc agent status</c>: what the running agent says of itself, whatever the plane says of it.</summary>
internal static class AgentStatusCommand
{
    public static Command Create() => new Verb("status", "Ask the running agent how it is, without any plane.", RunAsync, AgentDoorClient.Data);

    // An agent of another version may say something else.
    private static string Spoken(string root) => root.Length == 64 && root.All(char.IsAsciiHexDigit) ? SignedHead.Spoken(Convert.FromHexString(root)) : root;

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var answer = await AgentDoorClient.Of(invocation).OneAsync(AgentDoorClient.Ask("status"), invocation.Stop);
        var status = answer.Deserialize(AgentDoorJson.Default.AgentStatusView)!;
        invocation.Terminal.Result(status, terminal => terminal.Facts(
            ("agent", $"{status.Name}, version {status.Version}, of environment {status.Environment}{(status.InForce ? "" : "; not the one in force")}"),
            ("changes", status.Held ?? "not held at the agent"),
            ("plane", status.Refusal is { } refusal ? $"{status.Plane}, REFUSED: {refusal}" : $"{status.Plane}, {(status.Connected ? "connected" : "not connected")}"),
            ("ledger", $"{status.Size} entries verified, head {Spoken(status.Root)}; {status.Waiting} wait for the plane"),
            ("copy", status.Copy is { } copy ? $"{copy.Size} entries at {copy.Place}; {copy.Protection ?? "it has not answered yet"}{(copy.Fault is { } fault ? $". NOT COPIED ON: {fault}" : "")}" : "none")));
        return ExitCodes.Ok;
    }
}
