using Demarc.Agent.Local;
using Demarc.Core.Audit;

namespace Demarc.Agent.Agents;

/// <summary>What the command line asks for.</summary>
/// <param name="Command"><c>run</c>, <c>status</c> or <c>clear-refusal</c>.</param>
/// <param name="Data">The agent's own folder.</param>
/// <param name="Bucket">The customer's bucket; empty for commands that need none.</param>
/// <param name="Engine">The engine program.</param>
/// <param name="JoinFile">A file with the join token, or null.</param>
/// <param name="Name">What the machine is called in the ledger.</param>
/// <param name="LogFile">Where to log besides standard output, or null for standard output alone.</param>
/// <param name="Verbose">Whether each entry is logged as well.</param>
public sealed record AgentOptions(string Command, string Data, string Bucket, string Engine, string? JoinFile, string Name, string? LogFile, bool Verbose)
{
    /// <summary>Where the ledger is copied to, as it was named; null for the bucket's own folder.</summary>
    public CopyPlace? LedgerCopy { get; init; }

    /// <summary>Whether no copy is kept.</summary>
    public bool NoLedgerCopy { get; init; }

    /// <summary>The file that says how to reach an S3-compatible bucket; null where none is used.</summary>
    public string? BucketAccessFile { get; init; }

    /// <summary>What the program prints when asked for help.</summary>
    public const string Help = """
        demarc-agent: acts in a customer's account, under a charter that both parties have signed.

        Usage:
          demarc-agent --data DIR --bucket DIR [options]     run until stopped (SIGTERM); engines keep running
          demarc-agent status --data DIR                     print what is on disk: membership, ledger, changes, findings, evidence
          demarc-agent clear-refusal --data DIR              follow a refused plane again; the evidence is kept

        Options:
          --data DIR      the agent's own folder: keys, ledger, credentials (made if missing, private to its user)
          --bucket DIR    the customer's bucket (must exist; the agent never makes one)
          --engine PATH   the engine program (default: demarc-engine beside this program)
          --join FILE     the customer's join token, in a file that only its owner can read; or in the variable DEMARC_JOIN
          --name NAME     what this machine is called in the ledger (default: its host name)
          --ledger-copy PLACE
                          where the ledger is copied to as it grows: a folder, s3://BUCKET/PREFIX, or none
                          (default: ledger/ENVIRONMENT in the bucket)
          --bucket-access FILE
                          how to reach s3://…: endpoint, region, access-key, secret-key, lock and lock-days, a line each,
                          in a file that only its owner can read
          --log FILE      log there instead of to standard output
          --verbose       log every entry as well
          --version, --help

        Exit codes:
          0  stopped as asked                        4  another agent uses the data folder
          1  something unexpected; start it again    5  the data on disk is damaged or of another environment
          2  the command line is wrong               6  joining was refused
          3  the plane is refused; see 'status'      7  a disk cannot be read or written
        """;

    /// <summary>Reads a command line; the fault says what is wrong with it.</summary>
    public static (AgentOptions? Options, string? Fault) Read(IReadOnlyList<string> words)
    {
        var command = "run";
        var at = 0;
        if (words.Count > 0 && !words[0].StartsWith('-')) command = words[at++];
        if (command is not ("run" or "status" or "clear-refusal")) return (null, $"'{command}' is not a command: status or clear-refusal, or none to run the agent");
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var verbose = false;
        for (; at < words.Count; at++)
        {
            var name = words[at];
            if (name == "--verbose")
            {
                verbose = true;
                continue;
            }

            if (name is not ("--data" or "--bucket" or "--engine" or "--join" or "--name" or "--log" or "--ledger-copy" or "--bucket-access")) return (null, $"'{name}' is not an option; see --help");
            if (at + 1 == words.Count) return (null, $"{name} needs a value");
            if (!values.TryAdd(name, words[++at])) return (null, $"{name} is given twice");
        }

        if (!values.TryGetValue("--data", out var data) || data.Length == 0) return (null, "--data DIR is missing");
        var bucket = values.GetValueOrDefault("--bucket", "");
        if (command == "run" && bucket.Length == 0) return (null, "--bucket DIR is missing");
        var engine = values.GetValueOrDefault("--engine") ?? Path.Combine(AppContext.BaseDirectory, "demarc-engine");
        var machine = values.GetValueOrDefault("--name") ?? Environment.MachineName;
        if (machine.Length is 0 or > 80) return (null, "--name must have 1 to 80 characters");
        if (bucket.Length > 0) bucket = Path.GetFullPath(bucket);
        var options = new AgentOptions(command, Path.GetFullPath(data), bucket, Path.GetFullPath(engine), values.GetValueOrDefault("--join"), machine, values.GetValueOrDefault("--log"), verbose);
        return WithCopy(options, values.GetValueOrDefault("--ledger-copy"), values.GetValueOrDefault("--bucket-access"));
    }

    /// <summary>How to reach the bucket of the copy; null and no fault where none is needed. The fault never quotes a secret.</summary>
    public (BucketAccess? Access, string? Fault) ReadBucketAccess()
    {
        if (BucketAccessFile is not { } path) return (null, null);
        if (!File.Exists(path)) return (null, $"--bucket-access {path}: there is no such file");
        if (PrivateDisk.IsOpenToOthers(path)) return (null, $"--bucket-access {path}: others than its owner can read it; run chmod 600 {path}, and replace the key if it may have been read");
        if (new FileInfo(path).Length > BucketAccess.MaxBytes) return (null, $"--bucket-access {path} is larger than {BucketAccess.MaxBytes} bytes");
        var (access, fault) = BucketAccess.Read(File.ReadAllText(path));
        return access is null ? (null, $"--bucket-access {path}: {fault}") : (access, null);
    }

    private static (AgentOptions? Options, string? Fault) WithCopy(AgentOptions options, string? copy, string? access)
    {
        if (copy is null or "none") return access is null ? (options with { NoLedgerCopy = copy is not null }, null) : (null, "--bucket-access is for --ledger-copy s3://BUCKET/PREFIX");
        if (CopyPlace.Read(copy) is not { } place) return (null, $"--ledger-copy '{copy}' is neither a folder nor s3://BUCKET/PREFIX nor none");
        if ((place.Bucket is null) != (access is null)) return (null, place.Bucket is null ? "--bucket-access is for --ledger-copy s3://BUCKET/PREFIX" : "--ledger-copy s3://… needs --bucket-access FILE");
        return (options with { LedgerCopy = place.Bucket is null ? new CopyPlace(null, Path.GetFullPath(place.Path)) : place, BucketAccessFile = access }, null);
    }

    /// <summary>The join token's text: from the file, or else from the variable; null when there is neither, or none is needed any more.</summary>
    /// <param name="joined">Whether the agent belongs somewhere already. A service is started again with the words it was first started with, when the used token has long been deleted.</param>
    public (string? Text, string? Fault) Token(bool joined)
    {
        if (JoinFile is null)
        {
            var text = Environment.GetEnvironmentVariable("DEMARC_JOIN");
            return (string.IsNullOrWhiteSpace(text) ? null : text, null);
        }

        if (!File.Exists(JoinFile)) return joined ? (null, null) : (null, $"--join {JoinFile}: there is no such file");
        return PrivateDisk.IsOpenToOthers(JoinFile)
            ? (null, $"--join {JoinFile}: others than its owner can read it; run chmod 600 {JoinFile}, and ask for another token if it may have been read")
            : (File.ReadAllText(JoinFile), null);
    }
}

/// <summary>How the program ends.</summary>
public static class AgentExit
{
    /// <summary>As asked.</summary>
    public const int Stopped = 0;

    /// <summary>Something unexpected.</summary>
    public const int Unexpected = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>The plane is refused.</summary>
    public const int PlaneRefused = 3;

    /// <summary>Another agent uses the folder.</summary>
    public const int Locked = 4;

    /// <summary>What is on disk cannot be used.</summary>
    public const int Damaged = 5;

    /// <summary>Joining was refused.</summary>
    public const int JoinRefused = 6;

    /// <summary>A disk cannot be read or written.</summary>
    public const int Disk = 7;
}
