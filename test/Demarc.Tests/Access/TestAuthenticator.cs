using System.Security.Cryptography;
using System.Text;
using Demarc.Core.Ledger;

namespace Demarc.Tests.Access;

/// <summary>An authenticator with one passkey, and the browser in front of it; each part of what they say can be made wrong.</summary>
internal sealed class TestAuthenticator : ISigner, IDisposable
{
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public TestAuthenticator(string rpId = "plane.example")
    {
        RpId = rpId;
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        Passkey = Passkey.FromPoint(point.X, point.Y, rpId)!;
    }

    public string RpId { get; }

    public Passkey Passkey { get; }

    PublicKey ISigner.Public => Passkey;

    /// <summary>User present and user verified.</summary>
    public byte Flags { get; set; } = 0x05;

    public string Type { get; set; } = "webauthn.get";

    public string Origin { get; set; } = "https://plane.example";

    /// <summary>Whatever else stands in the client data.</summary>
    public string More { get; set; } = ",\"crossOrigin\":false";

    public string? AnswersAs { get; set; }

    public byte[] BehindAuthenticatorData { get; set; } = [];

    public byte[] BehindSignature { get; set; } = [];

    public byte[] BehindClientData { get; set; } = [];

    public byte[] Sign(ReadOnlySpan<byte> message)
    {
        byte[] data = [.. SHA256.HashData(Encoding.UTF8.GetBytes(AnswersAs ?? RpId)), Flags, 0, 0, 0, 0, .. BehindAuthenticatorData];
        byte[] client = [.. Encoding.UTF8.GetBytes($"{{\"type\":\"{Type}\",\"challenge\":\"{Base64Text.EncodeUrl(SHA256.HashData(message))}\",\"origin\":\"{Origin}\"{More}}}"), .. BehindClientData];
        byte[] der = [.. key.SignData([.. data, .. SHA256.HashData(client)], HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence), .. BehindSignature];
        return PasskeyAssertion.Write(data, client, der)!;
    }

    public void Dispose() => key.Dispose();
}
