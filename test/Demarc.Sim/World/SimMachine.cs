using System.Collections.Immutable;
using Demarc.Agent.Local;
using Demarc.Core.Agents;
using Demarc.Core.Instances;

namespace Demarc.Sim;

/// <summary>A folder of the bucket with what clients have written into it.</summary>
internal sealed class SimFolder(InstanceMarker marker)
{
    public InstanceMarker Marker => marker;

    public bool Used { get; set; }

    public int Records { get; set; }
}

/// <summary>An engine process.</summary>
internal sealed class SimEngine(int pid, EngineLaunch launch, SimFolder? folder, TimeSpan startedAt)
{
    public int Pid => pid;

    public EngineLaunch Launch => launch;

    /// <summary>The data it serves; it keeps its hold of the folder when somebody moves that away.</summary>
    public SimFolder? Folder => folder;

    public TimeSpan StartedAt => startedAt;

    public TimeSpan HealthyFrom { get; set; }

    public bool IgnoresTerminate { get; init; }
}

/// <summary>
/// The customer's machine: what is really there, whoever looks. It outlives every process of ours. Clients write to engines that answer, and
/// what was acknowledged to them must be there as long as the instance is.
/// </summary>
internal sealed class SimMachine(SimLoop loop, Random dice)
{
    private int lastPid = 1000;

    public Dictionary<(FolderPlace Place, InstanceId Id), SimFolder> Folders { get; } = [];

    public Dictionary<(FolderPlace Place, InstanceId Id), SimFolder> Erasing { get; } = [];

    public List<SimEngine> Engines { get; } = [];

    public Dictionary<(InstanceId Id, string Name), string> Files { get; } = [];

    /// <summary>How many writes clients were told are durable, by instance.</summary>
    public Dictionary<InstanceId, int> Acknowledged { get; } = [];

    /// <summary>What the customer has taken out of the bucket by mistake, and may put back.</summary>
    public List<((FolderPlace Place, InstanceId Id) Key, SimFolder Folder)> TakenAway { get; } = [];

    /// <summary>Instances whose data the customer has had a hand in: where it lies is the customer's business.</summary>
    public HashSet<InstanceId> Disturbed { get; } = [];

    public bool BucketMounted { get; set; } = true;

    public long FreeMib { get; set; } = 50_000;

    /// <summary>How often an engine that was started ends at once.</summary>
    public double BadStarts { get; set; }

    public SimEngine? Serving(InstanceId id) => Engines.FirstOrDefault(engine => engine.Launch.Instance == id && loop.Now >= engine.HealthyFrom);

    public int Launch(EngineLaunch launch)
    {
        var folder = Folders.GetValueOrDefault((FolderPlace.Instances, launch.Instance));
        var engine = new SimEngine(++lastPid, launch, folder, loop.Now)
        {
            HealthyFrom = loop.Now + dice.Between(0.05, dice.Chance(0.1) ? 20 : 1),
            IgnoresTerminate = dice.Chance(0.05),
        };
        var taken = Engines.Any(other => other.Launch.Port == launch.Port);
        if (folder is null || (launch.RequireExisting && !folder.Used) || taken || dice.Chance(BadStarts)) return engine.Pid;
        folder.Used = true;
        Engines.Add(engine);
        return engine.Pid;
    }

    /// <summary>Somebody uses an instance.</summary>
    public void ClientWrites(InstanceId id)
    {
        if (!BucketMounted || Serving(id)?.Folder is not { } folder || !Folders.ContainsValue(folder)) return;
        folder.Records++;
        Acknowledged[id] = Acknowledged.GetValueOrDefault(id) + 1;
    }

    public void KillEngine()
    {
        if (Engines.Count == 0) return;
        var engine = dice.Pick(Engines);
        loop.Trace.Line(loop.Now, "machine", $"the engine of {engine.Launch.Instance} is killed");
        Engines.Remove(engine);
    }

    public void Reboot()
    {
        loop.Trace.Line(loop.Now, "machine", "reboots");
        Engines.Clear();
    }

    /// <summary>The customer deletes a folder by hand.</summary>
    public void LoseFolder()
    {
        if (Folders.Count == 0) return;
        var key = dice.Pick(Folders.Keys.OrderBy(k => (k.Place, k.Id.Value)).ToList());
        loop.Trace.Line(loop.Now, "customer", $"takes {key.Place}/{key.Id} out of the bucket");
        TakenAway.Add((key, Folders[key]));
        Disturbed.Add(key.Id);
        Folders.Remove(key);
    }

    /// <summary>And puts it back, where it was.</summary>
    public void PutBack()
    {
        foreach (var (key, folder) in TakenAway.Where(taken => !Folders.ContainsKey(taken.Key)))
        {
            loop.Trace.Line(loop.Now, "customer", $"puts {key.Place}/{key.Id} back");
            Folders[key] = folder;
        }

        TakenAway.Clear();
    }
}

/// <summary>The machine as one life of the agent reaches it. Every effect is shown to the inspector before it happens.</summary>
internal sealed class SimMachineAccess(SimWorld world, SimProcess process, TimeProvider time) : IMachine, IProcesses, IFolders, IPrivateFiles, IMilvusProbe
{
    private readonly SimMachine machine = world.Machine;

    public ImmutableArray<string> Versions => ["2.6.4"];

    public MachineFacts Machine() => new("sim", "Sim", "X64", 4, 16_000, 8_000, 5);

    public ImmutableArray<string> Addresses() => ["127.0.0.1"];

    public ImmutableArray<int> FreePorts(IReadOnlySet<int> promised) =>
        [.. Enumerable.Range(LocalLimits.FirstPort, 100).Where(port => !promised.Contains(port) && machine.Engines.All(engine => engine.Launch.Port != port)).Take(Observation.MaxFreePorts)];

    public IReadOnlyList<EngineProcess> List()
    {
        process.MustLive();
        return [.. machine.Engines.Select(engine => new EngineProcess(engine.Pid, engine.StartedAt.Ticks, engine.Launch.Instance, engine.Launch.Port, engine.Launch.MemoryMib, 100, world.Loop.Now - engine.StartedAt))];
    }

    public int Start(EngineLaunch launch)
    {
        var pid = 0;
        Act(launch.Instance, "start a process", ["start-engine"], ["stop-engine"], () =>
        {
            if (machine.Engines.Any(engine => engine.Launch.Instance == launch.Instance)) world.Loop.Violate($"a second engine of {launch.Instance} is started beside the first");
            if (!machine.Files.ContainsKey((launch.Instance, CredentialMint.EngineFile))) world.Loop.Violate($"the engine of {launch.Instance} is started without a credential file");
            pid = machine.Launch(launch);
        });
        return pid;
    }

    public void Terminate(EngineProcess target) => Act(target.Instance, "stop a process", ["stop-engine", "start-engine"], ["stop-engine", "start-engine"], () =>
    {
        if (machine.Engines.Find(engine => engine.Pid == target.Pid) is { IgnoresTerminate: false } engine) machine.Engines.Remove(engine);
    });

    public void Kill(EngineProcess target) =>
        Act(target.Instance, "kill a process", ["stop-engine", "start-engine"], ["stop-engine", "start-engine"], () => machine.Engines.RemoveAll(engine => engine.Pid == target.Pid));

    public string? LastEnd(InstanceId instance) => null;

    public BucketFacts Bucket()
    {
        process.MustLive();
        return machine.BucketMounted
            ? new BucketFacts("/bucket", true, true, machine.FreeMib, machine.FreeMib < 256 ? "the bucket is full" : null)
            : new BucketFacts("/bucket", false, false, 0, "the bucket is not mounted");
    }

    public IReadOnlyCollection<InstanceId> Known() => [.. machine.Folders.Keys.Select(key => key.Id).Distinct()];

    public FolderContent Look(FolderPlace place, InstanceId instance)
    {
        process.MustLive();
        MustBeMounted();
        var folder = machine.Folders.GetValueOrDefault((place, instance));
        return new FolderContent(folder is not null, folder?.Marker, folder?.Used ?? false, machine.Erasing.ContainsKey((place, instance)));
    }

    public string PathOf(FolderPlace place, InstanceId instance) => $"/bucket/{place}/{instance}";

    public void Create(InstanceId instance, InstanceMarker marker) => Act(instance, "make a folder", ["create-data"], [], () =>
    {
        MustBeMounted();
        if (!machine.Folders.TryAdd((FolderPlace.Instances, instance), new SimFolder(marker))) world.Loop.Violate($"the folder of {instance} is made a second time");
    });

    public void Move(InstanceId instance, FolderPlace from, FolderPlace to)
    {
        var (does, undoes) = to == FolderPlace.Recycle ? ("recycle-data", "return-data") : ("return-data", "recycle-data");
        Act(instance, $"move a folder to {to}", [does], [undoes], () =>
        {
            MustBeMounted();
            if (!machine.Folders.Remove((from, instance), out var folder)) throw new IOException($"{PathOf(from, instance)} does not exist");
            if (!machine.Folders.TryAdd((to, instance), folder)) world.Loop.Violate($"moving the data of {instance} overwrites other data");
        });
    }

    public async Task EraseAsync(FolderPlace place, InstanceId instance, CancellationToken stop)
    {
        Act(instance, "erase a folder", ["erase-data"], ["create-data"], () =>
        {
            MustBeMounted();
            machine.Erasing.Remove((place, instance));
            if (!machine.Folders.Remove((place, instance), out var folder)) return;
            machine.Erasing[(place, instance)] = folder;
            machine.Acknowledged.Remove(instance);
        });
        await Task.Delay(world.Dice.Between(0.01, 0.5), time, stop);
        stop.ThrowIfCancellationRequested();
        Act(instance, "erase a folder's content", ["erase-data"], ["create-data"], () => machine.Erasing.Remove((place, instance)));
    }

    public string? Read(InstanceId instance, string name)
    {
        process.MustLive();
        return machine.Files.GetValueOrDefault((instance, name));
    }

    public void Write(InstanceId instance, string name, string content) => Act(instance, $"write {name}", ["mint-credential", "start-engine", "stop-engine"], ["start-engine", "stop-engine"], () => machine.Files[(instance, name)] = content);

    public void Delete(InstanceId instance, string name) => Act(instance, $"delete {name}", ["erase-data"], ["mint-credential"], () =>
    {
        machine.Files.Remove((instance, name));
        if (name == CredentialMint.EngineFile) world.Inspector.TakenBack(instance);
    });

    public void DeleteAll(InstanceId instance) => Act(instance, "delete the private files", ["erase-data"], ["create-data", "mint-credential"], () =>
    {
        foreach (var key in machine.Files.Keys.Where(key => key.Id == instance).ToList()) machine.Files.Remove(key);
    });

    public string PathOf(InstanceId instance, string name) => $"/agent/{instance}/{name}";

    public async Task<bool> IsHealthyAsync(int port, ProbeLogin login, CancellationToken stop)
    {
        await Task.Yield();
        process.MustLive();
        return machine.Engines.Any(engine => engine.Launch.Port == port && world.Loop.Now >= engine.HealthyFrom);
    }

    public async Task<string> VerifyAsync(int port, ProbeLogin login, Action<double, string> report, CancellationToken stop)
    {
        await Task.Delay(world.Dice.Between(0.02, 0.4), time, stop);
        stop.ThrowIfCancellationRequested();
        process.MustLive();
        report(0.5, "searching");
        if (machine.Engines.Find(engine => engine.Launch.Port == port) is not { } engine || world.Loop.Now < engine.HealthyFrom) throw new ProbeException("nobody answers");
        Act(engine.Launch.Instance, "write a scratch collection", ["verify-instance"], ["verify-instance"], static () => { });
        return "wrote, searched, read back and dropped";
    }

    public async Task CleanAsync(int port, ProbeLogin login, CancellationToken stop)
    {
        await Task.Yield();
        process.MustLive();
    }

    private void MustBeMounted()
    {
        if (!machine.BucketMounted) throw new IOException("the bucket is not mounted");
    }

    private void Act(InstanceId instance, string what, string[] does, string[] undoes, Action effect)
    {
        process.MustLive();
        world.Inspector.Effect(instance, what, does, undoes);
        world.Faults.Strike(process, effect, "the machine");
    }
}
