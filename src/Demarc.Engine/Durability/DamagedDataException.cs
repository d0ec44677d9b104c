namespace Demarc.Engine.Durability;

/// <summary>Stored data is not what was written. The engine names the place and refuses to start rather than guess.</summary>
internal sealed class DamagedDataException(string file, long offset, string why)
    : Exception($"Damaged data in {file} at byte {offset}: {why}. Nothing was changed; restore the folder from a backup or ask for help before touching it.")
{
    public string DamagedFile { get; } = file;

    /// <summary>File, offset and what is wrong there, without advice.</summary>
    public string Place { get; } = $"{file} at byte {offset}: {why}";

    public long Offset { get; } = offset;

    public string Why { get; } = why;
}
