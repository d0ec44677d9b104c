using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Demarc.Core.Instances;

/// <summary>
/// One step of a plan: a typed, self-contained instruction with no choice left in it. It names what it touches, whether it can
/// be undone, and how long it should take. Every step type is run through the step harness: no fault, failing before its effect,
/// failing after it with the answer lost, killed half way, and twice.
/// </summary>
/// <param name="Instance">The instance it acts on.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(CreateData), "create-data")]
[JsonDerivedType(typeof(MintCredential), "mint-credential")]
[JsonDerivedType(typeof(StartEngine), "start-engine")]
[JsonDerivedType(typeof(AwaitHealthy), "await-healthy")]
[JsonDerivedType(typeof(VerifyInstance), "verify-instance")]
[JsonDerivedType(typeof(StopEngine), "stop-engine")]
[JsonDerivedType(typeof(RecycleData), "recycle-data")]
[JsonDerivedType(typeof(ReturnData), "return-data")]
[JsonDerivedType(typeof(EraseData), "erase-data")]
public abstract record InstanceStep(InstanceId Instance)
{
    /// <summary>What people call the step; the same word that tells its type in a plan's text.</summary>
    [JsonIgnore]
    public string Kind => Facts.Kind;

    /// <summary>What it touches, most exact first.</summary>
    [JsonIgnore]
    public ImmutableArray<string> Touches => Facts.Touches;

    /// <summary>Whether a later failure undoes it.</summary>
    [JsonIgnore]
    public bool Reversible => Facts.Reversible;

    /// <summary>How long it should take.</summary>
    [JsonIgnore]
    public TimeSpan Expected => TimeSpan.FromSeconds(Facts.Seconds);

    /// <summary>All of these at once: not for a plan's text, which only says what differs between two steps of a type.</summary>
    private protected abstract StepFacts Facts { get; }

    private protected sealed record StepFacts(string Kind, double Seconds, bool Reversible, params ImmutableArray<string> Touches);
}

/// <summary>Makes the instance's folder in the bucket, with a marker that names the instance. Undo removes it.</summary>
public sealed record CreateData(InstanceId Instance) : InstanceStep(Instance)
{
    private protected override StepFacts Facts => new("create-data", 0.1, true, $"bucket:instances/{Instance}");
}

/// <summary>Mints the first Milvus user's password, leaves only its hash with the engine, and seals it to the customer. Undo forgets both.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="User">The Milvus user.</param>
/// <param name="Recipient">The customer's age recipient.</param>
public sealed record MintCredential(InstanceId Instance, string User, string Recipient) : InstanceStep(Instance)
{
    private protected override StepFacts Facts => new("mint-credential", 0.3, true, $"milvus-user:{Instance}/{User}");
}

/// <summary>Starts the engine process. Undo stops it.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="Version">The Milvus version it serves.</param>
/// <param name="Port">The loopback port.</param>
/// <param name="MemoryMib">The most memory it may take.</param>
public sealed record StartEngine(InstanceId Instance, string Version, int Port, int MemoryMib) : InstanceStep(Instance)
{
    private protected override StepFacts Facts => new("start-engine", 1, true, $"process:{Instance}", $"tcp:127.0.0.1:{Port}");
}

/// <summary>Waits until the engine says it is healthy. Touches nothing.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="Port">Its port.</param>
public sealed record AwaitHealthy(InstanceId Instance, int Port) : InstanceStep(Instance)
{
    private protected override StepFacts Facts => new("await-healthy", 1, true);
}

/// <summary>Writes, searches, reads back and drops a scratch collection over the Milvus protocol: the independent check of the outcome.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="Port">Its port.</param>
public sealed record VerifyInstance(InstanceId Instance, int Port) : InstanceStep(Instance)
{
    private protected override StepFacts Facts => new("verify-instance", 1, true, $"milvus-collection:{Instance}/demarc_verify");
}

/// <summary>Stops the engine in good order. Undo starts it again as it was.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="Version">The version that runs until then.</param>
/// <param name="Port">The port until then.</param>
/// <param name="MemoryMib">The memory until then.</param>
public sealed record StopEngine(InstanceId Instance, string Version, int Port, int MemoryMib) : InstanceStep(Instance)
{
    private protected override StepFacts Facts => new("stop-engine", 1, true, $"process:{Instance}", $"tcp:127.0.0.1:{Port}");
}

/// <summary>Moves the instance's folder into the recycle bin. Undo moves it back.</summary>
public sealed record RecycleData(InstanceId Instance) : InstanceStep(Instance)
{
    private protected override StepFacts Facts => new("recycle-data", 0.1, true, $"bucket:instances/{Instance}", $"bucket:recycle/{Instance}");
}

/// <summary>Moves the instance's folder out of the recycle bin. Undo moves it back in.</summary>
public sealed record ReturnData(InstanceId Instance) : InstanceStep(Instance)
{
    private protected override StepFacts Facts => new("return-data", 0.1, true, $"bucket:recycle/{Instance}", $"bucket:instances/{Instance}");
}

/// <summary>Erases the instance's folder in the recycle bin for good.</summary>
public sealed record EraseData(InstanceId Instance) : InstanceStep(Instance)
{
    private protected override StepFacts Facts => new("erase-data", 0.5, false, $"bucket:recycle/{Instance}");
}
