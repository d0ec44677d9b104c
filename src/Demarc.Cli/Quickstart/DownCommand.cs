using System.CommandLine;
using Demarc.Core.Charter;

namespace Demarc.Cli.Quickstart;

/// <summary><c>demarc down</c>: stops what <c>up</c> started, and looks that nothing is left; with <c>--purge</c> it takes data and keys along.</summary>
internal static class DownCommand
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(15);

    public static Command Create()
    {
        var data = UpCommand.DataOption();
        var purge = new Option<bool>("--purge") { Description = "Also delete the quickstart's data, and this profile's keys and configuration. There is no way back." };
        var yes = GlobalOptions.Yes();
        return new Verb("down", "Stop the quickstart; nothing is left running.", invocation => RunAsync(invocation, invocation.Get(data), invocation.Get(purge), invocation.Get(yes)), [data, purge, yes]);
    }

    private static async Task<int> RunAsync(Invocation invocation, string? data, bool purge, bool yes)
    {
        var folder = QuickstartFolder.Of(invocation, data);
        if (purge) invocation.Terminal.Confirm($"Delete {folder.Root} and the keys in {invocation.Profile.Folder} for good?", yes);
        var acts = new Acts(invocation);
        var stopped = new List<string>();

        // The agent first, or it would bring the engines back; the plane last, so that it takes in the agent's last words.
        foreach (var name in new[] { "demarc-agent", "demarc-engine", "demarc-plane" })
        {
            var running = RunningProgram.Under(folder.Root).Where(p => p.Name == name).ToList();
            if (running.Count == 0) continue;
            await acts.DoAsync(name, () => StopAsync(invocation, running), count => $"stopped {name}{(count > 1 ? $" ({count})" : "")}");
            stopped.AddRange(running.Select(p => $"{p.Name} {p.Pid}"));
        }

        if (RunningProgram.Under(folder.Root) is { Count: > 0 } left)
            throw new CommandFailedException(ExitCodes.Failed, $"Still running: {string.Join(", ", left.Select(p => $"{p.Name} ({p.Pid})"))}.", "Run 'demarc down' again; is another 'demarc up' at work?");
        if (purge) Purge(invocation, folder);
        invocation.Terminal.Result(new DownReport([.. stopped], purge), terminal =>
            terminal.Line(stopped.Count == 0 ? $"Nothing was running.{(purge ? " Data and keys are deleted." : "")}" : $"Nothing is left running.{(purge ? " Data and keys are deleted." : $" Data stays in {folder.Root}: 'demarc up' goes on from there.")}"));
        return ExitCodes.Ok;
    }

    /// <summary>Ends programs, with patience first and without it then; says how many.</summary>
    public static async Task<int> StopAsync(Invocation invocation, List<RunningProgram> running)
    {
        var time = invocation.Host.Time;
        foreach (var program in running) program.Signal(Detached.Terminate);
        var since = time.GetTimestamp();
        var killed = false;
        while (running.Any(p => p.IsAlive))
        {
            if (!killed && time.GetElapsedTime(since) > Grace)
            {
                foreach (var program in running) program.Signal(Detached.Kill);
                killed = true;
            }

            if (time.GetElapsedTime(since) > Grace + Grace) throw new CommandFailedException(ExitCodes.TimedOut, $"{running[0].Name} ({running[0].Pid}) does not end, not even when killed.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, invocation.Stop);
        }

        return running.Count;
    }

    private static void Purge(Invocation invocation, QuickstartFolder folder)
    {
        // Only a folder that carries our marker: --data may have been mistyped.
        if (folder.Exists) Directory.Delete(folder.Root, recursive: true);
        var profile = invocation.Profile;
        if (!Directory.Exists(profile.Folder)) return;
        foreach (var path in new[] { profile.KeyPath(Party.Customer), profile.KeyPath(Party.Vendor), profile.SealingKeyPath, profile.ConfigPath }) File.Delete(path);
        if (Directory.Exists(Path.Combine(profile.Folder, "heads"))) Directory.Delete(Path.Combine(profile.Folder, "heads"), recursive: true);
        if (!Directory.EnumerateFileSystemEntries(profile.Folder).Any()) Directory.Delete(profile.Folder);
    }
}

/// <summary>What was stopped.</summary>
internal sealed record DownReport(System.Collections.Immutable.ImmutableArray<string> Stopped, bool Purged);
