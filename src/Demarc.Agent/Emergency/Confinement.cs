using System.Globalization;
using Demarc.Agent.Local;
using Demarc.Core.Emergency;

namespace Demarc.Agent.Emergency;

/// <summary>
/// How a command of a session is shut in: an account that nobody has, a process namespace that dies as a whole, no way to new rights, and bounds on what it
/// takes. What of that can be had depends on whether the agent runs as root and on the kernel; it is found out by trying, and said in the session's opening
/// entry. The tools are util-linux's, run directly: there is no shell anywhere.
/// </summary>
/// <param name="Account">The user and group id that commands run as; null where the agent may not change its own.</param>
/// <param name="OwnNamespace">Whether commands have process ids of their own, so that ending the first ends them all.</param>
/// <param name="Words">What is enforced, for both parties to read.</param>
public sealed record Confinement(int? Account, bool OwnNamespace, string Words)
{
    private const string SetPriv = "/usr/bin/setpriv";
    private const string Unshare = "/usr/bin/unshare";
    private const string PrLimit = "/usr/bin/prlimit";

    // Ids that systemd too gives to users who exist only for a while; nothing else may belong to one.
    private const int FirstAccount = 61184;
    private const int Accounts = 4336;

    private static readonly string[] Bounds = ["--nproc=64", "--nofile=64", "--as=1073741824", "--cpu=60", "--fsize=0", "--core=0"];

    /// <summary>What a command sees of the agent's environment: nothing.</summary>
    public static IReadOnlyList<string> Variables { get; } = ["PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/nonexistent", "TERM=dumb"];

    /// <summary>What can be had here for a session; the fault says why none can be opened.</summary>
    public static (Confinement? Confinement, string? Fault) For(SessionId session, bool root)
    {
        foreach (var tool in new[] { SetPriv, Unshare, PrLimit })
        {
            if (!File.Exists(tool)) return (null, $"{tool} is missing: without util-linux no command can be confined, so none is run");
        }

        var account = root ? FreeAccount(session) : (int?)null;
        foreach (var own in new[] { true, false })
        {
            var tried = new Confinement(account, own, Say(account, own));
            if (tried.Works()) return (tried, null);
        }

        return (null, "neither an unprivileged account nor 'no new privileges' can be had on this machine, so no command is run");
    }

    /// <summary>For what runs no program at all.</summary>
    public static Confinement Nobody(string words) => new(null, false, words);

    /// <summary>Whether an account is one that sessions are given: no other is ever cleaned up after, whatever an entry says.</summary>
    public static bool IsTemporary(int account) => account is >= FirstAccount and < FirstAccount + Accounts;

    /// <summary>The program and its arguments, shut in.</summary>
    public (string Program, IReadOnlyList<string> Arguments) Wrap(string program, IReadOnlyList<string> arguments)
    {
        // Dies with the thread that waits for it, and so with the agent, however that ends.
        List<string> line = ["--pdeathsig", "KILL", "--"];
        if (OwnNamespace)
        {
            line.Add(Unshare);
            if (Account is null) line.AddRange(["--user", "--map-current-user"]);
            line.AddRange(["--pid", "--fork", "--", SetPriv, "--pdeathsig", "KILL"]);
        }
        else
        {
            line.Add(SetPriv);
        }

        if (Account is { } account)
        {
            var id = account.ToString(CultureInfo.InvariantCulture);
            line.AddRange(["--reuid", id, "--regid", id, "--clear-groups", "--bounding-set=-all"]);
        }

        line.AddRange(["--no-new-privs", "--inh-caps=-all", "--", PrLimit, .. Bounds, "--", program, .. arguments]);
        return (SetPriv, line);
    }

    private bool Works()
    {
        var (program, arguments) = Wrap("/usr/bin/true", []);
        return Posix.Wait(Posix.Spawn(program, arguments, Variables, "/dev/null")) == 0;
    }

    // The same session has the same account, unless somebody is there already.
    private static int FreeAccount(SessionId session)
    {
        var taken = Processes.All().Select(process => process.Account).ToHashSet();
        var first = session.Value.Aggregate(17, (hash, c) => unchecked(hash * 31 + c)) & int.MaxValue;
        for (var i = 0; i < Accounts; i++)
        {
            var account = FirstAccount + (first % Accounts + i) % Accounts;
            if (!taken.Contains(account)) return account;
        }

        throw new IOException("every temporary account is taken");
    }

    private static string Say(int? account, bool own)
    {
        var who = account is { } id ? string.Create(CultureInfo.InvariantCulture, $"account {id}, made for this session, without groups or capabilities") : "the agent's own account (it does not run as root)";
        var where = own ? "in a process namespace of its own" : "in a process group of its own (no namespace to be had here)";
        return $"commands of a fixed list, no shell, as {who}, {where}; no new privileges, empty environment, no byte can be written to a file, 64 processes, 1 GiB, 60 s of processor each";
    }
}

/// <summary>A process as /proc tells it.</summary>
internal sealed record ProcessLine(int Pid, int Parent, int Group, int Session, int Account, bool HasEnded);

/// <summary>The processes of this machine.</summary>
internal static class Processes
{
    /// <summary>All that can be seen.</summary>
    public static IReadOnlyList<ProcessLine> All()
    {
        var found = new List<ProcessLine>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && Read(pid) is { } line) found.Add(line);
        }

        return found;
    }

    private static ProcessLine? Read(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            var account = File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1];
            return new ProcessLine(pid, Number(fields[1]), Number(fields[2]), Number(fields[3]), Number(account), fields[0] is "Z" or "X");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException or InvalidOperationException)
        {
            // It ended while it was looked at.
            return null;
        }
    }

    private static int Number(string text) => int.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
}
