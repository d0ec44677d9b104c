using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using Demarc.Core.Environments;

namespace Demarc.Core.Ledger;

/// <summary>What reading an entry gives: the entry, or which field is wrong and why.</summary>
/// <param name="Entry">The entry; null when it could not be read.</param>
/// <param name="Fault">What is wrong with it; null when nothing is.</param>
public readonly record struct EntryRead(Entry? Entry, string? Fault);

/// <summary>
/// A signed entry. Its bytes are what is stored and hashed; everything else here is read out of them. Signatures are checked when it
/// is read, without any state, because a signature's key id is the whole public key; whether those keys may say this is the fold's question.
/// </summary>
public sealed class Entry
{
    /// <summary>DSSE payload type of every entry body.</summary>
    public const string PayloadType = "application/vnd.demarc.entry+json";

    /// <summary>An entry fits a tlog-tiles entry bundle, whose lengths are 16 bits.</summary>
    public const int MaxBytes = 65535;

    private Entry(ReadOnlyMemory<byte> bytes, byte[] leafHash, EntryBody body, EnvironmentId environment, EntryKind? kind, EntryData data, ImmutableArray<PublicKey> signers)
    {
        Bytes = bytes;
        LeafHash = leafHash;
        Body = body;
        Environment = environment;
        Kind = kind;
        Data = data;
        Signers = signers;
    }

    /// <summary>The exact bytes of its DSSE envelope.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>RFC 6962 leaf hash of the bytes.</summary>
    public byte[] LeafHash { get; }

    /// <summary>What was signed.</summary>
    public EntryBody Body { get; }

    /// <summary>Its unique id.</summary>
    public string Id => Body.Id;

    /// <summary>Which environment it is for.</summary>
    public EnvironmentId Environment { get; }

    /// <summary>Its kind; null for one this version does not know.</summary>
    public EntryKind? Kind { get; }

    /// <summary>When its author wrote it, by the author's clock.</summary>
    public DateTimeOffset At => Body.At;

    /// <summary>What it says.</summary>
    public EntryData Data { get; }

    /// <summary>Keys whose signatures over the body were checked, the author's first.</summary>
    public ImmutableArray<PublicKey> Signers { get; }

    /// <summary>The author's key: the first signer, and the one the body names.</summary>
    public PublicKey Author => Signers[0];

    /// <summary>Reads an entry and checks all its signatures. Never throws for bad input.</summary>
    public static EntryRead Read(ReadOnlyMemory<byte> bytes) => Read(bytes, null);

    /// <summary>
    /// Reads many entries of a ledger, their signatures checked together (<see cref="DsseBatch"/> says how, and where not). The results stand in the order of the
    /// bytes and are those of <see cref="Read(ReadOnlyMemory{byte})"/>, whatever the number of threads.
    /// </summary>
    public static EntryRead[] ReadAll(IReadOnlyList<ReadOnlyMemory<byte>> entries, int threads)
    {
        ArgumentNullException.ThrowIfNull(entries);
        Must.Hold(threads > 0);
        var read = new EntryRead[entries.Count];
        var chunks = (entries.Count + DsseBatch.Chunk - 1) / DsseBatch.Chunk;
        Parallel.For(0, chunks, new ParallelOptions { MaxDegreeOfParallelism = threads }, chunk =>
        {
            var (from, to) = (chunk * DsseBatch.Chunk, Math.Min(entries.Count, (chunk + 1) * DsseBatch.Chunk));
            var together = new Together(new List<Ed25519Claim>(to - from), new Dictionary<string, PublicKey>(StringComparer.Ordinal));
            for (var i = from; i < to; i++) read[i] = Read(entries[i], together);
            if (together.Claims.Count == 0 || Ed25519Batch.AllHold(together.Claims)) return;
            for (var i = from; i < to; i++) read[i] = Read(entries[i]);
        });
        return read;
    }

    /// <summary>
    /// Reads an entry whose signatures were checked when it came into one's own store: for showing it, never for deciding by it. Null when it cannot be read.
    /// </summary>
    public static Entry? ReadTrusted(ReadOnlyMemory<byte> bytes) => Read(bytes, Unchecked()).Entry;

    // Read together with others, the signatures are put among the claims to be checked, instead of being checked here; a passkey's, of which there are few, are checked here all the same.
    private static EntryRead Read(ReadOnlyMemory<byte> bytes, Together? together)
    {
        if (bytes.Length > MaxBytes) return Wrong($"the entry has {bytes.Length} bytes, at most {MaxBytes} are allowed");
        var parsed = DsseEnvelope.Parse(bytes);
        if (parsed.Envelope is not { } envelope) return Wrong(parsed.Error ?? "the envelope cannot be read");
        if (envelope.PayloadType != PayloadType) return Wrong($"payloadType is '{envelope.PayloadType}', not '{PayloadType}'");
        var signers = new PublicKey[envelope.Signatures.Count];
        for (var i = 0; i < signers.Length; i++)
        {
            var signature = envelope.Signatures[i];
            if (KeyOf(signature.KeyId, together) is not { } key) return Wrong($"signatures.keyid is not {PublicKey.Forms}");
            var claimed = together is null ? null : key as Ed25519Key;
            if (claimed is null && together is not { Trusted: true } && !envelope.IsSignedBy(key)) return Wrong($"the signature of {key.KeyId} does not fit the payload{Because(envelope, key, signature)}");
            if (Array.IndexOf(signers, key, 0, i) >= 0) return Wrong($"signatures names {key.KeyId} twice");
            if (claimed is not null) together!.Claims.Add(envelope.ClaimOf(claimed, signature));
            signers[i] = key;
        }

        if (signers.Length == 0) return Wrong("signatures is empty");
        return ReadBody(bytes, envelope.Payload, ImmutableCollectionsMarshal.AsImmutableArray(signers));
    }

    /// <summary>Writes and signs an entry. The first key is the author's.</summary>
    public static Entry Write(EnvironmentId environment, string id, DateTimeOffset at, EntryData data, params ISigner[] keys)
    {
        Must.Hold(keys.Length > 0);
        var kind = EntryKind.Of(data);
        var body = new EntryBody(1, id, environment.Value, kind.Name, at.ToUniversalTime(), keys[0].Public.KeyId, JsonSerializer.SerializeToElement(data, kind.Type));
        var envelope = DsseEnvelope.Sign(PayloadType, JsonSerializer.SerializeToUtf8Bytes(body, LedgerJson.Default.EntryBody), keys);
        // What a key in our own memory has just signed needs no second look; a device, or another program, may have signed something else.
        var read = keys.All(key => key is SigningKey) ? Read(envelope.Bytes, Unchecked()) : Read(envelope.Bytes);
        return read.Entry ?? throw new BrokenBeliefException($"An entry we wrote cannot be read: {read.Fault}");
    }

    /// <summary>A new entry id out of sixteen random bytes.</summary>
    public static string NewId(FillRandom random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random(bytes);
        return "e" + Convert.ToHexStringLower(bytes);
    }

    /// <summary>The same entry with one more signature; its bytes and hash change with it.</summary>
    public Entry Cosign(ISigner key)
    {
        var envelope = DsseEnvelope.Parse(Bytes).Envelope!.Cosign(key);
        return Read(envelope.Bytes).Entry ?? throw new BrokenBeliefException("A cosigned entry cannot be read.");
    }

    private static EntryRead ReadBody(ReadOnlyMemory<byte> bytes, ReadOnlyMemory<byte> payload, ImmutableArray<PublicKey> signers)
    {
        EntryBody? body;
        try
        {
            body = JsonSerializer.Deserialize(payload.Span, LedgerJson.Default.EntryBody);
        }
        catch (JsonException unreadable)
        {
            return Wrong($"the body is not an entry: {FirstLine(unreadable)}");
        }

        if (body is null) return Wrong("the body is null");
        if (body.Demarc != 1) return Wrong($"demarc is {body.Demarc}, this version reads 1");
        if (!Slug.IsValid(body.Id, 8, 64)) return Wrong("id must be 8 to 64 characters of a-z, 0-9 and '-', starting with a letter");
        if (!EnvironmentId.TryParse(body.Environment, out var environment)) return Wrong($"environment must be {EnvironmentId.Form}");
        if (body.Kind.Length > 64) return Wrong("kind is longer than 64 characters");
        if (body.Author != signers[0].KeyId) return Wrong("author is not the key of the first signature");
        var kind = EntryKind.ByName(body.Kind);
        EntryData data = new UnknownEntry();
        if (kind is not null)
        {
            try
            {
                data = (EntryData)(body.Data.Deserialize(kind.Type) ?? throw new JsonException("data is null"));
            }
            catch (Exception unreadable) when (unreadable is JsonException or NotSupportedException or InvalidOperationException)
            {
                return Wrong($"data does not fit {body.Kind}: {FirstLine(unreadable)}");
            }
        }

        return new EntryRead(new Entry(bytes, MerkleHash.Leaf(bytes.Span), body, environment, kind, data, signers), null);
    }

    // A ledger is signed by a handful of keys: each is read once.
    private static PublicKey? KeyOf(string keyId, Together? together)
    {
        if (together?.Keys.GetValueOrDefault(keyId) is { } known) return known;
        if (PublicKey.TryParse(keyId, out var key)) together?.Keys.Add(keyId, key);
        return key;
    }

    private static string Because(DsseEnvelope envelope, PublicKey key, DsseSignature signature) =>
        key is Passkey passkey && passkey.Refusal(envelope.SignedBytes(), signature.Sig.Span) is { } why ? $": {why}" : "";

    private static string FirstLine(Exception unreadable)
    {
        var text = unreadable.Message;
        var end = text.IndexOfAny(['\r', '\n']);
        if (end >= 0) text = text[..end];
        return text.Length <= 300 ? text : text[..300];
    }

    private static Together Unchecked() => new([], new Dictionary<string, PublicKey>(StringComparer.Ordinal)) { Trusted = true };

    private static EntryRead Wrong(string fault) => new(null, fault);

    private sealed record Together(List<Ed25519Claim> Claims, Dictionary<string, PublicKey> Keys)
    {
        /// <summary>Nothing is checked: it was when it came in.</summary>
        public bool Trusted { get; init; }
    }
}
