using System.Text.Json;
using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Core.Instances;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Local;

/// <summary>
/// Starts and stops engines. Before it does either it notes under which change, so that an undo, also after a crash, takes back what its change did
/// and never what was so before.
/// </summary>
public sealed class EngineControl(IProcesses processes, IFolders folders, IPrivateFiles files, IMilvusProbe probe, CredentialMint mint, TimeProvider time, ILogger log)
{
    private const string StartNote = "start.json";
    private const string StopNote = "stop.json";

    /// <summary>Where an engine logs.</summary>
    public const string LogFile = "engine.log";

    /// <summary>The instance's living process, or null.</summary>
    public EngineProcess? Find(InstanceId instance) => processes.List().FirstOrDefault(process => process.Instance == instance);

    /// <summary>Whether the engine as ordered runs already. One that is too old not to answer does not count.</summary>
    public async Task<StepOutcome?> CheckStartAsync(StartEngine step, CancellationToken stop) =>
        Find(step.Instance) is { } process && Fits(process, step) && (process.Age < LocalLimits.Hung || await HealthyAsync(step.Instance, step.Port, stop))
            ? StepOutcome.Done($"process {process.Pid} serves {step.Instance} on port {step.Port}")
            : null;

    /// <summary>Starts the engine as ordered, in the place of one that is not as ordered.</summary>
    public async Task<StepOutcome> StartAsync(StartEngine step, string change, CancellationToken stop)
    {
        if (Refusal(step, change, out var launch) is { } refusal) return refusal;
        if (Find(step.Instance) is { } other && !await EndAsync(other, stop)) return StepOutcome.Retry($"process {other.Pid} of {step.Instance} does not end");
        Note(step.Instance, StartNote, change);
        var pid = processes.Start(launch!);
        AgentLog.EngineStarted(log, step.Instance.Value, pid, step.Port);
        return StepOutcome.Done($"process {pid} serves {step.Instance} on port {step.Port}");
    }

    /// <summary>Whether the engine is stopped already.</summary>
    public StepOutcome? CheckStop(StopEngine step, string change)
    {
        if (Find(step.Instance) is not null) return null;
        return StepOutcome.Done(DidThis(step.Instance, StopNote, change) ? $"the engine of {step.Instance} has stopped" : $"the engine of {step.Instance} was not running");
    }

    /// <summary>Stops the engine in good order, or else at once.</summary>
    public async Task<StepOutcome> StopAsync(StopEngine step, string change, CancellationToken stop)
    {
        if (Find(step.Instance) is not { } process) return StepOutcome.Done($"the engine of {step.Instance} was not running");
        Note(step.Instance, StopNote, change);
        return await EndAsync(process, stop)
            ? StepOutcome.Done($"process {process.Pid} of {step.Instance} has stopped")
            : StepOutcome.Retry($"process {process.Pid} of {step.Instance} does not end");
    }

    /// <summary>Stops what this change started, or a change since then that the ledger never heard of.</summary>
    public async Task<StepOutcome> UndoStartAsync(StartEngine step, StepContext context, CancellationToken stop)
    {
        if (Noted(step.Instance, StartNote) is not { } by || (by != context.Change.Value && context.Knows(by))) return StepOutcome.Done("this change had not started it");
        if (Find(step.Instance) is not { } process) return StepOutcome.Done($"the engine of {step.Instance} does not run any more");
        return await EndAsync(process, stop)
            ? StepOutcome.Done($"process {process.Pid} of {step.Instance} has stopped")
            : StepOutcome.Retry($"process {process.Pid} of {step.Instance} does not end");
    }

    /// <summary>Starts again, as it was, what this change stopped.</summary>
    public async Task<StepOutcome> UndoStopAsync(StopEngine step, string change, CancellationToken stop)
    {
        if (!DidThis(step.Instance, StopNote, change)) return StepOutcome.Done("this change had not stopped it");
        var again = new StartEngine(step.Instance, step.Version, step.Port, step.MemoryMib);
        return await CheckStartAsync(again, stop) ?? await StartAsync(again, change, stop);
    }

    /// <summary>Waits until the engine is healthy; a process that ends meanwhile will not become so.</summary>
    public async Task<StepOutcome> AwaitHealthyAsync(AwaitHealthy step, Action<double, string> report, CancellationToken stop)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            if (Find(step.Instance) is null)
            {
                var end = processes.LastEnd(step.Instance);
                return StepOutcome.Final($"the engine of {step.Instance} has ended{(end is null ? "" : $" ({end})")}: see {files.PathOf(step.Instance, LogFile)}");
            }

            if (await HealthyAsync(step.Instance, step.Port, stop)) return StepOutcome.Done($"{step.Instance} is healthy on port {step.Port}");
            report(Math.Min(0.95, time.GetElapsedTime(began) / ChangeLimits.Attempt(step)), "waiting until the engine is healthy");
            await Task.Delay(LocalLimits.Poll, time, stop);
        }
    }

    /// <summary>Whether the engine answers that it is healthy, within a short while.</summary>
    public async Task<bool> HealthyAsync(InstanceId instance, int port, CancellationToken stop)
    {
        if (mint.Login(instance) is not { } login) return false;
        using var late = new CancellationTokenSource(LocalLimits.Health, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        try
        {
            return await probe.IsHealthyAsync(port, login, either.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return false;
        }
    }

    private StepOutcome? Refusal(StartEngine step, string change, out EngineLaunch? launch)
    {
        launch = null;
        var content = folders.Look(FolderPlace.Instances, step.Instance);
        if (content.Marker is not { } marker) return StepOutcome.Final($"the data of {step.Instance} is not in the bucket: nothing is started over it");
        if (files.Read(step.Instance, CredentialMint.EngineFile) is null) return StepOutcome.Final($"the credential file of {step.Instance} is missing: {files.PathOf(step.Instance, CredentialMint.EngineFile)}");
        // Only the change that made the folder may start an engine on an empty one.
        var fresh = !content.Used && marker.Change == change;
        launch = new EngineLaunch(step.Instance, folders.PathOf(FolderPlace.Instances, step.Instance), step.Port, step.MemoryMib, files.PathOf(step.Instance, CredentialMint.EngineFile), files.PathOf(step.Instance, LogFile), !fresh);
        return null;
    }

    private async Task<bool> EndAsync(EngineProcess process, CancellationToken stop)
    {
        processes.Terminate(process);
        if (await GoneAsync(process, LocalLimits.StopPatience, stop))
        {
            AgentLog.EngineStopped(log, process.Instance.Value, process.Pid, "");
            return true;
        }

        processes.Kill(process);
        if (!await GoneAsync(process, LocalLimits.KillPatience, stop)) return false;
        AgentLog.EngineStopped(log, process.Instance.Value, process.Pid, " by force: it did not end when asked");
        return true;
    }

    private async Task<bool> GoneAsync(EngineProcess process, TimeSpan patience, CancellationToken stop)
    {
        var began = time.GetTimestamp();
        while (processes.List().Any(other => other.Pid == process.Pid && other.StartTicks == process.StartTicks))
        {
            if (time.GetElapsedTime(began) >= patience) return false;
            await Task.Delay(LocalLimits.Poll, time, stop);
        }

        return true;
    }

    private static bool Fits(EngineProcess process, StartEngine step) => process.Port == step.Port && process.MemoryMib == step.MemoryMib;

    private void Note(InstanceId instance, string name, string change) =>
        files.Write(instance, name, JsonSerializer.Serialize(new EngineNote(change), LocalJson.Default.EngineNote));

    private bool DidThis(InstanceId instance, string name, string change) => Noted(instance, name) == change;

    private string? Noted(InstanceId instance, string name) =>
        files.Read(instance, name) is { } text ? JsonSerializer.Deserialize(text, LocalJson.Default.EngineNote)?.Change : null;
}
