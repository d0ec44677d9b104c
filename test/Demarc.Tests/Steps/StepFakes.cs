using System.Globalization;
using Demarc.Agent.Local;
using Demarc.Core.Agents;
using Demarc.Core.Instances;

namespace Demarc.Tests.Steps;

/// <summary>A bucket in memory.</summary>
public sealed class FakeFolders : IFolders
{
    private readonly Dictionary<(FolderPlace Place, InstanceId Id), (InstanceMarker? Marker, bool Used)> content = [];

    public BucketFacts Facts { get; set; } = new("/bucket", true, true, 10_000, null);

    public BucketFacts Bucket() => Facts;

    public IReadOnlyCollection<InstanceId> Known() => [.. content.Keys.Select(key => key.Id).Distinct()];

    public FolderContent Look(FolderPlace place, InstanceId instance) =>
        content.TryGetValue((place, instance), out var found) ? new FolderContent(true, found.Marker, found.Used, false) : new FolderContent(false, null, false, false);

    public string PathOf(FolderPlace place, InstanceId instance) => $"/bucket/{(place == FolderPlace.Instances ? "instances" : "recycle")}/{instance}";

    public void Create(InstanceId instance, InstanceMarker marker) => content.Add((FolderPlace.Instances, instance), (marker, false));

    public void Move(InstanceId instance, FolderPlace from, FolderPlace to)
    {
        content.Add((to, instance), content[(from, instance)]);
        content.Remove((from, instance));
    }

    public Task EraseAsync(FolderPlace place, InstanceId instance, CancellationToken stop)
    {
        content.Remove((place, instance));
        return Task.CompletedTask;
    }

    public void MarkUsed(InstanceId instance) =>
        content[(FolderPlace.Instances, instance)] = content[(FolderPlace.Instances, instance)] with { Used = true };

    /// <summary>Somebody else than Demarc takes the data away.</summary>
    public void Lose(InstanceId instance) => content.Remove((FolderPlace.Instances, instance));

    public IEnumerable<string> Describe() => content.Keys.Select(key => $"{key.Place}/{key.Id}").Order(StringComparer.Ordinal);
}

/// <summary>Engine processes in memory, with an engine's habits: it will not start on data it has never used when told so.</summary>
public sealed class FakeProcesses(FakeFolders folders) : IProcesses
{
    private readonly List<EngineProcess> living = [];
    private int lastPid = 100;

    /// <summary>Whether new processes end at once.</summary>
    public bool Crash { get; set; }

    public int Started { get; private set; }

    public IReadOnlyList<EngineProcess> List() => [.. living];

    public int Start(EngineLaunch launch)
    {
        Started++;
        Assert.DoesNotContain(living, process => process.Instance == launch.Instance);
        var content = folders.Look(FolderPlace.Instances, launch.Instance);
        Assert.True(content.Exists);
        if (launch.RequireExisting && !content.Used) return ++lastPid;
        folders.MarkUsed(launch.Instance);
        if (!Crash) living.Add(new EngineProcess(++lastPid, lastPid, launch.Instance, launch.Port, launch.MemoryMib, 40, TimeSpan.FromSeconds(1)));
        return lastPid;
    }

    public void Terminate(EngineProcess process) => Kill(process);

    public void Kill(EngineProcess process) => living.RemoveAll(other => other.Pid == process.Pid && other.StartTicks == process.StartTicks);

    public string? LastEnd(InstanceId instance) => "signal 9";

    public IEnumerable<string> Describe() =>
        living.Select(process => string.Create(CultureInfo.InvariantCulture, $"{process.Instance}:{process.Port}:{process.MemoryMib}")).Order(StringComparer.Ordinal);
}

/// <summary>The agent's small files in memory.</summary>
public sealed class FakeFiles : IPrivateFiles
{
    private readonly Dictionary<(InstanceId Id, string Name), string> content = [];

    public string? Read(InstanceId instance, string name) => content.GetValueOrDefault((instance, name));

    public void Write(InstanceId instance, string name, string content) => this.content[(instance, name)] = content;

    public void Delete(InstanceId instance, string name) => content.Remove((instance, name));

    public void DeleteAll(InstanceId instance)
    {
        foreach (var key in content.Keys.Where(key => key.Id == instance).ToList()) content.Remove(key);
    }

    public string PathOf(InstanceId instance, string name) => $"/private/{instance}/{name}";

    public IEnumerable<string> Describe() =>
        content.Where(file => file.Key.Name is not ("start.json" or "stop.json")).Select(file => $"{file.Key.Id}/{file.Key.Name}={file.Value}").Order(StringComparer.Ordinal);
}

/// <summary>A Milvus that answers rightly as long as its process lives. It keeps its scratch collection like a real one when a verification breaks off.</summary>
public sealed class FakeProbe(IProcesses processes) : IMilvusProbe
{
    private readonly HashSet<int> scratch = [];

    /// <summary>Whether it gives wrong answers.</summary>
    public bool Wrong { get; set; }

    /// <summary>Told whenever somebody asks whether an engine is healthy.</summary>
    public Action? Asked { get; set; }

    /// <summary>Whether engines take for ever to become healthy.</summary>
    public bool Slow { get; set; }

    public Task<bool> IsHealthyAsync(int port, ProbeLogin login, CancellationToken stop)
    {
        Asked?.Invoke();
        return Task.FromResult(!Slow && processes.List().Any(process => process.Port == port));
    }

    public Task<string> VerifyAsync(int port, ProbeLogin login, Action<double, string> report, CancellationToken stop)
    {
        if (processes.List().All(process => process.Port != port)) throw new ProbeException($"port {port} does not answer");
        scratch.Remove(port);
        report(0.1, "create");
        scratch.Add(port);
        report(0.5, "search");
        if (Wrong) throw new ProbeException("search found the wrong rows");
        scratch.Remove(port);
        report(0.9, "drop");
        return Task.FromResult("wrote, searched, read back");
    }

    public Task CleanAsync(int port, ProbeLogin login, CancellationToken stop)
    {
        scratch.Remove(port);
        return Task.CompletedTask;
    }

    public IEnumerable<string> Describe() => scratch.Order().Select(port => $"scratch:{port}");
}

/// <summary>Puts the fakes together.</summary>
public static class FakeWorld
{
    public static StepWorld Make() => Make(out _, out _, out _);

    public static StepWorld Make(out FakeFolders folders, out FakeProcesses processes, out FakeProbe probe)
    {
        var (made, living, files) = (folders = new FakeFolders(), processes = new FakeProcesses(folders), new FakeFiles());
        var milvus = probe = new FakeProbe(living);
        return new StepWorld(made, living, files, milvus, () => string.Join("\n", [.. made.Describe(), .. living.Describe(), .. files.Describe(), .. milvus.Describe()]));
    }
}
