using System.Text.Json;
using System.Text.Json.Serialization;
using Demarc.Engine.Durability;

namespace Demarc.Engine.Credentials;

/// <summary>
/// A login an operator gives at the start, in a JSON file only its owner can read: a user name and a password hash, or a
/// list of them, so that the engine never sees a password at rest.
/// </summary>
internal sealed record CredentialFile(string User, string PasswordHash)
{
    private const long MaxBytes = 4096;

    public static IReadOnlyList<CredentialFile> Read(string path)
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

        CredentialFileContent? read = null;
        try
        {
            if (new FileInfo(path).Length <= MaxBytes)
            {
                read = JsonSerializer.Deserialize(File.ReadAllBytes(path), CredentialJson.Default.CredentialFileContent);
            }
        }
        catch (JsonException)
        {
            // Told below without a word of the content.
        }

        var users = read?.Logins() ?? [];
        return users.Count > 0 && users.All(IsValid) && users.DistinctBy(login => login.User).Count() == users.Count
            ? users
            : throw new DataDirectoryException(ExitCodes.Credentials,
                $"The credential file {path} is not of the form {{\"user\":\"NAME\",\"passwordHash\":\"{Credentials.PasswordHash.Scheme}$ITERATIONS$SALT$KEY\"}}, or {{\"users\":[...]}} with a list of these, with {Credentials.PasswordHash.MinIterations} to {Credentials.PasswordHash.MaxIterations} iterations, a salt of 16 bytes or more and a key of 32, both in base64.");
    }

    private static bool IsValid(CredentialFile login) =>
        login is { User.Length: > 0 and <= Limits.UserNameLength } && Credentials.PasswordHash.Parse(login.PasswordHash) is not null;

    /// <summary>
    /// Takes the login over unless this very hash was taken before: a changed file wins, an unchanged one does not undo a
    /// password that was changed over the wire since.
    /// </summary>
    public async Task<bool> Import(Store store)
    {
        if (store.State.Access.Users.TryGetValue(User, out var known) && known.ImportedHash == PasswordHash)
        {
            return false;
        }

        var user = known?.Clone() ?? new StoredUser { Name = User };
        (user.PasswordHash, user.ImportedHash) = (PasswordHash, PasswordHash);
        await store.Write(new LogOp { PutUser = new PutUserOp { User = user } });
        return true;
    }

    public override string ToString() => $"{User}:***";
}

/// <summary>What the file holds: one login, or a list of them.</summary>
internal sealed record CredentialFileContent(string? User = null, string? PasswordHash = null, IReadOnlyList<CredentialFile>? Users = null)
{
    public IReadOnlyList<CredentialFile> Logins() =>
        Users is not null ? User is null && PasswordHash is null ? Users : [] : User is not null && PasswordHash is not null ? [new CredentialFile(User, PasswordHash)] : [];
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CredentialFileContent))]
internal sealed partial class CredentialJson : JsonSerializerContext;
