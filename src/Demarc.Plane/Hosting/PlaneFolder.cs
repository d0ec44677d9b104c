using System.Security.Cryptography;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Hosting;

/// <summary>The plane's folder: entered by its owner alone, used by one plane at a time, with the key that signs checkpoints.</summary>
public sealed class PlaneFolder : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly FileStream gate;

    private PlaneFolder(string path, FileStream gate)
    {
        Path = path;
        this.gate = gate;
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>A file in it.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Makes or enters the folder; a sentence says why not.</summary>
    public static (PlaneFolder? Folder, string? Fault) Open(string path)
    {
        try
        {
            Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
            System.IO.File.SetUnixFileMode(path, OwnerOnly | UnixFileMode.UserExecute);
            var gate = new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return (new PlaneFolder(path, gate), null);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return (null, $"The folder {path} cannot be used: {failure.Message} If another plane runs on it, stop that one first.");
        }
    }

    /// <summary>The plane's key, made once. It is written whole or not at all, readable by its owner alone.</summary>
    public SigningKey Key()
    {
        var file = File("plane.key");
        if (!System.IO.File.Exists(file))
        {
            using var made = SigningKey.Generate(RandomNumberGenerator.Fill);
            WriteSecret(file, Base64Text.EncodeUrl(made.ExportSeed()));
        }

        var seed = Base64Text.Decode(System.IO.File.ReadAllText(file).Trim().AsSpan(), Base64Form.UrlUnpadded);
        return seed is { Length: SigningKey.SeedSize } ? SigningKey.FromSeed(seed) : throw new InvalidDataException($"{file} is damaged: it does not hold a key. Restore it from a backup; without it no agent follows this plane.");
    }

    /// <summary>Leaves the folder to the next.</summary>
    public void Dispose() => gate.Dispose();

    private static void WriteSecret(string file, string text)
    {
        var fresh = file + ".new";
        using (var stream = new FileStream(fresh, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerOnly }))
        {
            stream.Write(System.Text.Encoding.ASCII.GetBytes(text));
            stream.Flush(flushToDisk: true);
        }

        System.IO.File.Move(fresh, file, overwrite: true);
    }
}
