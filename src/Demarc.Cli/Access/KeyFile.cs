using System.Security.Cryptography;
using System.Text;
using Demarc.Core;
using Demarc.Core.Access;
using Demarc.Core.Ledger;

namespace Demarc.Cli.Access;

/// <summary>
/// Private keys on disk. A signing key's file holds the base64url of its 32-byte seed under a comment with the public half; a sealing
/// key's file is an identity file as age reads it; a file may also name a key that an SSH agent keeps. A file that others may read is refused: a key that was readable is a key to replace.
/// </summary>
internal static class KeyFile
{
    /// <summary>A key file is a few lines; more is not one.</summary>
    private const int MaxBytes = 4096;

    private const string SshPrefix = "ssh-agent ";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>The key of a file: the one that is in it, or the one in the SSH agent that it names.</summary>
    public static ISigner ReadSigner(string path, SshAgent ssh)
    {
        var line = SecretLine(path);
        if (!line.StartsWith(SshPrefix, StringComparison.Ordinal)) return FromSeed(path, line);
        return Ed25519Key.Parse(line[SshPrefix.Length..]) is { } key
            ? new SshAgentKey(ssh, key)
            : throw new CommandFailedException(ExitCodes.Failed, $"{path} names a key of an SSH agent that is not an 'ed25519:' key.", "Write it anew: demarc keys use-ssh.");
    }

    public static SigningKey ReadSigning(string path) => FromSeed(path, SecretLine(path));

    /// <summary>Writes the name of a key that an SSH agent keeps.</summary>
    public static void WriteSsh(string path, SshKey key) =>
        Write(path, $"# signs through the SSH agent: {key.Fingerprint} {Terminal.Terminal.Printable(key.Comment)}\n{SshPrefix}{key.Key.KeyId}\n");

    private static SigningKey FromSeed(string path, string line)
    {
        var seed = Base64Text.Decode(line.AsSpan(), Base64Form.Either);
        if (seed is not { Length: SigningKey.SeedSize })
            throw new CommandFailedException(ExitCodes.Failed, $"{path} is not a signing key: it must hold the base64url of 32 bytes.", "Restore it from your own copy.");
        try
        {
            return SigningKey.FromSeed(seed);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    public static AgeIdentity ReadSealing(string path) => AgeIdentity.TryParse(SecretLine(path), out var identity)
        ? identity
        : throw new CommandFailedException(ExitCodes.Failed, $"{path} is not a sealing key: it must hold a line 'AGE-SECRET-KEY-1…'.", "Restore it from your own copy.");

    public static SigningKey CreateSigning(string path, FillRandom random)
    {
        var key = SigningKey.Generate(random);
        Write(path, $"# demarc signing key, public half {key.Public.KeyId}\n{Base64Text.EncodeUrl(key.ExportSeed())}\n");
        return key;
    }

    public static AgeIdentity CreateSealing(string path, FillRandom random)
    {
        var identity = AgeIdentity.Generate(random);
        Write(path, $"# public key: {identity.Recipient}\n{identity.Export().Reveal()}\n");
        return identity;
    }

    /// <summary>Writes a file that only its owner can read, whole or not at all.</summary>
    public static void Write(string path, string text) => WriteBytes(path, Encoding.UTF8.GetBytes(text));

    /// <summary>Writes a file that only its owner can read, whole or not at all.</summary>
    public static void WriteBytes(string path, byte[] bytes)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerOnly;
        var half = path + ".new";
        File.Delete(half);
        using (var file = new FileStream(half, options))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(half, path, overwrite: true);
    }

    /// <summary>Refuses a file that others may read or write.</summary>
    public static void MustBePrivate(string path)
    {
        if (OperatingSystem.IsWindows()) return;
        var mode = File.GetUnixFileMode(path);
        if ((mode & ~OwnerOnly) == 0) return;
        var octal = Convert.ToString((int)mode, 8);
        throw new CommandFailedException(
            ExitCodes.Failed,
            $"{path} has permissions {octal}: others on this machine may be able to use the key, so it is not used.",
            $"If nobody else could have read it, run: chmod 600 '{path}'. Otherwise have the key replaced.");
    }

    /// <summary>Refuses a folder in which others may put another file in a key's place.</summary>
    private static void FolderMustBeOwn(string path)
    {
        if (OperatingSystem.IsWindows() || Path.GetDirectoryName(Path.GetFullPath(path)) is not { } folder) return;
        var mode = File.GetUnixFileMode(folder);
        if ((mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) == 0 || (mode & UnixFileMode.StickyBit) != 0) return;
        throw new CommandFailedException(
            ExitCodes.Failed,
            $"{folder} has permissions {Convert.ToString((int)mode, 8)}: others on this machine may have put another key in place of {Path.GetFileName(path)}, so it is not used.",
            $"If the key is yours ('demarc keys list' shows its public half afterwards), run: chmod 700 '{folder}'.");
    }

    private static string SecretLine(string path)
    {
        MustBePrivate(path);
        FolderMustBeOwn(path);
        if (new FileInfo(path).Length > MaxBytes) throw new CommandFailedException(ExitCodes.Failed, $"{path} is larger than {MaxBytes} bytes: it is not a key file.");
        var lines = File.ReadAllLines(path).Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').ToList();
        return lines.Count == 1 ? lines[0] : throw new CommandFailedException(ExitCodes.Failed, $"{path} must hold exactly one key, it holds {lines.Count}.");
    }
}
