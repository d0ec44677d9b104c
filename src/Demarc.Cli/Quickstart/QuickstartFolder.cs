using System.Text.Json;
using Demarc.Cli.Access;

namespace Demarc.Cli.Quickstart;

/// <summary>Names that the quickstart gives.</summary>
internal static class QuickstartNames
{
    public const string Environment = "local";
    public const string Instance = "docs";
    public const string Plane = "plane.local";
}

/// <summary>Where each side of the quickstart keeps its things on this machine. The marker file says that the folder is ours to delete.</summary>
internal sealed record QuickstartFolder(string Root)
{
    // Written by the agent when it has joined.
    private const string AgentMembership = "membership.json";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public string Plane => Path.Combine(Root, "plane");

    /// <summary>The customer's own plane, once they have severed the vendor.</summary>
    public string OwnPlane => Path.Combine(Root, "own-plane");

    public string Agent => Path.Combine(Root, "agent");

    public string Bucket => Path.Combine(Root, "bucket");

    public string Logs => Path.Combine(Root, "logs");

    public string Marker => Path.Combine(Root, "quickstart.json");

    public string JoinToken => Path.Combine(Root, "join.token");

    public string SampleWeights => Path.Combine(Root, "sample-weights.bin");

    public bool Exists => File.Exists(Marker);

    /// <summary>The folder named, else the one of the profile, else the usual one.</summary>
    public static QuickstartFolder Of(Invocation invocation, string? named)
    {
        if ((named ?? invocation.Config.Data) is { Length: > 0 } data) return new QuickstartFolder(Path.GetFullPath(data).TrimEnd('/'));
        var host = invocation.Host;
        var share = host.Variable("XDG_DATA_HOME") is { Length: > 0 } xdg
            ? xdg
            : Path.Combine(host.Variable("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "share");
        return new QuickstartFolder(Path.Combine(share, "demarc"));
    }

    /// <summary>Makes what is missing, for its owner alone.</summary>
    public void Make()
    {
        foreach (var folder in new[] { Root, Plane, Agent, Bucket, Logs })
        {
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
            else if (!Directory.Exists(folder)) Directory.CreateDirectory(folder, OwnerOnly);
        }
    }

    /// <summary>Whether the agent here has a key of its own, which joins once and never again.</summary>
    public bool AgentHasJoined => File.Exists(Path.Combine(Agent, AgentMembership));

    /// <summary>Moves what belonged to a revoked agent aside, and leaves what belongs to the instances to the next one.</summary>
    public void RetireAgent()
    {
        var number = 1;
        while (Directory.Exists($"{Agent}-revoked-{number}")) number++;
        var aside = Directory.CreateDirectory($"{Agent}-revoked-{number}", OwnerOnly).FullName;
        foreach (var file in Directory.EnumerateFiles(Agent)) File.Move(file, Path.Combine(aside, Path.GetFileName(file)));
    }

    public QuickstartPorts? Ports() => Exists ? JsonSerializer.Deserialize(File.ReadAllText(Marker), CliJson.Default.QuickstartPorts) : null;

    public void Save(QuickstartPorts ports) => KeyFile.Write(Marker, JsonSerializer.Serialize(ports, CliJson.Default.QuickstartPorts) + "\n");

    /// <summary>The end of a program's log, for an error message.</summary>
    public string LogTail(string program) => Tail(Path.Combine(Logs, program + ".log"));

    /// <summary>The end of a log.</summary>
    public static string Tail(string path)
    {
        return File.Exists(path) ? string.Join(" | ", File.ReadLines(path).TakeLast(3).Select(line => Terminal.Terminal.Printable(line.Length <= 300 ? line : line[..300]))) : "it wrote no log";
    }
}

/// <summary>Where the plane listens; remembered, so that addresses stay the same from day to day.</summary>
internal sealed record QuickstartPorts(int Rest, int Hub);
