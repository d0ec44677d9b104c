using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Demarc.Agent.Audit;
using Demarc.Agent.Ledger;
using Demarc.Agent.Emergency;
using Demarc.Agent.Local;
using Demarc.Agent.Monitoring;
using Demarc.Core.Audit;
using Demarc.Core.Ledger;
using Demarc.Core.Monitoring;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Agents;

/// <summary>
/// The program around the core: command line, lock, signals, joining, and the real disk, link and hands. The core runs on an exclusive scheduler, so
/// that none of it ever runs at the same time as another part.
/// </summary>
internal static class AgentProgram
{
    public static async Task<int> RunAsync(string[] args)
    {
        if (args is ["--help" or "-h" or "help"])
        {
            Console.WriteLine(AgentOptions.Help);
            return AgentExit.Stopped;
        }

        if (args is ["--version"])
        {
            Console.WriteLine($"demarc-agent {AgentVersion.Text}");
            return AgentExit.Stopped;
        }

        var (options, fault) = AgentOptions.Read(args);
        if (options is null) return Complain(AgentExit.Usage, fault!);
        try
        {
            return options.Command switch
            {
                "status" => StatusCommand.Run(options, Console.Out, TimeProvider.System),
                "clear-refusal" => ClearRefusal(options),
                _ => await ServeAsync(options),
            };
        }
        catch (InvalidDataException damaged)
        {
            return Complain(AgentExit.Damaged, damaged.Message);
        }
        catch (Exception disk) when (disk is IOException or UnauthorizedAccessException or SqliteException)
        {
            return Complain(AgentExit.Disk, disk.Message);
        }
    }

    private static async Task<int> ServeAsync(AgentOptions options)
    {
        using var stopping = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var home = AgentHome.Take(options.Data);
        if (home is null) return Complain(AgentExit.Locked, $"another agent uses {options.Data}: stop it, or use another --data");

        await using var file = options.LogFile is null ? null : new StreamWriter(PrivateDisk.Open(options.LogFile, FileMode.Append));
        var log = new LineLogger(file ?? Console.Out, options.Verbose ? LogLevel.Debug : LogLevel.Information, TimeProvider.System);
        // One thing at a time, as in the simulator: no part of the core needs a lock.
        var scheduler = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;
        try
        {
            return await Task.Factory.StartNew(() => LiveAsync(options, home, log, stopping.Token), CancellationToken.None, TaskCreationOptions.None, scheduler).Unwrap();
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            AgentLog.Stops(log);
            return AgentExit.Stopped;
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopping.Cancel();
        }
    }

    private static async Task<int> LiveAsync(AgentOptions options, AgentHome home, ILogger log, CancellationToken stop)
    {
        var time = TimeProvider.System;
        var toll = new EgressToll();
        var joining = new Joining(home, new HttpPlaneDoor(toll), time, RandomNumberGenerator.Fill);
        var (token, unreadable) = options.Token(home.ReadMembership() is not null);
        if (unreadable is not null) return Complain(AgentExit.Usage, unreadable);
        var (access, unusable) = options.ReadBucketAccess();
        if (unusable is not null) return Complain(AgentExit.Usage, unusable);
        var (membership, fault) = joining.Prepare(token, options.Name);
        if (membership is null) return Complain(AgentExit.JoinRefused, fault!);
        if (membership.Hub is null && await JoinAsync(joining, membership, time, log, stop) is { } refused) return Complain(AgentExit.JoinRefused, refused);

        using var key = home.SigningKey(RandomNumberGenerator.Fill);
        using var store = new SqliteAgentStore(home.Database);
        var identity = new AgentIdentity(membership.Trust, key, membership.Name);
        var (ledger, damage) = AgentLedger.Open(store, identity, time, RandomNumberGenerator.Fill, log);
        if (ledger is null) return Complain(AgentExit.Damaged, $"the ledger in {options.Data} is damaged: {damage}. Restore the folder from a backup, or revoke this agent and join anew with an empty one.");
        if (LeftSeverance(home, ledger) is { } unfit) return Complain(AgentExit.Usage, unfit);
        AgentLog.Starts(log, AgentVersion.Text, membership.Environment, ledger.Size, ledger.Outbox.Count);

        var secrets = new KnownSecrets(RandomNumberGenerator.Fill);
        secrets.Know(key.ExportSeed());
        using var mirror = new EgressMirror(home.Egress);
        using var probe = new MilvusProbe();
        var folders = new BucketFolder(options.Bucket);
        var files = new PrivateFiles(home.Instances);
        var hands = new LocalHands(
            new LinuxMachine(await EngineVersions.AskAsync(options.Engine, stop)),
            new EngineProcesses(options.Engine, folders),
            folders,
            files,
            probe,
            time,
            RandomNumberGenerator.Fill,
            log,
            () => ledger.State.Instances.Values.Select(instance => instance.Port).ToHashSet()) { Secrets = secrets };
        if (access is not null) secrets.Know(access.SecretKey.Reveal());
        var target = CopyTargetOf(options, access, membership.Environment, time);
        using var disposable = target as IDisposable;
        var copy = target is null ? null : new LedgerCopy(ledger, target, time, log);
        var core = new AgentCore(identity, ledger, new GrpcPlaneLink(home, joining, toll, time, log), hands, time, RandomNumberGenerator.Fill, log, new EgressEye(secrets, mirror), copy);
        using var reader = new MilvusReader();
        OpenSessions(core, home, files, reader, secrets, time);
        toll.Attach(core.Egress);
        var (door, closed) = AgentDoor.Open(home, time, log);
        if (door is null) AgentLog.NoDoor(log, closed!);
        else AgentAsks.Register(door, core, mirror, identity, home, joining, log);
        try
        {
            await RunAsync(core, door, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            AgentLog.Stops(log);
        }
        finally
        {
            door?.Dispose();
            core.Egress.Book.Settle();
        }

        return ledger.Refusal is null ? AgentExit.Stopped : AgentExit.PlaneRefused;
    }

    private static void OpenSessions(AgentCore core, AgentHome home, PrivateFiles files, MilvusReader reader, KnownSecrets secrets, TimeProvider time)
    {
        var hands = new SessionHands(home.Sessions, () => core.Reports.Latest, () => core.Ledger.State, files, reader, new TemporaryUsers(files), secrets, RandomNumberGenerator.Fill, Posix.IsRoot);
        core.Sessions.Hands = hands;
        core.Sessions.Bundles = new BundleMaker(core.Ledger, hands, core.Traffic, () => core.Reports.Latest, files, secrets, time);
    }

    // By default in the bucket of the instances, beside them.
    private static ICopyTarget? CopyTargetOf(AgentOptions options, BucketAccess? access, string environment, TimeProvider time) =>
        options.NoLedgerCopy ? null
        : options.LedgerCopy is not { } place ? new FolderCopy(Path.Combine(options.Bucket, "ledger", environment), options.Bucket)
        : place.Bucket is null ? new FolderCopy(place.Path, Path.GetDirectoryName(place.Path) ?? place.Path)
        : new S3Copy(place, access!, time);

    // Nothing is dialled before this: a severance that was left for an agent that did not run counts from its first moment on.
    private static string? LeftSeverance(AgentHome home, AgentLedger ledger)
    {
        if (!File.Exists(home.Severance)) return null;
        var bytes = Base64Text.Decode(File.ReadAllText(home.Severance).Trim().AsSpan(), Base64Form.Standard);
        var read = bytes is null ? new EntryRead(null, "it is not base64") : Entry.Read(bytes);
        var refusal = read.Entry is { } entry ? ledger.Sever(entry) : read.Fault;
        if (refusal is not null && (read.Entry is not { } known || !ledger.Verified.AuthorityIds.Contains(known.Id)))
            return $"{home.Severance} is no severance for this agent: {refusal}. Nothing is dialled while it is there: sign another with 'demarc sever', or delete it.";
        File.Delete(home.Severance);
        return null;
    }

    // The one that ends first ends the other: an agent whose disk failed under a question starts anew from what is on disk.
    private static async Task RunAsync(AgentCore core, AgentDoor? door, CancellationToken stop)
    {
        if (door is null)
        {
            await core.RunAsync(stop);
            return;
        }

        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task[] both = [core.RunAsync(over.Token), door.RunAsync(over.Token)];
        var first = await Task.WhenAny(both);
        over.Cancel();
        await Task.WhenAll(both).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Current);
        await first;
    }

    private static async Task<string?> JoinAsync(Joining joining, Membership membership, TimeProvider time, ILogger log, CancellationToken stop)
    {
        var wait = DialLimits.FirstBackoff;
        while (true)
        {
            try
            {
                var (joined, refusal) = await joining.AskAsync(membership, stop);
                if (joined is null) return refusal;
                AgentLog.Joined(log, joined.Environment, joined.Plane, joined.Name);
                return null;
            }
            catch (LinkException away)
            {
                AgentLog.JoinWaits(log, away.Message, wait.TotalSeconds);
            }

            await Task.Delay(wait, time, stop);
            wait = wait * 2 < DialLimits.MaxBackoff ? wait * 2 : DialLimits.MaxBackoff;
        }
    }

    private static int ClearRefusal(AgentOptions options)
    {
        using var home = File.Exists(Path.Combine(options.Data, "agent.db")) ? AgentHome.Take(options.Data) : null;
        if (home is null) return Complain(AgentExit.Locked, $"there is no agent in {options.Data}, or it runs: stop it first");
        using var store = new SqliteAgentStore(home.Database);
        var refusal = store.ReadRefusal();
        store.ClearRefusal();
        Console.WriteLine(refusal is null ? "The plane was not refused." : $"The plane is followed again at the next start. It had been refused for: {refusal}. The evidence is kept.");
        return AgentExit.Stopped;
    }

    private static int Complain(int code, string why)
    {
        Console.Error.WriteLine($"demarc-agent: {why}");
        return code;
    }
}
