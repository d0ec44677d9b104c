using System.Collections.Immutable;
using Demarc.Core.Instances;
using Demarc.Core.Monitoring;

namespace Demarc.Core.Agents;

/// <summary>
/// What the agent sees at one moment: the input of planners and reconcilers. Never in the ledger. A field that does not say how far it may be shown
/// does not leave the customer's account.
/// </summary>
/// <param name="At">When.</param>
/// <param name="Substrate">What it runs on: <c>local</c>.</param>
/// <param name="Machine">Task 2: the machine for what it is.</param>
/// <param name="Network">Task 1: its addresses and the ports in use by us.</param>
/// <param name="Cluster">Task 3: the supervisor that stands where a cluster would.</param>
/// <param name="Bucket">Task 4: the folder that stands where a bucket would.</param>
/// <param name="FreePorts">Ports an instance could take, ascending, at most <see cref="MaxFreePorts"/>.</param>
/// <param name="Versions">The Milvus versions that can be provisioned here.</param>
/// <param name="Instances">Each instance that has data, a process or a place in the recycle bin.</param>
/// <param name="Egress">What has left today and the day before; null from agents that do not count.</param>
public sealed record Observation(
    [property: Public] DateTimeOffset At,
    [property: Public] string Substrate,
    [property: Public] MachineFacts Machine,
    [property: Public] NetworkFacts Network,
    [property: Public] ClusterFacts Cluster,
    [property: Public] BucketFacts Bucket,
    [property: Public] ImmutableArray<int> FreePorts,
    [property: Public] ImmutableArray<string> Versions,
    [property: Public] ImmutableSortedDictionary<InstanceId, ObservedInstance> Instances,
    [property: Public] ImmutableArray<EgressDayTotals>? Egress = null)
{
    /// <summary>How many free ports are looked for at once.</summary>
    public const int MaxFreePorts = 4;
}

/// <summary>The machine the agent runs on.</summary>
/// <param name="Name">Host name.</param>
/// <param name="OperatingSystem">As the system describes itself.</param>
/// <param name="Architecture">As in <c>X64</c>.</param>
/// <param name="Cores">Logical processors.</param>
/// <param name="MemoryMib">All memory, in MiB.</param>
/// <param name="MemoryFreeMib">Memory that could be had now, in MiB.</param>
/// <param name="LoadPercent">Processor use since the last look, 0 to 100.</param>
public sealed record MachineFacts(
    [property: Sensitive] string Name,
    [property: Public] string OperatingSystem,
    [property: Public] string Architecture,
    [property: Public] int Cores,
    [property: Public] long MemoryMib,
    [property: Public] long MemoryFreeMib,
    [property: Public] double LoadPercent);

/// <summary>The network of the machine.</summary>
/// <param name="Addresses">Its addresses.</param>
/// <param name="Listening">Loopback endpoints of our instances.</param>
public sealed record NetworkFacts([property: Sensitive] ImmutableArray<string> Addresses, [property: Sensitive] ImmutableArray<string> Listening);

/// <summary>What keeps the processes running.</summary>
/// <param name="Supervisor">Its name and version.</param>
/// <param name="Processes">How many engine processes it keeps.</param>
public sealed record ClusterFacts([property: Public] string Supervisor, [property: Public] int Processes);

/// <summary>The folder that holds all data.</summary>
/// <param name="Location">Where it is.</param>
/// <param name="Reachable">Whether it could be read and written just now.</param>
/// <param name="PrivateToOwner">Whether only its owner may enter.</param>
/// <param name="FreeMib">Space left, in MiB.</param>
/// <param name="Problem">What is wrong, and the remedy; null when all is well.</param>
public sealed record BucketFacts(
    [property: Sensitive] string Location,
    [property: Public] bool Reachable,
    [property: Public] bool PrivateToOwner,
    [property: Public] long FreeMib,
    [property: Sensitive] string? Problem);

/// <summary>What is really there of an instance.</summary>
/// <param name="Data">Whether its folder with its marker is in place.</param>
/// <param name="Recycled">Whether its folder is in the recycle bin.</param>
/// <param name="Running">Whether its process lives.</param>
/// <param name="Healthy">Whether it answers its health check.</param>
/// <param name="Port">The port of its process; 0 when it does not run.</param>
/// <param name="MemoryMib">What its process takes.</param>
/// <param name="Restarts">How often the supervisor has brought it back since it last was stable.</param>
public sealed record ObservedInstance(
    [property: Public] bool Data,
    [property: Public] bool Recycled,
    [property: Public] bool Running,
    [property: Public] bool Healthy,
    [property: Public] int Port,
    [property: Public] long MemoryMib,
    [property: Public] int Restarts);
