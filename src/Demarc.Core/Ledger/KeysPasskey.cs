using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Demarc.Core.Ledger;

/// <summary>
/// A passkey: an ES256 credential of Web Authentication (W3C, Level 3) that belongs to one relying party. Its text form is <c>webauthn:</c> and the URL-safe base64
/// of 66 bytes: COSE's number of the algorithm (−7), the point on P-256 as SEC 1 compresses it, and the SHA-256 of the relying party's id. What it signs is an
/// assertion (<see cref="PasskeyAssertion"/>) whose challenge is the SHA-256 of the message.
/// </summary>
public sealed class Passkey : PublicKey
{
    internal const string Prefix = "webauthn:";

    private const byte Es256 = unchecked((byte)-7);
    private const int FieldSize = 32;
    private const int Size = 1 + 1 + FieldSize + SHA256.HashSizeInBytes;
    private const int TextLength = 9 + 88;

    // The curve's prime and its b (FIPS 186-5, SP 800-186 section 3.2.1.3); a is −3.
    private static readonly BigInteger P = Number("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    private static readonly BigInteger B = Number("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");

    private readonly byte[] rpIdHash;
    private readonly ECPoint point;

    private Passkey(ReadOnlySpan<byte> raw, ECPoint point) : base(Prefix + Base64Text.EncodeUrl(raw))
    {
        rpIdHash = raw[^SHA256.HashSizeInBytes..].ToArray();
        this.point = point;
    }

    /// <summary>SHA-256 of the relying party's id, the host name that browsers bind the credential to.</summary>
    public ReadOnlySpan<byte> RpIdHash => rpIdHash;

    /// <summary>The key of a text form; null when it is not one.</summary>
    public static Passkey? Parse(string? text)
    {
        if (text is null || text.Length != TextLength || !text.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        if (Base64Text.Decode(text.AsSpan(Prefix.Length), Base64Form.UrlUnpadded) is not { Length: Size } raw || raw[0] != Es256) return null;
        return Decompress(raw.AsSpan(1, 1 + FieldSize)) is { } point ? new Passkey(raw, point) : null;
    }

    /// <summary>The key that a browser made for a relying party: the two coordinates, 32 bytes each. Null when they are no point of the curve.</summary>
    public static Passkey? FromPoint(ReadOnlySpan<byte> x, ReadOnlySpan<byte> y, string rpId)
    {
        if (x.Length != FieldSize || y.Length != FieldSize) return null;
        byte[] raw = [Es256, (byte)(2 + (y[^1] & 1)), .. x, .. SHA256.HashData(Encoding.UTF8.GetBytes(rpId))];
        return Decompress(raw.AsSpan(1, 1 + FieldSize)) is { } point && y.SequenceEqual(point.Y) ? new Passkey(raw, point) : null;
    }

    /// <inheritdoc/>
    public override bool Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) => Refusal(message, signature) is null;

    /// <summary>Why the assertion is not this passkey's for the message; null when it is.</summary>
    public string? Refusal(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        PasskeyAssertion.TryRead(signature, out var assertion) ? assertion.Refusal(this, SHA256.HashData(message)) : "it is not an assertion: three parts, each after its length, and nothing behind them";

    /// <inheritdoc/>
    public override bool Equals(PublicKey? other) => other is Passkey && string.Equals(KeyId, other.KeyId, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override int GetHashCode() => BitConverter.ToInt32(point.X!, 0);

    /// <summary>Whether the DER signature (RFC 3279, 2.2.3) is this key's over the bytes.</summary>
    internal bool HasSigned(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> der)
    {
        using var key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = point });
        return key.VerifyData(bytes, der, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }

    // SEC 1, 2.3.4. The prime is 3 modulo 4, so that a square's root is its power of (p + 1) / 4.
    private static ECPoint? Decompress(ReadOnlySpan<byte> compressed)
    {
        if (compressed[0] is not (2 or 3)) return null;
        var x = new BigInteger(compressed[1..], isUnsigned: true, isBigEndian: true);
        if (x >= P) return null;
        var square = (BigInteger.ModPow(x, 3, P) + (P - 3) * x + B) % P;
        var y = BigInteger.ModPow(square, (P + 1) / 4, P);
        if (y * y % P != square) return null;
        if (y.IsEven == (compressed[0] == 3)) y = P - y;
        return new ECPoint { X = compressed[1..].ToArray(), Y = Bytes(y) };
    }

    private static byte[] Bytes(BigInteger number)
    {
        var bytes = new byte[FieldSize];
        var length = number.GetByteCount(isUnsigned: true);
        Must.Hold(length <= FieldSize && number.TryWriteBytes(bytes.AsSpan(FieldSize - length), out _, isUnsigned: true, isBigEndian: true));
        return bytes;
    }

    private static BigInteger Number(string hex) => BigInteger.Parse("0" + hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
