namespace Demarc.Engine.Durability;

/// <summary>
/// A damaged segment is moved aside under a name that says so and is kept: nothing overwrites or removes it. Its collection
/// is refused until the file has been restored under its own name and the engine restarted.
/// </summary>
internal static class Quarantine
{
    private const string Suffix = ".damaged";

    /// <summary>Moves the file aside if it is there; gives what to tell of it.</summary>
    public static string MoveAside(Disk disk, DamagedDataException damage, ILogger log)
    {
        var path = damage.DamagedFile;
        var kept = Kept(path);
        if (!File.Exists(path))
        {
            return kept is null ? damage.Place : $"{damage.Place}; the damaged one is kept as {Path.GetFileName(kept)}";
        }

        var aside = path + Suffix;
        for (var i = 2; File.Exists(aside); i++)
        {
            aside = $"{path}{Suffix}-{i}";
        }

        try
        {
            disk.Rename(path, aside);
            disk.SyncDirectory(Path.GetDirectoryName(path)!);
            return $"{damage.Place}; it is kept as {Path.GetFileName(aside)}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.NotMovedAside(path, e.Message);
            return damage.Place;
        }
    }

    private static string? Kept(string path) =>
        Directory.EnumerateFiles(Path.GetDirectoryName(path)!, Path.GetFileName(path) + Suffix + "*").Order(StringComparer.Ordinal).LastOrDefault();
}
