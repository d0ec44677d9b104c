using System.Collections.Immutable;
using Demarc.Agent.Agents;
using Demarc.Agent.Changes;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Agents;
using Demarc.Core.Instances;
using Demarc.Core.Monitoring;
using Microsoft.Extensions.Logging;

namespace Demarc.Agent.Local;

/// <summary>
/// Hands for one machine: engines are processes, the bucket is a folder. Everything it touches is behind a small seam, so that the simulator and the
/// step harness run this very code.
/// </summary>
public sealed class LocalHands : IHands
{
    private readonly IMachine machine;
    private readonly IProcesses processes;
    private readonly IFolders folders;
    private readonly IPrivateFiles files;
    private readonly IMilvusProbe probe;
    private readonly CredentialMint mint;
    private readonly EngineControl engines;
    private readonly TimeProvider time;
    private readonly Func<IReadOnlySet<int>> promisedPorts;

    /// <summary>Puts the hands together; the last argument says which ports the ledger has given away.</summary>
    public LocalHands(IMachine machine, IProcesses processes, IFolders folders, IPrivateFiles files, IMilvusProbe probe, TimeProvider time, FillRandom random, ILogger log, Func<IReadOnlySet<int>> promisedPorts)
    {
        this.machine = machine;
        this.processes = processes;
        this.folders = folders;
        this.files = files;
        this.probe = probe;
        this.time = time;
        this.promisedPorts = promisedPorts;
        mint = new CredentialMint(files, random);
        engines = new EngineControl(processes, folders, files, probe, mint, time, log);
    }

    /// <summary>How often passwords are hashed.</summary>
    public int PasswordRounds { init => mint.Rounds = value; }

    /// <summary>Told of every password that is minted or used.</summary>
    public KnownSecrets Secrets { init => mint.Secrets = value; }

    /// <inheritdoc/>
    public async ValueTask<Observation> ObserveAsync(CancellationToken stop)
    {
        var bucket = folders.Bucket();
        var living = processes.List();
        var seen = ImmutableSortedDictionary.CreateBuilder<InstanceId, ObservedInstance>();
        IEnumerable<InstanceId> known = bucket.Reachable ? folders.Known() : [];
        foreach (var id in known.Concat(living.Select(process => process.Instance)).Distinct().Order())
        {
            var process = living.FirstOrDefault(p => p.Instance == id);
            var data = bucket.Reachable && folders.Look(FolderPlace.Instances, id).Marker is not null;
            var recycled = bucket.Reachable && folders.Look(FolderPlace.Recycle, id).Marker is not null;
            var healthy = process is not null && await engines.HealthyAsync(id, process.Port, stop);
            seen.Add(id, new ObservedInstance(data, recycled, process is not null, healthy, process?.Port ?? 0, process?.UsedMib ?? 0, 0));
        }

        return new Observation(
            time.GetUtcNow(),
            "local",
            machine.Machine(),
            new NetworkFacts(machine.Addresses(), [.. living.Select(process => $"127.0.0.1:{process.Port}").Order(StringComparer.Ordinal)]),
            new ClusterFacts($"demarc-agent {AgentVersion.Text}", living.Count),
            bucket,
            machine.FreePorts(promisedPorts()),
            machine.Versions,
            seen.ToImmutable());
    }

    /// <inheritdoc/>
    public async ValueTask<StepOutcome?> CheckAsync(InstanceStep step, StepContext context, CancellationToken stop)
    {
        var change = context.Change.Value;
        switch (step)
        {
            case CreateData create:
                return Mine(FolderPlace.Instances, create.Instance, context) ? StepOutcome.Done($"the folder of {create.Instance} is in the bucket") : null;
            case MintCredential credential:
                return mint.Minted(credential.Instance, change, credential.User) is { } minted ? Issued(credential, minted) : null;
            case StartEngine start:
                return await engines.CheckStartAsync(start, stop);
            case AwaitHealthy healthy:
                return await engines.HealthyAsync(healthy.Instance, healthy.Port, stop) ? StepOutcome.Done($"{healthy.Instance} is healthy on port {healthy.Port}") : null;
            case VerifyInstance:
                return null;
            case StopEngine halt:
                return engines.CheckStop(halt, change);
            case RecycleData recycle:
                return CheckMove(recycle.Instance, FolderPlace.Instances, FolderPlace.Recycle);
            case ReturnData back:
                return CheckMove(back.Instance, FolderPlace.Recycle, FolderPlace.Instances);
            case EraseData erase:
                return folders.Look(FolderPlace.Recycle, erase.Instance) is { Exists: true } or { Erasing: true } || files.Read(erase.Instance, CredentialMint.EngineFile) is not null
                    ? null
                    : StepOutcome.Done($"nothing of {erase.Instance} is left");
            default:
                return StepOutcome.Final($"{step.Kind} is not known on this substrate");
        }
    }

    /// <inheritdoc/>
    public async ValueTask<StepOutcome> ApplyAsync(InstanceStep step, StepContext context, CancellationToken stop)
    {
        var change = context.Change.Value;
        switch (step)
        {
            case CreateData create:
                return Create(create, context);
            case MintCredential credential:
                if (!AgeRecipient.TryParse(credential.Recipient, out var recipient)) return StepOutcome.Final("the recipient is not an 'age1…' key");
                return Issued(credential, mint.Mint(credential.Instance, change, credential.User, recipient));
            case StartEngine start:
                return await engines.StartAsync(start, change, stop);
            case AwaitHealthy healthy:
                return await engines.AwaitHealthyAsync(healthy, context.Report, stop);
            case VerifyInstance verify:
                return await VerifyAsync(verify, context, stop);
            case StopEngine halt:
                return await engines.StopAsync(halt, change, stop);
            case RecycleData recycle:
                return Move(recycle.Instance, FolderPlace.Instances, FolderPlace.Recycle);
            case ReturnData back:
                return Move(back.Instance, FolderPlace.Recycle, FolderPlace.Instances);
            case EraseData erase:
                await folders.EraseAsync(FolderPlace.Recycle, erase.Instance, stop);
                files.DeleteAll(erase.Instance);
                return StepOutcome.Done($"the data of {erase.Instance} is erased");
            default:
                return StepOutcome.Final($"{step.Kind} is not known on this substrate");
        }
    }

    /// <inheritdoc/>
    public async ValueTask<StepOutcome> UndoAsync(InstanceStep step, StepContext context, CancellationToken stop)
    {
        var change = context.Change.Value;
        switch (step)
        {
            case CreateData create:
                if (!Mine(FolderPlace.Instances, create.Instance, context) && !folders.Look(FolderPlace.Instances, create.Instance).Erasing) return StepOutcome.Done("this change had made no folder");
                await folders.EraseAsync(FolderPlace.Instances, create.Instance, stop);
                return StepOutcome.Done($"the folder of {create.Instance} is removed");
            case MintCredential credential:
                return StepOutcome.Done(mint.Forget(credential.Instance, change) ? "the credential is forgotten" : "this change had minted none");
            case StartEngine start:
                return await engines.UndoStartAsync(start, context, stop);
            case AwaitHealthy:
                return StepOutcome.Done("nothing to undo");
            case VerifyInstance verify:
                return await CleanAsync(verify, stop);
            case StopEngine halt:
                return await engines.UndoStopAsync(halt, change, stop);
            case RecycleData recycle:
                return UndoMove(recycle.Instance, FolderPlace.Recycle, FolderPlace.Instances);
            case ReturnData back:
                return UndoMove(back.Instance, FolderPlace.Instances, FolderPlace.Recycle);
            case EraseData erase when folders.Look(FolderPlace.Recycle, erase.Instance).Exists:
                return StepOutcome.Done($"the data of {erase.Instance} is in {Word(FolderPlace.Recycle)}: nothing was erased");
            default:
                return StepOutcome.Final($"{step.Kind} cannot be undone");
        }
    }

    private StepOutcome Create(CreateData step, StepContext context)
    {
        if (folders.Look(FolderPlace.Instances, step.Instance).Exists) return StepOutcome.Final($"the bucket holds another folder named {step.Instance}");
        folders.Create(step.Instance, new InstanceMarker(context.Environment.Value, step.Instance.Value, context.Change.Value));
        return StepOutcome.Done($"the folder of {step.Instance} is in the bucket");
    }

    private bool Mine(FolderPlace place, InstanceId instance, StepContext context) =>
        folders.Look(place, instance).Marker is { } marker && marker.Environment == context.Environment.Value && marker.Change == context.Change.Value;

    private static StepOutcome Issued(MintCredential step, SealedCredential minted) =>
        StepOutcome.Done($"the password of {step.User} is sealed to {step.Recipient}", minted);

    private async Task<StepOutcome> VerifyAsync(VerifyInstance step, StepContext context, CancellationToken stop)
    {
        if (mint.Login(step.Instance) is not { } login) return StepOutcome.Final($"the agent's own login of {step.Instance} is missing");
        try
        {
            return StepOutcome.Done(await probe.VerifyAsync(step.Port, login, context.Report, stop));
        }
        catch (ProbeException wrong)
        {
            return StepOutcome.Retry(wrong.Message);
        }
    }

    private async Task<StepOutcome> CleanAsync(VerifyInstance step, CancellationToken stop)
    {
        // An engine that does not run or answer any more is stopped or restored by the steps before; the next verification cleans up after this one.
        if (mint.Login(step.Instance) is not { } login || !await engines.HealthyAsync(step.Instance, step.Port, stop)) return StepOutcome.Done("the engine does not answer: nothing to undo there");
        try
        {
            await probe.CleanAsync(step.Port, login, stop);
            return StepOutcome.Done("the scratch collection is dropped");
        }
        catch (ProbeException unclean)
        {
            return StepOutcome.Retry(unclean.Message);
        }
    }

    private StepOutcome? CheckMove(InstanceId instance, FolderPlace from, FolderPlace to)
    {
        if (folders.Look(from, instance).Exists || folders.Look(to, instance).Marker is null) return null;
        return StepOutcome.Done($"the data of {instance} is in {Word(to)}");
    }

    private StepOutcome Move(InstanceId instance, FolderPlace from, FolderPlace to)
    {
        if (folders.Look(to, instance).Exists) return StepOutcome.Final($"{folders.PathOf(to, instance)} exists already: move it away");
        if (folders.Look(from, instance).Marker is null) return StepOutcome.Final($"{folders.PathOf(from, instance)} does not hold the data of {instance}");
        folders.Move(instance, from, to);
        return StepOutcome.Done($"the data of {instance} is in {Word(to)}");
    }

    private StepOutcome UndoMove(InstanceId instance, FolderPlace from, FolderPlace to)
    {
        // What still lies where the step found it was not moved by it.
        if (folders.Look(to, instance).Marker is not null) return StepOutcome.Done($"the data of {instance} is in {Word(to)}");
        return Move(instance, from, to);
    }

    private static string Word(FolderPlace place) => place == FolderPlace.Instances ? "its place" : "the recycle bin";
}
