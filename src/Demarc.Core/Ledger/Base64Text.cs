using System.Buffers;
using System.Buffers.Text;

namespace Demarc.Core.Ledger;

/// <summary>
/// Strict base64 (RFC 4648). The base library's decoders skip white space and accept set bits behind the last byte, so that one value has many
/// spellings; here a value has exactly one spelling per alphabet, and anything else is refused.
/// </summary>
public static class Base64Text
{
    private const string Standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    private const int FastPathLength = 64;
    private const byte Invalid = 0xff;
    private const byte OnlyStandard = 0x40;
    private const byte OnlyUrl = 0x80;

    // The low six bits are the value; the two marks above tell which alphabet the character commits the text to.
    private static readonly byte[] Values = BuildValues();

    /// <summary>Encodes with the standard alphabet and padding.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes);

    /// <summary>Encodes with the standard alphabet, without padding, as age writes it.</summary>
    public static string EncodeUnpadded(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes).TrimEnd('=');

    /// <summary>Encodes with the URL-safe alphabet, without padding.</summary>
    public static string EncodeUrl(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    /// <summary>Decodes ASCII text of the given form; null when it is not exactly that form.</summary>
    public static byte[]? Decode(ReadOnlySpan<byte> text, Base64Form form)
    {
        if (form is Base64Form.Standard or Base64Form.Either && DecodeCanonical(text) is { } canonical) return canonical;
        var body = text;
        while (body.Length > 0 && text.Length - body.Length < 2 && body[^1] == '=') body = body[..^1];
        var padding = text.Length - body.Length;
        if (body.Length % 4 == 1) return null;
        var wanted = (4 - (body.Length % 4)) % 4;
        if (padding != 0 && padding != wanted) return null;

        var result = new byte[(int)(body.Length * 3L / 4)];
        if (!TryDecodeBody(body, result, out var marks)) return null;
        var padded = padding == wanted;
        var bare = padding == 0;
        var matches = form switch
        {
            Base64Form.Standard => padded && (marks & OnlyUrl) == 0,
            Base64Form.StandardUnpadded => bare && (marks & OnlyUrl) == 0,
            Base64Form.UrlUnpadded => bare && (marks & OnlyStandard) == 0,
            Base64Form.Either => marks switch
            {
                OnlyStandard => padded,
                OnlyStandard | OnlyUrl => false,
                _ => padded || bare,
            },
        };
        return matches ? result : null;
    }

    /// <summary>Decodes text of the given form; null when it is not exactly that form.</summary>
    public static byte[]? Decode(ReadOnlySpan<char> text, Base64Form form)
    {
        var ascii = text.Length <= 1024 ? stackalloc byte[text.Length] : new byte[text.Length];
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] > 0x7f) return null;
            ascii[i] = (byte)text[i];
        }

        return Decode(ascii, form);
    }

    // The library's decoder is many times faster and lenient. What it makes of the text is taken only if it encodes to the same text again.
    private static byte[]? DecodeCanonical(ReadOnlySpan<byte> text)
    {
        if (text.Length % 4 != 0 || text.Length is < FastPathLength or > LedgerLimits.EnvelopeBytes) return null;
        var padding = text[^1] != '=' ? 0 : text[^2] != '=' ? 1 : 2;
        var result = new byte[(text.Length / 4 * 3) - padding];
        if (Base64.DecodeFromUtf8(text, result, out var read, out var written) != OperationStatus.Done) return null;
        if (read != text.Length || written != result.Length) return null;
        var again = ArrayPool<byte>.Shared.Rent(text.Length);
        Base64.EncodeToUtf8(result, again, out _, out var length);
        var same = text.SequenceEqual(again.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(again);
        return same ? result : null;
    }

    private static bool TryDecodeBody(ReadOnlySpan<byte> body, Span<byte> result, out int marks)
    {
        marks = 0;
        uint bits = 0;
        var have = 0;
        var at = 0;
        foreach (var c in body)
        {
            var value = Values[c];
            if (value == Invalid) return false;
            marks |= value & (OnlyStandard | OnlyUrl);
            bits = (bits << 6) | (uint)(value & 0x3f);
            have += 6;
            if (have < 8) continue;
            have -= 8;
            result[at++] = (byte)(bits >> have);
        }

        return (bits & ((1u << have) - 1)) == 0;
    }

    private static byte[] BuildValues()
    {
        var values = new byte[256];
        Array.Fill(values, Invalid);
        for (var i = 0; i < Standard.Length; i++) values[Standard[i]] = (byte)i;
        values['+'] |= OnlyStandard;
        values['/'] = 63 | OnlyStandard;
        values['-'] = 62 | OnlyUrl;
        // 63 with both marks would read as Invalid, which is why no character carries both.
        values['_'] = 63 | OnlyUrl;
        return values;
    }
}

/// <summary>Which spellings a field of a format allows.</summary>
public enum Base64Form
{
    /// <summary>Standard alphabet, padded.</summary>
    Standard,

    /// <summary>Standard alphabet, never padded.</summary>
    StandardUnpadded,

    /// <summary>URL-safe alphabet, never padded.</summary>
    UrlUnpadded,

    /// <summary>Either alphabet, not mixed: the standard one padded, the URL-safe one padded or not.</summary>
    Either,
}
