using System.Buffers.Binary;
using NSec.Cryptography;

namespace Demarc.Core.Access;

/// <summary>
/// The payload of an age file: chunks of 64 KiB, each sealed under its number and whether it is the last, so that chunks can be neither moved,
/// dropped nor appended. Only an empty payload has an empty last chunk.
/// </summary>
internal static class AgeStream
{
    private const int ChunkSize = 64 * 1024;
    internal const int TagSize = 16;
    private const int NonceSize = 12;

    public static byte[] Seal(ReadOnlySpan<byte> payloadKey, ReadOnlySpan<byte> plaintext)
    {
        using var key = Key.Import(AeadAlgorithm.ChaCha20Poly1305, payloadKey, KeyBlobFormat.RawSymmetricKey);
        var chunks = Math.Max(1, (plaintext.Length + ChunkSize - 1) / ChunkSize);
        var result = new byte[plaintext.Length + (chunks * TagSize)];
        Span<byte> nonce = stackalloc byte[NonceSize];
        for (var i = 0; i < chunks; i++)
        {
            var chunk = plaintext.Slice(i * ChunkSize, Math.Min(ChunkSize, plaintext.Length - (i * ChunkSize)));
            WriteNonce(nonce, i, isLast: i == chunks - 1);
            AeadAlgorithm.ChaCha20Poly1305.Encrypt(key, nonce, [], chunk, result.AsSpan(i * (ChunkSize + TagSize), chunk.Length + TagSize));
        }

        return result;
    }

    /// <summary>The plaintext; null when any chunk does not hold.</summary>
    public static byte[]? Open(ReadOnlySpan<byte> payloadKey, ReadOnlySpan<byte> payload)
    {
        using var key = Key.Import(AeadAlgorithm.ChaCha20Poly1305, payloadKey, KeyBlobFormat.RawSymmetricKey);
        const int sealedSize = ChunkSize + TagSize;
        var chunks = (payload.Length + sealedSize - 1) / sealedSize;
        var length = payload.Length - (chunks * TagSize);
        if (chunks == 0 || payload.Length - ((chunks - 1) * sealedSize) < TagSize) return null;
        // A last chunk without content is allowed only where there is no content at all.
        if (chunks > 1 && length == (chunks - 1) * ChunkSize) return null;
        var result = new byte[length];
        Span<byte> nonce = stackalloc byte[NonceSize];
        for (var i = 0; i < chunks; i++)
        {
            var chunk = payload.Slice(i * sealedSize, Math.Min(sealedSize, payload.Length - (i * sealedSize)));
            WriteNonce(nonce, i, isLast: i == chunks - 1);
            if (!AeadAlgorithm.ChaCha20Poly1305.Decrypt(key, nonce, [], chunk, result.AsSpan(i * ChunkSize, chunk.Length - TagSize))) return null;
        }

        return result;
    }

    private static void WriteNonce(Span<byte> nonce, int counter, bool isLast)
    {
        nonce.Clear();
        BinaryPrimitives.WriteInt32BigEndian(nonce[(NonceSize - 5)..], counter);
        nonce[NonceSize - 1] = isLast ? (byte)1 : (byte)0;
    }
}
