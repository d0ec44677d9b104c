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
    /// <summary>What people call the step.</summary>
    [JsonIgnore]
    public abstract string Kind { get; }

    /// <summary>What it touches, most exact first.</summary>
    [JsonIgnore]
    public abstract ImmutableArray<string> Touches { get; }

    /// <summary>Whether a later failure undoes it.</summary>
    [JsonIgnore]
    public abstract bool Reversible { get; }

    /// <summary>How long it should take.</summary>
    [JsonIgnore]
    public abstract TimeSpan Expected { get; }
}

/// <summary>Makes the instance's folder in the bucket, with a marker that names the instance. Undo removes it.</summary>
public sealed record CreateData(InstanceId Instance) : InstanceStep(Instance)
{
    /// <inheritdoc/>
    public override string Kind => "create-data";

    /// <inheritdoc/>
    public override ImmutableArray<string> Touches => [$"bucket:instances/{Instance}"];

    /// <inheritdoc/>
    public override bool Reversible => true;

    /// <inheritdoc/>
    public override TimeSpan Expected => TimeSpan.FromSeconds(0.1);
}

/// <summary>Mints the first Milvus user's password, leaves only its hash with the engine, and seals it to the customer. Undo forgets both.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="User">The Milvus user.</param>
/// <param name="Recipient">The customer's age recipient.</param>
public sealed record MintCredential(InstanceId Instance, string User, string Recipient) : InstanceStep(Instance)
{
    /// <inheritdoc/>
    public override string Kind => "mint-credential";

    /// <inheritdoc/>
    public override ImmutableArray<string> Touches => [$"milvus-user:{Instance}/{User}"];

    /// <inheritdoc/>
    public override bool Reversible => true;

    /// <inheritdoc/>
    public override TimeSpan Expected => TimeSpan.FromSeconds(0.3);
}

/// <summary>Starts the engine process. Undo stops it.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="Version">The Milvus version it serves.</param>
/// <param name="Port">The loopback port.</param>
/// <param name="MemoryMib">The most memory it may take.</param>
public sealed record StartEngine(InstanceId Instance, string Version, int Port, int MemoryMib) : InstanceStep(Instance)
{
    /// <inheritdoc/>
    public override string Kind => "start-engine";

    /// <inheritdoc/>
    public override ImmutableArray<string> Touches => [$"process:{Instance}", $"tcp:127.0.0.1:{Port}"];

    /// <inheritdoc/>
    public override bool Reversible => true;

    /// <inheritdoc/>
    public override TimeSpan Expected => TimeSpan.FromSeconds(1);
}

/// <summary>Waits until the engine says it is healthy. Touches nothing.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="Port">Its port.</param>
public sealed record AwaitHealthy(InstanceId Instance, int Port) : InstanceStep(Instance)
{
    /// <inheritdoc/>
    public override string Kind => "await-healthy";

    /// <inheritdoc/>
    public override ImmutableArray<string> Touches => [];

    /// <inheritdoc/>
    public override bool Reversible => true;

    /// <inheritdoc/>
    public override TimeSpan Expected => TimeSpan.FromSeconds(1);
}

/// <summary>Writes, searches, reads back and drops a scratch collection over the Milvus protocol: the independent check of the outcome.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="Port">Its port.</param>
public sealed record VerifyInstance(InstanceId Instance, int Port) : InstanceStep(Instance)
{
    /// <inheritdoc/>
    public override string Kind => "verify-instance";

    /// <inheritdoc/>
    public override ImmutableArray<string> Touches => [$"milvus-collection:{Instance}/demarc_verify"];

    /// <inheritdoc/>
    public override bool Reversible => true;

    /// <inheritdoc/>
    public override TimeSpan Expected => TimeSpan.FromSeconds(1);
}

/// <summary>Stops the engine in good order. Undo starts it again as it was.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="Version">The version that runs until then.</param>
/// <param name="Port">The port until then.</param>
/// <param name="MemoryMib">The memory until then.</param>
public sealed record StopEngine(InstanceId Instance, string Version, int Port, int MemoryMib) : InstanceStep(Instance)
{
    /// <inheritdoc/>
    public override string Kind => "stop-engine";

    /// <inheritdoc/>
    public override ImmutableArray<string> Touches => [$"process:{Instance}", $"tcp:127.0.0.1:{Port}"];

    /// <inheritdoc/>
    public override bool Reversible => true;

    /// <inheritdoc/>
    public override TimeSpan Expected => TimeSpan.FromSeconds(1);
}

/// <summary>Moves the instance's folder into the recycle bin. Undo moves it back.</summary>
public sealed record RecycleData(InstanceId Instance) : InstanceStep(Instance)
{
    /// <inheritdoc/>
    public override string Kind => "recycle-data";

    /// <inheritdoc/>
    public override ImmutableArray<string> Touches => [$"bucket:instances/{Instance}", $"bucket:recycle/{Instance}"];

    /// <inheritdoc/>
    public override bool Reversible => true;

    /// <inheritdoc/>
    public override TimeSpan Expected => TimeSpan.FromSeconds(0.1);
}

/// <summary>Moves the instance's folder out of the recycle bin. Undo moves it back in.</summary>
public sealed record ReturnData(InstanceId Instance) : InstanceStep(Instance)
{
    /// <inheritdoc/>
    public override string Kind => "return-data";

    /// <inheritdoc/>
    public override ImmutableArray<string> Touches => [$"bucket:recycle/{Instance}", $"bucket:instances/{Instance}"];

    /// <inheritdoc/>
    public override bool Reversible => true;

    /// <inheritdoc/>
    public override TimeSpan Expected => TimeSpan.FromSeconds(0.1);
}

/// <summary>Erases the instance's folder in the recycle bin for good.</summary>
public sealed record EraseData(InstanceId Instance) : InstanceStep(Instance)
{
    /// <inheritdoc/>
    public override string Kind => "erase-data";

    /// <inheritdoc/>
    public override ImmutableArray<string> Touches => [$"bucket:recycle/{Instance}"];

    /// <inheritdoc/>
    public override bool Reversible => false;

    /// <inheritdoc/>
    public override TimeSpan Expected => TimeSpan.FromSeconds(0.5);
}
