using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Demarc.Core;

namespace Demarc.Agent.Local;

/// <summary>
/// The form in which the engine keeps a password: <c>pbkdf2-sha256$ITERATIONS$SALT$HASH</c>, salt and hash in base64.
/// </summary>
internal static class PasswordHash
{
    /// <summary>The passwords are 32 random bytes, so the rounds only have to cost a thief something, not to make up for a weak word.</summary>
    public const int Rounds = 20_000;

    public static string Make(string password, int rounds, FillRandom random)
    {
        Span<byte> salt = stackalloc byte[16];
        random(salt);
        var hash = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password), salt, rounds, HashAlgorithmName.SHA256, 32);
        return string.Create(CultureInfo.InvariantCulture, $"pbkdf2-sha256${rounds}${Convert.ToBase64String(salt)}${Convert.ToBase64String(hash)}");
    }
}
