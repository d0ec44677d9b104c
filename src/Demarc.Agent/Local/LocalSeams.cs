using System.Collections.Immutable;
using Demarc.Core;
using Demarc.Core.Agents;
using Demarc.Core.Instances;

namespace Demarc.Agent.Local;

/// <summary>The machine: figures that are looked at, nothing that is changed.</summary>
public interface IMachine
{
    /// <summary>Task 2: what it is and how busy it is.</summary>
    MachineFacts Machine();

    /// <summary>Its addresses.</summary>
    ImmutableArray<string> Addresses();

    /// <summary>Ports that could be listened on now, ascending from 19530, without those already promised; at most <see cref="Observation.MaxFreePorts"/>.</summary>
    ImmutableArray<int> FreePorts(IReadOnlySet<int> promised);

    /// <summary>The Milvus versions that the engine here serves.</summary>
    ImmutableArray<string> Versions { get; }
}

/// <summary>Engine processes. They outlive the agent and are found again by what they are, not by what was remembered.</summary>
public interface IProcesses
{
    /// <summary>Every living engine process of this bucket. One that has ended and was not collected yet does not live.</summary>
    IReadOnlyList<EngineProcess> List();

    /// <summary>Starts a process in a session of its own and returns its id once the program runs.</summary>
    int Start(EngineLaunch launch);

    /// <summary>Asks the process to end; does nothing when it is gone or its id belongs to another process by now.</summary>
    void Terminate(EngineProcess process);

    /// <summary>Ends the process at once; does nothing when it is gone or its id belongs to another process by now.</summary>
    void Kill(EngineProcess process);

    /// <summary>How the last process of the instance that this agent started has ended, in words; null when that is not known.</summary>
    string? LastEnd(InstanceId instance);
}

/// <summary>One living engine process.</summary>
/// <param name="Pid">Its id.</param>
/// <param name="StartTicks">When the kernel started it: with the id, its identity.</param>
/// <param name="Instance">Whose engine it is.</param>
/// <param name="Port">Its Milvus port.</param>
/// <param name="MemoryMib">The most memory it was told to take.</param>
/// <param name="UsedMib">What it takes.</param>
/// <param name="Age">How long it has lived.</param>
public sealed record EngineProcess(int Pid, long StartTicks, InstanceId Instance, int Port, int MemoryMib, long UsedMib, TimeSpan Age);

/// <summary>How to start an engine.</summary>
/// <param name="Instance">Whose.</param>
/// <param name="DataFolder">Its data in the bucket.</param>
/// <param name="Port">Its Milvus port.</param>
/// <param name="MemoryMib">The most memory it may take.</param>
/// <param name="CredentialFile">Where the password hashes are.</param>
/// <param name="LogFile">Where it logs.</param>
/// <param name="RequireExisting">Whether it must refuse a folder that it has never used.</param>
public sealed record EngineLaunch(InstanceId Instance, string DataFolder, int Port, int MemoryMib, string CredentialFile, string LogFile, bool RequireExisting);

/// <summary>The bucket, on this substrate a folder: <c>instances/ID</c> and <c>recycle/ID</c>, each with a marker that says whose it is.</summary>
public interface IFolders
{
    /// <summary>Task 4: where it is and what is wrong with it.</summary>
    BucketFacts Bucket();

    /// <summary>Instances that have a folder in either place.</summary>
    IReadOnlyCollection<InstanceId> Known();

    /// <summary>What is there.</summary>
    FolderContent Look(FolderPlace place, InstanceId instance);

    /// <summary>Where the folder of a place is.</summary>
    string PathOf(FolderPlace place, InstanceId instance);

    /// <summary>Makes an instance's folder with its marker, durably and in one piece: a folder without a marker is never ours.</summary>
    void Create(InstanceId instance, InstanceMarker marker);

    /// <summary>Moves a folder from one place to the other, durably and in one piece.</summary>
    void Move(InstanceId instance, FolderPlace from, FolderPlace to);

    /// <summary>Erases a folder with all that is in it. Half erased it is out of its place already.</summary>
    Task EraseAsync(FolderPlace place, InstanceId instance, CancellationToken stop);
}

/// <summary>The two places of the bucket.</summary>
public enum FolderPlace
{
    /// <summary>In use.</summary>
    Instances,

    /// <summary>In the recycle bin.</summary>
    Recycle,
}

/// <summary>What a place holds of an instance.</summary>
/// <param name="Exists">Whether there is a folder.</param>
/// <param name="Marker">Its marker; null when there is none or it names something else.</param>
/// <param name="Used">Whether an engine has ever run on it.</param>
/// <param name="Erasing">Whether an erasure was begun and has not come to its end.</param>
public sealed record FolderContent(bool Exists, InstanceMarker? Marker, bool Used, bool Erasing);

/// <summary>Says whose data a folder holds; an instance without it is never started.</summary>
/// <param name="Environment">The environment.</param>
/// <param name="Instance">The instance.</param>
/// <param name="Change">The change that made the folder.</param>
public sealed record InstanceMarker(string Environment, string Instance, string Change);

/// <summary>Small files of the agent's own per instance, for its user's eyes only. Writing is atomic and durable.</summary>
public interface IPrivateFiles
{
    /// <summary>The content, or null.</summary>
    string? Read(InstanceId instance, string name);

    /// <summary>Replaces the content in one piece.</summary>
    void Write(InstanceId instance, string name, string content);

    /// <summary>Removes the file if it is there.</summary>
    void Delete(InstanceId instance, string name);

    /// <summary>Removes all files of the instance.</summary>
    void DeleteAll(InstanceId instance);

    /// <summary>Where the file is.</summary>
    string PathOf(InstanceId instance, string name);
}

/// <summary>Milvus as its clients see it.</summary>
public interface IMilvusProbe
{
    /// <summary>Whether it answers that it is healthy.</summary>
    Task<bool> IsHealthyAsync(int port, ProbeLogin login, CancellationToken stop);

    /// <summary>
    /// Writes, searches, reads back and drops a scratch collection, and compares every answer with the right one. Returns what was proven in one
    /// line; throws <see cref="ProbeException"/> for a wrong answer.
    /// </summary>
    Task<string> VerifyAsync(int port, ProbeLogin login, Action<double, string> report, CancellationToken stop);

    /// <summary>Drops the scratch collection if it is there.</summary>
    Task CleanAsync(int port, ProbeLogin login, CancellationToken stop);
}

/// <summary>The agent's own Milvus user of an instance.</summary>
/// <param name="User">Its name.</param>
/// <param name="Password">Its password.</param>
public sealed record ProbeLogin(string User, Secret Password);

/// <summary>Milvus did not answer, or not rightly.</summary>
public sealed class ProbeException : Exception
{
    /// <summary>With what went wrong.</summary>
    public ProbeException(string message) : base(message)
    {
    }

    /// <summary>With what went wrong and its cause.</summary>
    public ProbeException(string message, Exception inner) : base(message, inner)
    {
    }

    /// <summary>Without words.</summary>
    public ProbeException()
    {
    }
}

/// <summary>Bounds of local hands.</summary>
public static class LocalLimits
{
    /// <summary>Where Milvus listens by custom; instances take this port and those after it.</summary>
    public const int FirstPort = 19530;

    /// <summary>Ports looked at before saying that there is none.</summary>
    public const int PortsTried = 2000;

    /// <summary>An engine that is asked to end writes its state out first; after this it is ended.</summary>
    public static TimeSpan StopPatience { get; } = TimeSpan.FromSeconds(20);

    /// <summary>After a kill the kernel needs a moment, on a stuck disk a long one.</summary>
    public static TimeSpan KillPatience { get; } = TimeSpan.FromSeconds(10);

    /// <summary>Between looks while something is awaited.</summary>
    public static TimeSpan Poll { get; } = TimeSpan.FromMilliseconds(100);

    /// <summary>One health answer.</summary>
    public static TimeSpan Health { get; } = TimeSpan.FromSeconds(2);

    /// <summary>A process this old that does not answer has no start to finish: it is replaced.</summary>
    public static TimeSpan Hung { get; } = TimeSpan.FromMinutes(5);
}
