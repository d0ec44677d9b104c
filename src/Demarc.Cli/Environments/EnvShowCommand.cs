using System.CommandLine;
using System.Globalization;
using Demarc.Core.Charter;
using Demarc.Core.Environments;

namespace Demarc.Cli.Environments;

/// <summary><c>demarc env show</c>.</summary>
internal static class EnvShowCommand
{
    public static Command Create() => new Verb("show", "Show the environment: roots, charter, agent, counts.", RunAsync);

    public static string Agent(EnvironmentView e) =>
        e.AgentRefusal is { } refusal ? $"refuses the plane: {refusal}" : e.Agent is null ? "none has joined" : $"{e.AgentName}, {(e.AgentConnected ? "connected" : "not connected")}";

    /// <summary>Since when and why the vendor is severed; null when it is not.</summary>
    public static string? Severed(EnvironmentView e) => e.Severed is { } severed ? $"since {severed.At:u}, entry {severed.Entry}: {severed.Reason}" : null;

    private static async Task<int> RunAsync(Invocation invocation)
    {
        var e = await invocation.Reader.GetAsync(invocation.Path, ViewJson.Default.EnvironmentView, invocation.Stop);
        invocation.Terminal.Result(e, terminal => terminal.Facts(
            ("environment", e.Id), ("name", e.Name), ("entries", e.Size.ToString(CultureInfo.InvariantCulture)), ("customer root", e.CustomerRoot), ("vendor root", e.VendorRoot),
            ("plane key", e.PlaneKey), ("sealed to", e.CustomerSealing), ("charter", e.Charter is { } version ? $"version {version}" : "none in force"),
            ("proposed", e.ProposedCharter is { } proposed ? $"version {proposed}, signed by {(e.ProposalSignedBy.IsEmpty ? "nobody" : string.Join(", ", e.ProposalSignedBy.Select(p => p.Word())))}" : null),
            ("severed", Severed(e)), ("agent", Agent(e)), ("agent key", e.Agent), ("agent has verified", $"{e.AgentVerifiedSize} entries"), ("instances", e.Instances.ToString(CultureInfo.InvariantCulture)),
            ("open changes", e.OpenChanges.ToString(CultureInfo.InvariantCulture)), ("findings", e.Findings.ToString(CultureInfo.InvariantCulture))));
        return ExitCodes.Ok;
    }
}
