using System.Buffers;
using System.Security.Cryptography;

namespace Demarc.Core.Ledger;

/// <summary>
/// The hashes of RFC 6962 §2.1: SHA-256, with a leaf prefixed by 0x00 and an inner node by 0x01, so that no leaf can pass for a node.
/// The forms that write into a span allocate nothing; verifying a long ledger uses those.
/// </summary>
public static class MerkleHash
{
    /// <summary>Length of every hash in bytes.</summary>
    public const int Size = 32;

    private const int StackBytes = 1024;
    private static readonly byte[] EmptyRoot = SHA256.HashData([]);

    /// <summary>The root of a tree without leaves: the hash of nothing.</summary>
    public static byte[] Empty => [.. EmptyRoot];

    /// <summary>The hash of one entry's bytes.</summary>
    public static byte[] Leaf(ReadOnlySpan<byte> entry)
    {
        var hash = new byte[Size];
        Leaf(entry, hash);
        return hash;
    }

    /// <summary>Writes the hash of one entry's bytes to the first 32 bytes of the destination.</summary>
    public static void Leaf(ReadOnlySpan<byte> entry, Span<byte> destination)
    {
        byte[]? rented = null;
        var length = entry.Length + 1;
        var buffer = length <= StackBytes ? stackalloc byte[StackBytes] : rented = ArrayPool<byte>.Shared.Rent(length);
        buffer[0] = 0;
        entry.CopyTo(buffer[1..]);
        SHA256.HashData(buffer[..length], destination);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
    }

    /// <summary>The hash of an inner node over its two children's hashes.</summary>
    public static byte[] Node(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var hash = new byte[Size];
        Node(left, right, hash);
        return hash;
    }

    /// <summary>Writes the hash of an inner node to the destination, which may be one of the children.</summary>
    public static void Node(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> destination)
    {
        Must.Hold(left.Length == Size && right.Length == Size);
        Span<byte> buffer = stackalloc byte[1 + Size + Size];
        buffer[0] = 1;
        left.CopyTo(buffer[1..]);
        right.CopyTo(buffer[(1 + Size)..]);
        SHA256.HashData(buffer, destination);
    }
}
