using System.Globalization;
using System.Security.Cryptography;

namespace Demarc.Engine.Credentials;

/// <summary>
/// A password as stored: `pbkdf2-sha256$ITERATIONS$SALT$KEY`, salt and key in standard base64 with padding, the password
/// as UTF-8, a key of 32 bytes, a salt of at least 16. The text alone is enough to verify, so the cost can rise over time.
/// </summary>
internal sealed record PasswordHash(int Iterations, byte[] Salt, byte[] Key)
{
    public const string Scheme = "pbkdf2-sha256";

    /// <summary>OWASP's figure for PBKDF2 with HMAC-SHA-256.</summary>
    public const int DefaultIterations = 600_000;

    /// <summary>Below, a guess is too cheap; above, one login would hold a processor for seconds.</summary>
    public const int MinIterations = 10_000;
    public const int MaxIterations = 10_000_000;
    private const int SaltBytes = 16;
    private const int KeyBytes = 32;

    public static PasswordHash Create(string password, int iterations = DefaultIterations)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        return new PasswordHash(iterations, salt, Rfc2898DeriveBytes.Pbkdf2(password, salt, iterations, HashAlgorithmName.SHA256, KeyBytes));
    }

    /// <summary>Reads the stored text; null when it is not of this form.</summary>
    public static PasswordHash? Parse(string? text)
    {
        var parts = text?.Split('$');
        if (parts is not { Length: 4 } || parts[0] != Scheme
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var iterations)
            || iterations < MinIterations || iterations > MaxIterations)
        {
            return null;
        }

        var salt = new byte[64];
        var key = new byte[KeyBytes + 3];
        return Convert.TryFromBase64String(parts[2], salt, out var saltLength) && saltLength >= SaltBytes
            && Convert.TryFromBase64String(parts[3], key, out var keyLength) && keyLength == KeyBytes
            ? new PasswordHash(iterations, salt[..saltLength], key[..keyLength])
            : null;
    }

    public bool Matches(string password) =>
        CryptographicOperations.FixedTimeEquals(Rfc2898DeriveBytes.Pbkdf2(password, Salt, Iterations, HashAlgorithmName.SHA256, KeyBytes), Key);

    public string Encode() =>
        string.Create(CultureInfo.InvariantCulture, $"{Scheme}${Iterations}${Convert.ToBase64String(Salt)}${Convert.ToBase64String(Key)}");

    /// <summary>Nothing of a hash belongs in a log either.</summary>
    public override string ToString() => "***";
}
