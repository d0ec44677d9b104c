using System.Security.Cryptography;
using Demarc.Core.Ledger;

namespace Demarc.Plane.Hosting;

/// <summary>The plane's folder: entered by its owner alone, used by one plane at a time, with the key that signs checkpoints.</summary>
public sealed class PlaneFolder : IDisposable
{
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
            PrivateFile.PrepareFolder(path);
            var gate = new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return (new PlaneFolder(path, gate), null);
        }
        catch (InvalidDataException open)
        {
            return (null, open.Message);
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
            PrivateFile.Write(file, Base64Text.EncodeUrl(made.ExportSeed()));
        }

        PrivateFile.DemandPrivate(file);
        var seed = Base64Text.Decode(System.IO.File.ReadAllText(file).Trim().AsSpan(), Base64Form.UrlUnpadded);
        return seed is { Length: SigningKey.SeedSize } ? SigningKey.FromSeed(seed) : throw new InvalidDataException($"{file} is damaged: it does not hold a key. Restore it from a backup; without it no agent follows this plane.");
    }

    /// <summary>Leaves the folder to the next.</summary>
    public void Dispose() => gate.Dispose();
}
