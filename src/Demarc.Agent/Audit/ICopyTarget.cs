namespace Demarc.Agent.Audit;

/// <summary>Where the copy of the ledger goes. What is written is written once: nothing here can change or remove an object that is there.</summary>
public interface ICopyTarget
{
    /// <summary>Where it is, for people.</summary>
    string Place { get; }

    /// <summary>
    /// What keeps objects from being changed or removed, as the place itself says; with an object that was written, what keeps that one. Throws
    /// <see cref="CopyException"/> when it does not answer.
    /// </summary>
    Task<CopyProtection> ProtectionAsync(string? written, CancellationToken stop);

    /// <summary>Writes an object where there is none, durably; one that is there is left as it is, and compared.</summary>
    Task<PutOnce> PutOnceAsync(string path, ReadOnlyMemory<byte> bytes, CancellationToken stop);

    /// <summary>Writes the one object that names the newest head. Where the place keeps versions, those before stay.</summary>
    Task PutNewestAsync(string path, ReadOnlyMemory<byte> bytes, CancellationToken stop);

    /// <summary>An object's bytes; null when there is none.</summary>
    Task<byte[]?> ReadAsync(string path, CancellationToken stop);
}

/// <summary>What came of writing an object once.</summary>
public enum PutOnce
{
    /// <summary>It is there now.</summary>
    Written,

    /// <summary>It was there already, with the same bytes.</summary>
    SameThere,

    /// <summary>Another object is there in its place.</summary>
    OtherThere,
}

/// <summary>What protects the copy.</summary>
/// <param name="Locked">Whether objects are locked for a time, so that nobody can change or remove them.</param>
/// <param name="IsExpected">Whether the place could lock objects at all: one that cannot is no finding.</param>
/// <param name="Words">In words.</param>
public sealed record CopyProtection(bool Locked, bool IsExpected, string Words);

/// <summary>The place of the copy does not answer, or refuses.</summary>
public sealed class CopyException : Exception
{
    /// <summary>With what went wrong.</summary>
    public CopyException(string message) : base(message)
    {
    }

    /// <summary>With what went wrong and its cause.</summary>
    public CopyException(string message, Exception inner) : base(message, inner)
    {
    }

    /// <summary>Without words.</summary>
    public CopyException()
    {
    }
}
