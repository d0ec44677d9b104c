using Demarc.Core.Changes;

namespace Demarc.Core.Instances;

/// <summary>What the ledger says an instance should be.</summary>
public enum InstanceStatus
{
    /// <summary>Its first change runs.</summary>
    Provisioning,

    /// <summary>Should run and answer.</summary>
    Ready,

    /// <summary>Stopped on purpose, data kept.</summary>
    Suspended,

    /// <summary>In the recycle bin.</summary>
    Deleted,

    /// <summary>A change ended half way and could not be undone; it can be deleted.</summary>
    Failed,
}

/// <summary>One Milvus instance as the ledger knows it.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Order">The order in force.</param>
/// <param name="Status">What it should be.</param>
/// <param name="Port">The loopback port of its Milvus endpoint.</param>
/// <param name="CreatedAt">When its provisioning started.</param>
/// <param name="DeletedAt">When it went to the recycle bin, or null.</param>
/// <param name="LastChange">The change that last touched it.</param>
/// <param name="Credential">The first credential, sealed to the customer, or null before it is minted.</param>
public sealed record Instance(
    InstanceId Id,
    InstanceOrder Order,
    InstanceStatus Status,
    int Port,
    DateTimeOffset CreatedAt,
    DateTimeOffset? DeletedAt,
    ChangeId LastChange,
    SealedCredential? Credential)
{
    /// <summary>When a deleted one is erased, or null.</summary>
    public DateTimeOffset? PurgeDueAt => DeletedAt + InstanceLimits.RecycleFor;

    /// <summary>Where Milvus clients connect.</summary>
    public string Uri => $"http://127.0.0.1:{Port}";
}

/// <summary>A Milvus user's password that only the customer can open.</summary>
/// <param name="User">The Milvus user.</param>
/// <param name="Sealed">An armored age file with one recipient: the customer's sealing key.</param>
public sealed record SealedCredential(string User, string Sealed);
