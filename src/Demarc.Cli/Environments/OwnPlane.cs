using System.Text.Json;
using Demarc.Cli.Access;
using Demarc.Cli.Quickstart;
using Demarc.Core;
using Demarc.Core.Environments;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Environments;

/// <summary>What the customer's plane remembers of where it is and what was signed for it; written before anything is done on its strength.</summary>
/// <param name="Key">Its verifier key.</param>
/// <param name="Rest">Port of REST and console.</param>
/// <param name="Hub">Port of the agent hub.</param>
/// <param name="InForce">Whether it gives entries their order now, so that 'demarc up' starts it.</param>
/// <param name="Severance">Base64 of the signed severance, from the moment in which it was signed until the vendor is back.</param>
internal sealed record OwnPlanePlace(string Key, int Rest, int Hub, bool InForce, string? Severance);

/// <summary>The customer's own plane on this machine: the same program as the vendor's, in a folder of the customer's.</summary>
internal sealed class OwnPlane(Invocation invocation, Programs programs, string folder)
{
    /// <summary>Its name in checkpoints and request tokens.</summary>
    public const string Name = "plane.customer";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const int FirstPort = 7110;

    /// <summary>Its folder.</summary>
    public string Folder => folder;

    /// <summary>Where its ledger is copied to before it is taken in.</summary>
    public string Handover => Path.Combine(folder, "handover");

    /// <summary>Its log.</summary>
    public string Log => Path.Combine(folder, "plane.log");

    private string PlacePath => Path.Combine(folder, "place.json");

    /// <summary>What it remembers; null before it was ever made.</summary>
    public OwnPlanePlace? Place() => File.Exists(PlacePath) ? JsonSerializer.Deserialize(File.ReadAllText(PlacePath), CliJson.Default.OwnPlanePlace) : null;

    /// <summary>Remembers.</summary>
    public OwnPlanePlace Remember(OwnPlanePlace place)
    {
        KeyFile.Write(PlacePath, JsonSerializer.Serialize(place, CliJson.Default.OwnPlanePlace) + "\n");
        return place;
    }

    /// <summary>Makes the folder, the key and the place; they are there already the second time.</summary>
    public async Task<string> KeyAsync()
    {
        if (!OperatingSystem.IsWindows()) Directory.CreateDirectory(folder, OwnerOnly);
        if (Place() is { } place) return place.Key;
        var key = await programs.AskAsync(invocation, "demarc-plane", ["key", "--data", folder, "--name", Name]);
        var rest = Programs.FreePort(FirstPort);
        return Remember(new OwnPlanePlace(key, rest, Programs.FreePort(FirstPort + 1, rest), false, null)).Key;
    }

    /// <summary>Its process; null when it does not run.</summary>
    public RunningProgram? Running => RunningProgram.Under(folder).FirstOrDefault(p => p.Name == "demarc-plane");

    /// <summary>Its address.</summary>
    public static Uri Address(OwnPlanePlace place) => new($"http://127.0.0.1:{place.Rest}");

    /// <summary>Takes in the ledger that was exported to a folder; the plane does not run meanwhile.</summary>
    public Task<string> ImportAsync(string export, string customerRoot) =>
        programs.AskAsync(invocation, "demarc-plane", ["import", "--data", folder, "--name", Name, "--from", export, "--customer-root", customerRoot]);

    /// <summary>Runs it, and waits until it answers; one that runs is taken as it is.</summary>
    public async Task<PlaneView> RunAsync(Acts acts)
    {
        var place = Place() ?? throw new BrokenBeliefException("A plane is run where it was placed.");
        if (Running is not { } running)
        {
            var rest = Programs.FreePort(place.Rest);
            var hub = Programs.FreePort(place.Hub, rest);
            if (rest != place.Rest || hub != place.Hub) place = Remember(place with { Rest = rest, Hub = hub });
            running = await programs.StartAsync(invocation, Log, "demarc-plane", folder, ["--url", Address(place).ToString().TrimEnd('/'), "--hub-port", $"{place.Hub}", "--name", Name]);
        }

        return await acts.UntilAsync(
            $"your own plane at {Address(place)} to answer",
            async () =>
            {
                try
                {
                    return await invocation.Stranger(Address(place)).PlaneAsync(invocation.Stop);
                }
                catch (CommandFailedException notYet) when (notYet.ExitCode == ExitCodes.Unreachable)
                {
                    return running.IsAlive ? null : throw new CommandFailedException(ExitCodes.Failed, $"Your plane has ended: {QuickstartFolder.Tail(Log)}.");
                }
            },
            () => $"Its log is {Log}.");
    }

    /// <summary>The signed severance that it was made for; null when there is none.</summary>
    public static Entry? SeveranceOf(OwnPlanePlace? place) =>
        place?.Severance is { } text && Base64Text.Decode(text.AsSpan(), Base64Form.Standard) is { } bytes ? Entry.Read(bytes).Entry : null;
}
