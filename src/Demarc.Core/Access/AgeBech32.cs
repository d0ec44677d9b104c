using System.Text;

namespace Demarc.Core.Access;

/// <summary>
/// Bech32 (BIP 173) as age uses it for keys: a readable prefix, 32 bytes in five-bit letters, and a checksum that catches typing errors.
/// Text is all lower or all upper case; the checksum is over the lower.
/// </summary>
internal static class AgeBech32
{
    private const string Letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    private const int ChecksumLength = 6;
    private const int MaxLength = 256;

    public static string Encode(string prefix, ReadOnlySpan<byte> bytes)
    {
        var values = ToFives(bytes);
        var text = new StringBuilder(prefix).Append('1');
        foreach (var value in values) text.Append(Letters[value]);
        var check = Polymod(prefix, [.. values, 0, 0, 0, 0, 0, 0]) ^ 1;
        for (var i = ChecksumLength - 1; i >= 0; i--) text.Append(Letters[(int)(check >> (5 * i) & 31)]);
        return text.ToString();
    }

    /// <summary>The bytes of a text with this prefix (given in lower case); null when it is anything else.</summary>
    public static byte[]? Decode(string prefix, string text)
    {
        if (text.Length > MaxLength || text.Length < prefix.Length + 1 + ChecksumLength) return null;
        if (text.Any(char.IsAsciiLetterLower) && text.Any(char.IsAsciiLetterUpper)) return null;
        var lower = text.ToLowerInvariant();
        if (!lower.StartsWith(prefix, StringComparison.Ordinal) || lower[prefix.Length] != '1') return null;
        var values = new byte[lower.Length - prefix.Length - 1];
        for (var i = 0; i < values.Length; i++)
        {
            var value = Letters.IndexOf(lower[prefix.Length + 1 + i], StringComparison.Ordinal);
            if (value < 0) return null;
            values[i] = (byte)value;
        }

        return Polymod(prefix, values) == 1 ? FromFives(values.AsSpan(0, values.Length - ChecksumLength)) : null;
    }

    private static byte[] ToFives(ReadOnlySpan<byte> bytes)
    {
        var values = new List<byte>();
        uint bits = 0;
        var have = 0;
        foreach (var b in bytes)
        {
            bits = bits << 8 | b;
            for (have += 8; have >= 5; have -= 5) values.Add((byte)(bits >> (have - 5) & 31));
        }

        if (have > 0) values.Add((byte)(bits << (5 - have) & 31));
        return [.. values];
    }

    private static byte[]? FromFives(ReadOnlySpan<byte> values)
    {
        var bytes = new List<byte>();
        uint bits = 0;
        var have = 0;
        foreach (var value in values)
        {
            bits = bits << 5 | value;
            have += 5;
            if (have < 8) continue;
            have -= 8;
            bytes.Add((byte)(bits >> have));
        }

        // What is left is filling: fewer than five bits, all zero.
        return have >= 5 || (bits & ((1u << have) - 1)) != 0 ? null : [.. bytes];
    }

    private static uint Polymod(string prefix, ReadOnlySpan<byte> values)
    {
        uint check = 1;
        foreach (var c in prefix) check = Step(check) ^ (uint)(c >> 5);
        check = Step(check);
        foreach (var c in prefix) check = Step(check) ^ (uint)(c & 31);
        foreach (var value in values) check = Step(check) ^ value;
        return check;
    }

    private static uint Step(uint check)
    {
        var top = check >> 25;
        check = (check & 0x1ffffff) << 5;
        if ((top & 1) != 0) check ^= 0x3b6a57b2;
        if ((top & 2) != 0) check ^= 0x26508e6d;
        if ((top & 4) != 0) check ^= 0x1ea119fa;
        if ((top & 8) != 0) check ^= 0x3d4233dd;
        if ((top & 16) != 0) check ^= 0x2a1462b3;
        return check;
    }
}
