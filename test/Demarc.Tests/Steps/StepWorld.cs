using System.Collections.Immutable;
using Demarc.Agent.Local;
using Demarc.Core.Agents;
using Demarc.Core.Instances;

namespace Demarc.Tests.Steps;

/// <summary>
/// What hands touch, behind decorators that tell the harness of every operation before and after it: there the harness kills, and there it counts.
/// The parts behind them are fakes or the real ones; the harness cannot tell.
/// </summary>
public sealed class StepWorld(IFolders folders, IProcesses processes, IPrivateFiles files, IMilvusProbe probe, Func<string> describe)
{
    private readonly List<string> trace = [];

    /// <summary>Called before and after each operation that changes something; throws to kill.</summary>
    public Action<string>? Touch { get; set; }

    /// <summary>Effects in the order in which they happened, and what the harness adds.</summary>
    public List<string> Trace => trace;

    public IFolders Folders => new TouchedFolders(folders, this);

    public IProcesses Processes => new TouchedProcesses(processes, this);

    public IPrivateFiles Files => new TouchedFiles(files, this);

    public IMilvusProbe Probe => new TouchedProbe(probe, this);

    public IMachine Machine { get; } = new StillMachine();

    /// <summary>The same words for the same state of the world; process ids and notes of the agent to itself left out.</summary>
    public string Describe() => describe();

    private T Effect<T>(string what, Func<T> act)
    {
        Touch?.Invoke($"before {what}");
        var result = act();
        trace.Add(what);
        Touch?.Invoke($"after {what}");
        return result;
    }

    private void Effect(string what, Action act) => Effect(what, () =>
    {
        act();
        return 0;
    });

    private sealed class StillMachine : IMachine
    {
        public ImmutableArray<string> Versions => ["2.6.4"];

        public MachineFacts Machine() => new("lab", "test", "X64", 2, 16_384, 8_192, 1);

        public ImmutableArray<string> Addresses() => ["127.0.0.1"];

        public ImmutableArray<int> FreePorts(IReadOnlySet<int> promised) =>
            [.. Enumerable.Range(LocalLimits.FirstPort, 100).Where(port => !promised.Contains(port)).Take(Observation.MaxFreePorts)];
    }

    private sealed class TouchedFolders(IFolders inner, StepWorld world) : IFolders
    {
        public BucketFacts Bucket() => inner.Bucket();

        public IReadOnlyCollection<InstanceId> Known() => inner.Known();

        public FolderContent Look(FolderPlace place, InstanceId instance) => inner.Look(place, instance);

        public string PathOf(FolderPlace place, InstanceId instance) => inner.PathOf(place, instance);

        public void Create(InstanceId instance, InstanceMarker marker) => world.Effect($"create {instance}", () => inner.Create(instance, marker));

        public void Move(InstanceId instance, FolderPlace from, FolderPlace to) => world.Effect($"move {instance} to {to}", () => inner.Move(instance, from, to));

        public async Task EraseAsync(FolderPlace place, InstanceId instance, CancellationToken stop)
        {
            world.Touch?.Invoke($"before erase {instance}");
            var there = inner.Look(place, instance).Exists;
            await inner.EraseAsync(place, instance, stop);
            if (there) world.trace.Add($"erase {instance}");
            world.Touch?.Invoke($"after erase {instance}");
        }
    }

    private sealed class TouchedProcesses(IProcesses inner, StepWorld world) : IProcesses
    {
        public IReadOnlyList<EngineProcess> List() => inner.List();

        public int Start(EngineLaunch launch) => world.Effect($"start {launch.Instance}", () => inner.Start(launch));

        // Asking twice is no second effect: what counts is the process that ends.
        public void Terminate(EngineProcess process) => End(process, () => inner.Terminate(process));

        public void Kill(EngineProcess process) => End(process, () => inner.Kill(process));

        public string? LastEnd(InstanceId instance) => inner.LastEnd(instance);

        private void End(EngineProcess process, Action act)
        {
            world.Touch?.Invoke($"before stop {process.Instance}");
            act();
            if (!world.trace.Contains($"stop {process.Instance} {process.Pid}")) world.trace.Add($"stop {process.Instance} {process.Pid}");
            world.Touch?.Invoke($"after stop {process.Instance}");
        }
    }

    private sealed class TouchedFiles(IPrivateFiles inner, StepWorld world) : IPrivateFiles
    {
        public string? Read(InstanceId instance, string name) => inner.Read(instance, name);

        // A file that is written again with what it holds has no second effect; one with other content would show up twice.
        public void Write(InstanceId instance, string name, string content)
        {
            var what = $"write {name} {content.GetHashCode(StringComparison.Ordinal):x}";
            world.Touch?.Invoke($"before {what}");
            inner.Write(instance, name, content);
            if (!world.trace.Contains(what)) world.trace.Add(what);
            world.Touch?.Invoke($"after {what}");
        }

        public void Delete(InstanceId instance, string name)
        {
            world.Touch?.Invoke($"before delete {name}");
            var there = inner.Read(instance, name) is not null;
            inner.Delete(instance, name);
            if (there) world.trace.Add($"delete {name}");
            world.Touch?.Invoke($"after delete {name}");
        }

        public void DeleteAll(InstanceId instance)
        {
            world.Touch?.Invoke("before delete all");
            inner.DeleteAll(instance);
            world.Touch?.Invoke("after delete all");
        }

        public string PathOf(InstanceId instance, string name) => inner.PathOf(instance, name);
    }

    private sealed class TouchedProbe(IMilvusProbe inner, StepWorld world) : IMilvusProbe
    {
        public Task<bool> IsHealthyAsync(int port, ProbeLogin login, CancellationToken stop) => inner.IsHealthyAsync(port, login, stop);

        public async Task<string> VerifyAsync(int port, ProbeLogin login, Action<double, string> report, CancellationToken stop)
        {
            world.Touch?.Invoke("before verify");
            var proof = await inner.VerifyAsync(port, login, (fraction, message) =>
            {
                world.Touch?.Invoke($"within verify: {message}");
                report(fraction, message);
            }, stop);
            world.trace.Add("verify");
            world.Touch?.Invoke("after verify");
            return proof;
        }

        public async Task CleanAsync(int port, ProbeLogin login, CancellationToken stop)
        {
            world.Touch?.Invoke("before clean");
            await inner.CleanAsync(port, login, stop);
            world.Touch?.Invoke("after clean");
        }
    }
}
