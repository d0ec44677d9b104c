using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json.Nodes;
using Demarc.Core.Ledger;

namespace Demarc.Core.Monitoring;

/// <summary>
/// Finds secrets of this agent in what is about to be said, and takes them out. No secret is kept for that: of each form in which one could slip out
/// (as it is, in JSON, base64, hex) there are its length, a rolling hash to find it by and a keyed hash to be sure. It is a net for accidents, such as an
/// error message that quotes a password; it does not stop a program that wants to tell, and need not: the agent is the customer's own.
/// </summary>
public sealed class KnownSecrets
{
    /// <summary>Forms kept; the oldest are forgotten first. Each password has five, so that this is the latest eight hundred.</summary>
    public const int MaxForms = 4096;

    /// <summary>What is shorter is found everywhere, and is no secret.</summary>
    public const int MinBytes = 12;

    private const ulong Prime = (1UL << 61) - 1;
    private readonly byte[] key = new byte[32];
    private readonly ulong factor;
    private readonly Dictionary<int, Dictionary<ulong, List<byte[]>>> forms = [];
    private readonly Queue<(int Length, ulong Rolling)> order = [];

    /// <summary>Knows nothing yet; the key of its hashes is its own.</summary>
    public KnownSecrets(FillRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        random(key);
        Span<byte> bytes = stackalloc byte[8];
        random(bytes);
        factor = BitConverter.ToUInt64(bytes) % (Prime - 1000) + 500;
    }

    /// <summary>How many secrets are known, in all their forms.</summary>
    public int Forms => order.Count;

    /// <summary>Learns a secret. What is too short to be one is not learnt.</summary>
    public void Know(string secret)
    {
        ArgumentNullException.ThrowIfNull(secret);
        var bytes = Encoding.UTF8.GetBytes(secret);
        if (bytes.Length >= MinBytes)
        {
            // What is learnt is wiped: the other forms need the bytes still.
            Learn([.. bytes]);
            Learn(Encoding.UTF8.GetBytes(JavaScriptEncoder.Default.Encode(secret)));
            LearnForms(bytes);
        }

        CryptographicOperations.ZeroMemory(bytes);
    }

    /// <summary>Learns a secret of raw bytes, such as a key's seed.</summary>
    public void Know(ReadOnlySpan<byte> secret)
    {
        if (secret.Length >= MinBytes) LearnForms(secret);
    }

    /// <summary>Whether a known secret stands anywhere in the bytes.</summary>
    public bool IsIn(ReadOnlySpan<byte> bytes) => First(bytes) is not null;

    /// <summary>The text with every known secret masked; the same text when there is none.</summary>
    public string Mask(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bytes = Encoding.UTF8.GetBytes(text);
        while (First(bytes) is { } at) bytes = [.. bytes.AsSpan(0, at.Start), .. "***"u8, .. bytes.AsSpan(at.Start + at.Length)];
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Masks every text of the JSON; true when there was something to mask.</summary>
    public bool Mask(JsonNode? node)
    {
        var masked = false;
        switch (node)
        {
            case JsonObject fields:
                foreach (var (name, value) in fields.ToList()) masked |= value is JsonValue text ? MaskText(text, to => fields[name] = to) : Mask(value);
                break;
            case JsonArray items:
                for (var i = 0; i < items.Count; i++)
                {
                    var at = i;
                    masked |= items[i] is JsonValue text ? MaskText(text, to => items[at] = to) : Mask(items[i]);
                }

                break;
        }

        return masked;
    }

    private bool MaskText(JsonValue value, Action<string> replace)
    {
        if (!value.TryGetValue<string>(out var text)) return false;
        var masked = Mask(text);
        if (masked == text) return false;
        replace(masked);
        return true;
    }

    private void LearnForms(ReadOnlySpan<byte> bytes)
    {
        Learn(Encoding.ASCII.GetBytes(Convert.ToBase64String(bytes).TrimEnd('=')));
        Learn(Encoding.ASCII.GetBytes(Base64Text.EncodeUrl(bytes)));
        Learn(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(bytes)));
        Learn(Encoding.ASCII.GetBytes(Convert.ToHexString(bytes)));
    }

    private void Learn(byte[] form)
    {
        var rolling = Roll(form);
        if (!forms.TryGetValue(form.Length, out var sameLength)) forms[form.Length] = sameLength = [];
        if (!sameLength.TryGetValue(rolling, out var same)) sameLength[rolling] = same = [];
        var sure = HMACSHA256.HashData(key, form);
        CryptographicOperations.ZeroMemory(form);
        if (same.Any(other => other.AsSpan().SequenceEqual(sure))) return;
        same.Add(sure);
        order.Enqueue((form.Length, rolling));
        if (order.Count > MaxForms) Forget();
    }

    private void Forget()
    {
        var (length, rolling) = order.Dequeue();
        var sameLength = forms[length];
        var same = sameLength[rolling];
        same.RemoveAt(0);
        if (same.Count == 0) sameLength.Remove(rolling);
        if (sameLength.Count == 0) forms.Remove(length);
    }

    private (int Start, int Length)? First(ReadOnlySpan<byte> bytes)
    {
        foreach (var (length, sameLength) in forms)
        {
            if (length > bytes.Length) continue;
            var top = Power(length - 1);
            var rolling = Roll(bytes[..length]);
            for (var at = 0; ; at++)
            {
                if (sameLength.TryGetValue(rolling, out var sure) && IsSure(sure, bytes.Slice(at, length))) return (at, length);
                if (at + length == bytes.Length) break;
                // Takes the byte on the left away and the next one on the right in.
                rolling = (rolling + Prime - Times(top, (ulong)bytes[at] + 1)) % Prime;
                rolling = (Times(rolling, factor) + bytes[at + length] + 1) % Prime;
            }
        }

        return null;
    }

    private bool IsSure(List<byte[]> sure, ReadOnlySpan<byte> window)
    {
        var hash = HMACSHA256.HashData(key, window);
        foreach (var known in sure)
        {
            if (CryptographicOperations.FixedTimeEquals(known, hash)) return true;
        }

        return false;
    }

    private ulong Roll(ReadOnlySpan<byte> bytes)
    {
        ulong rolling = 0;
        foreach (var one in bytes) rolling = (Times(rolling, factor) + one + 1) % Prime;
        return rolling;
    }

    private ulong Power(int exponent)
    {
        ulong power = 1;
        for (var i = 0; i < exponent; i++) power = Times(power, factor);
        return power;
    }

    // Modulo 2^61 - 1, whose remainder is a fold and needs no division.
    private static ulong Times(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out var low);
        var sum = (low & Prime) + (low >> 61 | high << 3);
        return sum >= Prime ? sum - Prime : sum;
    }
}
