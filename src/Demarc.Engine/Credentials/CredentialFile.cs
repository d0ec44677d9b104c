using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Engine.Durability;

namespace Demarc.Engine.Credentials;

/// <summary>
/// The login an operator gives at the start: a JSON file only its owner can read, with a user name and a password hash,
/// so that the engine never sees the password at rest.
/// </summary>
internal sealed record CredentialFile(string User, string PasswordHash)
{
    private const long MaxBytes = 4096;

    public static CredentialFile Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new DataDirectoryException(ExitCodes.Credentials, $"The credential file {path} does not exist.");
        }

        if (!OperatingSystem.IsWindows())
        {
            var others = File.GetUnixFileMode(path) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite);
            if (others != 0)
            {
                throw new DataDirectoryException(ExitCodes.Credentials, $"The credential file {path} may be used by others ({others}). Run: chmod 600 {path}");
            }
        }

        CredentialFile? read = null;
        try
        {
            if (new FileInfo(path).Length <= MaxBytes)
            {
                read = JsonSerializer.Deserialize(File.ReadAllBytes(path), CredentialJson.Default.CredentialFile);
            }
        }
        catch (JsonException)
        {
            // Told below without a word of the content.
        }

        return read is { User.Length: > 0 and <= Limits.UserNameLength } && Credentials.PasswordHash.Parse(read.PasswordHash) is not null
            ? read
            : throw new DataDirectoryException(ExitCodes.Credentials,
                $"The credential file {path} is not of the form {{\"user\":\"NAME\",\"passwordHash\":\"{Credentials.PasswordHash.Scheme}$ITERATIONS$SALT$KEY\"}} with {Credentials.PasswordHash.MinIterations} to {Credentials.PasswordHash.MaxIterations} iterations, a salt of 16 bytes or more and a key of 32, both in base64.");
    }

    /// <summary>
    /// Takes the login over unless this very hash was taken before: a changed file wins, an unchanged one does not undo a
    /// password that was changed over the wire since.
    /// </summary>
    public async Task<bool> Import(Store store)
    {
        if (store.State.Users.TryGetValue(User, out var known) && known.ImportedHash == PasswordHash)
        {
            return false;
        }

        await store.Write(new LogOp { PutUser = new PutUserOp { User = new StoredUser { Name = User, PasswordHash = PasswordHash, ImportedHash = PasswordHash } } });
        return true;
    }

    public override string ToString() => $"{User}:***";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CredentialFile))]
internal sealed partial class CredentialJson : JsonSerializerContext;
