using System.Globalization;
using Demarc.Agent.Emergency;
using Demarc.Core.Emergency;
using Demarc.Tests.Ledger;

namespace Demarc.Tests.Emergency;

/// <summary>
/// What a hostile program could do inside of a session, if one of the list's programs were one: real processes, shut in as commands are. Attacks are named
/// after what they try. Where the tests do not run as root, what only root's agent enforces is left out, as it is there.
/// </summary>
public sealed class ConfinementTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly bool root = Environment.UserName == "root";
    private readonly Confinement confinement;

    public ConfinementTests()
    {
        var (found, fault) = Confinement.For(SessionId.Parse("s-" + Path.GetFileName(folder.Path).ToLowerInvariant().Replace("demarc-test-", "x", StringComparison.Ordinal)), root);
        Assert.True(found is not null, fault);
        confinement = found;
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Nothing_is_killed_for_having_an_account_that_no_session_is_given()
    {
        foreach (var account in new[] { -1, 0, 1000, 61183, 65520, 65534 }) Assert.False(Confinement.IsTemporary(account));
        Assert.True(Confinement.IsTemporary(61184));
        Assert.True(Confinement.IsTemporary(65519));
    }

    [Fact]
    public async Task A_command_says_what_it_has_to_say_and_how_it_ended()
    {
        Assert.Equal(("hello\n", 0), await RunAsync("echo hello"));
        Assert.Equal(("oh\n", 3), await RunAsync("echo oh >&2; exit 3"));
    }

    [Fact]
    public async Task It_outlives_its_grant_in_a_session_and_group_of_its_own()
    {
        // Forked twice, in a new session, deaf to polite signals, its output closed: as a daemon leaves.
        await CutAsync($"trap '' HUP TERM INT; setsid sh -c 'trap \"\" HUP TERM INT; (setsid sleep {Mark} </dev/null >/dev/null 2>&1 &) ; sleep {Mark}' & echo started; wait", "started");
    }

    [Fact]
    public async Task It_outlives_the_command_that_started_it()
    {
        var (said, code) = await RunAsync($"(setsid sleep {Mark} </dev/null >/dev/null 2>&1 &) ; echo gone");
        Assert.Equal(("gone\n", 0), (said, code));
        await NothingRunsAsync();
    }

    [Fact]
    public async Task It_forks_faster_than_it_is_killed()
    {
        await CutAsync($"echo started; while :; do (setsid sleep {Mark} >/dev/null 2>&1 &) ; done", "started");
    }

    [Fact]
    public async Task It_clears_the_leash_that_ties_it_to_the_agent()
    {
        await CutAsync($"exec setsid sh -c 'exec env -i setpriv --pdeathsig clear sh -c \"echo started; sleep {Mark}\"'", "started");
    }

    [Fact]
    public async Task It_becomes_another_user_again()
    {
        var (said, _) = await RunAsync("id -u; grep -E 'NoNewPrivs|CapEff|CapBnd' /proc/self/status; setpriv --reuid=0 id -u; mount -t tmpfs none /mnt; echo end");
        var lines = said.Split('\n');
        if (root)
        {
            Assert.Equal(confinement.Account!.Value.ToString(CultureInfo.InvariantCulture), lines[0]);
            Assert.Contains("CapBnd:\t0000000000000000", said, StringComparison.Ordinal);
        }

        Assert.Contains("NoNewPrivs:\t1", said, StringComparison.Ordinal);
        Assert.Contains("CapEff:\t0000000000000000", said, StringComparison.Ordinal);
        Assert.DoesNotContain(lines.Skip(4), line => line == "0");
    }

    [Fact]
    public async Task It_writes_to_the_recording_or_anywhere_else()
    {
        var recording = folder.File("s-x.cast");
        await File.WriteAllTextAsync(recording, "the recording\n");
        File.SetUnixFileMode(folder.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite);
        File.SetUnixFileMode(recording, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite);

        // Even a file that anybody may write takes not one byte.
        var (said, _) = await RunAsync($"trap '' XFSZ; echo forged >> {recording}; echo x > /tmp/demarc-{Mark}; echo end");
        Assert.Contains("end", said, StringComparison.Ordinal);
        Assert.Equal("the recording\n", await File.ReadAllTextAsync(recording));
        Assert.True(!File.Exists($"/tmp/demarc-{Mark}") || new FileInfo($"/tmp/demarc-{Mark}").Length == 0);
        File.Delete($"/tmp/demarc-{Mark}");
    }

    [Fact]
    public async Task It_reads_the_agent_s_keys()
    {
        Assert.SkipUnless(root, "an agent that does not run as root cannot keep its own account's files from a command, and says so");
        var key = folder.File("agent.key");
        await File.WriteAllTextAsync(key, "a secret");
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.DoesNotContain("a secret", (await RunAsync($"cat {key}; cat /proc/{Environment.ProcessId}/environ; echo end")).Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_given_another_program_by_PATH_or_LD_PRELOAD()
    {
        Environment.SetEnvironmentVariable("DEMARC_JOIN_OF_A_TEST", "secret");
        Environment.SetEnvironmentVariable("LD_PRELOAD_OF_A_TEST", "x.so");
        var (said, _) = await RunAsync("env");
        Assert.Equal(["HOME=/nonexistent", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "TERM=dumb"], said.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.StartsWith("PWD=", StringComparison.Ordinal) && !line.StartsWith("SHLVL", StringComparison.Ordinal) && !line.StartsWith("_=", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.All(TerminalCommands.OfMachine.SelectMany(command => command.Program), path => Assert.StartsWith("/", path, StringComparison.Ordinal));
    }

    [Fact]
    public async Task It_takes_all_memory()
    {
        var (_, code) = await RunAsync("head -c 2000000000 /dev/zero | tail | wc -c; ulimit -v; test $(ulimit -v) -le 1048576");
        Assert.Equal(0, code);
    }

    // A number that no other process of this machine sleeps for.
    private int Mark { get; } = 100_000 + Random.Shared.Next(800_000);

    private async Task<(string Said, int Code)> RunAsync(string script)
    {
        using var run = CommandRun.Start(confinement, "/bin/sh", ["-c", script]);
        var said = "";
        await foreach (var piece in run.Said.ReadAllAsync()) said += piece;
        var code = await run.Ended.WaitAsync(Patience.Limit);
        await SessionLab.Until(run.Cut);
        return (said, code);
    }

    private async Task CutAsync(string script, string until)
    {
        using var run = CommandRun.Start(confinement, "/bin/sh", ["-c", script]);
        var said = "";
        while (!said.Contains(until, StringComparison.Ordinal)) said += await run.Said.ReadAsync().AsTask().WaitAsync(Patience.Limit);
        await Task.Delay(100);
        var began = TimeProvider.System.GetTimestamp();
        while (!run.Cut())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < SessionLimits.Cut, "it still runs after a second");
            await Task.Delay(5);
        }

        await NothingRunsAsync();
    }

    private async Task NothingRunsAsync()
    {
        await Task.Delay(50);
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(path => int.TryParse(Path.GetFileName(path), out _)))
        {
            try
            {
                Assert.DoesNotContain($"sleep\0{Mark}", await File.ReadAllTextAsync(Path.Combine(process, "cmdline")), StringComparison.Ordinal);
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It ended while it was looked at.
            }
        }
    }
}
