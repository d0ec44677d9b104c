using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Demarc.Core.Emergency;

/// <summary>
/// A recording is asciicast v2: a header line, then one line for each event, <c>[seconds, code, text]</c> with <c>o</c> for what was shown, <c>i</c> for what
/// was typed and <c>m</c> for a mark. Each line is chained to all before it by SHA-256, beginning with the hash of the terms that were approved; heads of the
/// chain stand in the ledger, so that a line that is altered, dropped, added or moved is seen by whoever plays it.
/// </summary>
public sealed class RecordingChain
{
    private byte[] head;

    private RecordingChain(byte[] head) => this.head = head;

    /// <summary>Lines after the header.</summary>
    public long Events { get; private set; } = -1;

    /// <summary>Bytes, line ends included.</summary>
    public long Bytes { get; private set; }

    /// <summary>Hex head of the chain.</summary>
    public string Head => Convert.ToHexStringLower(head);

    /// <summary>How far it goes.</summary>
    public RecordingMark Mark => new(Math.Max(0, Events), Bytes, Head);

    /// <summary>The chain of a session before its header.</summary>
    public static RecordingChain Begin(string termsHash) => new(SHA256.HashData(Encoding.UTF8.GetBytes($"demarc recording 1\n{termsHash}\n")));

    /// <summary>Takes a line in, without its line end.</summary>
    public void Add(ReadOnlySpan<byte> line)
    {
        head = After(line);
        Events++;
        Bytes += line.Length + 1;
    }

    /// <summary>The hex head that a line would give.</summary>
    public string HeadWith(ReadOnlySpan<byte> line) => Convert.ToHexStringLower(After(line));

    /// <summary>The header line.</summary>
    public static byte[] Header(Session session, DateTimeOffset at) => Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture,
        $"{{\"version\":2,\"width\":120,\"height\":40,\"timestamp\":{at.ToUnixTimeSeconds()},\"title\":{Json($"{session.Id} {session.What}")},\"demarc\":{{\"session\":{Json(session.Id.Value)},\"terms\":{Json(session.TermsHash)}}}}}"));

    /// <summary>The line of an event.</summary>
    public static byte[] Line(TimeSpan at, char code, string text) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"[{at.TotalSeconds:0.000000},\"{code}\",{Json(text)}]"));

    /// <summary>An event of a line; null for a line that is none.</summary>
    public static (TimeSpan At, char Code, string Text)? Event(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            using var json = JsonDocument.ParseValue(ref reader);
            var root = json.RootElement;
            if (root.ValueKind != JsonValueKind.Array || root.GetArrayLength() != 3 || root[1].GetString() is not { Length: 1 } code || root[2].GetString() is not { } text) return null;
            return root[0].TryGetDouble(out var seconds) && seconds is >= 0 and < 1e7 ? (TimeSpan.FromSeconds(seconds), code[0], text) : null;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>What is wrong with a recording against what the ledger says of it, or null. A recording that goes on after the mark is wrong as well.</summary>
    public static string? Fault(ReadOnlyMemory<byte> recording, string termsHash, RecordingMark mark)
    {
        ArgumentNullException.ThrowIfNull(mark);
        var chain = Begin(termsHash);
        foreach (var line in Lines(recording)) chain.Add(line.Span);
        if (recording.Length > 0 && recording.Span[^1] != (byte)'\n') return "the recording breaks off in the middle of a line";
        if (chain.Head == mark.Head) return null;
        return $"the recording has {Math.Max(0, chain.Events)} lines with the head {chain.Head[..16]}…, the ledger says {mark.Events} lines with the head {(mark.Head.Length >= 16 ? mark.Head[..16] + "…" : "none")}: a line was altered, dropped, added or moved";
    }

    /// <summary>The chain after the whole lines of a recording, and whether it passed through a head on its way.</summary>
    public static (RecordingChain Chain, bool Passed) Replay(ReadOnlyMemory<byte> recording, string termsHash, string head)
    {
        var chain = Begin(termsHash);
        var passed = false;
        foreach (var line in Lines(recording))
        {
            chain.Add(line.Span);
            passed |= chain.Head == head;
        }

        return (chain, passed);
    }

    /// <summary>The whole lines of a recording, without their line ends.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Lines(ReadOnlyMemory<byte> recording)
    {
        for (var at = 0; at < recording.Length;)
        {
            var length = recording.Span[at..].IndexOf((byte)'\n');
            if (length < 0) yield break;
            yield return recording.Slice(at, length);
            at += length + 1;
        }
    }

    private byte[] After(ReadOnlySpan<byte> line)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(head);
        hash.AppendData(line);
        return hash.GetHashAndReset();
    }

    private static string Json(string text) => $"\"{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text)}\"";
}
